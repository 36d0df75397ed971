"""Send one message to a stranger's server, with a bound on everything, and say only what came of it.

One receiver is served over one connection as long as there is something to send. There is no pool that receivers would
share, so a dead one holds nothing that another one needs. Every connection is opened by the guard; on top of it stands
just enough HTTP/1.1 to send a POST and to read an answer's head with llhttp, which is several times cheaper than a
client for everything.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpcore
import httptools
import httpx

from reelway.domain.public_url import is_callback_url
from reelway.domain.webhooks import SendFault
from reelway.net.guard import AddressBlockedError, Guard, HostUnresolvableError

USER_AGENT: Final = "Reelway-Webhooks/1"
_READ_BYTES: Final = 16 * 1024
_HEAD_BYTES_MAX: Final = 64 * 1024
_REST_BYTES_MAX: Final = 16 * 1024
"""So much of an answer's body is read, so that the connection can be used again; nobody wants the body itself."""
_REST_S: Final = 0.5
_IDLE_S: Final = 5.0
_PORTS: Final = {"http": 80, "https": 443}
_INFORMATIONAL: Final = range(100, 200)
_SWITCHING: Final = 101


class SendError(Exception):
    """No answer came."""

    def __init__(self, fault: SendFault) -> None:
        self.fault = fault
        super().__init__(fault.value)


class _LostError(Exception):
    """The connection ended before the answer's head was whole. `is_silent`: not one byte had come."""

    def __init__(self, *, is_silent: bool) -> None:
        self.is_silent = is_silent
        super().__init__("the connection was lost")


@dataclass(frozen=True, slots=True)
class Poster:
    """`allows_private`: URLs may be http and lead anywhere; the operator's setting."""

    guard: Guard
    allows_private: bool = False

    @asynccontextmanager
    async def line(self, url: str) -> AsyncIterator["Line"]:
        """A line to one receiver; nothing is connected before the first message."""
        line = Line(self, url)
        try:
            yield line
        finally:
            await line.hang_up()


class Line:
    """One connection to one URL, opened when it is needed and again when it was lost. One message at a time."""

    def __init__(self, poster: Poster, url: str) -> None:
        self._poster = poster
        self._url = url
        self._stream: httpcore.AsyncNetworkStream | None = None
        self._rests_since_s: float | None = None

    async def post(self, headers: Sequence[tuple[str, str]], body: bytes, timeout_s: float) -> int:
        """The answer's status, as soon as its head is there; redirects are not followed.

        Raises:
            SendError: there was none, for any fault of the URL, the network or the other server.
        """
        try:
            with _faults_named():
                async with asyncio.timeout(timeout_s):
                    return await self._post(headers, body)
        except BaseException:
            await self.hang_up()
            raise

    async def _post(self, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        if not is_callback_url(self._url, self._poster.allows_private):
            raise SendError(SendFault.ADDRESS_BLOCKED)
        url = httpx.URL(self._url)
        request = _request(url, headers, body)
        was_used = await self._ready(url)
        try:
            return await self._exchange(request)
        except (_LostError, httpcore.NetworkError) as exc:
            is_stale = was_used and (not isinstance(exc, _LostError) or exc.is_silent)
            if not is_stale:
                raise
        await self.hang_up()  # the other side had closed a connection that rested
        await self._ready(url)
        return await self._exchange(request)

    async def _ready(self, url: httpx.URL) -> bool:
        """Have a connection; whether it has been used before."""
        loop = asyncio.get_running_loop()
        if self._rests_since_s is None or loop.time() - self._rests_since_s > _IDLE_S:
            await self.hang_up()
        if self._stream is not None:
            return True
        guard = self._poster.guard
        host, port = url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]
        self._stream = await guard.backend().connect_tcp(host, port)
        if url.scheme == "https":
            self._stream = await self._stream.start_tls(guard.tls_context, host)
        return False

    async def _exchange(self, request: bytes) -> int:
        assert self._stream is not None
        self._rests_since_s = None
        await self._stream.write(request)
        answer = _Answer()
        count = 0
        while answer.status is None:
            data = await self._stream.read(_READ_BYTES)
            if not data:
                raise _LostError(is_silent=count == 0)
            count += len(data)
            if count > _HEAD_BYTES_MAX:
                raise SendError(SendFault.INVALID_RESPONSE)
            answer.feed(data)
        if await self._is_finished(answer):
            self._rests_since_s = asyncio.get_running_loop().time()
        else:
            await self.hang_up()
        return answer.status

    async def _is_finished(self, answer: "_Answer") -> bool:
        """Read a small rest of the answer. False: there is more, it does not come at once, or the other side wants no
        more on this connection. The answer counts all the same: its head was whole."""
        if answer.is_whole or not answer.keeps_alive:
            return answer.is_whole and answer.keeps_alive
        assert self._stream is not None
        count = 0
        try:
            async with asyncio.timeout(_REST_S):
                while not answer.is_whole and count < _REST_BYTES_MAX:
                    data = await self._stream.read(_READ_BYTES)
                    if not data:
                        return False
                    count += len(data)
                    answer.feed(data)
        except (TimeoutError, httpcore.NetworkError, httptools.HttpParserError, ssl.SSLError):
            return False
        return answer.is_whole

    async def hang_up(self) -> None:
        stream, self._stream = self._stream, None
        self._rests_since_s = None
        if stream is not None:
            with contextlib.suppress(Exception):  # a connection that cannot even be closed is gone
                await stream.aclose()


class _Answer:
    """What llhttp finds in the bytes that come. `status` is there as soon as the head is whole; `100 Continue` and its
    like are passed over."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status: int | None = None
        self.keeps_alive = False
        self.is_whole = False

    def feed(self, data: bytes) -> None:
        """Raises: HttpParserError: it is no HTTP."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.status, self.keeps_alive = _SWITCHING, False

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status not in _INFORMATIONAL:
            self.status, self.keeps_alive = status, self._parser.should_keep_alive()

    def on_message_complete(self) -> None:
        self.is_whole = self.status is not None


def _request(url: httpx.URL, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    lines = [
        b"POST %b HTTP/1.1" % url.raw_path,
        b"Host: %b" % url.netloc,
        b"User-Agent: %b" % USER_AGENT.encode(),
        b"Accept: */*",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        *(f"{name}: {value}".encode() for name, value in headers),
    ]
    return b"\r\n".join([*lines, b"", body])


@contextlib.contextmanager
def _faults_named() -> Iterator[None]:
    """Turn what the network and the libraries below raise into a `SendError`."""
    try:
        yield
    except AddressBlockedError as exc:
        raise SendError(SendFault.ADDRESS_BLOCKED) from exc
    except HostUnresolvableError as exc:
        raise SendError(SendFault.CONNECT_FAILED) from exc
    except (httpx.InvalidURL, UnicodeError) as exc:
        raise SendError(SendFault.ADDRESS_BLOCKED) from exc
    except (TimeoutError, httpcore.TimeoutException) as exc:
        raise SendError(SendFault.TIMEOUT) from exc
    except httpcore.ConnectError as exc:
        is_tls = any(isinstance(cause, ssl.SSLError) for cause in _causes(exc))
        raise SendError(SendFault.TLS_FAILED if is_tls else SendFault.CONNECT_FAILED) from exc
    except ssl.SSLError as exc:
        raise SendError(SendFault.TLS_FAILED) from exc
    except (_LostError, httpcore.NetworkError, httptools.HttpParserError) as exc:
        raise SendError(SendFault.INVALID_RESPONSE) from exc


def _causes(exc: BaseException) -> Iterator[BaseException]:
    cause = exc.__cause__ or exc.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
