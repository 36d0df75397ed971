"""Status: nine keys in every state, the mapping of states, failures in words. C7, C39, C40, C42 and section 8."""

from pathlib import Path
from typing import Any

import pytest

from contract.rivya.wire import (
    GENERATIONS,
    KLING_3,
    body_of,
    events_in,
    get,
    listed_ids,
    post,
    status_of,
    task_of,
    upload,
    without_request_id,
)
from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.routing import Tier
from reelway.domain.task import FailureCode, State
from reelway.wiring import Parts
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes, video_bytes
from support.provider import ScriptedProvider, scripted_offer
from support.staging import Gate, in_state, provider_of, resting, until_state

pytestmark = pytest.mark.anyio

WIRE_STATUS = {
    State.QUEUED: "queued",
    State.SUBMITTING: "queued",
    State.RUNNING: "processing",
    State.STORING: "processing",
    State.SUCCEEDED: "succeeded",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.EXPIRED: "failed",
}
MESSAGES = {
    FailureCode.CONTENT_REJECTED: "The content was refused by the safety rules.",
    FailureCode.INVALID_REFERENCE: "A reference file could not be fetched: words of the provider.",
    FailureCode.REFERENCE_TOO_LARGE: "A reference file is larger than 10 MB.",
    FailureCode.REFERENCE_UNSUPPORTED: "A reference file has an unsupported format or pixel size.",
    FailureCode.PROVIDER_REJECTED: "The provider refused the request: words of the provider.",
    FailureCode.PROVIDER_UNAVAILABLE: "No provider could take the generation.",
    FailureCode.GENERATION_FAILED: "The generation failed.",
    FailureCode.STORAGE_FAILED: "The result could not be saved.",
    FailureCode.INTERNAL_ERROR: "The generation failed because of an internal error.",
}


@pytest.mark.parametrize("state", State)
async def test_c07_the_nine_keys_stand_in_every_state_with_the_status_of_the_table(
    stage: TestGateway, owner: Account, state: State
) -> None:
    task_id = await in_state(stage, owner, state)
    answer = await status_of(stage, owner, task_id)
    task = task_of(answer)  # has checked keys, result, error and final credits against the status
    assert task["id"] == task_id
    assert task["status"] == WIRE_STATUS[state]
    assert task["reserved_credits"] == 42
    assert task["final_credits"] == (42 if state is State.SUCCEEDED else 0)
    assert answer.headers["X-Reelway-State"] == state
    listed = (await get(stage, owner, GENERATIONS)).json()["data"]
    assert listed == [task]


async def test_c39_another_accounts_task_and_no_task_give_the_same_answer(
    shared: TestGateway, account: Account
) -> None:
    foreign = task_of(await post(shared, await shared.account(), body_of()), 202)["id"]
    bodies = []
    for task_id in (
        foreign,
        "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3",
        "task_",
        "x",
        "task_%00",
        foreign.lower(),
        foreign + "0",
    ):
        answer = await get(shared, account, f"{GENERATIONS}/{task_id}")
        assert answer.status_code == 404
        bodies.append(without_request_id(answer))
        for path, method in (("cancel", "POST"), ("events", "GET")):
            answer = await shared.http.request(method, f"{GENERATIONS}/{task_id}/{path}", headers=account.headers)
            assert answer.status_code == 404
            bodies.append(without_request_id(answer))
    assert bodies == [bodies[0]] * len(bodies)
    assert bodies[0] == {"error": {"code": "not_found", "message": "Not found."}}


async def test_c40_the_status_goes_forward_through_a_whole_life(stage: TestGateway, owner: Account) -> None:
    provider = provider_of(stage)
    submitting, polling = Gate(), Gate()
    provider.before_submit, provider.before_poll = submitting, polling
    times: list[str] = []

    async def seen(status: str, state: State) -> None:
        await until_state(stage, task_id, state)
        if state is State.STORING:
            await stage.until(lambda: not provider.fetches)
            await resting(stage, task_id)  # the first try to keep the video has failed, and the next one has its time
        task = task_of(await status_of(stage, owner, task_id))
        assert task["status"] == status
        times.append(task["updated_at"])
        stage.clock.advance(10)

    provider.free_slots = 0
    task_id = await stage.created(owner)
    await seen("queued", State.QUEUED)
    provider.free_slots = 10
    await seen("queued", State.SUBMITTING)
    submitting.open()
    await seen("processing", State.RUNNING)
    provider.fetches.append(outcomes.StoreFailed("away", is_final=False))
    polling.open()
    await seen("processing", State.STORING)
    stage.clock.advance(60)
    await seen("succeeded", State.SUCCEEDED)
    # 8.1: `updated_at` moves with every change of the wire status, and with nothing else
    assert times[0] == times[1] < times[2] == times[3] < times[4]
    created_at = task_of(await status_of(stage, owner, task_id))["created_at"]
    assert created_at == times[0]


class Watching:
    """A poller that notes each status that differs from the one before."""

    def __init__(self, stage: TestGateway, owner: Account, task_id: str) -> None:
        self.stage, self.owner, self.task_id = stage, owner, task_id
        self.statuses: list[str] = []

    async def look(self) -> str:
        status: str = task_of(await status_of(self.stage, self.owner, self.task_id))["status"]
        if not self.statuses or self.statuses[-1] != status:
            self.statuses.append(status)
        return status


async def test_c40_the_status_never_goes_back_under_failover(tmp_path: Path) -> None:
    """Two providers that take turns: the first is away twice, the second loses an answer, and then brings the video."""
    catalog = load_catalog()
    broken = ScriptedProvider(scripted_offer(catalog, name="broken"), video_bytes())
    sound = ScriptedProvider(scripted_offer(catalog, name="sound", tier=Tier.OFFICIAL), video_bytes())
    broken.submits.extend([outcomes.Unavailable("away"), outcomes.Unavailable("away")])
    sound.submits.append(outcomes.SubmitUnknown("lost"))
    sound.polls.append(outcomes.InProgress(0.5, poll_after_s=10))
    both = {"broken": broken, "sound": sound}
    parts = Parts(offers=lambda *_: (broken.offer, sound.offer), providers=lambda *_: both)
    async with running_gateway(tmp_path, scripted=False, parts=parts) as gateway:
        owner = await gateway.account()
        broken_gate = Gate()
        broken.before_submit = broken_gate
        task_id = await gateway.created(owner)
        watching = Watching(gateway, owner, task_id)
        await gateway.until(broken_gate.reached.is_set)
        assert await watching.look() == "queued"
        broken_gate.open()
        await gateway.until(lambda: len(broken.orders) == 1)

        async def later() -> bool:
            gateway.clock.advance(1)
            return await watching.look() in ("succeeded", "failed")

        await gateway.until(later)
        assert watching.statuses == ["queued", "processing", "succeeded"]
        assert (len(broken.orders), broken.jobs) == (2, {})
        assert (len(sound.orders), sound.jobs) == (2, {task_id: 1})
        stream = await gateway.http.get(f"{GENERATIONS}/{task_id}/events", headers=owner.headers)
        assert [event["data"]["status"] for event in events_in(stream.text) if "data" in event] == ["succeeded"]
        assert not await gateway.core.store.unbalanced_accounts()


async def test_8_1_a_task_may_go_from_queued_to_failed_directly(stage: TestGateway, owner: Account) -> None:
    provider_of(stage).submits.append(outcomes.Refused(FailureCode.CONTENT_REJECTED, ""))
    answer = await stage.ended(owner, await stage.created(owner))
    assert task_of(answer)["error"]["message"] == MESSAGES[FailureCode.CONTENT_REJECTED]


@pytest.mark.parametrize("is_refused", [True, False], ids=["refused", "job failed"])
async def test_8_3_each_failure_has_its_words_and_its_header(
    stage: TestGateway, owner: Account, is_refused: bool
) -> None:
    for code, message in MESSAGES.items():
        if is_refused:
            provider_of(stage).submits.append(outcomes.Refused(code, "words of the provider"))
        else:
            provider_of(stage).polls.append(outcomes.JobFailed(code, "words of the provider"))
        answer = await stage.ended(owner, await stage.created(owner))
        assert task_of(answer)["error"] == {"code": "generation_failed", "message": message}
        assert answer.headers["X-Reelway-Failure"] == code
        assert answer.headers["X-Reelway-State"] == "failed"


@pytest.mark.parametrize(
    ("state", "message", "code"),
    [
        (State.CANCELLED, "The generation was cancelled.", FailureCode.CANCELLED),
        (State.EXPIRED, "The generation expired before it finished.", FailureCode.TIMEOUT),
    ],
)
async def test_c42_a_cancelled_and_an_expired_task_show_as_failed_with_their_words(
    stage: TestGateway, owner: Account, state: State, message: str, code: FailureCode
) -> None:
    task_id = await in_state(stage, owner, state, model=KLING_3)
    answer = await status_of(stage, owner, task_id)
    task = task_of(answer)
    assert (task["status"], task["error"]) == ("failed", {"code": "generation_failed", "message": message})
    assert (answer.headers["X-Reelway-State"], answer.headers["X-Reelway-Failure"]) == (state, code)
    assert (task["reserved_credits"], task["final_credits"]) == (90, 0)


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING, State.RUNNING])
async def test_c42_a_task_expires_from_every_state_before_its_result_is_there(
    stage: TestGateway, owner: Account, state: State
) -> None:
    task_id = await in_state(stage, owner, state)
    provider_of(stage).finds.append(outcomes.FindUnknown("no answer"))
    provider_of(stage).unknown_window_s = 7_200.0  # the deadline comes first
    stage.clock.advance(3_590)
    assert task_of(await status_of(stage, owner, task_id))["status"] == WIRE_STATUS[state]
    stage.clock.advance(7_300)
    answer = await stage.ended(owner, task_id)
    assert answer.headers["X-Reelway-State"] == "expired"
    assert await listed_ids(stage, owner, status="failed") == [task_id]


async def test_c42_the_deadline_is_a_setting(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, task_deadline_seconds=60) as gateway:
        owner = await gateway.account()
        task_id = await in_state(gateway, owner, State.QUEUED)
        gateway.clock.advance(61)
        answer = await gateway.ended(owner, task_id)
        assert answer.headers["X-Reelway-State"] == "expired"


async def test_1_4_a_task_is_read_by_every_key_of_its_account(shared: TestGateway, account: Account) -> None:
    task = task_of(await post(shared, account, body_of()), 202)
    await shared.ended(account, task["id"])
    spare = await shared.key(account)
    assert (await status_of(shared, spare, task["id"])).json() == (await status_of(shared, account, task["id"])).json()


async def test_8_3_a_reason_is_never_missing_from_its_sentence(stage: TestGateway, owner: Account) -> None:
    for code in (FailureCode.INVALID_REFERENCE, FailureCode.PROVIDER_REJECTED):
        provider_of(stage).submits.append(outcomes.Refused(code, ""))
        message = task_of(await stage.ended(owner, await stage.created(owner)))["error"]["message"]
        assert "{" not in message
        assert not message.endswith((": .", "None."))


async def test_8_3_braces_in_a_reason_stay_as_they_are(stage: TestGateway, owner: Account) -> None:
    reason = "{reason} {0} %s \0"
    provider_of(stage).submits.append(outcomes.Refused(FailureCode.PROVIDER_REJECTED, reason))
    message = task_of(await stage.ended(owner, await stage.created(owner)))["error"]["message"]
    assert message == f"The provider refused the request: {reason}."


async def test_8_4_a_task_is_kept_for_180_days(stage: TestGateway, owner: Account) -> None:
    task_id = await stage.created(owner)
    before = task_of(await stage.ended(owner, task_id))
    stage.clock.advance(180 * 86_400 - 600)
    assert task_of(await status_of(stage, owner, task_id)) == before
    stage.clock.advance(1_200)

    async def is_gone() -> bool:
        return (await status_of(stage, owner, task_id)).status_code == 404

    await stage.until(is_gone)
    assert await listed_ids(stage, owner) == []


async def test_1_3_ids_of_things_are_ordered_by_time(stage: TestGateway, owner: Account) -> None:
    found: list[Any] = []
    for _ in range(3):
        found.append(await stage.created(owner))
        stage.clock.advance(0.002)
    assert found == sorted(found)
    files = []
    for _ in range(2):
        files.append((await upload(stage, owner, image_bytes("PNG"))).json()["id"])
        stage.clock.advance(0.002)
    assert files == sorted(files)
