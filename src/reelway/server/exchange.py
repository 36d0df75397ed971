"""One request and its answer, as the shell sees them: raw headers, a bounded body, a single answer."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from reelway.domain.errors import BodyTooLargeError

Headers = list[tuple[bytes, bytes]]

_DRAIN_S: Final = 5.0
_DRAIN_BYTES_MAX: Final = 64 * 1024 * 1024


class ClientGoneError(Exception):
    """The caller closed the connection before the request was read or answered."""


class BodyTimeoutError(Exception):
    """The caller did not send the body in time."""


@dataclass(slots=True)
class Exchange:
    """`headers` maps lower-case names to values; of a header that stands several times all values, comma-joined."""

    scope: Scope
    receive: Receive
    send: Send
    request_id: str
    headers: Mapping[str, str]
    is_body_read: bool = False
    is_begun: bool = False
    """The head of an answer with a long body has gone out."""

    @classmethod
    def begin(cls, scope: Scope, receive: Receive, send: Send, request_id: str) -> "Exchange":
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return cls(scope, receive, send, request_id, headers)

    @property
    def method(self) -> str:
        method: str = self.scope["method"]
        return method

    @property
    def client(self) -> str:
        """The caller's address, as far as trusted proxies tell."""
        client = self.scope.get("client")
        return client[0] if client else "unknown"

    def query(self) -> Mapping[str, str]:
        """Query parameters; of one that stands several times the last."""
        text = self.scope["query_string"].decode("latin-1")
        return dict(parse_qsl(text, keep_blank_values=True, errors="replace")) if text else {}

    async def pieces(self, size_bytes_max: int, seconds_max: float) -> AsyncIterator[bytes]:
        """The body as it arrives.

        Raises:
            BodyTooLargeError: more than `size_bytes_max` bytes came.
            BodyTimeoutError: it took longer than `seconds_max` in all.
            ClientGoneError: the connection was closed in the middle.
        """
        size_bytes = 0
        try:
            async with asyncio.timeout(seconds_max):
                while True:
                    message = await self.receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGoneError
                    piece: bytes = message.get("body", b"")
                    self.is_body_read = not message.get("more_body", False)
                    size_bytes += len(piece)
                    if size_bytes > size_bytes_max:
                        raise BodyTooLargeError("body", size_bytes_max)
                    if piece:
                        yield piece
                    if self.is_body_read:
                        return
        except TimeoutError as exc:
            raise BodyTimeoutError from exc

    async def body(self, size_bytes_max: int, seconds_max: float) -> bytes:
        """The whole body; raises like `pieces`, and at once where too many bytes are announced."""
        announced = self.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:19]) > size_bytes_max:
            raise BodyTooLargeError("body", size_bytes_max)
        pieces = [piece async for piece in self.pieces(size_bytes_max, seconds_max)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def answer(self, status: int, headers: Headers, body: bytes, *, lingers: bool = False) -> None:
        """Send the one answer. For HEAD the server leaves the body out.

        `lingers`: the connection is to end, but what the caller still sends is read for a while. A connection closed
        with bytes unread is reset, and a caller who is still sending would lose the answer with it.
        """
        if status != NO_CONTENT:
            headers.append((b"content-length", str(len(body)).encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": lingers})
        if lingers:
            await self._drain()
            await self.send({"type": "http.response.body", "body": b""})

    async def _drain(self) -> None:
        size_bytes = 0
        try:
            async with asyncio.timeout(_DRAIN_S):
                while not self.is_body_read and size_bytes < _DRAIN_BYTES_MAX:
                    message = await self.receive()
                    size_bytes += len(message.get("body", b""))
                    self.is_body_read = not message.get("more_body", False)
        except TimeoutError:
            pass


def raw_headers(pairs: Iterable[tuple[str, str]]) -> Headers:
    """Header fields as bytes; names lower-case, as HTTP/2 and ASGI want them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def media_type_of(headers: Mapping[str, str]) -> tuple[str, str]:
    """The Content-Type's media type in lower case, and the whole header."""
    whole = headers.get("content-type", "")
    return whole.partition(";")[0].strip().lower(), whole


NO_CONTENT: Final = 204
NO_STORE: Final = (b"cache-control", b"no-store")
