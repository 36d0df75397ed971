"""Real HTTP and HTTPS servers on loopback whose every byte a test decides, and names that lead to them."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from reelway.domain.public_url import IPAddress
from reelway.net.guard import Guard

LOOPBACK = ipaddress.ip_address("127.0.0.1")
HOST = "files.example.com"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_authority = trustme.CA()


def server_tls(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority.issue_cert(*names).configure_cert(context)
    return context


def client_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    _authority.configure_trust(context)
    return context


def authority_file(path: Path) -> Path:
    """The certificate that other processes have to trust, written to `path`."""
    _authority.cert_pem.write_to_path(str(path))
    return path


def answer(body: bytes = b"", status: str = "200 OK", length: int | None = None, **headers: str) -> bytes:
    """A whole response. `length` lies about the body's size; header names have `_` for `-`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", status, Location=location)


@dataclass
class Server:
    """Answers each path by its script, or with its fixed bytes; keeps what it was asked."""

    port: int = 0
    scheme: str = "https"
    answers: dict[str, bytes | Script] = field(default_factory=dict)
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)

    def url(self, path: str, host: str = HOST) -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head.decode("latin-1"))
                scripted = self.answers.get(head.split()[1].decode("latin-1"), answer(b"", "404 Not Found"))
                if isinstance(scripted, bytes):
                    writer.write(scripted)
                    await writer.drain()
                else:
                    await scripted(reader, writer)
                    break
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(
    answers: dict[str, bytes | Script] | None = None, *, names: Sequence[str] = (HOST,), is_tls: bool = True
) -> AsyncIterator[Server]:
    """A server at 127.0.0.1 for the length of the block, with a certificate for `names`."""
    server = Server(scheme="https" if is_tls else "http", answers=dict(answers or {}))
    tls = server_tls(*names) if is_tls else None
    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: server.server_names.append(name)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):  # the test is over
            await server.serve(reader, writer)

    listener = await asyncio.start_server(serve, str(LOOPBACK), 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Names:
    """A resolver that answers as it is told, and keeps what it was asked. A list of lists answers in turn."""

    def __init__(self, **hosts: Sequence[str]) -> None:
        self.answers: dict[str, list[list[IPAddress]]] = {}
        self.asked: list[str] = []
        for host, addresses in hosts.items():
            self.set(host.replace("_", "."), addresses)

    def set(self, host: str, *answers: Sequence[str]) -> "Names":
        self.answers[host] = [[ipaddress.ip_address(text) for text in addresses] for addresses in answers]
        return self

    async def __call__(self, host: str, port: int) -> list[IPAddress]:
        self.asked.append(host)
        turns = self.answers[host]
        return turns.pop(0) if len(turns) > 1 else turns[0]


def to_loopback() -> Names:
    return Names().set(HOST, [str(LOOPBACK)])


def is_loopback(address: IPAddress) -> bool:
    """For servers of the tests, in the place of `is_public_address`."""
    return address == LOOPBACK


def open_guard(names: Names | None = None, connect_timeout_s: float = 5.0) -> Guard:
    """A guard that lets the tests reach their own servers and nothing else."""
    return Guard(names or to_loopback(), is_loopback, client_tls(), connect_timeout_s)
