"""Reconcile: ask for the jobs of attempts that were given up, so that no cost stays unknown to us.

Their tasks have ended and their customers have their credits back; neither changes by what is found here.
"""

import asyncio
from dataclasses import replace
from typing import Final, assert_never

import structlog

from reelway.domain import decide, outcomes
from reelway.domain.attempts import US, Attempt, Ending, Reconciliation, cleared_up, looked_for
from reelway.domain.errors import UnavailableError
from reelway.domain.generation import generation_of
from reelway.domain.task import Task
from reelway.providers.base import Order, Provider
from reelway.telemetry import metrics
from reelway.worker.surroundings import Surroundings
from reelway.worker.terms import is_pinned_elsewhere

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 16
_LOOK_S_MAX: Final = 120.0
_TAKEN_S: Final = 300.0
"""Longer than a look may take: an attempt that was taken and not written back is taken again after this time."""


class Reconciler:
    """One round at a time; any number of workers may reconcile at once, for each attempt is taken by one of them."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    async def reconcile(self) -> None:
        """Look once at what is due, some side by side."""
        now_us = self._around.clock.now_us()
        taken = await self._around.store.attempts.take_due(now_us, now_us + round(_TAKEN_S * US), _AT_ONCE)
        if not taken:
            return
        async with asyncio.TaskGroup() as group:
            for attempt in taken:
                group.create_task(self._look(attempt))

    async def _look(self, attempt: Attempt) -> None:
        try:
            async with asyncio.timeout(_LOOK_S_MAX):
                found = await self._found(attempt)
        except TimeoutError:
            found = self._later(attempt)
        except Exception:
            log.exception("a given-up job could not be looked for", task=attempt.task_id, attempt=attempt.number)
            found = self._later(attempt)
        try:
            if await self._around.store.attempts.reconcile(found):
                self._tell(found)
        except UnavailableError as exc:
            log.warning("what was found of a job could not be written; it is looked for again", reason=str(exc))

    async def _found(self, attempt: Attempt) -> Reconciliation:
        """What has become of the job, as far as the provider tells now."""
        task = await self._around.store.task(attempt.task_id)
        provider = self._around.providers.get(attempt.provider)
        if task is None or provider is None or is_pinned_elsewhere(attempt.credential, provider):
            return self._later(attempt)
        order = _order(task, attempt)
        if provider.is_local:  # its jobs end with their tasks, and asking for one would begin it again
            await provider.cancel(order, attempt.job_id)
            return self._clear(attempt, Ending.CANCELLED)
        if attempt.job_id is None:
            sought = await provider.find(order)
            match sought:
                case outcomes.Accepted(job_id):
                    attempt = replace(attempt, job_id=job_id, accepted_at_us=self._around.clock.now_us())
                case outcomes.Absent():
                    return self._clear(attempt, Ending.ABSENT)
                case outcomes.FindUnknown():
                    return self._later(attempt)
                case _:
                    assert_never(sought)
        return await self._polled(attempt, provider, order)

    async def _polled(self, attempt: Attempt, provider: Provider, order: Order) -> Reconciliation:
        """A job that goes on is asked to stop: nobody waits for its video."""
        assert attempt.job_id is not None
        outcome = await provider.poll(order, attempt.job_id)
        match outcome:
            case outcomes.Finished(cost):
                await provider.discard(attempt.job_id)
                return self._clear(attempt, Ending.LATE, cost)
            case outcomes.JobFailed(_, _, cost):
                await provider.discard(attempt.job_id)
                return self._clear(attempt, Ending.FAILED, cost)
            case outcomes.InProgress():
                stopped = await provider.cancel(order, attempt.job_id)
                if isinstance(stopped, outcomes.CancelConfirmed):
                    return self._clear(attempt, Ending.CANCELLED)
                return self._later(attempt)
            case outcomes.PollUnknown():
                return self._later(attempt)
            case _:
                assert_never(outcome)

    def _clear(self, attempt: Attempt, ending: Ending, cost: outcomes.Cost | None = None) -> Reconciliation:
        return cleared_up(attempt, ending, cost, self._around.clock.now_us())

    def _later(self, attempt: Attempt) -> Reconciliation:
        return looked_for(attempt, self._around.settings.reconcile_hours * 3_600, self._around.clock.now_us())

    def _tell(self, found: Reconciliation) -> None:
        attempt = found.change.attempt
        told = {"task": attempt.task_id, "attempt": attempt.number, "provider": attempt.provider}
        match attempt.ending:
            case Ending.LATE:
                metrics.late_successes.labels(attempt.provider).inc()
                log.warning(
                    "a job finished after its task had been given up; we pay for it",
                    **told,
                    job=attempt.job_id,
                    microdollars=attempt.cost_microdollars,
                    expected_microdollars=attempt.expected_microdollars,
                )
            case Ending.GIVEN_UP if attempt.reconcile_at_us is None:
                log.warning("what became of a job was never learned", **told, job=attempt.job_id)
            case Ending.GIVEN_UP:
                pass
            case _:
                log.info("it is known now what became of a given-up job", **told, ending=attempt.ending)


def _order(task: Task, attempt: Attempt) -> Order:
    """For looking only: the task has ended."""
    inputs = decide.inputs_of(task)
    return Order(task.id, generation_of(task.generation), inputs, attempt.started_at_us, is_over=True)
