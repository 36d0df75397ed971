"""Results: the address of the video, what is served there, and for how long. C41 and section 8.4."""

import hashlib
from pathlib import Path

import httpx
import pytest

from contract.rivya.wire import (
    GENERATIONS,
    KLING_3,
    item,
    listed_ids,
    status_of,
    task_of,
    uploaded,
)
from reelway.domain.ids import TaskId
from reelway.net.objects import ObjectMissingError
from support.gateway import Account, TestGateway, running_gateway
from support.media import decoded, image_bytes
from support.staging import provider_of

pytestmark = pytest.mark.anyio

DAY_S = 86_400


async def finished(gateway: TestGateway, account: Account) -> tuple[TaskId, str]:
    """A succeeded task and the address of its video."""
    task_id = await gateway.created(account)
    task = task_of(await gateway.ended(account, task_id))
    return task_id, task["result"]["primary_url"]


async def ranged(gateway: TestGateway, url: str, wanted: str) -> httpx.Response:
    return await gateway.http.get(url, headers={"Range": wanted})


async def test_c41_the_address_serves_the_very_bytes_as_mp4_without_a_key(
    shared: TestGateway, account: Account
) -> None:
    task_id, url = await finished(shared, account)
    video = provider_of(shared).video
    answer = await shared.http.get(url)
    assert (answer.status_code, answer.content) == (200, video)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == str(len(video))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert url.startswith(f"{shared.base_url}/media/{task_id}/")
    assert (await shared.http.head(url)).headers["Content-Length"] == str(len(video))
    assert task_of(await status_of(shared, account, task_id))["result"]["urls"] == [url]


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-10", -10, None)],
)
async def test_c41_a_range_request_gets_its_part(
    shared: TestGateway, account: Account, wanted: str, start: int, end: int | None
) -> None:
    _, url = await finished(shared, account)
    video = provider_of(shared).video
    answer = await ranged(shared, url, wanted)
    assert (answer.status_code, answer.content) == (206, video[start:end])
    first = start if start >= 0 else len(video) + start
    last = (len(video) if end is None else end) - 1
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(video)}"
    assert answer.headers["Content-Type"] == "video/mp4"


async def test_c41_a_range_outside_the_video_is_refused_and_a_strange_one_ignored(
    shared: TestGateway, account: Account
) -> None:
    _, url = await finished(shared, account)
    video = provider_of(shared).video
    for wanted in (f"bytes={len(video)}-", "bytes=999999999-", "bytes=-0"):
        answer = await ranged(shared, url, wanted)
        assert answer.status_code == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(video)}"
    for wanted in ("bytes=5-2", "lines=1-2", "bytes=", "bytes=a-b", "x"):
        answer = await ranged(shared, url, wanted)
        assert (answer.status_code, answer.content) == (200, video)
    answer = await ranged(shared, url, f"bytes=0-{len(video) * 2}")
    assert (answer.status_code, answer.content) == (206, video)


async def test_c41_parts_put_together_are_the_whole(shared: TestGateway, account: Account) -> None:
    _, url = await finished(shared, account)
    size = int((await shared.http.head(url)).headers["Content-Length"])
    step = size // 7 + 1
    parts = [(await ranged(shared, url, f"bytes={at}-{at + step - 1}")).content for at in range(0, size, step)]
    whole = hashlib.sha256(provider_of(shared).video).hexdigest()
    assert hashlib.sha256(b"".join(parts)).hexdigest() == whole


async def test_c41_an_address_with_another_task_or_token_serves_nothing(shared: TestGateway, account: Account) -> None:
    task_id, url = await finished(shared, account)
    other_id, other_url = await finished(shared, account)
    token = url.split("/")[-2]
    wrong = [
        url.replace(task_id, other_id),
        url.replace(token, other_url.split("/")[-2]),
        url.replace(token, token[:-1] + ("A" if token[-1] != "A" else "B")),
        url.replace(token, "x"),
        url.replace("video.mp4", "other.mp4"),
        url.replace("video.mp4", "..%2Fvideo.mp4"),
        url.removesuffix("/video.mp4"),
    ]
    for address in wrong:
        assert (await shared.http.get(address)).status_code == 404, address
    assert (await shared.http.post(url)).status_code == 405


async def test_8_4_a_result_works_for_15_days_and_is_then_gone_and_deleted(stage: TestGateway, owner: Account) -> None:
    task_id, url = await finished(stage, owner)
    before = task_of(await status_of(stage, owner, task_id))
    name = f"results/{task_id}/video.mp4"
    stage.clock.advance(15 * DAY_S - 60)
    assert (await stage.http.get(url)).status_code == 200
    stage.clock.advance(120)
    assert (await stage.http.get(url)).status_code == 410
    assert (await ranged(stage, url, "bytes=0-1")).status_code == 410

    async def is_deleted() -> bool:
        try:
            await stage.core.objects.head(name)
        except ObjectMissingError:
            return True
        return False

    await stage.until(is_deleted)
    assert (await stage.http.get(url)).status_code == 410
    assert task_of(await status_of(stage, owner, task_id)) == before
    assert await listed_ids(stage, owner, status="succeeded") == [task_id]


async def test_c41_the_built_in_engine_brings_a_real_video_of_the_asked_size_and_length(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, scripted=False) as gateway:
        owner = await gateway.account()
        image = await uploaded(gateway, owner, image_bytes("PNG", (90, 160)))
        params = {"mode": "std", "duration": "3", "aspect_ratio": "16:9"}
        tasks = [
            await gateway.created(owner, model=KLING_3, prompt="بارش میں ایک پل", params=params),
            await gateway.created(
                owner, model=KLING_3, params=params | {"referenceMediaItems": [item(url=image["url"])]}
            ),
        ]
        for task_id, size in zip(tasks, [(1280, 720), (720, 1280)], strict=True):
            task = task_of(await gateway.ended(owner, task_id))
            assert task["status"] == "succeeded", task
            path = tmp_path / "result.mp4"
            path.write_bytes((await gateway.http.get(task["result"]["primary_url"])).content)
            assert decoded(path) == (72, *size)
            stream = await gateway.http.get(f"{GENERATIONS}/{task_id}/events", headers=owner.headers)
            assert "event: generation.status" in stream.text
        assert not await gateway.core.store.unbalanced_accounts()
