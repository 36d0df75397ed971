"""Download one file from a stranger's server to disk, with a bound on everything: size, time, redirects and memory."""

import asyncio
import contextlib
import errno
import hashlib
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urljoin

import httpx

from reelway.domain.public_url import public_url_problem
from reelway.net.guard import AddressBlockedError, HostUnresolvableError

WRITE_BYTES = 256 * 1024
INFLATE_BYTES_MAX = 256 * 1024
GZIP_WINDOW_BITS = 31  # zlib's number for "a gzip header and trailer"

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

CheckUrl = Callable[[str], str | None]
HeadersFor = Callable[[str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """`deadline_s` covers everything from the first lookup to the last byte, all redirects together."""

    size_bytes_max: int
    deadline_s: float
    redirects_max: int = 3


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A complete file on disk. `url` is the one that answered, `content_type` what its server called the file."""

    path: Path
    size_bytes: int
    sha256: str
    content_type: str | None
    url: str


class FetchFailure(StrEnum):
    """Why there is no file."""

    BAD_URL = "bad_url"
    ADDRESS_BLOCKED = "address_blocked"
    UNRESOLVABLE = "unresolvable"
    CONNECT_FAILED = "connect_failed"
    TLS_FAILED = "tls_failed"
    TIMEOUT = "timeout"
    HTTP_STATUS = "http_status"
    UNKNOWN_ENCODING = "unknown_encoding"
    TOO_LARGE = "too_large"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    INTERRUPTED = "interrupted"
    EMPTY = "empty"
    NO_SPACE = "no_space"


_PUBLIC_TEXTS = {
    FetchFailure.BAD_URL: "the URL is not a public https URL",
    FetchFailure.ADDRESS_BLOCKED: "the address is not public",
    FetchFailure.UNRESOLVABLE: "the host name cannot be resolved",
    FetchFailure.CONNECT_FAILED: "no connection to the host",
    FetchFailure.TLS_FAILED: "no secure connection to the host",
    FetchFailure.TIMEOUT: "the download took too long",
    FetchFailure.HTTP_STATUS: "HTTP {status}",
    FetchFailure.UNKNOWN_ENCODING: "the content encoding is not supported",
    FetchFailure.TOO_LARGE: "the file is too large",
    FetchFailure.TOO_MANY_REDIRECTS: "too many redirects",
    FetchFailure.INTERRUPTED: "the download broke off",
    FetchFailure.EMPTY: "the file is empty",
    FetchFailure.NO_SPACE: "the file could not be stored",
}


class FetchError(Exception):
    """There is no file. `status` is the HTTP status where that is the reason."""

    def __init__(self, reason: FetchFailure, status: int | None = None) -> None:
        self.reason = reason
        self.status = status
        super().__init__(self.public_text)

    @property
    def public_text(self) -> str:
        """The reason in words for the caller; it names no host and no address."""
        return _PUBLIC_TEXTS[self.reason].format(status=self.status)


def _no_headers(_url: str) -> Mapping[str, str]:
    return {}


async def fetch_to_file(
    client: httpx.AsyncClient,
    url: str,
    path: Path,
    limits: FetchLimits,
    *,
    check_url: CheckUrl = public_url_problem,
    headers_for: HeadersFor = _no_headers,
) -> FetchedFile:
    """Download `url` to `path`, which must not exist yet; nothing is left there when it fails.

    `client` comes from `Guard.client` and carries no credentials, because a redirect may lead it to any public host.
    `check_url` names what is wrong with a URL and is asked before each hop, as `headers_for` is for a hop's headers.

    Raises:
        FetchError: for every fault of the URL, the network, the other server or the disk's free space.
    """
    with _faults_named():
        async with asyncio.timeout(limits.deadline_s):
            for _ in range(limits.redirects_max + 1):
                if check_url(url) is not None:
                    raise FetchError(FetchFailure.BAD_URL)
                headers = {**headers_for(url), "Accept-Encoding": "identity"}
                async with client.stream("GET", url, headers=headers, follow_redirects=False) as response:
                    location = response.headers.get("location")
                    if response.status_code not in _REDIRECTS or location is None:
                        return await _save(response, url, path, limits)
                url = _joined(url, location)
    raise FetchError(FetchFailure.TOO_MANY_REDIRECTS)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as exc:
        raise FetchError(FetchFailure.BAD_URL) from exc


async def _save(response: httpx.Response, url: str, path: Path, limits: FetchLimits) -> FetchedFile:
    if response.status_code != httpx.codes.OK:
        raise FetchError(FetchFailure.HTTP_STATUS, response.status_code)
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.size_bytes_max:
        raise FetchError(FetchFailure.TOO_LARGE)
    pieces = _decoded(response, limits.size_bytes_max)
    with _new_file(path) as file:
        sink = _Sink(file, limits.size_bytes_max)
        async for piece in pieces:
            await sink.add(piece)
        await sink.flush()
        if sink.size_bytes == 0:
            raise FetchError(FetchFailure.EMPTY)
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return FetchedFile(path, sink.size_bytes, sink.sha256, content_type or None, url)


def _decoded(response: httpx.Response, wire_bytes_max: int) -> AsyncIterator[bytes]:
    """The body in pieces of bounded size. httpx's own decoding is not used: it inflates without a limit."""
    wire = _bounded(response.aiter_raw(), wire_bytes_max)
    match response.headers.get("content-encoding", "identity").strip().lower():
        case "identity" | "":
            return wire
        case "gzip" | "x-gzip":  # we ask for identity; objects that were stored compressed come so all the same
            return _gunzipped(wire)
        case _:
            raise FetchError(FetchFailure.UNKNOWN_ENCODING)


async def _bounded(chunks: AsyncIterator[bytes], bytes_max: int) -> AsyncIterator[bytes]:
    received_bytes = 0
    async for chunk in chunks:
        received_bytes += len(chunk)
        if received_bytes > bytes_max:
            raise FetchError(FetchFailure.TOO_LARGE)
        yield chunk


async def _gunzipped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    inflater = zlib.decompressobj(GZIP_WINDOW_BITS)
    async for chunk in chunks:
        while chunk:
            yield inflater.decompress(chunk, INFLATE_BYTES_MAX)
            chunk = inflater.unconsumed_tail
    if not inflater.eof or inflater.unused_data:
        raise FetchError(FetchFailure.INTERRUPTED)


class _Sink:
    """Writes and hashes in threads what the network brings, and counts it first."""

    def __init__(self, file: BinaryIO, size_bytes_max: int) -> None:
        self._file = file
        self._size_bytes_max = size_bytes_max
        self._hash = hashlib.sha256()
        self._waiting = bytearray()
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    async def add(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        if self.size_bytes > self._size_bytes_max:
            raise FetchError(FetchFailure.TOO_LARGE)
        self._waiting += piece
        if len(self._waiting) >= WRITE_BYTES:
            await self.flush()

    async def flush(self) -> None:
        ready, self._waiting = self._waiting, bytearray()
        await _to_thread_completely(self._write, ready)

    def _write(self, ready: bytearray) -> None:
        with _full_disk_named():
            self._file.write(ready)
            self._file.flush()
        self._hash.update(ready)


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that stays only if the block ends well."""
    with _full_disk_named():
        file = path.open("xb")
    try:
        with file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def _to_thread_completely(function: Callable[..., Any], *arguments: Any) -> None:
    """`asyncio.to_thread`, but a cancelled caller waits too: the file must not be closed under a write."""
    job = asyncio.create_task(asyncio.to_thread(function, *arguments))
    try:
        await asyncio.shield(job)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):  # the cancellation is what the caller hears of
            await job
        raise


@contextlib.contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno in _DISK_FULL:
            raise FetchError(FetchFailure.NO_SPACE) from exc
        raise


@contextlib.contextmanager
def _faults_named() -> Iterator[None]:
    """Turn what httpx and the libraries below it raise into a `FetchError`."""
    try:
        yield
    except AddressBlockedError as exc:
        raise FetchError(FetchFailure.ADDRESS_BLOCKED) from exc
    except HostUnresolvableError as exc:
        raise FetchError(FetchFailure.UNRESOLVABLE) from exc
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError) as exc:
        raise FetchError(FetchFailure.BAD_URL) from exc  # UnicodeError: a host that is not valid IDNA
    except (httpx.TimeoutException, TimeoutError) as exc:
        raise FetchError(FetchFailure.TIMEOUT) from exc
    except httpx.ConnectError as exc:
        is_tls = any(isinstance(cause, ssl.SSLError) for cause in _causes(exc))
        raise FetchError(FetchFailure.TLS_FAILED if is_tls else FetchFailure.CONNECT_FAILED) from exc
    except ssl.SSLError as exc:  # a broken record in mid-stream, which httpcore lets through as it is
        raise FetchError(FetchFailure.TLS_FAILED) from exc
    except httpx.RemoteProtocolError as exc:
        # httpx parses a redirect's Location even where it will not follow.
        is_bad_location = isinstance(exc.__context__, httpx.InvalidURL)
        raise FetchError(FetchFailure.BAD_URL if is_bad_location else FetchFailure.INTERRUPTED) from exc
    except (httpx.TransportError, zlib.error) as exc:
        raise FetchError(FetchFailure.INTERRUPTED) from exc


def _causes(exc: BaseException) -> Iterator[BaseException]:
    cause = exc.__cause__ or exc.__context__  # httpcore's pool re-raises without the cause; the context stays
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
