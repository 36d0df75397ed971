"""Jobs that were given up: they are looked for, paid for and reported, and their tasks and callers stay untouched."""

from pathlib import Path

import pytest

from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.attempts import Attempt, Ending
from reelway.domain.ids import JobId, TaskId
from reelway.domain.outcomes import Cost
from reelway.domain.task import FailureCode, State
from reelway.gateway.attempts import attempts_of
from reelway.providers.base import Order
from reelway.telemetry import metrics
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from worker.lives import assert_released, settled, until_end, until_state

pytestmark = pytest.mark.anyio

DEADLINE_S = 3_600
LATE = outcomes.Finished(Cost(420_000, "3"))
AT_WORK = outcomes.InProgress(0.5, 60.0)


async def attempt_of(gateway: TestGateway, task_id: TaskId) -> Attempt:
    (attempt,) = (await attempts_of(gateway.core, None, task_id)).attempts
    return attempt


async def costs_of(gateway: TestGateway, task_id: TaskId) -> list[tuple[str, int, bool]]:
    found = (await attempts_of(gateway.core, None, task_id)).costs
    return [(cost.kind.value, cost.microdollars, cost.is_estimate) for cost in found]


async def until_looked_for(gateway: TestGateway, task_id: TaskId) -> Attempt:
    """Turn the clock on to the next look at the attempt, and wait until it is written."""
    before = await attempt_of(gateway, task_id)
    assert before.reconcile_at_us is not None
    gateway.clock.advance(max(0.0, (before.reconcile_at_us - gateway.clock.now_us()) / 1e6) + 0.001)

    async def is_written() -> bool:
        now = await attempt_of(gateway, task_id)
        return now.reconcile_tries > before.reconcile_tries and not _is_under_way(gateway, now)

    await gateway.until(is_written)
    return await attempt_of(gateway, task_id)


def _is_under_way(gateway: TestGateway, attempt: Attempt) -> bool:
    """An attempt that was taken is not due for five minutes; no pause between two looks is as long."""
    if attempt.reconcile_at_us is None:
        return False
    return 299 < (attempt.reconcile_at_us - gateway.clock.now_us()) / 1e6 < 301


async def expired(gateway: TestGateway, provider: ScriptedProvider, account: Account) -> TaskId:
    """A task that ran past its deadline at a provider that cannot say whether it stopped the job."""
    provider.default_poll = AT_WORK
    provider.cancels.append(outcomes.CancelUnknown("timeout"))
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    gateway.clock.advance(DEADLINE_S + 1)
    assert (await until_end(gateway, task_id)).state is State.EXPIRED
    assert (await attempt_of(gateway, task_id)).ending is Ending.GIVEN_UP
    return task_id


async def lost(gateway: TestGateway, provider: ScriptedProvider, account: Account) -> TaskId:
    """A task whose submit was never answered, and whose window is over."""
    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds += [outcomes.FindUnknown("timeout")] * 1_000
    provider.cancels.append(outcomes.CancelUnknown("the job is not known"))
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.SUBMITTING)
    await settled(gateway)
    gateway.clock.advance(gateway.settings.unknown_window_seconds + 1)
    task = await until_end(gateway, task_id)
    assert task.failure_code is FailureCode.PROVIDER_UNAVAILABLE
    await gateway.until(lambda: provider.cancelled == [task_id])
    provider.finds.clear()
    return task_id


async def test_a_late_success_is_booked_and_reported_and_nobody_is_charged(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    before = metrics.late_successes.labels("scripted")._value.get()
    task_id = await lost(gateway, provider, account)
    task = await gateway.task(task_id)
    provider.finds.append(outcomes.Accepted(JobId("job-late"), 0.0))
    provider.default_poll = LATE
    attempt = await until_looked_for(gateway, task_id)
    assert (attempt.ending, attempt.job_id, attempt.reconcile_at_us) == (Ending.LATE, "job-late", None)
    assert await costs_of(gateway, task_id) == [("late", 420_000, False)]
    assert metrics.late_successes.labels("scripted")._value.get() == before + 1
    assert provider.discarded == ["job-late"]
    assert await gateway.task(task_id) == task
    await assert_released(gateway, account, task_id, CREDITS)


async def test_a_submit_that_never_arrived_is_closed(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await lost(gateway, provider, account)
    provider.jobs.clear()
    attempt = await until_looked_for(gateway, task_id)
    assert (attempt.ending, attempt.reconcile_at_us) == (Ending.ABSENT, None)
    assert await costs_of(gateway, task_id) == []


async def test_a_job_that_failed_in_the_end_is_closed(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await expired(gateway, provider, account)
    provider.default_poll = outcomes.JobFailed(FailureCode.GENERATION_FAILED, "")
    assert (await until_looked_for(gateway, task_id)).ending is Ending.FAILED
    assert await costs_of(gateway, task_id) == []


async def test_a_job_that_still_runs_is_stopped(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await expired(gateway, provider, account)
    assert (await until_looked_for(gateway, task_id)).ending is Ending.CANCELLED
    assert provider.cancelled == [task_id, task_id]


async def test_a_job_that_cannot_be_stopped_is_looked_for_until_it_ends(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await expired(gateway, provider, account)
    provider.cancels += [outcomes.CancelImpossible()] * 2
    for tries in (1, 2):
        attempt = await until_looked_for(gateway, task_id)
        assert (attempt.ending, attempt.reconcile_tries) == (Ending.GIVEN_UP, tries)
    provider.default_poll = LATE
    assert (await until_looked_for(gateway, task_id)).ending is Ending.LATE


async def test_a_provider_that_does_not_answer_is_asked_again_later(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await expired(gateway, provider, account)
    provider.default_poll = outcomes.PollUnknown("timeout")
    attempt = await until_looked_for(gateway, task_id)
    assert attempt.ending is Ending.GIVEN_UP
    assert attempt.reconcile_at_us is not None
    assert attempt.reconcile_at_us > gateway.clock.now_us()


async def test_a_fault_of_ours_does_not_end_the_search(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await expired(gateway, provider, account)

    async def break_down(_order: object) -> None:
        raise ZeroDivisionError

    provider.before_poll = break_down
    assert (await until_looked_for(gateway, task_id)).ending is Ending.GIVEN_UP
    provider.before_poll, provider.default_poll = None, LATE
    assert (await until_looked_for(gateway, task_id)).ending is Ending.LATE


async def test_a_job_is_not_looked_for_for_ever(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await expired(gateway, provider, account)
    provider.default_poll = outcomes.PollUnknown("timeout")
    gateway.clock.advance(gateway.settings.reconcile_hours * 3_600)
    attempt = await until_looked_for(gateway, task_id)
    assert (attempt.ending, attempt.reconcile_at_us) == (Ending.GIVEN_UP, None)


async def test_a_provider_is_asked_for_what_is_over_without_being_asked_for_more(tmp_path: Path) -> None:
    """A search that consists of the same create once more would make the very job that nobody wants."""
    asked: list[Order] = []

    class Watched(ScriptedProvider):
        async def find(self, order: Order) -> outcomes.FindOutcome:
            asked.append(order)
            return await ScriptedProvider.find(self, order)

    provider = Watched(scripted_offer(load_catalog()), video_bytes())
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        task_id = await lost(gateway, provider, account)
        started_at_us = (await attempt_of(gateway, task_id)).started_at_us
        assert not any(order.is_over for order in asked)
        provider.finds.append(outcomes.Absent())
        await until_looked_for(gateway, task_id)
    assert (asked[-1].is_over, asked[-1].since_us) == (True, started_at_us)


async def test_a_job_at_a_provider_that_is_gone_waits_for_it_to_come_back(tmp_path: Path) -> None:
    catalog = load_catalog()
    first = ScriptedProvider(scripted_offer(catalog, name="first"), video_bytes())
    first.default_poll = AT_WORK
    async with running_gateway(tmp_path, scripted=first) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        await gateway.until(lambda: first.poll_count == 1)
    second = ScriptedProvider(scripted_offer(catalog, name="second"), video_bytes())
    async with running_gateway(tmp_path, scripted=second) as gateway:
        task = await until_end(gateway, task_id, step_s=5)
        assert task.failure_code is FailureCode.PROVIDER_UNAVAILABLE
        assert (await until_looked_for(gateway, task_id)).ending is Ending.GIVEN_UP
        later_us = gateway.clock.now_us()
    first.default_poll = LATE
    async with running_gateway(tmp_path, scripted=first) as gateway:
        gateway.clock.advance(max(0.0, (later_us - gateway.clock.now_us()) / 1e6))
        assert (await until_looked_for(gateway, task_id)).ending is Ending.LATE
        assert await costs_of(gateway, task_id) == [("late", 420_000, False)]


async def test_a_job_of_the_built_in_engine_ends_with_its_task(tmp_path: Path) -> None:
    """Asking it for a job that is lost would render it again."""
    provider = ScriptedProvider(scripted_offer(load_catalog()), video_bytes(), is_local=True)
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        task_id = await lost(gateway, provider, await gateway.account())
        polls = provider.poll_count
        assert (await until_looked_for(gateway, task_id)).ending is Ending.CANCELLED
        assert provider.poll_count == polls
