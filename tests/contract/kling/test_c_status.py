"""Tasks of the Kling dialect from create to end: statements 36 and 44 to 49 of its contract."""

from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from contract.kling.conformance import (
    IMAGE,
    TEXT,
    UNKNOWN_TASK,
    assert_refused,
    assert_task,
    body_of,
    created,
    data_of,
    ended,
    error_of,
    get,
    image_body,
    post,
    query,
    task_of,
    video_of,
)
from reelway.domain import outcomes
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, State
from support.exchange import ULID
from support.failover import assert_never_back, statuses_seen
from support.gateway import Account, TestGateway, running_gateway
from support.media import decoded
from support.staging import brought_into, provider_of

pytestmark = pytest.mark.anyio

DAY_S = 86_400
RENDER_S = 120.0
WIRE_STATES = {
    State.QUEUED: "submitted",
    State.SUBMITTING: "submitted",
    State.RUNNING: "processing",
    State.STORING: "processing",
    State.SUCCEEDED: "succeed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.EXPIRED: "failed",
}


async def staged(stage: TestGateway, owner: Account, state: State, **changes: Any) -> TaskId:
    return await brought_into(stage, owner, state, lambda: created(stage, owner, body_of(**changes)))


async def test_c36_a_watermark_makes_a_second_address(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, scripted=False) as gateway:
        owner = await gateway.account()
        task_id = await created(gateway, owner, body_of(duration="3", watermark_info={"enabled": True}))

        async def is_final() -> bool:
            return (await gateway.task(task_id)).is_final

        await gateway.until(is_final, within_s=RENDER_S)
        task = task_of(await query(gateway, owner, task_id))
        video = video_of(task)
        assert task["watermark_info"] == {"enabled": True}
        assert set(video) == {"id", "url", "watermark_url", "duration"}
        paths = [tmp_path / "video.mp4", tmp_path / "watermark.mp4"]
        for path, url in zip(paths, (video["url"], video["watermark_url"]), strict=True):
            answer = await gateway.http.get(url)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "video/mp4")
            path.write_bytes(answer.content)
        assert decoded(paths[0]) == decoded(paths[1])
        assert paths[0].read_bytes() != paths[1].read_bytes()


async def test_c36_a_watermark_is_added_whoever_made_the_video(stage: TestGateway, owner: Account) -> None:
    task_id = await created(stage, owner, body_of(watermark_info={"enabled": True}))
    video = video_of(task_of(await ended(stage, owner, task_id)))
    marked = (await stage.http.get(video["watermark_url"])).content
    assert marked[4:8] == b"ftyp"
    assert marked != (await stage.http.get(video["url"])).content
    plain = task_of(await ended(stage, owner, await created(stage, owner)))
    assert plain["watermark_info"] == {"enabled": False}
    assert set(video_of(plain)) == {"id", "url", "duration"}


async def test_c44_an_external_id_is_used_once_by_an_account(shared: TestGateway, account: Account) -> None:
    task_id = await created(shared, account, body_of(external_task_id="order-7"))
    assert (await shared.task(task_id)).external_task_id == "order-7"
    for path, body in ((TEXT, body_of()), (IMAGE, image_body())):
        message = error_of(await post(shared, account, body | {"external_task_id": "order-7"}, path), 400, 1201)
        assert message == "external_task_id: already used"
    assert len(data_of(await get(shared, account, TEXT))) == 1
    assert await created(shared, await shared.account(), body_of(external_task_id="order-7")) != task_id


async def test_c44_an_external_id_has_a_form(shared: TestGateway, account: Account) -> None:
    for bad in (UNKNOWN_TASK, "a/b", "x" * 257, "a\nb", "a\x00b", 5, ["x"], {}):
        await assert_refused(shared, account, body_of(external_task_id=bad), "external_task_id")
    for good in ("x", "x" * 256, "نمبر ۷", "task_", "a b?c#d%2Fe", UNKNOWN_TASK.lower()):
        task_id = await created(shared, account, body_of(external_task_id=good))
        task = await shared.task(task_id)
        assert task.external_task_id == good
    for absent in (None, ""):
        assert data_of(await post(shared, account, body_of(external_task_id=absent)))["task_info"] == {}


async def test_c45_a_task_is_found_by_either_id(stage: TestGateway, owner: Account) -> None:
    for external in ("order-7", "a b?c#d", "نمبر"):
        task_id = await created(stage, owner, body_of(external_task_id=external))
        one = task_of(await ended(stage, owner, task_id))
        assert one["task_info"] == {"external_task_id": external}
        assert task_of(await get(stage, owner, f"{TEXT}/{quote(external)}")) == one


async def test_c45_whatever_is_not_there_gives_one_answer(shared: TestGateway, account: Account) -> None:
    stranger = await shared.account()
    text = await created(shared, account, body_of(external_task_id="order-7"))
    image = await created(shared, account, image_body(external_task_id="order-8"), IMAGE)
    await ended(shared, account, image, IMAGE)
    cases = [
        (account, f"{IMAGE}/{text}"),
        (account, f"{IMAGE}/order-7"),
        (account, f"{TEXT}/{image}"),
        (account, f"{TEXT}/order-8"),
        (stranger, f"{TEXT}/{text}"),
        (stranger, f"{TEXT}/order-7"),
        (account, f"{TEXT}/{UNKNOWN_TASK}"),
        (account, f"{TEXT}/order-9"),
        (account, f"{TEXT}/{text.lower()}"),
    ]
    for caller, path in cases:
        assert error_of(await get(shared, caller, path), 404, 1203) == "Task not found"


async def test_c46_the_status_never_moves_backwards_also_under_failover(tmp_path: Path) -> None:
    async def read(gateway: TestGateway, owner: Account, task_id: TaskId) -> str:
        status: str = task_of(await query(gateway, owner, task_id))["task_status"]
        return status

    assert_never_back(await statuses_seen(tmp_path, created, read), ["submitted", "processing", "succeed"])


@pytest.mark.parametrize("state", State)
async def test_c46_every_core_state_has_its_word(stage: TestGateway, owner: Account, state: State) -> None:
    task_id = await staged(stage, owner, state)
    answer = await query(stage, owner, task_id)
    task = task_of(answer)
    assert task["task_status"] == WIRE_STATES[state]
    assert answer.headers["X-Reelway-State"] == state
    assert ("X-Reelway-Failure" in answer.headers) == (WIRE_STATES[state] == "failed")
    assert (task["updated_at"] == task["created_at"]) or task["task_status"] != "submitted"
    (listed,) = data_of(await get(stage, owner, TEXT))
    assert listed == task


async def test_11_3_updated_at_moves_with_the_wire_status(stage: TestGateway, owner: Account) -> None:
    provider_of(stage).free_slots = 0
    task_id = await created(stage, owner)
    before = task_of(await query(stage, owner, task_id))
    stage.clock.advance(4)
    provider_of(stage).free_slots = 1
    after = task_of(await ended(stage, owner, task_id))
    assert after["created_at"] == before["created_at"] == before["updated_at"]
    assert after["updated_at"] >= before["updated_at"] + 4_000


async def test_c47_a_success_has_one_video_and_its_units(stage: TestGateway, owner: Account) -> None:
    for external in ({}, {"external_task_id": "order-7"}):
        task = task_of(await ended(stage, owner, await created(stage, owner, body_of(**external))))
        assert task["task_info"] == external
        video = video_of(task)
        assert set(video) == {"id", "url", "duration"}
        assert {type(value) for value in video.values()} == {str}
        assert video["id"] == task["task_id"].replace("task_", "video_")
        assert len(video["id"]) == len(f"video_{ULID}") - len(ULID) + 26
        assert Fraction(video["duration"]) == 1  # what the provider measured
        assert video["duration"] == "1"
        assert (await stage.http.get(video["url"])).content == provider_of(stage).video
        assert Fraction(task["final_unit_deduction"]) == Fraction("1.5")


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (FailureCode.CONTENT_REJECTED, "Failure to pass the risk control system"),
        (FailureCode.PROVIDER_UNAVAILABLE, "The model is not available at the moment"),
        (FailureCode.GENERATION_FAILED, "Video generation failed"),
        (FailureCode.INTERNAL_ERROR, "Internal error"),
        (FailureCode.REFERENCE_TOO_LARGE, "The input image is larger than 10 MB"),
    ],
)
async def test_c48_a_failure_has_a_message_and_no_cost(
    stage: TestGateway, owner: Account, failure: FailureCode, message: str
) -> None:
    provider_of(stage).polls.append(outcomes.JobFailed(failure, ""))
    answer = await ended(stage, owner, await created(stage, owner))
    task = task_of(answer)
    assert (answer.status_code, answer.json()["code"]) == (200, 0)
    assert (task["task_status"], task["task_status_msg"]) == ("failed", message)
    assert task["final_unit_deduction"] == "0"
    assert answer.headers["X-Reelway-Failure"] == failure


@pytest.mark.parametrize(
    ("state", "message"), [(State.CANCELLED, "The task was cancelled"), (State.EXPIRED, "The task timed out")]
)
async def test_c48_a_cancelled_or_expired_task_failed(
    stage: TestGateway, owner: Account, state: State, message: str
) -> None:
    task = task_of(await query(stage, owner, await staged(stage, owner, state)))
    assert (task["task_status"], task["task_status_msg"]) == ("failed", message)
    assert task["final_unit_deduction"] == "0"


async def test_c49_the_list_is_a_bare_array_newest_first(stage: TestGateway, owner: Account) -> None:
    provider_of(stage).free_slots = 0
    assert data_of(await get(stage, owner, TEXT)) == []
    ids = [await created(stage, owner) for _ in range(33)]
    ids.append(await stage.created(owner, prompt="made elsewhere"))
    newest = ids[::-1]

    async def listed(path: str = TEXT, **page: Any) -> list[str]:
        found = data_of(await get(stage, owner, path, **page))
        for task in found:
            assert_task(task)
        return [task["task_id"] for task in found]

    assert await listed() == newest[:30]
    assert await listed(pageNum=2) == newest[30:]
    assert await listed(pageNum=3) == []
    assert await listed(pageNum=2, pageSize=10) == newest[10:20]
    assert await listed(pageSize=500) == newest
    assert await listed(pageNum=1000, pageSize=500) == []
    image = await created(stage, owner, image_body(), IMAGE)
    assert await listed(IMAGE) == [image]
    assert await listed(pageSize=500) == newest
    assert data_of(await get(stage, await stage.account(), TEXT)) == []


async def test_c49_pages_have_bounds(shared: TestGateway, account: Account) -> None:
    for field, values in (("pageNum", ("0", "1001", "-1", "x", "1.5", "")), ("pageSize", ("0", "501", "x", "1e2"))):
        for value in values:
            if value:
                assert field in error_of(await get(shared, account, TEXT, **{field: value}), 400, 1201)
    for page in ({"pageNum": 1, "pageSize": 500}, {"pageNum": 1000, "pageSize": 1}):
        assert data_of(await get(shared, account, TEXT, **page)) == []


async def test_11_6_a_result_works_for_30_days(stage: TestGateway, owner: Account) -> None:
    task_id = await created(stage, owner)
    before = task_of(await ended(stage, owner, task_id))
    elsewhere = await stage.created(owner, prompt="made elsewhere")
    other = task_of(await ended(stage, owner, elsewhere))
    stage.clock.advance(15 * DAY_S + 60)
    assert (await stage.http.get(video_of(before)["url"])).status_code == 200
    assert (await stage.http.get(video_of(other)["url"])).status_code == 410
    stage.clock.advance(15 * DAY_S - 120)
    assert (await stage.http.get(video_of(before)["url"])).status_code == 200
    stage.clock.advance(120)
    assert (await stage.http.get(video_of(before)["url"])).status_code == 410
    assert task_of(await query(stage, owner, task_id)) == before
