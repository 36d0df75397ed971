"""The status call of the APIXO dialect: statements 31 to 36, 40, 48 and 50 of its contract."""

from pathlib import Path

import pytest

from contract.apixo.conformance import (
    GENERATE,
    PRICE_5_S,
    body_of,
    created,
    data_of,
    ended,
    id_of,
    post,
    result_urls,
    state_of,
    status_of,
)
from contract.rivya.wire import credits_of
from reelway.domain import outcomes
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, State
from support.failover import assert_never_back, statuses_seen
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.staging import TASK_DEADLINE_S, Gate, brought_into, provider_of, reach, script

pytestmark = pytest.mark.anyio

DAY_S = 86_400
WIRE_STATES = {
    State.QUEUED: "pending",
    State.SUBMITTING: "pending",
    State.RUNNING: "processing",
    State.STORING: "processing",
    State.SUCCEEDED: "success",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.EXPIRED: "failed",
}
FAILURES = {
    FailureCode.CONTENT_REJECTED: "CONTENT_VIOLATION",
    FailureCode.INVALID_REFERENCE: "INVALID_IMAGE_URL",
    FailureCode.REFERENCE_TOO_LARGE: "IMAGE_TOO_LARGE",
    FailureCode.REFERENCE_UNSUPPORTED: "UNSUPPORTED_FORMAT",
    FailureCode.PROVIDER_UNAVAILABLE: "MODEL_UNAVAILABLE",
    FailureCode.GENERATION_FAILED: "GENERATION_FAILED",
    FailureCode.PROVIDER_REJECTED: "GENERATION_FAILED",
    FailureCode.INTERNAL_ERROR: "GENERATION_FAILED",
}


async def staged(stage: TestGateway, owner: Account, state: State) -> TaskId:
    return await brought_into(stage, owner, state, lambda: created(stage, owner))


async def test_c31_refused_content_is_accepted_first_and_ends_as_a_violation(
    stage: TestGateway, owner: Account
) -> None:
    provider_of(stage).submits.append(outcomes.Refused(FailureCode.CONTENT_REJECTED, "no"))
    answer = await post(stage, owner, body_of())
    task_id = id_of(answer)
    data = state_of(await ended(stage, owner, task_id))
    assert (data["state"], data["failCode"]) == ("failed", "CONTENT_VIOLATION")
    assert data["failMsg"] == "Content violates the safety rules"
    assert await credits_of(stage, owner) == CREDITS


@pytest.mark.parametrize(("failure", "fail_code"), FAILURES.items())
async def test_8_1_every_core_failure_has_its_code(
    stage: TestGateway, owner: Account, failure: FailureCode, fail_code: str
) -> None:
    provider_of(stage).polls.append(outcomes.JobFailed(failure, ""))
    answer = await ended(stage, owner, await created(stage, owner))
    data = state_of(answer)
    assert data["failCode"] == fail_code
    assert data["failMsg"]
    assert answer.headers["X-Reelway-Failure"] == failure


async def test_c32_a_task_past_its_deadline_timed_out(stage: TestGateway, owner: Account) -> None:
    task_id = await staged(stage, owner, State.EXPIRED)
    data = state_of(await status_of(stage, owner, task_id))
    assert (data["state"], data["failCode"]) == ("failed", "PROCESSING_TIMEOUT")
    assert data["costTime"] >= TASK_DEADLINE_S * 1000


async def test_c33_a_cancelled_task_failed(stage: TestGateway, owner: Account) -> None:
    task_id = await staged(stage, owner, State.CANCELLED)
    data = state_of(await status_of(stage, owner, task_id))
    assert (data["state"], data["failCode"]) == ("failed", "GENERATION_FAILED")
    assert data["failMsg"] == "The task was cancelled"


async def test_c34_a_fresh_task_is_pending_and_has_three_keys(stage: TestGateway, owner: Account) -> None:
    provider_of(stage).free_slots = 0
    before_ms = stage.clock.now_us() // 1000
    task_id = await created(stage, owner)
    data = data_of(await status_of(stage, owner, task_id))
    assert list(data) == ["taskId", "state", "createTime"]
    assert (data["taskId"], data["state"]) == (task_id, "pending")
    assert type(data["createTime"]) is int
    assert before_ms <= data["createTime"] <= stage.clock.now_us() // 1000


@pytest.mark.parametrize("state", State)
async def test_7_3_every_core_state_has_its_word_and_the_header_tells_the_core_state(
    stage: TestGateway, owner: Account, state: State
) -> None:
    task_id = await staged(stage, owner, state)
    answer = await status_of(stage, owner, task_id)
    assert state_of(answer)["state"] == WIRE_STATES[state]
    assert answer.headers["X-Reelway-State"] == state
    assert ("X-Reelway-Failure" in answer.headers) == (WIRE_STATES[state] == "failed")


async def test_c35_a_success_brings_a_text_of_json_with_one_https_mp4_url(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, public_url="https://gw.example.com") as gateway:
        owner = await gateway.account()
        task_id = await created(gateway, owner)
        await gateway.until(lambda: is_in(gateway, task_id, State.SUCCEEDED))
        data = state_of(await status_of(gateway, owner, task_id))
        (url,) = result_urls(data)
        assert data["resultJson"] == f'{{"resultUrls":["{url}"]}}'
        assert url.startswith(f"https://gw.example.com/media/{task_id}/")
        assert url.endswith(".mp4")
        answer = await gateway.http.get(url.removeprefix("https://gw.example.com"))  # what a proxy would do
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "video/mp4")
        assert answer.content == provider_of(gateway).video


async def is_in(gateway: TestGateway, task_id: TaskId, state: State) -> bool:
    return (await gateway.task(task_id)).state is state


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED])
async def test_c36_an_ended_task_tells_when_it_ended_and_how_long_it_took(
    stage: TestGateway, owner: Account, state: State
) -> None:
    gate = Gate()
    provider_of(stage).before_submit = gate
    task_id = await created(stage, owner)
    await stage.until(gate.reached.is_set)
    stage.clock.advance(42.5)
    script(stage, state)
    gate.open()
    await reach(stage, owner, task_id, state)
    data = state_of(await ended(stage, owner, task_id))
    assert type(data["completeTime"]) is int
    assert data["costTime"] == data["completeTime"] - data["createTime"]
    assert data["costTime"] >= 42_000


async def test_c40_the_state_never_moves_backwards_also_under_failover(tmp_path: Path) -> None:
    async def read(gateway: TestGateway, owner: Account, task_id: TaskId) -> str:
        state: str = state_of(await status_of(gateway, owner, task_id))["state"]
        return state

    assert_never_back(await statuses_seen(tmp_path, created, read), ["pending", "processing", "success"])


async def test_c48_a_result_is_gone_after_15_days_and_the_status_answer_stays(
    stage: TestGateway, owner: Account
) -> None:
    task_id = await created(stage, owner)
    before = state_of(await ended(stage, owner, task_id))
    (url,) = result_urls(before)
    stage.clock.advance(15 * DAY_S - 60)
    assert (await stage.http.get(url)).status_code == 200
    stage.clock.advance(120)
    assert (await stage.http.get(url)).status_code == 410
    assert state_of(await status_of(stage, owner, task_id)) == before


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED, State.SUCCEEDED])
async def test_c50_only_a_success_takes_credits(stage: TestGateway, owner: Account, state: State) -> None:
    provider_of(stage).free_slots = 0
    task_id = await created(stage, owner)
    assert await credits_of(stage, owner) == CREDITS - PRICE_5_S
    await stage.http.post(f"/api/v1/generations/{task_id}/cancel", headers=owner.headers)
    assert await credits_of(stage, owner) == CREDITS
    provider_of(stage).free_slots = 10_000
    await staged(stage, owner, state)
    assert await credits_of(stage, owner) == CREDITS - (PRICE_5_S if state is State.SUCCEEDED else 0)


async def test_11_ten_seconds_cost_84_credits(stage: TestGateway, owner: Account) -> None:
    await ended(stage, owner, await created(stage, owner, body_of(duration=10)))
    assert await credits_of(stage, owner) == CREDITS - 84


async def test_2_only_the_two_methods_exist(shared: TestGateway, account: Account) -> None:
    for path in ("/api/v1/balance", "/api/v1/generateTask", "/api/v1/statusTask/", f"{GENERATE}/cancel"):
        answer = await shared.http.get(path, headers=account.headers)
        assert answer.status_code == 404, path
