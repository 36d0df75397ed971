"""Results and uploaded files, served by signed addresses: whole or in ranges, until their time is over."""

import functools
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.types import Receive, Scope, Send

from reelway.clock import new_id
from reelway.domain.decide import US
from reelway.domain.errors import ResultExpiredError, UnavailableError
from reelway.domain.ids import FileId, is_file_id, is_task_id
from reelway.domain.intents import ContentView
from reelway.net.objects import ObjectInfo, ObjectMissingError, ObjectsError
from reelway.server.exchange import Exchange, Headers
from reelway.server.links import POSTER_NAME, VIDEO_NAME, WATERMARK_NAME
from reelway.server.shell import Shell, Visit, task_headers

log = structlog.get_logger(__name__)

_TYPES: Final[Mapping[str, str]] = {
    VIDEO_NAME: "video/mp4",
    WATERMARK_NAME: "video/mp4",
    POSTER_NAME: "image/jpeg",
}
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_EXTENSIONS: Final = {"image/jpeg": "jpg", "video/quicktime": "mov", "audio/mpeg": "mp3", "audio/x-wav": "wav"}


@dataclass(frozen=True, slots=True)
class _Found:
    """An object to be served. `expires_at_s` is unix seconds; caches may keep the bytes until then."""

    object_name: str
    media_type: str
    expires_at_s: int
    filename: str


@dataclass(frozen=True, slots=True)
class _Gone:
    """`status` 404: there never was such a thing. 410: its time is over."""

    status: int


@dataclass(frozen=True, slots=True)
class MediaEndpoint:
    """`/media/<task>/<token>/<name>`: a result. The token tells how long the address lives, so no task is read."""

    shell: Shell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path_params"]
        task_id, name = path["task_id"], path["name"]
        found: _Found | _Gone = _Gone(404)
        if is_task_id(task_id) and name in _TYPES:
            expires_at_s = self.shell.core.signer.media_expiry_s(task_id, path["token"])
            if expires_at_s is not None:
                is_over = self.shell.core.clock.now_us() >= expires_at_s * US
                stem, _, ending = name.partition(".")
                filename = f"{task_id}.{ending}" if stem == "video" else f"{task_id}-{name}"
                found = (
                    _Gone(410) if is_over else _Found(f"results/{task_id}/{name}", _TYPES[name], expires_at_s, filename)
                )
        await _serve(self.shell, Exchange.begin(scope, receive, send, _request_id(self.shell)), found)


@dataclass(frozen=True, slots=True)
class FileEndpoint:
    """`/files/<file>/<token>`: an uploaded file."""

    shell: Shell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.begin(scope, receive, send, _request_id(self.shell))
        try:
            found = await self._find(scope["path_params"]["file_id"], scope["path_params"]["token"])
        except UnavailableError:
            await _answer_plainly(exchange, 503)
            return
        await _serve(self.shell, exchange, found)

    async def _find(self, file_id: str, token: str) -> _Found | _Gone:
        core = self.shell.core
        if not is_file_id(file_id) or not core.signer.is_file_token(file_id, token):
            return _Gone(404)
        file = await core.store.file(FileId(file_id))
        if file is None or not file.is_live(core.clock.now_us()):
            return _Gone(410)
        ending = _EXTENSIONS.get(file.mime_type, file.mime_type.rpartition("/")[2])
        return _Found(file.object_name, file.mime_type, file.expires_at_us // US, f"{file_id}.{ending}")


def _request_id(shell: Shell) -> str:
    return new_id("req", shell.core.clock.now_us())


async def _serve(shell: Shell, exchange: Exchange, found: _Found | _Gone) -> None:
    if exchange.method not in ("GET", "HEAD"):
        await _answer_plainly(exchange, 405, [(b"allow", b"GET, HEAD")])
        return
    if isinstance(found, _Gone):
        await _answer_plainly(exchange, found.status)
        return
    try:
        info = await shell.core.objects.head(found.object_name)
        await _send_object(shell, exchange, found, info)
    except (ObjectMissingError, ObjectsError) as exc:
        if exchange.is_begun:  # nothing can be told any more: the connection ends before the promised length
            log.warning("a file could not be sent to its end", name=found.object_name, reason=str(exc))
        else:
            await _answer_plainly(exchange, 410 if isinstance(exc, ObjectMissingError) else 503)


async def _send_object(shell: Shell, exchange: Exchange, found: _Found, info: ObjectInfo) -> None:
    age_s = max(0, found.expires_at_s - shell.core.clock.now_us() // US)
    headers: Headers = [
        (b"etag", f'"{info.etag}"'.encode()),
        (b"cache-control", b"private, max-age=%d, immutable" % age_s),
        (b"content-disposition", f'inline; filename="{found.filename}"'.encode()),
        (b"content-security-policy", b"default-src 'none'; media-src 'self'; img-src 'self'; sandbox"),
        (b"x-request-id", exchange.request_id.encode()),
    ]
    pieces = functools.partial(shell.core.objects.stream, found.object_name)
    await _send_bytes(exchange, headers, found.media_type, info.size_bytes, pieces)


Pieces = Callable[[int, int], AsyncIterator[bytes]]
"""Bytes from one position up to, but without, another."""


async def _send_bytes(exchange: Exchange, headers: Headers, media_type: str, size_bytes: int, pieces: Pieces) -> int:
    """Send the whole, a range of it, or only that nothing has changed; `headers` have an ETag. Returns the status."""
    etag = next(value for name, value in headers if name == b"etag").decode()
    exchange.is_begun = True
    headers += [(b"accept-ranges", b"bytes"), (b"x-content-type-options", b"nosniff")]
    if etag in exchange.headers.get("if-none-match", ""):
        await exchange.send({"type": "http.response.start", "status": 304, "headers": headers})
        await exchange.send({"type": "http.response.body", "body": b""})
        return 304
    wanted = exchange.headers.get("range") if exchange.headers.get("if-range", etag) == etag else None
    try:
        span = parse_range(wanted, size_bytes)
    except UnsatisfiableRangeError:
        await exchange.answer(416, [*headers, (b"content-range", b"bytes */%d" % size_bytes)], b"")
        return 416
    start, end = span or (0, size_bytes)
    headers += [(b"content-type", media_type.encode()), (b"content-length", b"%d" % (end - start))]
    if span is not None:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size_bytes)))
    status = 206 if span else 200
    await exchange.send({"type": "http.response.start", "status": status, "headers": headers})
    if exchange.method == "GET":
        async for piece in pieces(start, end):
            await exchange.send({"type": "http.response.body", "body": piece, "more_body": True})
    await exchange.send({"type": "http.response.body", "body": b""})
    return status


async def send_content(shell: Shell, visit: Visit, view: ContentView) -> None:
    """The bytes of a result as the answer of an operation, with the headers that every answer carries.

    Raises:
        ResultExpiredError: the object is gone.
        UnavailableError: the storage cannot be read.
    """
    headers: Headers = [
        (b"etag", f'"{view.sha256}"'.encode()),
        (b"content-disposition", f'attachment; filename="{view.filename}"'.encode()),
        *shell.headers(visit),
        *task_headers(view.task),
    ]
    if view.data is not None:
        data = view.data

        async def pieces(start: int, end: int) -> AsyncIterator[bytes]:
            yield data[start:end]

        visit.status = await _send_bytes(visit.exchange, headers, view.media_type, len(data), pieces)
        return
    assert view.object_name is not None
    stream = functools.partial(shell.core.objects.stream, view.object_name)
    try:
        info = await shell.core.objects.head(view.object_name)
        visit.status = await _send_bytes(visit.exchange, headers, view.media_type, info.size_bytes, stream)
    except ObjectMissingError as exc:
        raise ResultExpiredError from exc
    except ObjectsError as exc:
        raise UnavailableError("the storage cannot be read") from exc


class UnsatisfiableRangeError(Exception):
    """The range asks for bytes that the file does not have."""


def parse_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """First byte and the one after the last of a single byte range; None for the whole file.

    Other units, several ranges and bad syntax are ignored. Source: RFC 9110, section 14.2.

    Raises:
        UnsatisfiableRangeError: no byte of the range is in the file.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or not (match[1] or match[2]) or (match[1] and match[2] and int(match[1]) > int(match[2])):
        return None
    first, last = match[1], match[2]
    start = int(first) if first else max(0, size_bytes - int(last))
    end = min(int(last) + 1, size_bytes) if first and last else size_bytes
    if start >= end:
        raise UnsatisfiableRangeError
    return start, end


async def _answer_plainly(exchange: Exchange, status: int, headers: Headers | None = None) -> None:
    words = {404: b"Not found.", 405: b"Method not allowed.", 410: b"Gone.", 503: b"Try again later."}
    fields = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"x-request-id", exchange.request_id.encode()),
        *(headers or []),
    ]
    if status == 503:
        fields.append((b"retry-after", b"5"))
    await exchange.answer(status, fields, words.get(status, b""))
