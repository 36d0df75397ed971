"""Multipart bodies: read as they arrive, in any pieces, with a limit on everything, and nothing left on the disk."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reelway.dialects.base import Form
from reelway.domain.errors import BodyTooLargeError, ContentTypeError, MalformedBodyError, UnavailableError
from reelway.server.exchange import BodyTimeoutError, ClientGoneError, Exchange
from reelway.server.multipart import read_form

pytestmark = pytest.mark.anyio

BOUNDARY = b"----reelway"
TYPE = "multipart/form-data; boundary=----reelway"
LIMIT = 1_000
IMAGE = bytes(range(256)) + b"\r\n--not the boundary\r\n"


def part(name: str, value: bytes, filename: str | None = None, headers: bytes = b"") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    return b"--" + BOUNDARY + b"\r\n" + disposition.encode() + b"\r\n" + headers + b"\r\n" + value + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


GOOD = body(part("kind", b"image"), part("file", IMAGE, "start.png"))


def exchange(pieces: Iterable[bytes], content_type: str = TYPE, **headers: str) -> Exchange:
    """A request whose body comes in these pieces, as a server hands them over."""
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    return scripted(messages, content_type, headers)


def scripted(messages: list[dict[str, Any]], content_type: str, headers: Mapping[str, str]) -> Exchange:
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    async def send(_message: Any) -> None:
        raise AssertionError("nothing is answered here")

    fields = {"content-type": content_type, **headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
    return Exchange.begin({"type": "http", "method": "POST", "headers": raw}, receive, send, "req_1")


async def read(found: Exchange, folder: Path, limit: int = LIMIT) -> tuple[Form, list[bytes]]:
    async with read_form(found, folder, lambda _fields: limit, 5.0) as form:
        return form, [file.path.read_bytes() for file in form.files]


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """Where uploads lie; nothing may be left there after a test, however it went."""
    path = tmp_path / "uploads"
    yield path
    assert not path.exists() or list(path.iterdir()) == []


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
async def test_a_form_is_read_the_same_in_pieces_of_any_size(folder: Path, size: int) -> None:
    pieces = [GOOD[start : start + size] for start in range(0, len(GOOD), size)]
    form, contents = await read(exchange(pieces), folder)
    assert form.fields == (("kind", "image"),)
    assert [(file.field, file.filename, file.size_bytes) for file in form.files] == [("file", "start.png", len(IMAGE))]
    assert contents == [IMAGE]


async def test_fields_come_in_their_order_repeats_included(folder: Path) -> None:
    form, _ = await read(exchange([body(part("a", b"1"), part("b", b""), part("a", "۲".encode()))]), folder)
    assert form.fields == (("a", "1"), ("b", ""), ("a", "۲"))


async def test_an_empty_file_is_a_file(folder: Path) -> None:
    form, contents = await read(exchange([body(part("file", b"", "empty.png"))]), folder)
    assert (len(form.files), contents) == (1, [b""])


async def test_the_name_of_a_file_leads_nowhere_on_our_disk(folder: Path) -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "a\\..\\b.png", "%2e%2e/x", ""):
        form, contents = await read(exchange([body(part("file", b"x", name))]), folder)
        assert contents == [b"x"]
        assert form.files[0].path.parent == folder


async def test_a_header_beside_the_disposition_is_no_trouble(folder: Path) -> None:
    headers = b"Content-Type: image/png\r\nX-Anything: yes\r\n"
    form, _ = await read(exchange([body(part("file", b"x", "a.png", headers))]), folder)
    assert form.files[0].filename == "a.png"


async def test_the_limit_follows_the_fields_that_came_before(folder: Path) -> None:
    seen: list[dict[str, str]] = []

    def limit(fields: Mapping[str, str]) -> int:
        seen.append(dict(fields))
        return 10 if fields.get("model") == "small" else LIMIT

    sent = exchange([body(part("model", b"small"), part("file", b"x" * 11, "a.png"))])
    with pytest.raises(BodyTooLargeError) as refused:
        await read_form(sent, folder, limit, 5.0).__aenter__()
    assert (refused.value.field, refused.value.size_bytes_max) == ("file", 10)
    assert {"model": "small"} in seen


async def test_a_file_of_exactly_the_limit_passes_and_one_byte_more_does_not(folder: Path) -> None:
    await read(exchange([body(part("file", b"x" * LIMIT, "a.png"))]), folder)
    with pytest.raises(BodyTooLargeError) as refused:
        await read(exchange([body(part("file", b"x" * (LIMIT + 1), "a.png"))]), folder)
    assert (refused.value.field, refused.value.size_bytes_max) == ("file", LIMIT)


async def test_reading_ends_as_soon_as_a_file_is_too_large(folder: Path) -> None:
    taken = 0

    def endless() -> Iterable[bytes]:
        nonlocal taken
        yield part("file", b"", "a.png")[:-2]
        while True:
            taken += 1
            yield b"x" * 100

    found = endless()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": next(iter(found)), "more_body": True}

    sent = exchange([])
    sent.receive = receive
    with pytest.raises(BodyTooLargeError):
        await read(sent, folder)
    assert taken <= 12


async def test_a_plain_body_that_announces_too_much_is_not_read_at_all() -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("the body is read")

    sent = exchange([], **{"content-length": "5000000"})
    sent.receive = receive
    with pytest.raises(BodyTooLargeError) as refused:
        await sent.body(1_000_000, 5.0)
    assert (refused.value.field, refused.value.size_bytes_max) == ("body", 1_000_000)


async def test_a_plain_body_that_lies_about_its_length_is_cut_off() -> None:
    sent = exchange([b"x" * 600, b"x" * 600, b"x" * 600], **{"content-length": "10"})
    with pytest.raises(BodyTooLargeError):
        await sent.body(1_000, 5.0)
    assert await exchange([b"x" * 600, b"", b"x" * 400]).body(1_000, 5.0) == b"x" * 1_000


async def test_what_stands_beside_the_file_has_a_limit_too(folder: Path) -> None:
    parts = [part(f"f{number}", b"x" * 60_000) for number in range(30)]
    with pytest.raises(BodyTooLargeError):
        await read(exchange(parts), folder)


@pytest.mark.parametrize(
    "sent",
    [
        body(part("long", b"x" * 70_000)),
        body(*[part(f"f{number}", b"") for number in range(33)]),
        body(part("a", b"x", headers=b"X-Long: " + b"y" * 9_000 + b"\r\n")),
        body(part("n" * 9_000, b"x")),
    ],
    ids=["long field", "many parts", "long header", "long name"],
)
async def test_a_form_of_absurd_shape_is_refused(folder: Path, sent: bytes) -> None:
    with pytest.raises((MalformedBodyError, BodyTooLargeError)):
        await read(exchange([sent]), folder)


@pytest.mark.parametrize("length", range(len(GOOD) - 4))
async def test_a_form_that_ends_too_early_is_refused_wherever_it_ends(folder: Path, length: int) -> None:
    with pytest.raises(MalformedBodyError):
        await read(exchange([GOOD[:length]]), folder)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"hello",
        b"{}",
        GOOD.replace(b"----reelway", b"----another"),
        GOOD.replace(b'name="kind"', b'title="kind"'),
        GOOD.replace(b'; name="file"', b""),
        GOOD.replace(b"Content-Disposition", b"Content-Position"),
        body(part("kind", b"\xff\xfe")),
        GOOD.replace(b"\r\n", b"\n"),
    ],
)
async def test_what_is_no_form_is_refused(folder: Path, sent: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        await read(exchange([sent]), folder)


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x",
     "multipart/form-data; boundary=" + "x" * 201, "multipart/form-data; boundary=\xff\xfe; boundary"],
)  # fmt: skip
async def test_a_body_that_is_not_declared_as_a_form_is_refused(folder: Path, content_type: str) -> None:
    with pytest.raises((ContentTypeError, MalformedBodyError)):
        await read(exchange([GOOD], content_type), folder)


async def test_the_media_types_case_does_not_matter_nor_do_quotes(folder: Path) -> None:
    form, _ = await read(exchange([GOOD], 'Multipart/Form-Data; charset=utf-8; boundary="----reelway"'), folder)
    assert form.fields == (("kind", "image"),)


async def test_a_caller_who_goes_away_leaves_nothing_behind(folder: Path) -> None:
    messages = [
        {"type": "http.request", "body": GOOD[:200], "more_body": True},
        {"type": "http.disconnect"},
    ]
    with pytest.raises(ClientGoneError):
        await read(scripted(messages, TYPE, {}), folder)


async def test_a_caller_who_sends_too_slowly_is_not_waited_for(folder: Path) -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    sent = exchange([])
    sent.receive = receive
    with pytest.raises(BodyTimeoutError):
        await read_form(sent, folder, lambda _fields: LIMIT, 0.02).__aenter__()


async def test_a_fault_while_the_form_is_used_leaves_nothing_behind(folder: Path) -> None:
    async def use() -> None:
        async with read_form(exchange([GOOD]), folder, lambda _fields: LIMIT, 5.0) as form:
            assert form.files[0].path.exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await use()


@contextmanager
def no_file_larger_than(size_bytes: int) -> Iterator[None]:
    """The system refuses to make any file of this process larger, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [5_000, 3_000_000], ids=["at the end of the file", "in the middle of it"])
async def test_a_disk_without_room_is_told_and_nothing_is_left_behind(folder: Path, size: int) -> None:
    sent = body(part("kind", b"image"), part("file", b"x" * size, "a.png"))
    pieces = [sent[start : start + 65_536] for start in range(0, len(sent), 65_536)]
    with no_file_larger_than(1_000), pytest.raises(UnavailableError):
        await read(exchange(pieces), folder, limit=4_000_000)


async def test_a_disk_without_room_is_told_when_the_caller_goes_away_as_well(folder: Path) -> None:
    """What was read so far is thrown away, although it cannot be written any more."""
    sent = part("file", b"x" * 5_000, "a.png")
    messages = [{"type": "http.request", "body": sent[:4_000], "more_body": True}, {"type": "http.disconnect"}]
    with no_file_larger_than(1_000), pytest.raises(ClientGoneError):
        await read(scripted(messages, TYPE, {}), folder, limit=4_000_000)


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError):
        await read(exchange([GOOD]), tmp_path / "file" / "uploads")
