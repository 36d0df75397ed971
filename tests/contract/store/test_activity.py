"""What providers did lately: counted by provider and step, with the percentiles of the nearest rank."""

import pytest

from contract.store.rows import Rows
from contract.store.test_attempts import accepted, polled, running, started
from reelway.domain import decide, outcomes
from reelway.domain.activity import Activity, Span
from reelway.domain.task import FailureCode
from reelway.store.store import Store
from unit.builders import POLICY, US

pytestmark = pytest.mark.anyio


async def test_attempts_are_counted_in_the_step_in_which_they_ended(store: Store, rows: Rows) -> None:
    begun_us = rows.clock.now_us()
    took = []
    for seconds in (10, 30, 20):
        task = await running(rows)
        rows.clock.advance(seconds)
        await rows.moved(polled(rows, task, outcomes.Finished()))
        (attempt,) = await store.attempts.of_task(task.id)
        assert attempt.ended_at_us is not None
        took.append(attempt.ended_at_us - attempt.started_at_us)
    rows.clock.advance(100)
    task = await running(rows)
    await rows.moved(polled(rows, task, outcomes.JobFailed(FailureCode.GENERATION_FAILED, "")))
    span = Span(begun_us, begun_us + 400 * US, 100 * US)
    first, second = await store.attempts.activity(span)
    assert first == Activity("scripted", 0, True, 3, sorted(took)[1], sorted(took)[2])
    assert (second.step, second.is_video, second.count) == (1, False, 1)
    assert await store.attempts.activity(Span(begun_us - US, begun_us, US)) == []


async def test_an_attempt_counts_though_its_task_goes_on(store: Store, rows: Rows) -> None:
    begun_us = rows.clock.now_us()
    task = await started(rows, await rows.created(await rows.account()))
    await rows.moved(decide.submitted(task, outcomes.Unavailable("down"), POLICY, rows.clock.now_us()))
    (seen,) = await store.attempts.activity(Span(begun_us, begun_us + US, US))
    assert (seen.provider, seen.is_video, seen.count) == ("scripted", False, 1)


async def test_jobs_are_counted_by_provider(store: Store, rows: Rows) -> None:
    await running(rows)
    await rows.moved(accepted(rows, await started(rows, await rows.created(await rows.account()), provider="other")))
    await started(rows, await rows.created(await rows.account()), provider="other")
    await rows.moved(polled(rows, await running(rows), outcomes.Finished()))
    assert await store.attempts.jobs() == {"scripted": 1, "other": 2}
