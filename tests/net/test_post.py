"""Sending a message to servers that behave and to those that do not: what came of it, and nothing without a bound."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from net.servers import HOST, LOOPBACK, Names, Script, answer, open_guard, redirect, serving, to_loopback
from reelway.domain.webhooks import SendFault
from reelway.net.guard import Guard, HostUnresolvableError
from reelway.net.post import Poster, SendError

pytestmark = pytest.mark.anyio

BODY = b'{"id":"evt_1"}'
HEADERS = [("webhook-id", "evt_1")]


async def status_from(scripted: bytes | Script, timeout_s: float = 5.0) -> int:
    async with serving({"/hook": scripted}) as server, Poster(open_guard()).line(server.url("/hook")) as line:
        return await line.post(HEADERS, BODY, timeout_s)


async def fault_from(scripted: bytes | Script, timeout_s: float = 5.0) -> SendFault:
    with pytest.raises(SendError) as failed:
        await status_from(scripted, timeout_s)
    return failed.value.fault


def saying(*pieces: bytes) -> Script:
    """Send these, then close."""

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return script


async def for_ever(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("status", [200, 204, 302, 400, 410, 500, 503])
async def test_the_status_of_an_answer_comes_back(status: int) -> None:
    assert await status_from(answer(b"thanks" if status != 204 else b"", f"{status} Said")) == status


async def test_the_request_is_whole(anyio_backend: str) -> None:
    bodies: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await reader.readexactly(len(BODY)))
        writer.write(answer(b""))
        await writer.drain()

    async with serving({"/hook?a=b": script}) as server:
        async with Poster(open_guard()).line(server.url("/hook?a=b")) as line:
            await line.post(HEADERS, BODY, 5)
        head = server.requests[0].lower().split("\r\n")
    assert bodies == [BODY]
    assert head[0] == "post /hook?a=b http/1.1"
    for line_ in (
        f"host: {HOST}:{server.port}",
        "user-agent: reelway-webhooks/1",
        "content-type: application/json",
        f"content-length: {len(BODY)}",
        "webhook-id: evt_1",
    ):
        assert line_ in head


async def test_one_connection_serves_several_messages() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            await reader.readexactly(len(BODY))
            writer.write(answer(b"ok"))
            await writer.drain()
            await reader.readuntil(b"\r\n\r\n")

    async with serving({"/hook": script}) as server:
        async with Poster(open_guard()).line(server.url("/hook")) as line:
            assert [await line.post(HEADERS, BODY, 5) for _ in range(3)] == [200] * 3
        assert server.connections == 1


async def test_a_connection_that_the_other_side_closed_meanwhile_is_opened_again() -> None:
    async with serving({"/hook": saying(answer(b"ok"))}) as server:
        async with Poster(open_guard()).line(server.url("/hook")) as line:
            assert await line.post(HEADERS, BODY, 5) == 200
            assert await line.post(HEADERS, BODY, 5) == 200
        assert server.connections == 2


async def test_an_informational_answer_is_passed_over() -> None:
    assert await status_from(saying(b"HTTP/1.1 100 Continue\r\n\r\n", answer(b"", "201 Made"))) == 201


@pytest.mark.parametrize("where", ["http://files.example.com/elsewhere", "https://10.0.0.1/", "/again"])
async def test_a_redirect_is_not_followed(where: str) -> None:
    async with serving({"/hook": redirect(where, "307 There")}) as server:
        async with Poster(open_guard()).line(server.url("/hook")) as line:
            assert await line.post(HEADERS, BODY, 5) == 307
        assert len(server.requests) == 1


# --- servers that misbehave -------------------------------------------------------------------------------------------


async def test_a_server_that_never_answers_is_given_up() -> None:
    started_s = time.monotonic()
    assert await fault_from(for_ever, timeout_s=0.3) is SendFault.TIMEOUT
    assert time.monotonic() - started_s < 3


async def test_a_server_that_drips_its_head_is_given_up() -> None:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-A: b\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    assert await fault_from(script, timeout_s=0.3) is SendFault.TIMEOUT


async def test_an_answer_of_ten_gigabytes_is_not_read() -> None:
    sent = 0

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    started_s = time.monotonic()
    assert await status_from(script) == 200
    assert sent < 64 * 1024 * 1024, "what socket buffers hold, not what is offered"
    assert time.monotonic() - started_s < 3


async def test_an_answer_whose_body_never_comes_counts_by_its_head() -> None:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        await asyncio.Event().wait()

    assert await status_from(script) == 200


async def test_a_connection_that_closes_in_mid_body_counts_by_its_head() -> None:
    assert await status_from(saying(answer(b"half", length=1000))) == 200


async def test_a_connection_that_closes_in_mid_head_is_no_answer() -> None:
    assert await fault_from(saying(b"HTTP/1.1 200 OK\r\nContent-Le")) is SendFault.INVALID_RESPONSE


@pytest.mark.parametrize(
    "bytes_",
    [
        b"",
        b"hello\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x00" * 100,
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_no_answer(bytes_: bytes) -> None:
    assert await fault_from(saying(bytes_)) is SendFault.INVALID_RESPONSE


async def test_a_head_without_end_is_no_answer() -> None:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-A: " + b"b" * 1000 + b"\r\n")
            await writer.drain()

    assert await fault_from(script) is SendFault.INVALID_RESPONSE


# --- where it may go --------------------------------------------------------------------------------------------------


async def post_to(url: str, guard: Guard, *, allows_private: bool = False) -> int:
    async with Poster(guard, allows_private=allows_private).line(url) as line:
        return await line.post(HEADERS, BODY, 5)


async def fault_of(sending: Awaitable[int]) -> SendFault:
    with pytest.raises(SendError) as failed:
        await sending
    return failed.value.fault


async def test_a_name_that_leads_to_a_private_address_is_blocked() -> None:
    async with serving({"/hook": answer()}) as server:
        guard = Guard(to_loopback())
        assert await fault_of(post_to(server.url("/hook"), guard)) is SendFault.ADDRESS_BLOCKED
        assert server.connections == 0


async def test_a_dns_answer_that_changes_after_the_check_changes_nothing() -> None:
    """The name is asked once a connection; the address that was checked is the one that is called."""
    names = Names().set(HOST, [str(LOOPBACK)], ["10.0.0.1"])
    async with serving({"/hook": answer(b"ok")}) as server:
        guard = open_guard(names)
        assert await post_to(server.url("/hook"), guard) == 200
        assert names.asked == [HOST]
        assert await fault_of(post_to(server.url("/hook"), guard)) is SendFault.ADDRESS_BLOCKED
        assert server.connections == 1


@pytest.mark.parametrize("url", ["http://files.example.com/x", "https://127.0.0.1/x", "https://localhost/x"])
async def test_a_url_that_is_not_public_any_more_is_not_called(url: str) -> None:
    names = to_loopback()
    assert await fault_of(post_to(url, open_guard(names))) is SendFault.ADDRESS_BLOCKED
    assert names.asked == []


async def test_private_urls_are_called_where_the_operator_allows_them() -> None:
    async with serving({"/hook": answer()}, is_tls=False) as server:
        guard = Guard(is_allowed=lambda _: True)
        assert await post_to(f"http://127.0.0.1:{server.port}/hook", guard, allows_private=True) == 200


def make_unresolvable() -> Callable[[str, int], Awaitable[list[object]]]:
    async def resolve(host: str, _port: int) -> list[object]:
        raise HostUnresolvableError(host)

    return resolve


async def test_a_name_that_nobody_knows_is_told_as_no_connection() -> None:
    guard = Guard(make_unresolvable())  # type: ignore[arg-type]
    assert await fault_of(post_to("https://gone.example.com/x", guard)) is SendFault.CONNECT_FAILED


async def test_a_port_where_nobody_listens_is_told() -> None:
    assert await fault_of(post_to(f"https://{HOST}:1/x", open_guard())) is SendFault.CONNECT_FAILED


async def test_a_certificate_of_another_name_is_told() -> None:
    async with serving({"/hook": answer()}, names=("other.example.com",)) as server:
        assert await fault_of(post_to(server.url("/hook"), open_guard())) is SendFault.TLS_FAILED


async def test_a_server_without_tls_is_told() -> None:
    async with without_tls(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert await fault_of(post_to(f"https://{HOST}:{port}/x", open_guard())) is SendFault.TLS_FAILED


async def test_a_server_that_lets_the_handshake_hang_is_given_up() -> None:
    async with without_tls(b"") as port:
        with pytest.raises(SendError) as failed:
            async with Poster(open_guard()).line(f"https://{HOST}:{port}/x") as line:
                await line.post(HEADERS, BODY, 0.3)
        assert failed.value.fault is SendFault.TIMEOUT


@asynccontextmanager
async def without_tls(greeting: bytes) -> AsyncIterator[int]:
    """The port of a server that says something in clear text, then keeps the connection until the block ends."""
    is_over = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await is_over.wait()
        writer.close()

    listener = await asyncio.start_server(serve, str(LOOPBACK), 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        is_over.set()
        listener.close()
        await listener.wait_closed()
