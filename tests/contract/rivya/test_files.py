"""Uploads that are taken: the file object, its address, its time, its duration token. C51 to C53, section 10."""

import base64
import hmac
import io
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contract.rivya.wire import (
    FILES,
    KLING_3,
    TIME,
    TURBO,
    ULID,
    assert_shared_headers,
    error_of,
    get,
    item,
    post,
    task_of,
    upload,
    uploaded,
    with_items,
    without_request_id,
)
from net.samples import write_sound, write_video
from reelway.net.signing import DurationClaim, Signer
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes, video_bytes

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
SECRET = "reelway-contract-test-secret-32b"
VECTOR = (
    "dt1.eyJkIjo1LjA0LCJlIjoxNzk1ODU2NDAwLCJmIjoiZmlsZV8wMUtCMlI4VDROUTZWMFgzWjVBN0M5RTFHNSJ9"
    ".A5Pt7NYg4o4TWsUwqM2WLveyMGKt2gub_Okx9fL3Bw0"
)
FIELDS = [
    "id",
    "object",
    "kind",
    "name",
    "mime_type",
    "size_bytes",
    "width",
    "height",
    "duration_seconds",
    "duration_token",
    "url",
    "created_at",
    "expires_at",
]


def file_of(answer: Any, status: int = 201) -> dict[str, Any]:
    """The file of an answer, which has exactly the 13 fields."""
    assert answer.status_code == status, answer.text
    assert_shared_headers(answer)
    file: dict[str, Any] = answer.json()
    assert sorted(file) == sorted(FIELDS)
    assert re.fullmatch(f"file_{ULID}", file["id"])
    assert file["object"] == "file"
    assert TIME.fullmatch(file["created_at"])
    assert TIME.fullmatch(file["expires_at"])
    return file


def url_of(gateway: TestGateway, file: dict[str, Any]) -> str:
    assert re.fullmatch(rf"{re.escape(gateway.base_url)}/files/{file['id']}/[\w-]{{6,}}", file["url"])
    return str(file["url"])


def jpeg_of_size(size_bytes: int) -> bytes:
    """A whole JPEG of exactly so many bytes: what follows the end of the picture is padding."""
    return image_bytes("JPEG").ljust(size_bytes, b"\0")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("model", [None, TURBO, KLING_3])
async def test_c51_an_image_is_taken_and_described_by_its_13_fields(
    shared: TestGateway, account: Account, image_format: str, model: str | None
) -> None:
    content = image_bytes(image_format, (64, 48))
    fields = {} if model is None else {"model": model}
    answer = await upload(shared, account, content, name="a name.bin", client_request_id="order-7", **fields)
    file = file_of(answer)
    assert {key: file[key] for key in FIELDS[2:10]} == {
        "kind": "image",
        "name": "a name.bin",
        "mime_type": f"image/{image_format.lower()}",
        "size_bytes": len(content),
        "width": 64,
        "height": 48,
        "duration_seconds": None,
        "duration_token": None,
    }
    created_at, expires_at = (datetime.fromisoformat(file[key]) for key in ("created_at", "expires_at"))
    assert expires_at - created_at == timedelta(days=7)
    assert answer.headers["Location"] == f"{FILES}/{file['id']}"
    assert file_of(await get(shared, account, f"{FILES}/{file['id']}"), 200) == file
    served = await shared.http.get(url_of(shared, file))
    assert (served.status_code, served.content) == (200, content)
    assert served.headers["Content-Type"] == file["mime_type"]


async def test_c51_an_image_of_exactly_10_mb_is_taken(shared: TestGateway, account: Account) -> None:
    for fields in ({}, {"model": TURBO}):
        answer = await upload(shared, account, jpeg_of_size(10 * MB), **fields)
        assert file_of(answer)["size_bytes"] == 10_485_760


async def test_c51_each_upload_makes_a_new_file(shared: TestGateway, account: Account) -> None:
    files = [file_of(await upload(shared, account, image_bytes("PNG"))) for _ in range(2)]
    assert files[0]["id"] != files[1]["id"]
    assert files[0]["url"] != files[1]["url"]


async def test_c51_an_uploaded_image_becomes_a_reference_by_its_address(shared: TestGateway, account: Account) -> None:
    files = [file_of(await upload(shared, account, image_bytes(name))) for name in ("PNG", "WEBP")]
    items = [item(url=file["url"], name=file["name"], mimeType=file["mime_type"]) for file in files]
    task = task_of(await post(shared, account, with_items(*items)), 202)
    assert task_of(await shared.ended(account, task["id"]))["status"] == "succeeded"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("start.png", "start.png"),
        ("/tmp/evil/../start.png", "start.png"),
        ("C:\\photos\\start.png", "start.png"),
        ("../../etc/passwd", "passwd"),
        ("تصویر.png", "تصویر.png"),
        ("x" * 300 + ".png", "x" * 255),
        ("ک" * 256, "ک" * 255),
    ],
)
async def test_10_2_a_name_is_reduced_to_its_last_part_and_255_characters(
    shared: TestGateway, account: Account, sent: str, kept: str
) -> None:
    assert file_of(await upload(shared, account, image_bytes("PNG"), name=sent))["name"] == kept


@pytest.mark.parametrize("name", ["start.mp4", "start", ".", "..", "a/", "x.exe", "\u202egnp.exe"])
async def test_10_1_the_name_never_decides_what_a_file_is(shared: TestGateway, account: Account, name: str) -> None:
    file = file_of(await upload(shared, account, image_bytes("PNG"), name=name))
    assert (file["kind"], file["mime_type"]) == ("image", "image/png")
    assert file["name"]


@pytest.mark.parametrize(
    ("suffix", "mime_type"), [(".mp4", "video/mp4"), (".mov", "video/quicktime"), (".webm", "video/webm")]
)
async def test_c52_a_video_has_its_size_its_length_and_a_token(
    shared: TestGateway, account: Account, tmp_path: Path, suffix: str, mime_type: str
) -> None:
    codecs: dict[str, Any] = {"codec": "libvpx-vp9", "sound": "libopus"} if suffix == ".webm" else {}
    path = write_video(tmp_path / f"film{suffix}", frames=60, **codecs)
    file = file_of(await upload(shared, account, path.read_bytes(), "video", path.name))
    assert (file["kind"], file["mime_type"]) == ("video", mime_type)
    assert (file["width"], file["height"]) == (96, 64)
    assert file["duration_seconds"] == pytest.approx(2.5, abs=0.05)
    assert file["duration_seconds"] == round(file["duration_seconds"], 2)
    assert re.fullmatch(r"dt1\.[\w-]+\.[\w-]{43}", file["duration_token"])


@pytest.mark.parametrize(
    ("container", "codec", "mime_types"),
    [
        ("mp3", "libmp3lame", {"audio/mpeg"}),
        ("mp4", "aac", {"audio/mp4"}),
        ("ipod", "aac", {"audio/mp4"}),
        ("wav", "pcm_s16le", {"audio/wav", "audio/x-wav"}),
        ("adts", "aac", {"audio/aac"}),
        ("ogg", "libopus", {"audio/ogg"}),
    ],
)
async def test_c52_a_sound_has_a_length_and_a_token_and_no_size(
    shared: TestGateway, account: Account, tmp_path: Path, container: str, codec: str, mime_types: set[str]
) -> None:
    path = write_sound(tmp_path / "sound", container, codec)
    file = file_of(await upload(shared, account, path.read_bytes(), "audio"))
    assert file["kind"] == "audio"
    assert file["mime_type"] in mime_types
    assert (file["width"], file["height"]) == (None, None)
    assert file["duration_seconds"] == pytest.approx(3.0, abs=0.15)
    assert file["duration_token"].startswith("dt1.")


def decoded_part(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_c52_a_duration_token_is_what_section_10_4_says(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, secret_key=SECRET) as gateway:
        owner = await gateway.account()
        file = await uploaded(gateway, owner, video_bytes(2), "video")
        head, payload, signature = file["duration_token"].split(".")
        expected = {"d": file["duration_seconds"], "e": 1_795_251_600 + 7 * 86_400, "f": file["id"]}
        assert decoded_part(payload).decode() == json.dumps(expected, separators=(",", ":"))
        signed = f"{head}.{payload}".encode()
        assert decoded_part(signature) == hmac.digest(SECRET.encode(), signed, "sha256")
        assert "=" not in file["duration_token"]


def test_c52_the_contracts_vector_of_a_duration_token_holds() -> None:
    signer = Signer(SECRET.encode())
    claim = DurationClaim(5.04, 1_795_856_400, "file_01KB2R8T4NQ6V0X3Z5A7C9E1G5")
    assert signer.duration_token(claim) == VECTOR
    assert signer.duration_claim(VECTOR) == claim


@pytest.mark.parametrize("at", [0, 3, 4, 20, len(VECTOR) - 44, len(VECTOR) - 43, len(VECTOR) - 1])
def test_c52_a_changed_token_fails(at: int) -> None:
    other = "A" if VECTOR[at] != "A" else "B"
    assert Signer(SECRET.encode()).duration_claim(VECTOR[:at] + other + VECTOR[at + 1 :]) is None
    assert Signer(SECRET.encode()).duration_claim(VECTOR[:at] + VECTOR[at + 1 :]) is None
    assert Signer(b"another secret, of 32 characters").duration_claim(VECTOR) is None


async def test_c53_another_accounts_file_and_no_file_give_the_same_not_found(
    shared: TestGateway, account: Account
) -> None:
    foreign = await uploaded(shared, await shared.account(), image_bytes("PNG"))
    bodies = []
    for file_id in (foreign["id"], "file_01KB2R8T4NQ6V0X3Z5A7C9E1G5", "x", "file_%00", foreign["id"].lower()):
        answer = await get(shared, account, f"{FILES}/{file_id}")
        error_of(answer, 404, "not_found")
        bodies.append(without_request_id(answer))
    assert bodies == [bodies[0]] * len(bodies)


async def test_10_2_a_file_lives_7_days_and_is_then_gone_everywhere(stage: TestGateway, owner: Account) -> None:
    file = await uploaded(stage, owner, image_bytes("PNG"))
    stage.clock.advance(7 * 86_400 - 60)
    assert file_of(await get(stage, owner, f"{FILES}/{file['id']}"), 200) == file
    assert (await stage.http.get(file["url"])).status_code == 200
    stage.clock.advance(120)
    error_of(await get(stage, owner, f"{FILES}/{file['id']}"), 404, "not_found")
    assert (await stage.http.get(file["url"])).status_code == 410


async def test_10_2_the_life_of_a_file_is_a_setting(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, file_retention_days=0.5) as gateway:
        file = await uploaded(gateway, await gateway.account(), image_bytes("PNG"))
        assert file["expires_at"] == "2026-11-21T21:00:00.000Z"


async def test_10_2_an_address_cannot_be_guessed(shared: TestGateway, account: Account) -> None:
    first = await uploaded(shared, account, image_bytes("PNG"))
    second = await uploaded(shared, account, image_bytes("PNG"))
    token = first["url"].rpartition("/")[2]
    for url in (
        second["url"].rpartition("/")[0] + "/" + token,
        first["url"][:-1],
        first["url"] + "x",
        first["url"].rpartition("/")[0],
    ):
        assert (await shared.http.get(url)).status_code == 404, url


async def test_10_1_a_file_may_come_before_or_after_the_other_parts(shared: TestGateway, account: Account) -> None:
    content = image_bytes("PNG")
    parts: list[tuple[str, Any]] = [
        ("file", ("a.png", io.BytesIO(content))),
        ("kind", (None, "image")),
        ("model", (None, TURBO)),
    ]
    for order in (parts, parts[::-1], [parts[1], parts[0], parts[2]]):
        parts[0][1][1].seek(0)
        file_of(await shared.http.post(FILES, files=order, headers=account.headers))
