"""A small client of the Rivya v1 API, for `generate` and `demo`: real HTTP against any gateway."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import httpx

_TIMEOUT_S: Final = 90.0
_WAIT_S: Final = 1
_CHUNK_BYTES: Final = 256 * 1024
PATH: Final = "/api/v1"


class ApiError(Exception):
    """The gateway refused; the message carries its code, words and details."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A look at a task: `generation` is the nine-key object, `percent` how far the work is."""

    generation: dict[str, Any]
    percent: int


class RivyaClient:
    """Calls of one account. Use as a context manager."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(_TIMEOUT_S, connect=10.0),
            trust_env=not is_on_this_machine(base_url),
        )

    def __enter__(self) -> "RivyaClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def upload(self, image: Path) -> dict[str, Any]:
        """Upload a reference image; returns the file object. Raises: ApiError."""
        with image.open("rb") as file:
            answer = self._http.post(
                f"{PATH}/files", data={"kind": "image"}, files={"file": (image.name, file, "application/octet-stream")}
            )
        return _checked(answer)

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Raises: ApiError."""
        return _checked(self._http.post(f"{PATH}/generations", json=body))

    def follow(self, task_id: str) -> Iterator[Progress]:
        """Looks at the task until it has ended, about one a second. Raises: ApiError."""
        while True:
            answer = self._http.get(f"{PATH}/generations/{task_id}", params={"wait": _WAIT_S})
            generation = _checked(answer)
            yield Progress(generation, int(answer.headers.get("x-reelway-progress", "0")))
            if generation["status"] in ("succeeded", "failed"):
                return

    def download(self, url: str, path: Path) -> int:
        """Write the result to a file; returns its size in bytes. Raises: ApiError."""
        partial = path.with_name(f"{path.name}.part")
        trusts = not is_on_this_machine(url)
        with httpx.stream("GET", url, timeout=_TIMEOUT_S, follow_redirects=True, trust_env=trusts) as answer:
            if answer.status_code != httpx.codes.OK:
                raise ApiError(f"the result could not be downloaded: HTTP {answer.status_code}")
            with partial.open("wb") as file:
                for piece in answer.iter_bytes(_CHUNK_BYTES):
                    file.write(piece)
        partial.replace(path)
        return path.stat().st_size


def is_on_this_machine(url: str) -> bool:
    """Whether a URL leads to this machine, where no proxy of the environment has anything to do."""
    host = httpx.URL(url).host
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError as exc:
        raise ApiError(f"HTTP {answer.status_code}, and the body is not JSON; is this a Reelway gateway?") from exc
    if answer.is_success and isinstance(body, dict):
        return body
    error = body.get("error", {}) if isinstance(body, dict) else {}
    if not isinstance(error, dict):
        raise ApiError(f"HTTP {answer.status_code}")
    lines = [f"{error.get('code', answer.status_code)}: {error.get('message', '')}"]
    for problem in error.get("details", ()):
        allowed = f" Allowed: {', '.join(problem['allowed'])}." if "allowed" in problem else ""
        lines.append(f"  {problem['field']}: {problem['message']}{allowed}")
    raise ApiError("\n".join(lines))
