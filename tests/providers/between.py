"""A line between two programs that a test may cut: it carries bytes, and swallows the answers that it is told to."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Line:
    """`losing`: so many POSTs to a path that contains `loses` reach the far end, and their answers are lost."""

    far_port: int
    port: int = 0
    losing: int = 0
    loses: str = ""
    posts: list[str] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far_port)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            return
        method, path = head.split()[:2]
        if method == b"POST":
            self.posts.append(path.decode())
        is_lost = method == b"POST" and self.losing > 0 and self.loses in path.decode()
        if is_lost:
            self.losing -= 1
        far_writer.write(head)
        there = asyncio.create_task(_carry(reader, far_writer))
        try:
            if is_lost:
                await far_reader.read(1)
            else:
                await _carry(far_reader, writer)
        finally:
            there.cancel()
            await asyncio.gather(there, return_exceptions=True)
            for side in (far_writer, writer):
                side.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def line_to(far_port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Line]:
    """A line to a port of this machine; `tls`: whoever calls it speaks TLS, the far end does not."""
    line = Line(far_port)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        line.tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):  # the test is over
            await line.serve(reader, writer)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    line.port = listener.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        listener.close()
        for task in line.tasks:
            task.cancel()
        await asyncio.gather(*line.tasks, return_exceptions=True)
