"""Multipart bodies, read as they arrive: file parts go to disk, and reading ends as soon as one is too large."""

import errno
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from reelway.dialects.base import Form, FormFile
from reelway.domain.errors import (
    BodyFault,
    BodyTooLargeError,
    ContentTypeError,
    MalformedBodyError,
    UnavailableError,
)
from reelway.server.exchange import Exchange, media_type_of

MULTIPART: Final = "multipart/form-data"
_PARTS_MAX: Final = 32
_FIELD_BYTES_MAX: Final = 64 * 1024
_HEADER_BYTES_MAX: Final = 8 * 1024
_HEADERS_MAX: Final = 8
_OVERHEAD_BYTES_MAX: Final = 1024 * 1024
"""Room for boundaries, part headers and fields beside the file."""

FileLimit = Callable[[Mapping[str, str]], int]


@dataclass(slots=True)
class _Part:
    name: str
    filename: str | None
    size_bytes_max: int
    value: bytearray = field(default_factory=bytearray)
    file: BinaryIO | None = None
    path: Path | None = None
    size_bytes: int = 0
    digest: Any = None


class _FormReader:
    """Collects the fields that a parser finds, and spools files into `folder`."""

    def __init__(self, folder: Path, file_limit: FileLimit, field_bytes_max: int) -> None:
        self._folder = folder
        self._file_limit = file_limit
        self._field_bytes_max = field_bytes_max
        self._part: _Part | None = None
        self.fields: list[tuple[str, str]] = []
        self.files: list[FormFile] = []

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """The start of a part, some bytes of it, or None for its end.

        Raises:
            MultipartError, BodyTooLargeError, OSError
        """
        match event:
            case MultipartSegment():
                self._begin(event)
            case None:
                self._end()
            case _:
                self._add(event)

    def _begin(self, segment: MultipartSegment) -> None:
        if not segment.name:
            raise MultipartError("a part has no name")
        filename = segment.filename
        if filename is None:
            self._part = _Part(segment.name, None, self._field_bytes_max)
            return
        named = "".join(character for character in filename if character.isprintable())
        self._part = part = _Part(segment.name, named, self._file_limit(dict(self.fields)))
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix="upload-")
        part.path = Path(name)
        part.file = open(descriptor, "wb", buffering=1024 * 1024)  # noqa: SIM115 - closed in `close`
        part.digest = hashlib.sha256()

    def _add(self, piece: bytes | bytearray) -> None:
        part = self._part
        assert part is not None
        part.size_bytes += len(piece)
        if part.size_bytes > part.size_bytes_max:
            raise BodyTooLargeError(part.name, part.size_bytes_max)
        if part.file is None:
            part.value += piece
        else:
            part.file.write(piece)
            part.digest.update(piece)

    def _end(self) -> None:
        part = self._part
        assert part is not None
        if part.file is None or part.path is None or part.filename is None:
            try:
                self.fields.append((part.name, part.value.decode()))
            except UnicodeDecodeError as exc:
                raise MultipartError("a field is not UTF-8") from exc
            return
        part.file.close()
        self.files.append(FormFile(part.name, part.filename, part.path, part.size_bytes, part.digest.hexdigest()))

    def close(self) -> None:
        """Delete what was spooled, finished or not."""
        part = self._part
        paths = {file.path for file in self.files}
        if part is not None and part.file is not None and part.path is not None:
            with suppress(OSError):  # what is still to be written finds no room: it is not wanted any more
                part.file.close()
            paths.add(part.path)
        for path in paths:
            path.unlink(missing_ok=True)


@contextmanager
def _told_disk() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        is_full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        raise UnavailableError("the disk is full" if is_full else "the upload cannot be written to the disk") from exc


@asynccontextmanager
async def read_form(
    exchange: Exchange, folder: Path, file_limit: FileLimit, seconds_max: float, body_bytes_max: int | None = None
) -> AsyncIterator[Form]:
    """The form of a multipart body; its files are deleted when the context ends.

    `body_bytes_max` None: room for one file and what stands around it, which is short. With a number, a field may fill
    the whole body: it may hold an image as a `data:` URL.

    Raises:
        ContentTypeError: the body is not declared as multipart with a boundary.
        MalformedBodyError: it is not valid multipart data, or ends too early.
        BodyTooLargeError: a file part passed its limit, or the rest is too large.
        UnavailableError: our disk does not take it.
    """
    media_type, content_type = media_type_of(exchange.headers)
    _, options = parse_options_header(content_type)
    boundary = options.get("boundary", "").encode("latin-1")
    if media_type != MULTIPART or not 1 <= len(boundary) <= 200:
        raise ContentTypeError((MULTIPART,))
    reader = _FormReader(folder, file_limit, body_bytes_max or _FIELD_BYTES_MAX)
    size_bytes_max = body_bytes_max or file_limit({}) + _OVERHEAD_BYTES_MAX
    try:
        with PushMultipartParser(
            boundary, max_header_size=_HEADER_BYTES_MAX, max_header_count=_HEADERS_MAX, max_segment_count=_PARTS_MAX
        ) as parser:
            async for piece in exchange.pieces(size_bytes_max, seconds_max):
                if not piece:
                    continue
                with _told_disk():
                    for event in parser.parse(piece):
                        reader.take(event)
        yield Form(tuple(reader.fields), tuple(reader.files))
    except MultipartError as exc:
        raise MalformedBodyError(BodyFault.NOT_MULTIPART) from exc
    finally:
        reader.close()
