"""Input images in all their forms, from the request to what the provider gets. Section 7.3."""

from typing import Any

import pytest

from contract.openai_videos.wire import (
    IMAGE_URL,
    KLING_3,
    create,
    create_form,
    create_urlencoded,
    data_url,
    error_of,
    generation_in,
    provider_of,
    until_state,
    video_of,
)
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from support.gateway import Account, TestGateway
from support.media import image_bytes, noise_png, video_bytes

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
IMAGES = {name: image_bytes(name) for name in ("PNG", "JPEG", "WEBP")}
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
LARGE = noise_png(8 * MB)


async def input_of(gateway: TestGateway, video: dict[str, Any], number: int = 0) -> tuple[bytes, str]:
    """The bytes and the type that the provider got."""
    video_id = TaskId(video["id"])
    await until_state(gateway, video_id, State.SUCCEEDED)
    order = next(order for order in provider_of(gateway).orders if order.task_id == video_id)
    prepared = order.inputs[number]
    info = await gateway.core.objects.head(prepared.object_name)
    pieces = [piece async for piece in gateway.core.objects.stream(prepared.object_name, 0, info.size_bytes)]
    return b"".join(pieces), prepared.mime_type


@pytest.mark.parametrize("name", IMAGES)
async def test_7_3_a_file_part_becomes_the_start_frame(shared: TestGateway, account: Account, name: str) -> None:
    video = video_of(await create_form(shared, account, files={"input_reference": IMAGES[name]}))
    assert await input_of(shared, video) == (IMAGES[name], TYPES[name])
    generation = await generation_in(shared, video["id"])
    assert generation.start_frame is not None
    assert generation.last_frame is None


@pytest.mark.parametrize("name", IMAGES)
async def test_7_3_a_data_url_becomes_the_start_frame(shared: TestGateway, account: Account, name: str) -> None:
    url = data_url(IMAGES[name], TYPES[name])
    for video in (
        video_of(await create(shared, account, input_reference={"image_url": url})),
        video_of(await create_form(shared, account, **{"input_reference[image_url]": url})),
        video_of(await create_urlencoded(shared, account, **{"input_reference[image_url]": url})),
    ):
        assert await input_of(shared, video) == (IMAGES[name], TYPES[name])


async def test_7_3_a_large_image_fits_in_every_form(shared: TestGateway, account: Account) -> None:
    """Eight megabytes are eleven as base64, and more than the usual limit of a form's field."""
    url = data_url(LARGE)
    for video in (
        video_of(await create(shared, account, input_reference={"image_url": url})),
        video_of(await create_form(shared, account, **{"input_reference[image_url]": url})),
        video_of(await create_form(shared, account, files={"input_reference": LARGE})),
    ):
        assert (await input_of(shared, video))[0] == LARGE


async def test_7_3_two_images_are_start_and_last_frame(shared: TestGateway, account: Account) -> None:
    files = {"last_frame": IMAGES["JPEG"], "input_reference": IMAGES["PNG"]}
    video = video_of(await create_form(shared, account, model=KLING_3, files=files))
    assert await input_of(shared, video, 0) == (IMAGES["PNG"], "image/png")
    assert await input_of(shared, video, 1) == (IMAGES["JPEG"], "image/jpeg")


BAD: dict[str, bytes] = {
    "a GIF": image_bytes("GIF"),
    "a video": video_bytes(),
    "a text": b"plainly no picture",
    "nothing": b"",
    "half a PNG": IMAGES["PNG"][:40],
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("field", ["input_reference", "last_frame"])
async def test_7_3_what_is_no_image_is_refused(shared: TestGateway, account: Account, name: str, field: str) -> None:
    files = {"input_reference": IMAGES["PNG"]} | {field: BAD[name]}
    assert error_of(await create_form(shared, account, files=files)) == (400, "invalid_image", field)
    urls = {"input_reference": {"image_url": IMAGE_URL}} | {field: {"image_url": data_url(BAD[name])}}
    assert error_of(await create(shared, account, **urls)) == (400, "invalid_image", field)


@pytest.mark.parametrize("field", ["input_reference", "last_frame"])
async def test_4_2_a_file_of_more_than_10_mb_is_refused(shared: TestGateway, account: Account, field: str) -> None:
    for size_bytes in (10 * MB + 1, 11 * MB, 31 * MB):
        answer = await create_form(shared, account, files={field: bytes(size_bytes)})
        assert error_of(answer) == (413, "file_too_large", field)


async def test_4_2_a_body_over_its_limit_is_refused(shared: TestGateway, account: Account) -> None:
    answer = await create(shared, account, prompt="x" * (16 * MB))
    assert error_of(answer) == (413, "request_too_large", None)
    answer = await create_urlencoded(shared, account, prompt="x" * (16 * MB))
    assert error_of(answer) == (413, "request_too_large", None)
    answer = await create_form(shared, account, prompt="x" * (32 * MB))
    assert error_of(answer) == (413, "request_too_large", None)


async def test_7_3_an_uploaded_image_is_named_by_its_id_or_its_url(shared: TestGateway, account: Account) -> None:
    answer = await shared.http.post(
        "/api/v1/files", files={"file": ("a.png", IMAGES["PNG"])}, data={"kind": "image"}, headers=account.headers
    )
    file = answer.json()
    for reference in ({"file_id": file["id"]}, {"image_url": file["url"]}):
        video = video_of(await create(shared, account, input_reference=reference))
        assert await input_of(shared, video) == (IMAGES["PNG"], "image/png")
    form = {"input_reference[file_id]": file["id"]}
    video = video_of(await create_form(shared, account, **form))
    assert await input_of(shared, video) == (IMAGES["PNG"], "image/png")
    stranger = await shared.account()
    answer = await create(shared, stranger, input_reference={"file_id": file["id"]})
    assert error_of(answer) == (400, "file_not_found", "input_reference")
    answer = await create(shared, stranger, input_reference={"image_url": file["url"]})
    assert error_of(answer) == (400, "invalid_value", "input_reference")


async def test_7_3_an_uploaded_video_is_no_input_image(shared: TestGateway, account: Account) -> None:
    answer = await shared.http.post(
        "/api/v1/files", files={"file": ("a.mp4", video_bytes())}, data={"kind": "video"}, headers=account.headers
    )
    answer = await create(shared, account, input_reference={"file_id": answer.json()["id"]})
    assert error_of(answer) == (400, "file_not_found", "input_reference")


async def test_7_3_a_file_and_an_address_together_are_refused(shared: TestGateway, account: Account) -> None:
    form = {"input_reference[image_url]": IMAGE_URL}
    answer = await create_form(shared, account, files={"input_reference": IMAGES["PNG"]}, **form)
    assert error_of(answer) == (400, "invalid_value", "input_reference")
    form["input_reference[file_id]"] = "file_01KB2R8T4NQ6V0X3Z5A7C9E1G5"
    assert error_of(await create_form(shared, account, **form)) == (400, "invalid_value", "input_reference")


async def test_7_3_images_of_a_refused_request_are_not_kept(shared: TestGateway) -> None:
    poor = await shared.account(credits=1)
    before = await kept_files(shared)
    answer = await create_form(shared, poor, files={"input_reference": IMAGES["PNG"]})
    assert error_of(answer) == (429, "insufficient_quota", None)
    assert await kept_files(shared) == before


async def kept_files(gateway: TestGateway) -> set[str]:
    folder = gateway.core.objects.local_path("files")
    assert folder is not None
    return {path.name for path in folder.glob("*")}
