"""Every way in which a request to a provider can end, by a real server that behaves so: sent, lost, or never sent."""

import asyncio
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from net.servers import LOOPBACK, Names, Script, Server, answer, redirect, serving
from reelway.net.fetch import FetchedFile
from reelway.net.guard import Guard
from reelway.providers.config import ProviderConfig
from reelway.providers.http import ANSWER_BYTES_MAX, Answered, HttpUpstream, Lost, NotSent, TooLarge

pytestmark = pytest.mark.anyio

TOKEN = "sk-very-secret-0123456789"
OTHER = "files.example.net"


def authorize() -> Mapping[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def config(base_url: str, **changes: Any) -> ProviderConfig:
    given = {"name": "one", "kind": "openai_videos", "base_url": base_url, "allow_private": True}
    return ProviderConfig.model_validate({**given, "requests_per_second_max": 10_000, "request_seconds": 5} | changes)


@asynccontextmanager
async def upstream(base_url: str, guard: Guard | None = None, **changes: Any) -> AsyncIterator[HttpUpstream]:
    client = HttpUpstream(config(base_url, **changes), guard or Guard(), authorize)
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def talking(script: bytes | Script, **changes: Any) -> AsyncIterator[tuple[HttpUpstream, Server]]:
    """A client of a server that answers the path `/x` by the script."""
    async with (
        serving({"/x": script}, is_tls=False) as server,
        upstream(f"http://127.0.0.1:{server.port}", **changes) as client,
    ):
        yield client, server


async def post(client: HttpUpstream, deadline_s: float = 5.0) -> Answered | NotSent | Lost:
    return await client.post_json("/x", {"prompt": "ایک بوتل"}, deadline_s=deadline_s)


# --- never sent -------------------------------------------------------------------------------------------------------


def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def test_where_nobody_listens_nothing_was_sent() -> None:
    async with upstream(f"http://127.0.0.1:{closed_port()}") as client:
        assert await post(client) == NotSent("no connection")


async def test_where_the_name_has_no_address_nothing_was_sent() -> None:
    async with upstream("http://nowhere.invalid") as client:
        assert await post(client) == NotSent("the host name cannot be resolved")


async def test_a_private_address_is_not_called_unless_the_entry_allows_it() -> None:
    async with serving({"/x": answer(b"{}")}, is_tls=False, names=()) as server:
        names = Names().set(OTHER, [str(LOOPBACK)])
        guard = Guard(resolve=names)
        async with upstream(f"http://{OTHER}:{server.port}", guard, allow_private=False) as client:
            assert await post(client) == NotSent("the address is not allowed")
        assert server.connections == 0
        async with upstream(f"http://{OTHER}:{server.port}", guard) as client:
            assert isinstance(await post(client), Answered)


async def test_a_handshake_that_fails_sends_nothing() -> None:
    async with talking(answer(b"{}")) as (_, server), upstream(f"https://127.0.0.1:{server.port}") as client:
        assert isinstance(await post(client), NotSent)


async def test_a_handshake_that_hangs_ends_in_time_and_sends_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        async with upstream(f"https://127.0.0.1:{port}", connect_seconds=0.2) as client:
            assert await post(client) == NotSent("no answer in time")
        async with upstream(f"https://127.0.0.1:{port}") as client:
            assert await post(client, deadline_s=0.2) == NotSent("no answer in time")


async def test_a_request_that_waits_for_its_turn_too_long_was_not_sent_and_that_is_no_fault_of_the_provider() -> None:
    async with talking(answer(b"{}"), requests_per_second_max=1) as (client, server):
        assert isinstance(await post(client), Answered)
        reply = await post(client, deadline_s=0.1)
        assert isinstance(reply, NotSent)
        assert reply.is_ours
        assert len(server.requests) == 1


# --- sent, and no whole answer ----------------------------------------------------------------------------------------


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pass


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def dribbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte at a time: each read is in time, the whole is not."""
    writer.write(answer(b"", length=1_000))
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


def and_hangs_up(content: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return script


LOST = {
    "the connection is closed": (hangs_up, "the connection broke off"),
    "the connection is reset": (resets, "the connection broke off"),
    "the answer breaks off": (and_hangs_up(answer(b'{"code"', length=100)), "the connection broke off"),
    "the answer is no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "the connection broke off"),
    "the answer is in a wrong encoding": (answer(b"plain", Content_Encoding="gzip"), "the connection broke off"),
    "the answer never comes": (hangs, "no answer in time"),
    "the answer never ends": (dribbles, "no answer in time"),
    "the answer is too long": (answer(b" " * (ANSWER_BYTES_MAX + 1)), "the answer is too long"),
}


@pytest.mark.parametrize("name", LOST)
async def test_what_was_sent_and_not_answered_whole_is_lost(name: str) -> None:
    script, reason = LOST[name]
    async with talking(script) as (client, server):
        started = time.monotonic()
        reply = await post(client, deadline_s=0.5 if script in (hangs, dribbles) else 5.0)
        assert reply == Lost(reason)
        assert time.monotonic() - started < 4
        assert len(server.requests) == 1, "it must not be sent again by itself"


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "429 Too Many Requests", "500 Oops", "503 Away"])
async def test_every_whole_answer_counts_as_one(status: str) -> None:
    async with talking(answer(b'{"code":1}', status, Retry_After="7")) as (client, _):
        reply = await post(client)
        assert isinstance(reply, Answered)
        assert reply.status == int(status[:3])
        assert reply.is_server_fault == status.startswith("5")
        assert reply.json_object() == {"code": 1}
        assert reply.retry_after_s(3.0) == 7.0


@pytest.mark.parametrize(
    ("header", "seconds"), [("", 3), ("0", 1), ("soon", 3), ("-4", 3), ("99999", 3600), ("1" * 30, 3), ("٣", 3)]
)
def test_retry_after_is_read_with_care(header: str, seconds: float) -> None:
    assert Answered(429, {"retry-after": header}).retry_after_s(3.0) == seconds


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"null", b"[" * 100_000, b"\xff\xfe"])
def test_only_an_object_is_an_object(body: bytes) -> None:
    assert Answered(200, body=body).json_object() is None


async def test_a_compressed_answer_is_read() -> None:
    async with talking(answer(gzip.compress(b'{"code":0}'), Content_Encoding="gzip")) as (client, _):
        reply = await post(client)
        assert isinstance(reply, Answered)
        assert reply.json_object() == {"code": 0}


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with talking(redirect("/elsewhere")) as (client, server):
        reply = await post(client)
        assert isinstance(reply, Answered)
        assert reply.status == 302
        assert len(server.requests) == 1


async def test_a_request_carries_what_it_should() -> None:
    async with talking(answer(b"{}")) as (client, server):
        await client.post_json("/x", {"a": "ایک"}, headers={"Idempotency-Key": "task-1"}, deadline_s=5)
        head = server.requests[0].lower()
        assert head.startswith("post /x http/1.1\r\n")
        for line in (f"authorization: bearer {TOKEN}", "content-type: application/json", "idempotency-key: task-1"):
            assert line in head
        assert (
            f"content-length: {len(json.dumps({'a': 'ایک'}, ensure_ascii=False, separators=(',', ':')).encode())}"
            in head
        )
        assert "user-agent: reelway/1" in head


async def test_what_may_cost_money_has_a_connection_of_its_own_and_reads_share_one() -> None:
    async with talking(answer(b"{}")) as (client, server):
        for _ in range(3):
            await post(client)
        assert server.connections == 3
        for _ in range(3):
            await client.get_json("/x")
        assert server.connections == 4


async def test_requests_keep_to_the_rate() -> None:
    async with talking(answer(b"{}"), requests_per_second_max=20) as (client, _):
        started = time.monotonic()
        await asyncio.gather(*(client.get_json("/x") for _ in range(6)))
        assert time.monotonic() - started >= 5 / 20


async def test_requests_that_were_given_up_take_no_turn_with_them() -> None:
    async with talking(answer(b"{}"), requests_per_second_max=2) as (client, server):
        assert isinstance(await client.get_json("/x"), Answered)
        given_up = [asyncio.create_task(client.get_json("/x")) for _ in range(20)]
        await asyncio.sleep(0)
        for task in given_up:
            task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
        await asyncio.gather(*(client.get_json("/x", deadline_s=0.1) for _ in range(20)))
        assert isinstance(await client.get_json("/x"), Answered)
        assert len(server.requests) == 2


async def test_the_time_for_an_answer_begins_with_the_turn() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.6)
        writer.write(answer(b"{}"))

    async with talking(slow, requests_per_second_max=1) as (client, _):
        replies = await asyncio.gather(*(client.get_json("/x", deadline_s=1.4) for _ in range(2)))
        assert [type(reply) for reply in replies] == [Answered, Answered]


async def test_a_post_waits_for_its_turn_and_its_answer_within_one_deadline() -> None:
    async with talking(hangs, requests_per_second_max=1) as (client, _):
        assert isinstance(await client.get_json("/x", deadline_s=0.1), Lost)
        started_s = time.monotonic()
        assert isinstance(await post(client, deadline_s=2.0), Lost)
        assert 1.8 < time.monotonic() - started_s < 2.5


async def test_nothing_that_is_said_names_a_credential_or_an_address() -> None:
    async with talking(hangs_up) as (client, server):
        reply = await client.get_json("/x", params={"key": TOKEN})
        assert TOKEN not in repr(reply)
        assert str(server.port) not in repr(reply)
        assert TOKEN not in repr(client)


# --- files ------------------------------------------------------------------------------------------------------------

VIDEO = b"\x00\x00\x00\x18ftypmp42" + b"v" * 5_000


async def fetched(client: HttpUpstream, url: str, folder: Path, limit: int = 1_000_000, **more: Any) -> Any:
    return await client.stream_to_file(url, folder / "video.mp4", limit, **more)


async def test_a_file_is_saved_whole(tmp_path: Path) -> None:
    async with talking(answer(VIDEO)) as (client, server):
        reply = await fetched(client, f"http://127.0.0.1:{server.port}/x", tmp_path)
        assert isinstance(reply, FetchedFile)
        assert reply.path.read_bytes() == VIDEO
        assert "authorization" not in server.requests[0].lower()


def left_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


FILE_FAULTS = {
    "an expired address": (answer(b"", "403 Forbidden"), Answered(403)),
    "a file that is gone": (answer(b"", "410 Gone"), Answered(410)),
    "a truncated file": (and_hangs_up(answer(VIDEO[:100], length=len(VIDEO))), Lost("the download broke off")),
    "an empty file": (answer(b""), Lost("the file is empty")),
    "a file that never ends": (dribbles, Lost("the download took too long")),
    "too large a file": (answer(VIDEO * 10), TooLarge(20_000)),
}


@pytest.mark.parametrize("name", FILE_FAULTS)
async def test_a_file_that_does_not_come_leaves_nothing(name: str, tmp_path: Path) -> None:
    script, expected = FILE_FAULTS[name]
    async with talking(script, fetch_seconds=1) as (client, server):
        assert await fetched(client, f"http://127.0.0.1:{server.port}/x", tmp_path, limit=20_000) == expected
        assert left_in(tmp_path) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "http://192.168.0.9/x", "ftp://files.example.com/x", "nonsense"])
async def test_a_file_at_an_address_that_is_not_public_is_not_fetched(url: str, tmp_path: Path) -> None:
    async with upstream("https://api.example.com", allow_private=False) as client:
        assert isinstance(await fetched(client, url, tmp_path), NotSent)


async def test_our_credentials_go_to_the_providers_own_host_and_no_further(tmp_path: Path) -> None:
    async with serving({"/video": answer(VIDEO)}, is_tls=False) as elsewhere:
        target = f"http://localhost:{elsewhere.port}/video"
        async with talking(redirect(target)) as (client, server):
            reply = await fetched(client, "/x", tmp_path, authorized=True)
            assert isinstance(reply, FetchedFile)
            assert f"bearer {TOKEN}" in server.requests[0].lower()
            assert "authorization" not in elsewhere.requests[0].lower()
