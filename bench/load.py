"""The load generator: many keep-alive connections in a process of its own, each with one request under way.

It speaks just enough HTTP/1.1 to find the end of an answer by its Content-Length, on uvloop's raw protocols, so that it
is several times faster than any server it is pointed at; every bench prints what it reaches against a bare server.
"""

import asyncio
import json
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import cast
from urllib.parse import urlsplit

import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """What was reached: answers a second, and latencies in milliseconds."""

    answers_per_s: float
    p50_ms: float
    p99_ms: float
    answers: int
    faults: int


class _Client(asyncio.Protocol):
    """One connection that asks again as soon as it has been answered."""

    def __init__(self, next_request: Callable[[], bytes | None], latencies_s: list[float], want: bytes) -> None:
        self._next_request = next_request
        self._latencies_s = latencies_s
        self._want = want
        self._buffer = b""
        self._missing_bytes = 0
        self._sent_s = 0.0
        self.faults = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses
        self._ask()

    def _ask(self) -> None:
        request = self._next_request()
        if request is None:
            self._transport.close()
            return
        self._sent_s = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing_bytes:
            self._missing_bytes -= len(data)
        else:
            self._buffer += data
            head_end = self._buffer.find(b"\r\n\r\n")
            if head_end < 0:
                return
            head = self._buffer[:head_end]
            if not head.startswith(self._want):
                self.faults += 1
            at = head.find(b"content-length: ") + 16
            end = head.find(b"\r\n", at)
            length = int(head[at : end if end > 0 else len(head)])
            self._missing_bytes = length - (len(self._buffer) - head_end - 4)
            self._buffer = b""
        if self._missing_bytes <= 0:
            self._missing_bytes = 0
            self._latencies_s.append(time.perf_counter() - self._sent_s)
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _drive(url: str, requests: Sequence[bytes], connections: int, seconds: float, want: bytes) -> Load:
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port
    assert host is not None, url
    assert port is not None, url
    latencies_s: list[float] = []
    end_s = time.perf_counter() + seconds
    count = 0

    def next_request() -> bytes | None:
        nonlocal count
        if time.perf_counter() >= end_s:
            return None
        count += 1
        return requests[count % len(requests)]

    loop = asyncio.get_running_loop()
    started_s = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: _Client(next_request, latencies_s, want), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.done for client in clients))
    took_s = time.perf_counter() - started_s
    ordered = sorted(latencies_s)
    return Load(
        answers_per_s=len(ordered) / took_s,
        p50_ms=ordered[len(ordered) // 2] * 1000,
        p99_ms=ordered[int(len(ordered) * 0.99)] * 1000,
        answers=len(ordered),
        faults=sum(client.faults for client in clients),
    )


def _child(
    sender: Connection, url: str, requests: Sequence[bytes], connections: int, seconds: float, want: bytes
) -> None:
    load = uvloop.run(_drive(url, requests, connections, seconds, want))
    sender.send(asdict(load))


def drive(url: str, requests: Sequence[bytes], *, connections: int, seconds: float, status: int) -> Load:
    """Put load on a server for so many seconds; `requests` are sent round and round, `status` is what is expected."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    want = f"HTTP/1.1 {status}".encode()
    process = context.Process(target=_child, args=(sender, url, requests, connections, seconds, want))
    process.start()
    sender.close()
    found = receiver.recv()
    process.join()
    return Load(**found)


def get(url: str, path: str, key: str) -> bytes:
    """A GET request as bytes."""
    host = urlsplit(url).netloc
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def post_json(url: str, path: str, key: str, body: object) -> bytes:
    """A POST request with a JSON body as bytes."""
    return _post(url, path, key, "application/json", json.dumps(body).encode())


def post_form(url: str, path: str, key: str, fields: Mapping[str, str]) -> bytes:
    """A POST request with a multipart form as bytes."""
    parts = [f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}' for name, text in fields.items()]
    return _post(url, path, key, "multipart/form-data; boundary=XX", "\r\n".join([*parts, "--XX--\r\n"]).encode())


def _post(url: str, path: str, key: str, content_type: str, raw: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw
