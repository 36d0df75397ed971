"""Connections go only to addresses that were checked, whatever way httpx makes them."""

import asyncio
import ipaddress
from collections.abc import Awaitable
from typing import TypeVar

import httpcore
import httpx
import pytest

from net.servers import HOST, LOOPBACK, Names, answer, client_tls, is_loopback, open_guard, redirect, serving
from reelway.domain.public_url import IPAddress
from reelway.net.guard import AddressBlockedError, Guard, HostUnresolvableError, resolve_with_system

Value = TypeVar("Value")
PUBLIC = "93.184.215.14"


def soon(awaitable: Awaitable[Value]) -> Value:
    """Run to the end, but never hang."""

    async def bounded() -> Value:
        return await asyncio.wait_for(awaitable, 10)

    return asyncio.run(bounded())


async def get(guard: Guard, url: str, **options: bool) -> httpx.Response:
    async with guard.client() as client:
        return await client.get(url, **options)  # type: ignore[arg-type]


def test_the_connection_goes_to_the_address_and_the_certificate_is_checked_for_the_name() -> None:
    async def scenario() -> None:
        names = Names().set(HOST, [str(LOOPBACK)])
        async with serving({"/a": answer(b"hello")}) as server:
            response = await get(open_guard(names), server.url("/a"))

            assert response.content == b"hello"
            assert names.asked == [HOST]
            assert server.server_names == [HOST]
            assert f"Host: {HOST}:{server.port}".lower() in server.requests[0].lower()

    soon(scenario())


def test_a_certificate_for_another_name_is_refused() -> None:
    async def scenario() -> None:
        async with serving({"/a": answer(b"hello")}, names=["other.example.com"]) as server:
            with pytest.raises(httpx.ConnectError) as caught:
                await get(open_guard(), server.url("/a"))

            assert not isinstance(caught.value, AddressBlockedError)
            assert "certificate is not valid for" in str(caught.value)
            assert server.requests == []

    soon(scenario())


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::1"], ["::ffff:127.0.0.1"],
     ["64:ff9b::7f00:1"], [PUBLIC] * 5 + ["169.254.169.254"]],
)  # fmt: skip
def test_one_address_that_is_not_public_blocks_the_host_and_nothing_connects(addresses: list[str]) -> None:
    async def scenario() -> None:
        async with serving({"/a": answer(b"hello")}) as server:
            guard = Guard(Names().set(HOST, addresses), tls=client_tls())
            with pytest.raises(AddressBlockedError) as caught:
                await get(guard, server.url("/a"))

            assert server.connections == 0
            assert not any(address in str(caught.value) for address in addresses)

    soon(scenario())


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.0", "[fe80::1%25lo]"]
)
def test_an_address_in_the_url_is_checked_without_a_resolver(host: str) -> None:
    async def scenario() -> None:
        names = Names()
        async with serving(is_tls=False) as server:
            with pytest.raises((AddressBlockedError, httpx.InvalidURL)):
                await get(Guard(names), server.url("/a", host))

            assert server.connections == 0
            assert names.asked == []

    soon(scenario())


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1", "017700000001"])
def test_the_systems_resolver_may_spell_loopback_as_it_likes(host: str) -> None:
    async def scenario() -> None:
        async with serving(is_tls=False) as server:
            with pytest.raises(AddressBlockedError):
                await get(Guard(), server.url("/a", host))

            assert server.connections == 0

    soon(scenario())


def test_an_answer_that_changes_after_the_check_changes_nothing() -> None:
    async def scenario() -> None:
        names = Names().set(HOST, [str(LOOPBACK)], ["127.0.0.2"])
        async with serving({"/a": answer(b"hello")}) as server, open_guard(names).client() as client:
            first = await client.get(server.url("/a"))
            second = await client.get(server.url("/a"))

            assert (first.content, second.content) == (b"hello", b"hello")
            assert names.asked == [HOST]
            assert server.connections == 1

    soon(scenario())


def test_each_new_connection_is_checked_again() -> None:
    async def scenario() -> None:
        names = Names().set(HOST, [str(LOOPBACK)], ["127.0.0.2"])
        async with (
            serving({"/a": answer(b"hello", Connection="close")}) as server,
            open_guard(names).client() as client,
        ):
            await client.get(server.url("/a"))
            with pytest.raises(AddressBlockedError):
                await client.get(server.url("/a"))

            assert names.asked == [HOST, HOST]

    soon(scenario())


def test_the_next_checked_address_is_tried_when_one_does_not_answer() -> None:
    async def scenario() -> None:
        names = Names().set(HOST, ["127.0.0.2", "127.0.0.3", str(LOOPBACK)])
        guard = Guard(names, lambda address: address.is_loopback, client_tls())
        async with serving({"/a": answer(b"hello")}) as server:
            assert (await get(guard, server.url("/a"))).content == b"hello"
            assert names.asked == [HOST]

    soon(scenario())


def test_a_host_that_answers_nowhere_is_a_plain_connect_error() -> None:
    async def scenario() -> None:
        names = Names().set(HOST, ["127.0.0.2", "127.0.0.3"])
        guard = Guard(names, lambda address: address.is_loopback, client_tls())
        async with serving() as server:
            with pytest.raises(httpx.ConnectError) as caught:
                await get(guard, server.url("/a"))

        assert not isinstance(caught.value, AddressBlockedError | HostUnresolvableError)

    soon(scenario())


def test_a_name_without_addresses_is_unresolvable() -> None:
    with pytest.raises(HostUnresolvableError):
        soon(get(Guard(Names().set(HOST, [])), f"https://{HOST}/"))


def test_a_name_that_no_name_server_could_be_asked_for_is_unresolvable() -> None:
    with pytest.raises(HostUnresolvableError):
        soon(resolve_with_system("a" * 64 + ".example.com", 443))


def test_the_systems_resolver_answers_with_addresses() -> None:
    assert LOOPBACK in soon(resolve_with_system("localhost", 443))


def test_a_resolver_that_never_answers_is_a_connect_timeout() -> None:
    async def never(host: str, port: int) -> list[IPAddress]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(httpx.ConnectTimeout):
        soon(get(Guard(never, connect_timeout_s=0.05), f"https://{HOST}/"))


def test_a_request_cannot_lift_the_limit_on_connecting() -> None:
    async def never(host: str, port: int) -> list[IPAddress]:
        await asyncio.Event().wait()
        return []

    async def scenario() -> None:
        async with Guard(never, connect_timeout_s=0.05).client() as client:
            with pytest.raises(httpx.ConnectTimeout):
                await client.get(f"https://{HOST}/", timeout=None)

    soon(scenario())


def test_redirects_are_not_followed() -> None:
    async def scenario() -> None:
        async with serving() as server:
            server.answers["/a"] = redirect(server.url("/b"))
            response = await get(open_guard(), server.url("/a"))

            assert response.status_code == 302
            assert len(server.requests) == 1

    soon(scenario())


def test_a_redirect_that_the_caller_has_followed_is_checked_too() -> None:
    async def scenario() -> None:
        async with serving() as server, serving(is_tls=False) as inside:
            server.answers["/a"] = redirect(inside.url("/b", "127.0.0.2"))
            with pytest.raises(AddressBlockedError):
                await get(open_guard(), server.url("/a"), follow_redirects=True)

            assert inside.connections == 0

    soon(scenario())


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with serving({"/a": answer(b"hello")}) as server, serving(is_tls=False) as proxy:
            for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            response = await get(open_guard(), server.url("/a"))

            assert response.content == b"hello"
            assert proxy.connections == 0

    soon(scenario())


def test_cookies_are_not_kept() -> None:
    async def scenario() -> None:
        body = answer(b"hello", Set_Cookie="session=1; Path=/")
        async with serving({"/a": body}) as server, open_guard().client() as client:
            await client.get(server.url("/a"))
            await client.get(server.url("/a"))

            assert not client.cookies
            assert "cookie" not in "".join(server.requests).lower()

    soon(scenario())


def test_a_host_is_told_apart_from_others_by_its_own_connections() -> None:
    async def scenario() -> None:
        names = Names().set(HOST, [str(LOOPBACK)]).set("private.example.com", ["10.0.0.1"])
        async with serving({"/a": answer(b"hello")}) as server, open_guard(names).client() as client:
            await client.get(server.url("/a"))
            with pytest.raises(AddressBlockedError):
                await client.get(server.url("/a", "private.example.com"), headers={"Host": HOST})

    soon(scenario())


def test_local_sockets_are_out_of_reach() -> None:
    async def scenario() -> None:
        guard = Guard(Names(), is_loopback)
        async with guard.client() as client:
            pool = client._transport._pool  # type: ignore[attr-defined]
            assert isinstance(pool, httpcore.AsyncConnectionPool)
            with pytest.raises(AddressBlockedError):
                await pool._network_backend.connect_unix_socket("/run/anything.sock")

    soon(scenario())


def test_a_blocked_address_is_also_an_ordinary_connect_error_to_those_who_do_not_ask() -> None:
    with pytest.raises(httpx.ConnectError):
        soon(get(Guard(Names().set(HOST, ["10.0.0.1"])), f"https://{HOST}/"))


def test_the_usual_authorities_are_trusted_by_default() -> None:
    async def scenario() -> None:
        guard = Guard(Names().set(HOST, [str(LOOPBACK)]), is_loopback)
        async with serving({"/a": answer(b"hello")}) as server:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await get(guard, server.url("/a"))

    soon(scenario())


def test_ipv6_is_reached_by_its_literal() -> None:
    async def scenario() -> None:
        listener = await asyncio.start_server(lambda _r, w: w.close(), "::1", 0)
        port = listener.sockets[0].getsockname()[1]
        guard = Guard(Names(), lambda address: address == ipaddress.ip_address("::1"))
        async with listener:
            with pytest.raises(httpx.RemoteProtocolError):  # connected: the other end just hangs up
                await get(guard, f"http://[::1]:{port}/")

    soon(scenario())
