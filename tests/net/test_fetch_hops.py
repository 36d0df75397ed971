"""Every hop of a download is checked: its URL, its address and its certificate."""

import asyncio
from pathlib import Path

import pytest

from net.downloads import GIF, LIMITS, MB, fetched, refusal
from net.servers import (
    HOST,
    LOOPBACK,
    Names,
    Script,
    Server,
    answer,
    open_guard,
    redirect,
    serving,
    to_loopback,
)
from reelway.net.fetch import FetchedFile, FetchError, FetchFailure, FetchLimits, fetch_to_file


def test_three_redirects_are_followed_and_a_fourth_is_not(target: Path) -> None:
    hops: dict[str, bytes | Script] = {"/1": redirect("/2", "301 Moved"), "/2": redirect("/3", "303 See Other"),
                                       "/3": redirect("/4", "307 Temporary"), "/4": answer(GIF)}  # fmt: skip
    outcome, server = fetched(target, hops, url=lambda server: server.url("/1"))
    assert isinstance(outcome, FetchedFile)
    assert outcome.url == server.url("/4")

    target.unlink()
    error = refusal(target, {"/0": redirect("/1", "308 Permanent"), **hops}, url=lambda server: server.url("/0"))
    assert error.reason is FetchFailure.TOO_MANY_REDIRECTS


def test_a_redirect_loop_ends(target: Path) -> None:
    outcome, server = fetched(target, {"/a": redirect("/b"), "/b": redirect("/a")})

    assert isinstance(outcome, FetchError)
    assert outcome.reason is FetchFailure.TOO_MANY_REDIRECTS
    assert len(server.requests) == 4


def test_redirects_to_another_host_are_resolved_and_checked_there(target: Path) -> None:
    names = to_loopback().set("inside.example.com", ["10.1.2.3"])

    def prepare(server: Server) -> None:
        server.answers["/a"] = redirect(server.url("/b", "inside.example.com"))

    outcome, server = fetched(target, {"/b": answer(GIF)}, names=names, prepare=prepare)

    assert isinstance(outcome, FetchError)
    assert outcome.reason is FetchFailure.ADDRESS_BLOCKED
    assert names.asked == [HOST, "inside.example.com"]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "location",
    ["https://169.254.169.254/latest/meta-data/", "http://169.254.169.254/", "http://files.example.com/a",
     "//127.0.0.1/", "https://localhost/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_", "https://user@files.example.com/",
     "https://files.example.com/#x", "https://[::1]/", "https://2130706433/", "https://xn--a.example.com/",
     "https://files.example.com:99999/", "https://[oops/", "https://./x", "\\\\127.0.0.1\\x", "https://１２７.0.0.1/",
     "javascript:1", "data:image/png;base64,AAAA"],
)  # fmt: skip
def test_a_redirect_must_lead_to_a_public_https_url(target: Path, location: str) -> None:
    names = to_loopback().set("xn--a.example.com", [str(LOOPBACK)])
    outcome, server = fetched(target, {"/a": redirect(location)}, names=names)

    assert isinstance(outcome, FetchError)
    assert outcome.reason is FetchFailure.BAD_URL
    assert outcome.public_text == "the URL is not a public https URL"
    assert server.connections == 1


def test_a_redirect_to_a_private_address_is_stopped_by_the_guard_alone(target: Path) -> None:
    """The two checks do not depend on each other."""

    async def scenario() -> None:
        async with serving({"/a": redirect("https://169.254.169.254/")}) as server, open_guard().client() as client:
            with pytest.raises(FetchError) as caught:
                await fetch_to_file(client, server.url("/a"), target, LIMITS, check_url=lambda _: None)

        assert caught.value.reason is FetchFailure.ADDRESS_BLOCKED
        assert caught.value.public_text == "the address is not public"

    asyncio.run(scenario())


def test_an_answer_that_changes_between_check_and_use_changes_nothing(target: Path) -> None:
    names = Names().set(HOST, [str(LOOPBACK)], ["169.254.169.254"])
    outcome, _ = fetched(target, {"/a": answer(GIF)}, names=names)

    assert isinstance(outcome, FetchedFile)
    assert names.asked == [HOST]


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example.com/",
        "https://127.0.0.1/",
        "https://localhost/a",
        "https://files.example.com/a#b",
        "nonsense",
    ],
)
def test_a_url_that_is_not_public_is_refused_without_a_lookup(target: Path, url: str) -> None:
    names = to_loopback()
    error = refusal(target, {}, names=names, url=lambda _: url)

    assert error.reason is FetchFailure.BAD_URL
    assert names.asked == []


@pytest.mark.parametrize("addresses", [["127.0.0.2"], [str(LOOPBACK), "127.0.0.2"], ["169.254.169.254"]])
def test_a_host_with_an_address_that_is_not_allowed_is_refused(target: Path, addresses: list[str]) -> None:
    outcome, server = fetched(target, {"/a": answer(GIF)}, names=Names().set(HOST, addresses))

    assert isinstance(outcome, FetchError)
    assert outcome.reason is FetchFailure.ADDRESS_BLOCKED
    assert not any(address in outcome.public_text for address in addresses)
    assert server.connections == 0


def test_a_host_without_an_address_is_refused(target: Path) -> None:
    error = refusal(target, {}, names=Names().set(HOST, []))

    assert error.reason is FetchFailure.UNRESOLVABLE


def test_a_certificate_for_another_name_is_refused(target: Path) -> None:
    outcome, server = fetched(target, {"/a": answer(GIF)}, certificate_for="other.example.com")

    assert isinstance(outcome, FetchError)
    assert outcome.reason is FetchFailure.TLS_FAILED
    assert server.requests == []


def test_a_server_without_tls_is_refused(target: Path) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(GIF))
        writer.close()

    assert asyncio.run(refusal_by(plain, target)).reason is FetchFailure.TLS_FAILED


def test_a_handshake_that_hangs_meets_the_deadline_and_keeps_no_socket(target: Path) -> None:
    async def scenario() -> FetchError:
        closed = asyncio.Event()

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(4096):
                pass
            closed.set()
            writer.close()

        error = await refusal_by(hang, target)
        await asyncio.wait_for(closed.wait(), 5)
        return error

    assert asyncio.run(scenario()).reason is FetchFailure.TIMEOUT


async def refusal_by(connected: Script, target: Path) -> FetchError:
    """What comes of fetching over TLS from a server that does not speak it."""
    listener = await asyncio.start_server(connected, str(LOOPBACK), 0)
    url = f"https://{HOST}:{listener.sockets[0].getsockname()[1]}/a"
    limits = FetchLimits(size_bytes_max=MB, deadline_s=0.3)
    async with listener, open_guard().client() as client:
        with pytest.raises(FetchError) as caught:
            await fetch_to_file(client, url, target, limits)
    return caught.value


def test_a_closed_port_is_refused(target: Path) -> None:
    async def scenario() -> None:
        async with serving() as server:
            url = server.url("/a")
        async with open_guard().client() as client:
            with pytest.raises(FetchError) as caught:
                await fetch_to_file(client, url, target, LIMITS)

        assert caught.value.reason is FetchFailure.CONNECT_FAILED
        assert "127.0.0.1" not in caught.value.public_text

    asyncio.run(scenario())
