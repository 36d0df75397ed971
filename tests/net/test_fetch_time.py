"""A download has one deadline, and can be cancelled at any time."""

import asyncio
import io
import threading
from pathlib import Path
from typing import Any

import pytest

from net.downloads import ELEVEN_MB, LIMITS, MB
from net.servers import (
    HOST,
    Script,
    answer,
    open_guard,
    redirect,
    serving,
)
from reelway.domain.public_url import IPAddress
from reelway.net.fetch import FetchError, FetchFailure, FetchLimits, _Sink, fetch_to_file
from reelway.net.guard import Guard


async def _slow_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: header\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _slow_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(b"", length=MB))
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _silence(_: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _redirect_drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.15)
    writer.write(redirect("/a"))
    await writer.drain()


@pytest.mark.parametrize("script", [_slow_head, _slow_body, _silence, _redirect_drip])
def test_the_deadline_holds_over_everything(target: Path, script: Script) -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        limits = FetchLimits(size_bytes_max=MB, deadline_s=0.3)
        async with serving({"/a": script}) as server, open_guard().client() as client:
            started_s = loop.time()
            with pytest.raises(FetchError) as caught:
                await fetch_to_file(client, server.url("/a"), target, limits)
            assert caught.value.reason is FetchFailure.TIMEOUT
            return loop.time() - started_s

    assert asyncio.run(scenario()) < 2.0
    assert not target.exists()


def test_a_resolver_that_hangs_meets_the_deadline(target: Path) -> None:
    async def never(host: str, port: int) -> list[IPAddress]:
        await asyncio.Event().wait()
        return []

    async def scenario() -> None:
        async with Guard(never).client() as client:
            with pytest.raises(FetchError) as caught:
                await fetch_to_file(client, f"https://{HOST}/a", target, FetchLimits(MB, 0.05))
            assert caught.value.reason is FetchFailure.TIMEOUT

    asyncio.run(scenario())


def test_a_cancelled_download_leaves_nothing(target: Path) -> None:
    async def scenario() -> None:
        is_sent = asyncio.Event()

        async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer(ELEVEN_MB[: 9 * MB], length=10 * MB))
            await writer.drain()
            is_sent.set()
            await asyncio.Event().wait()

        async with serving({"/a": slow}) as server, open_guard().client() as client:
            task = asyncio.create_task(fetch_to_file(client, server.url("/a"), target, LIMITS))
            await is_sent.wait()  # so that most of it is read, and written, by now
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(asyncio.wait_for(scenario(), 10))
    assert not target.exists()


def test_a_cancelled_write_is_over_before_the_cancellation_is_told(target: Path) -> None:
    """The file is closed next, and must not be closed under a write."""

    class SlowDisk(io.BytesIO):
        def write(self, data: Any) -> int:
            is_writing.set()
            go_on.wait(5)
            return super().write(data)

    is_writing, go_on = threading.Event(), threading.Event()
    file = SlowDisk()

    async def scenario() -> None:
        sink = _Sink(file, MB)
        await sink.add(b"hello")
        task = asyncio.create_task(sink.flush())
        await asyncio.to_thread(is_writing.wait, 5)
        task.cancel()
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert file.getvalue() == b"hello"

    asyncio.run(scenario())
