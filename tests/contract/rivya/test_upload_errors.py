"""Uploads that are refused: the table of section 10.3 row by row, and the files under "Bad input" of the issue."""

import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.rivya.wire import (
    FILES,
    IMAGE_TYPES,
    KINDS,
    KLING_3,
    TURBO,
    available_models,
    fields_of,
    problem,
    problems_of,
    upload,
)
from net.samples import png_chunk, png_header
from support.exchange import raw_exchange
from support.gateway import Account, TestGateway
from support.media import image_bytes, noise_png, video_bytes

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
VIDEO_TYPES = ["video/mp4", "video/quicktime", "video/webm"]
AUDIO_TYPES = ["audio/mpeg", "audio/mp4", "audio/wav", "audio/x-wav", "audio/aac", "audio/ogg"]
FORM_KEYS = ["file", "kind", "model", "client_request_id"]
PNG = image_bytes("PNG")
FILE = ("start.png", PNG)
BROKEN = problem("file", "The file cannot be read as media.")


async def send(gateway: TestGateway, account: Account, parts: list[tuple[str, Any]]) -> httpx.Response:
    """A form of these parts; a text stands for a field."""
    files = [(name, (None, value) if isinstance(value, str) else value) for name, value in parts]
    return await gateway.http.post(FILES, files=files, headers=account.headers)


async def refusal(gateway: TestGateway, account: Account, content: bytes, kind: str = "image", **more: str) -> Any:
    return problems_of(await upload(gateway, account, content, kind, **more))


@pytest.mark.parametrize(
    "media_type",
    [None, "application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x"],
)
async def test_10_3_what_is_not_multipart_is_refused(
    shared: TestGateway, account: Account, media_type: str | None
) -> None:
    headers = account.headers | ({} if media_type is None else {"Content-Type": media_type})
    answer = await shared.http.post(FILES, content=b"{}", headers=headers)
    assert problems_of(answer) == [
        problem("Content-Type", "Content-Type must be multipart/form-data.", ["multipart/form-data"]),
    ]


WHOLE = (
    b'--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\nimage\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG + b"\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no form at all",
        WHOLE[:-4],
        WHOLE[:-100],
        WHOLE[:20],
        WHOLE.replace(b"--b", b"--c"),
        WHOLE.replace(b'name="kind"', b'nome="kind"'),
        WHOLE.replace(b"Content-Disposition", b"Content Disposition"),
        WHOLE.replace(b"image\r\n", b"\xff\xfe\r\n"),
        WHOLE.replace(b"form-data;", b"x" * 20_000 + b";"),
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n' * 500 + b"--b--\r\n",
    ],
)
async def test_10_3_a_broken_multipart_body_is_refused(shared: TestGateway, account: Account, raw: bytes) -> None:
    headers = account.headers | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await shared.http.post(FILES, content=raw, headers=headers)
    assert problems_of(answer) == [problem("body", "Body is not valid multipart data.")]
    assert (await shared.http.post(FILES, content=WHOLE, headers=headers)).status_code == 201


async def test_10_3_a_form_needs_one_file_that_is_not_empty(shared: TestGateway, account: Account) -> None:
    for parts, message in (
        ([("kind", "image")], "Required."),
        ([("kind", "image"), ("file", ("a.png", b""))], "The file is empty."),
        ([("kind", "image"), ("file", FILE), ("file", FILE)], "Exactly one file is allowed."),
        ([("file", FILE), ("kind", "image"), ("file", ("b.png", b""))], "Exactly one file is allowed."),
    ):
        assert problems_of(await send(shared, account, parts)) == [problem("file", message)]


async def test_10_3_a_form_needs_a_known_kind(shared: TestGateway, account: Account) -> None:
    answer = await send(shared, account, [("file", FILE)])
    assert problems_of(answer) == [problem("kind", "Required.", KINDS)]
    for kind in ("", "Image", "photo", "image ", "\0", "تصویر"):
        answer = await send(shared, account, [("file", FILE), ("kind", kind)])
        assert problems_of(answer) == [problem("kind", "Must be one of the allowed values.", KINDS)]


NOT_MEDIA = [b"just text", b"\0" * 100, b"%PDF-1.7\n", b"PK\x03\x04" + b"\0" * 60, b"MZ" * 40, b"\x89PN", b"<svg/>"]


@pytest.mark.parametrize(
    ("content", "kind", "accepted"),
    [(content, kind, accepted) for content in NOT_MEDIA for kind, accepted in zip(
        KINDS, (IMAGE_TYPES, VIDEO_TYPES, AUDIO_TYPES), strict=True)]
    + [
        (image_bytes("GIF"), "image", IMAGE_TYPES),
        (image_bytes("BMP"), "image", IMAGE_TYPES),
        (image_bytes("TIFF"), "image", IMAGE_TYPES),
        (b"RIFF\x24\0\0\0AVI LIST" + b"\0" * 60, "video", VIDEO_TYPES),
    ],
)  # fmt: skip
async def test_c51_a_file_of_another_type_is_refused_with_the_types_that_are_accepted(
    shared: TestGateway, account: Account, content: bytes, kind: str, accepted: list[str]
) -> None:
    assert await refusal(shared, account, content, kind, name="start.png") == [
        problem("file", "This file type is not accepted.", accepted),
    ]


@pytest.mark.parametrize("model", [TURBO, KLING_3])
async def test_10_3_a_models_own_rules_apply_when_it_is_named(
    shared: TestGateway, account: Account, model: str
) -> None:
    assert await refusal(shared, account, image_bytes("GIF"), model=model) == [
        problem("file", "This file type is not accepted.", IMAGE_TYPES),
    ]
    for kind in ("video", "audio"):
        assert await refusal(shared, account, video_bytes(), kind, model=model) == [
            problem("kind", "This model does not accept this kind.", ["image"]),
        ]
    answer = await upload(shared, account, noise_png(10 * MB), model=model)
    assert problems_of(answer, 413) == [problem("file", "At most 10485760 bytes.")]


async def test_10_3_an_image_named_mp4_and_a_video_named_png_are_of_another_kind(
    shared: TestGateway, account: Account
) -> None:
    for image_format in ("PNG", "JPEG", "WEBP", "GIF"):
        assert await refusal(shared, account, image_bytes(image_format), "video", name="film.mp4") == [
            problem("kind", "The file is of another kind.", ["image"]),
        ]
    assert await refusal(shared, account, video_bytes(), "image", name="start.png") == [
        problem("kind", "The file is of another kind.", ["video"]),
    ]
    assert await refusal(shared, account, video_bytes(), "audio", name="song.mp3") == [
        problem("kind", "The file is of another kind.", ["video"]),
    ]


def truncated(image_format: str, share: float = 0.5) -> bytes:
    whole = noise_png(20_000) if image_format == "PNG" else image_bytes(image_format, (640, 480))
    return whole[: int(len(whole) * share)]


def png_with_bad_checksum() -> bytes:
    whole = bytearray(PNG)
    whole[-20] ^= 0xFF
    return bytes(whole)


BROKEN_FILES = [
    (truncated("JPEG"), "image"),
    (truncated("JPEG", 0.9), "image"),
    (truncated("PNG"), "image"),
    (truncated("WEBP"), "image"),
    (b"\xff\xd8\xff", "image"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"RIFF\x04\0\0\0WEBP", "image"),
    (png_with_bad_checksum(), "image"),
    (video_bytes()[:200], "video"),
    (b"\0\0\0\x18ftypmp42" + b"\0" * 100, "video"),
    (b"OggS" + b"\0" * 200, "audio"),
    (b"ID3\x03\0\0\0\0\0\0" + b"\0" * 200, "audio"),
]


@pytest.mark.parametrize(("content", "kind"), BROKEN_FILES)
async def test_10_3_broken_media_is_refused(shared: TestGateway, account: Account, content: bytes, kind: str) -> None:
    assert await refusal(shared, account, content, kind) == [BROKEN]


async def test_10_3_an_unknown_model_is_refused_with_those_that_there_are(
    shared: TestGateway, account: Account
) -> None:
    allowed = await available_models(shared)
    for model in ("", "kling-9", "\0"):
        assert await refusal(shared, account, PNG, model=model) == [problem("model", "Unknown model.", allowed)]


async def test_10_3_a_client_request_id_has_1_to_128_characters(shared: TestGateway, account: Account) -> None:
    for value in ("", "x" * 129, "ک" * 129):
        assert await refusal(shared, account, PNG, client_request_id=value) == [
            problem("client_request_id", "Must be a string of 1 to 128 characters."),
        ]
    for value in ("x", "ک" * 128):
        assert (await upload(shared, account, PNG, client_request_id=value)).status_code == 201


async def test_10_3_an_unknown_form_field_is_refused(shared: TestGateway, account: Account) -> None:
    expected = [problem("purpose", "Unknown field.", FORM_KEYS)]
    assert await refusal(shared, account, PNG, purpose="x") == expected
    answer = await send(shared, account, [("kind", "image"), ("file", FILE), ("purpose", FILE)])
    assert problems_of(answer) == expected


async def test_10_3_all_problems_of_a_form_come_at_once_unknown_fields_last(
    shared: TestGateway, account: Account
) -> None:
    parts = [("zeta", "1"), ("alpha", "1"), ("client_request_id", ""), ("model", "kling-9"), ("kind", "photo")]
    answer = await send(shared, account, parts)
    assert fields_of(answer) == ["file", "kind", "model", "client_request_id", "alpha", "zeta"]


# --- size -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [None, TURBO])
async def test_c51_an_image_of_10_mb_and_one_byte_and_one_of_11_mb_are_too_large(
    shared: TestGateway, account: Account, model: str | None
) -> None:
    more = {} if model is None else {"model": model}
    whole = image_bytes("JPEG").ljust(10 * MB + 1, b"\0")
    for content in (whole, noise_png(11 * MB)):
        answer = await upload(shared, account, content, **more)
        assert problems_of(answer, 413) == [problem("file", "At most 10485760 bytes.")]
        assert answer.json()["error"]["message"] == "The file is too large."


async def test_c51_the_size_counts_also_when_the_kind_comes_after_the_file(
    shared: TestGateway, account: Account
) -> None:
    content = image_bytes("JPEG").ljust(10 * MB + 1, b"\0")
    answer = await send(shared, account, [("file", ("a.jpg", content)), ("kind", "image")])
    assert problems_of(answer, 413) == [problem("file", "At most 10485760 bytes.")]


async def test_10_1_a_video_may_have_50_mb_and_a_sound_10(shared: TestGateway, account: Account) -> None:
    answer = await upload(shared, account, video_bytes().ljust(50 * MB + 1, b"\0"), "video")
    assert problems_of(answer, 413) == [problem("file", "At most 52428800 bytes.")]
    answer = await upload(shared, account, b"ID3".ljust(10 * MB + 1, b"\0"), "audio")
    assert problems_of(answer, 413) == [problem("file", "At most 10485760 bytes.")]


def upload_head(account: Account, content_length: int, kind: str = "image") -> bytes:
    """The beginning of an upload up to the first byte of the file."""
    return (
        f"POST {FILES} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {account.key}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {content_length}\r\n\r\n"
        f'--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\n{kind}\r\n'
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    ).encode()


async def test_10_3_an_upload_is_cut_off_as_soon_as_it_is_too_large(shared: TestGateway, account: Account) -> None:
    """The rest of the body is never sent, and still the answer comes."""
    head = upload_head(account, 40 * MB)
    answer = await raw_exchange(shared, head + image_bytes("JPEG").ljust(10 * MB + 1, b"\0"))
    assert problems_of(answer, 413) == [problem("file", "At most 10485760 bytes.")]


@pytest.mark.parametrize(("kind", "limit"), [("image", 10 * MB), ("video", 50 * MB), ("audio", 10 * MB)])
async def test_10_3_a_body_announced_as_far_too_large_is_refused_as_a_file_that_is_too_large(
    shared: TestGateway, account: Account, kind: str, limit: int
) -> None:
    head = upload_head(account, 500 * MB, kind)
    answer = await raw_exchange(shared, head + b"\0" * (limit + 1))
    assert problems_of(answer, 413) == [problem("file", f"At most {limit} bytes.")]


async def test_10_3_a_refused_upload_leaves_nothing_behind(shared: TestGateway, account: Account) -> None:
    await upload(shared, account, noise_png(11 * MB))
    await refusal(shared, account, b"text")
    await refusal(shared, account, truncated("JPEG"))

    def is_empty() -> bool:
        folder = shared.settings.data_dir / "uploads"
        return not folder.is_dir() or not any(folder.iterdir())

    await shared.until(is_empty)


# --- pictures that want too much --------------------------------------------------------------------------------------


def one_bit_png(width: int, height: int) -> bytes:
    """A whole, valid PNG of zeros: each row is a filter byte and its bits, packed a row at a time."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, content) for name, content in chunks)


async def test_bad_input_a_png_of_40_000_by_40_000_pixels_is_refused(shared: TestGateway, account: Account) -> None:
    for content in (one_bit_png(40_000, 40_000), png_header(40_000, 40_000), png_header(2**31 - 1, 2**31 - 1)):
        assert len(content) < MB
        assert [entry["field"] for entry in await refusal(shared, account, content)] == ["file"]
    assert (await upload(shared, account, one_bit_png(2_000, 2_000))).status_code == 201


async def test_bad_input_uploads_of_any_bytes_are_never_a_fault_of_ours(
    shared: TestGateway, account: Account, tmp_path: Path
) -> None:
    starts = [
        b"\xff\xd8\xff\xe0",
        PNG[:33],
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        b"\0\0\0\x20ftypisom",
        b"\x1aE\xdf\xa3",
        b"II*\0",
    ]
    for start in starts:
        for kind in KINDS:
            problems_of(await upload(shared, account, start + b"\xff\x00\x80" * 300, kind))
