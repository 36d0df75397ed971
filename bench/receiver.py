"""A receiver of webhooks for the bench, in a process of its own: one port answers 204, another takes and never answers.

`GET /count` on the first port tells how many messages came.
"""

import asyncio
import json

import uvloop

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Healthy(asyncio.Protocol):
    """Reads a request by its Content-Length and answers at once."""

    count = 0

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        while head_end >= 0:
            head = self._buffer[:head_end].lower()
            at = head.find(b"content-length: ")
            length = int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < head_end + 4 + length:
                return
            self._buffer = self._buffer[head_end + 4 + length :]
            self._answer(head)
            head_end = self._buffer.find(b"\r\n\r\n")

    def _answer(self, head: bytes) -> None:
        if head.startswith(b"get "):
            body = str(_Healthy.count).encode()
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        else:
            _Healthy.count += 1
            answer = _ANSWER
        self._transport.write(answer)  # type: ignore[attr-defined]  # uvloop's transports are no subclasses


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    healthy = await loop.create_server(_Healthy, "127.0.0.1", 0, backlog=1024)
    dead = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, backlog=4096)
    url, dead_url = (f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in (healthy, dead))
    print(json.dumps({"url": url, "dead_url": dead_url}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())
