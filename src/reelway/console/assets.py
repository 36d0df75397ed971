"""Static files: read once, found under an address that changes with them, so that browsers keep them for ever."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

FOLDER: Final = Path(__file__).with_name("static")
PATH: Final = "/static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_PACKED: Final = frozenset({".css", ".js", ".svg"})
_VERSION_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class _File:
    media_type: str
    content: bytes
    packed: bytes | None


class Assets:
    """Everything below `static/`. One version stands for all of it, so that files may name each other relatively."""

    def __init__(self, folder: Path = FOLDER) -> None:
        digest = hashlib.sha256()
        files: dict[str, _File] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix not in _TYPES:
                continue
            name, content = path.relative_to(folder).as_posix(), path.read_bytes()
            digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
            packed = gzip.compress(content, 9, mtime=0) if path.suffix in _PACKED else None
            files[name] = _File(_TYPES[path.suffix], content, packed)
        self._files: Mapping[str, _File] = files
        self.version: Final = digest.hexdigest()[:_VERSION_LENGTH]

    def path(self, name: str) -> str:
        """Below the console's own path. Raises: KeyError: there is no such file."""
        assert name in self._files, f"no static file {name}"
        return f"{PATH}/{self.version}/{name}"

    async def serve(self, request: Request) -> Response:
        """An address of an earlier version gives today's file, for a page that is still open, but is not kept."""
        file = self._files.get(request.path_params["name"])
        if file is None:
            return Response(b"Not found.", 404, media_type="text/plain; charset=utf-8")
        is_current = request.path_params["version"] == self.version
        headers = {
            "cache-control": "public, max-age=31536000, immutable" if is_current else "no-cache",
            "x-content-type-options": "nosniff",
            "vary": "accept-encoding",
        }
        if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(file.packed, headers=headers, media_type=file.media_type)
        return Response(file.content, headers=headers, media_type=file.media_type)
