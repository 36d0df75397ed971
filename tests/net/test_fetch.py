"""One file comes down whole and within its limits, or not at all."""

import asyncio
import gzip
import hashlib
import resource
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from net.downloads import ELEVEN_MB, GIF, LIMITS, MB, fetched, refusal
from net.servers import (
    Script,
    answer,
    open_guard,
    serving,
)
from reelway.net.fetch import FetchedFile, FetchError, FetchFailure, FetchLimits, fetch_to_file


def test_a_file_comes_down_whole_with_its_facts(target: Path) -> None:
    body = bytes(range(256)) * 8000
    outcome, server = fetched(target, {"/a": answer(body, Content_Type="Image/PNG; charset=binary")})

    assert outcome == FetchedFile(target, len(body), hashlib.sha256(body).hexdigest(), "image/png", server.url("/a"))
    assert target.read_bytes() == body
    assert "accept-encoding: identity" in server.requests[0].lower()


def test_a_file_of_exactly_the_limit_passes(target: Path) -> None:
    limits = FetchLimits(size_bytes_max=MB, deadline_s=5.0)
    outcome, _ = fetched(target, {"/a": answer(bytes(MB))}, limits=limits)
    assert isinstance(outcome, FetchedFile)
    assert outcome.content_type is None

    target.unlink()
    assert refusal(target, {"/a": answer(bytes(MB + 1))}, limits=limits).reason is FetchFailure.TOO_LARGE


def test_a_gif_comes_down_as_it_is(target: Path) -> None:
    outcome, _ = fetched(target, {"/a": answer(GIF, Content_Type="image/jpeg")})

    assert isinstance(outcome, FetchedFile)
    assert target.read_bytes() == GIF


def test_a_body_without_a_length_comes_down_too(target: Path) -> None:
    async def until_closed(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + ELEVEN_MB[:100_000])

    outcome, _ = fetched(target, {"/a": until_closed})

    assert isinstance(outcome, FetchedFile)
    assert outcome.size_bytes == 100_000


def test_a_stated_size_over_the_limit_is_refused_before_the_body(target: Path) -> None:
    sent: list[int] = []

    async def only_the_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", length=len(ELEVEN_MB)))
        await writer.drain()
        sent.append(1)
        await asyncio.Event().wait()

    error = refusal(target, {"/a": only_the_head})

    assert error.reason is FetchFailure.TOO_LARGE
    assert sent == [1]


@pytest.mark.parametrize("is_chunked", [True, False])
def test_eleven_megabytes_without_a_stated_size_are_cut_off_at_ten(target: Path, is_chunked: bool) -> None:
    sent_bytes: list[int] = [0]

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked\r\n" if is_chunked else b"") + b"\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n" if is_chunked else bytes(0x10000))
            await writer.drain()
            sent_bytes[0] += 0x10000

    assert refusal(target, {"/a": endless}).reason is FetchFailure.TOO_LARGE
    assert sent_bytes[0] < 20 * MB


@contextmanager
def memory_peak_below(bytes_max: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < bytes_max
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_refused_without_being_inflated(target: Path) -> None:
    bomb = gzip.compress(bytes(400 * MB), 9)
    assert len(bomb) < 0.5 * MB

    with memory_peak_below(12 * MB):
        error = refusal(target, {"/a": answer(bomb, Content_Encoding="gzip")})

    assert error.reason is FetchFailure.TOO_LARGE


def test_a_gzip_bomb_within_a_gzip_bomb_is_refused_by_its_encoding(target: Path) -> None:
    bomb = gzip.compress(gzip.compress(bytes(50 * MB)))

    for encoding in ("gzip, gzip", "br", "deflate", "zstd"):
        error = refusal(target, {"/a": answer(bomb, Content_Encoding=encoding)})
        assert error.reason is FetchFailure.UNKNOWN_ENCODING


def test_a_gzip_of_nothing_without_end_is_cut_off_by_its_size_on_the_wire(target: Path) -> None:
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10])
        while True:
            writer.write(b"\0\0\0\xff\xff" * 10_000)  # stored blocks of no bytes
            await writer.drain()

    limits = FetchLimits(size_bytes_max=MB, deadline_s=5.0)
    assert refusal(target, {"/a": endless}, limits=limits).reason is FetchFailure.TOO_LARGE


def test_a_gzipped_file_is_kept_as_it_was_before(target: Path) -> None:
    outcome, _ = fetched(target, {"/a": answer(gzip.compress(GIF * 1000), Content_Encoding="GZip")})

    assert isinstance(outcome, FetchedFile)
    assert target.read_bytes() == GIF * 1000


@pytest.mark.parametrize(
    "spoil", [lambda z: z[:-9], lambda z: z + b"more", lambda z: b"no gzip at all", lambda z: z + z]
)
def test_a_damaged_gzip_is_refused(target: Path, spoil: Callable[[bytes], bytes]) -> None:
    error = refusal(target, {"/a": answer(spoil(gzip.compress(GIF * 100)), Content_Encoding="gzip")})

    assert error.reason is FetchFailure.INTERRUPTED


def test_a_body_shorter_than_stated_is_refused(target: Path) -> None:
    async def short(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(ELEVEN_MB[:500_000], length=500_001))

    assert refusal(target, {"/a": short}).reason is FetchFailure.INTERRUPTED


def test_a_chunked_body_without_its_end_is_refused(target: Path) -> None:
    async def short(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")

    assert refusal(target, {"/a": short}).reason is FetchFailure.INTERRUPTED


def test_a_connection_reset_in_the_body_is_refused(target: Path) -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(ELEVEN_MB[:300_000], length=MB))
        await writer.drain()
        writer.transport.abort()

    assert refusal(target, {"/a": reset}).reason is FetchFailure.INTERRUPTED


def test_a_secure_stream_that_somebody_disturbs_is_refused(target: Path) -> None:
    async def disturbed(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(ELEVEN_MB[:300_000], length=MB))
        await writer.drain()
        raw = writer.transport._ssl_protocol._transport  # type: ignore[attr-defined]
        raw.write(b"\x17\x03\x03\x00\x40" + bytes(64))
        await asyncio.Event().wait()

    assert refusal(target, {"/a": disturbed}).reason is FetchFailure.TLS_FAILED


def test_a_connection_closed_without_an_answer_is_refused(target: Path) -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    assert refusal(target, {"/a": silent}).reason is FetchFailure.INTERRUPTED


@pytest.mark.parametrize(
    "head",
    [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000],
    ids=["ssh", "negative", "5000 digits", "two lengths", "bad chunk", "endless header"],
)  # fmt: skip
def test_an_answer_that_is_not_http_is_refused(target: Path, head: bytes) -> None:
    async def scripted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()

    assert refusal(target, {"/a": scripted}).reason in (FetchFailure.INTERRUPTED, FetchFailure.TOO_LARGE)


@pytest.mark.parametrize(
    "status", ["404 Not Found", "500 Oops", "204 No Content", "206 Partial Content", "304 Not Modified", "300 Choose"]
)
def test_any_status_but_200_is_told(target: Path, status: str) -> None:
    error = refusal(target, {"/a": answer(b"", status)})

    assert (error.reason, error.status) == (FetchFailure.HTTP_STATUS, int(status[:3]))
    assert error.public_text == f"HTTP {status[:3]}"


def test_an_empty_file_is_refused(target: Path) -> None:
    assert refusal(target, {"/a": answer(b"")}).reason is FetchFailure.EMPTY


@contextmanager
def files_no_larger_than(size_bytes: int) -> Iterator[None]:
    """The kernel's own limit on a file's size: to the writer it is a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_leaves_nothing(target: Path) -> None:
    with files_no_larger_than(MB):
        error = refusal(target, {"/a": answer(ELEVEN_MB[: 2 * MB])})

    assert error.reason is FetchFailure.NO_SPACE


def test_an_existing_file_is_neither_overwritten_nor_removed(target: Path) -> None:
    target.write_bytes(b"mine")

    async def scenario() -> None:
        async with serving({"/a": answer(GIF)}) as server, open_guard().client() as client:
            with pytest.raises(FileExistsError):
                await fetch_to_file(client, server.url("/a"), target, LIMITS)

    asyncio.run(scenario())
    assert target.read_bytes() == b"mine"


def test_downloads_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    bodies = {f"/{number}": bytes([number]) * (MB + number) for number in range(20)}

    async def scenario() -> list[FetchedFile]:
        answers: dict[str, bytes | Script] = {path: answer(body) for path, body in bodies.items()}
        async with serving(answers) as server, open_guard().client() as client:
            return await asyncio.gather(
                *(fetch_to_file(client, server.url(path), tmp_path / path[1:], LIMITS) for path in bodies)
            )

    for file in asyncio.run(scenario()):
        body = bodies[f"/{file.path.name}"]
        assert (file.size_bytes, file.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert file.path.read_bytes() == body


@pytest.mark.parametrize("reason", list(FetchFailure))
def test_every_reason_has_words_for_the_caller(reason: FetchFailure) -> None:
    text = FetchError(reason, 404 if reason is FetchFailure.HTTP_STATUS else None).public_text

    assert 5 < len(text) < 60
    assert "{" not in text
    assert "None" not in text
