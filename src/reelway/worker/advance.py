"""Advance: one leased task moves as far as it can go now, one committed step after another.

Each step reads the row, acts outside, and writes one transition guarded by the row's version. When somebody else has
changed the row meanwhile (a caller who cancels, say), the step's outcome is decided again on the new row.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from reelway.domain import decide, outcomes
from reelway.domain.attempts import Ending, Terms
from reelway.domain.decide import Transition
from reelway.domain.generation import generation_of
from reelway.domain.ids import JobId, TaskId, WorkerId
from reelway.domain.routing import UnsupportedError
from reelway.domain.task import FailureCode, PreparedReference, State, Task
from reelway.gateway.inputs import drop_inputs
from reelway.providers.base import Order, Provider
from reelway.store.slots import StartOutcome
from reelway.telemetry import metrics
from reelway.telemetry.failpoints import Failpoint, hit
from reelway.worker.choose import NO_SLOT_S, choose, goes_elsewhere, sooner_s
from reelway.worker.held import is_watched, order_of, search_order_of
from reelway.worker.prepare import NotPrepared, prepare
from reelway.worker.results import drop_result, store_result
from reelway.worker.surroundings import Surroundings
from reelway.worker.terms import Pins, terms_of

log = structlog.get_logger(__name__)

_STORAGE_AWAY_S: Final = 5.0
_OUT_OF_REACH_S: Final = 30.0
_PROGRESS_STEP: Final = 0.02
"""Progress is written when it has moved this far, or with the next change of state."""

_EXPECTED_PROGRESS_MAX: Final = 0.95

Decision = Callable[[Task], Transition | None]
Note = Callable[[Task], Awaitable[None]]


class Advancer:
    """Moves tasks that `worker` has leased."""

    def __init__(self, around: Surroundings, worker: WorkerId, hold: Callable[[Task], None]) -> None:
        """`hold` takes a task whose job is only looked at now and then, with its lease."""
        self._around = around
        self._worker = worker
        self._pins = Pins()
        self._hold = hold
        self._full_until_us: dict[str, int] = {}
        """Providers whose slots other workers have, and until when that is believed."""

    async def advance(self, task: Task, on_started: Callable[[], None]) -> None:
        """Go on with the task while we hold it; returns when it waits, has ended, or belongs to somebody else.

        `on_started` is called after the first step, when a provider's slot is taken or will not be.
        """
        held: Task | None = task
        while held is not None and not held.is_final and held.lease_owner == self._worker:
            if is_watched(held, self._around.providers, self._now_us()):
                self._hold(held)
                return
            state = held.state
            held = await self._step(held)
            on_started()
            metrics.steps.labels(state, held.state if held is not None else "lost").inc()

    async def give_up_step(self, task_id: TaskId) -> None:
        """A step ended by a fault of ours: write that down and let go of the task."""
        row = await self._around.store.task(task_id)
        if row is not None and row.lease_owner == self._worker and not row.is_final:
            await self._write(row, lambda row: decide.faulted(row, self._around.policy, self._now_us()))

    async def _step(self, task: Task) -> Task | None:
        """One step from the task's state; None when the row was lost to somebody else."""
        match task.state:
            case State.QUEUED:
                return await self._start(task)
            case State.SUBMITTING:
                return await self._find(task)
            case State.RUNNING:
                return await self._poll(task)
            case State.STORING:
                return await self._store(task)
            case State.SUCCEEDED | State.FAILED | State.CANCELLED | State.EXPIRED:
                raise AssertionError("an ended task has no step")

    # --- queued: choose a provider, prepare, submit -------------------------------------------------------------------

    async def _start(self, task: Task) -> Task | None:
        if task.cancel_requested_at_us is not None:  # asked for while a submit was under way that made no job
            return await self._write(task, lambda row: decide.cancelled(row, self._now_us()))
        if self._now_us() >= task.deadline_at_us:
            return await self._write(task, lambda row: decide.expired(row, self._now_us()))
        try:
            chosen = choose(self._around, task, self._is_full)
        except UnsupportedError:
            return await self._fail(task, FailureCode.PROVIDER_UNAVAILABLE, "no configured provider can do it")
        if isinstance(chosen, float):
            return await self._write(task, lambda row: decide.waiting(row, chosen, self._now_us()))
        provider, inputs = chosen, decide.inputs_of(task)
        generation = generation_of(task.generation)
        if generation.references and not inputs:
            prepared = await prepare(self._around, task.id, generation)
            if isinstance(prepared, NotPrepared):
                return await self._not_prepared(task, prepared)
            inputs = prepared
            hit(Failpoint.INPUTS_PREPARED)
        terms = terms_of(self._around.catalog, provider, generation)
        if not await self._around.health.admit(provider, task):
            return await self._write(task, lambda row: decide.waiting(row, NO_SLOT_S, self._now_us()))
        started: Task | None = None
        try:
            started = await self._write_start(task, provider, inputs, terms)
        finally:
            if started is None or started.state is not State.SUBMITTING:
                await self._around.health.release(provider.offer.provider, task.model, task.id)
        if started is None or started.state is not State.SUBMITTING or started.lease_owner != self._worker:
            return started
        hit(Failpoint.SUBMITTING_WRITTEN)
        return await self._submit(started, provider)

    def _is_full(self, provider: Provider) -> bool:
        return self._full_until_us.get(provider.offer.provider, 0) > self._now_us()

    async def _write_start(
        self, task: Task, provider: Provider, inputs: tuple[PreparedReference, ...], terms: Terms
    ) -> Task | None:
        """Write that the task is about to be submitted; what runs in this process has its own count of slots.

        Where other workers have taken the last slot, the task stays queued, and whoever steps on with it finds another
        provider or lets it wait. References that were fetched for it are fetched again then.
        """
        row: Task | None = task
        slots_max = None if provider.is_local else provider.offer.slots
        while row is not None:
            if self._now_us() >= row.deadline_at_us:  # its references took their time
                return await self._write(row, lambda row: decide.expired(row, self._now_us()))
            started = decide.started(row, provider.offer.provider, inputs, self._now_us(), terms)
            match await self._around.store.start(started, slots_max):
                case StartOutcome.WRITTEN:
                    return started.task
                case StartOutcome.FULL:
                    self._full_until_us[provider.offer.provider] = self._now_us() + round(NO_SLOT_S * decide.US)
                    return row
                case StartOutcome.STALE:
                    row = await self._current(row)
        await self._drop_if_ended(task)
        return None

    async def _not_prepared(self, task: Task, found: NotPrepared) -> Task | None:
        if found.is_fault:
            log.warning("a reference could not be looked at", task=task.id, tries=task.tries + 1)
            return await self._write(task, lambda row: decide.faulted(row, self._around.policy, self._now_us()))
        if found.code is None:
            log.warning("a task waits for its references", task=task.id, reason=found.reason)
            return await self._write(task, lambda row: decide.waiting(row, _STORAGE_AWAY_S, self._now_us()))
        return await self._fail(task, found.code, found.reason)

    async def _submit(self, task: Task, provider: Provider) -> Task | None:
        """The one call that may cost money: never repeated for the same attempt."""
        submitted = await self._around.health.submit(provider, order_of(task))
        outcome = submitted.outcome
        hit(Failpoint.SUBMIT_ANSWERED)
        if not isinstance(outcome, outcomes.Accepted):
            log.info("a submit was not accepted", task=task.id, provider=provider.offer.provider, outcome=str(outcome))
        if isinstance(outcome, outcomes.Throttled) and not outcome.is_ours:
            outcome = replace(outcome, retry_after_s=sooner_s(self._around, task, outcome.retry_after_s))
        is_theirs = isinstance(outcome, outcomes.Unavailable) and not outcome.is_ours
        elsewhere = is_theirs and goes_elsewhere(self._around, task)
        policy = self._policy_for(provider)
        if submitted.is_trial:  # a task is not given up for having found out that a provider is still down
            policy = replace(policy, submit_tries_max=task.attempt + 1)
        written = await self._write(
            task,
            lambda row: decide.submitted(
                row, outcome, policy, self._now_us(), keep_lease=True, goes_elsewhere=elsewhere
            ),
            is_job_over=not isinstance(outcome, outcomes.SubmitUnknown),
        )
        hit(Failpoint.RUNNING_WRITTEN)
        return written

    # --- submitting: what became of a submit whose answer we do not have ----------------------------------------------

    async def _find(self, task: Task) -> Task | None:
        provider = self._provider_of(task)
        if provider is None:
            return await self._fail(task, FailureCode.PROVIDER_UNAVAILABLE, "its provider is no longer configured")
        if not self._pins.allow(task, provider):
            return await self._out_of_reach(task)
        outcome = await provider.find(search_order_of(task, self._now_us()))
        await self._around.health.found(provider, task, outcome)
        log.info("an unanswered submit was looked for", task=task.id, outcome=str(outcome))
        policy = self._policy_for(provider)

        def decision(row: Task) -> Transition:
            now_us = self._now_us()
            if isinstance(outcome, outcomes.Absent) and row.cancel_requested_at_us is not None:
                return decide.cancelled(row, now_us, ending=Ending.ABSENT)
            if not isinstance(outcome, outcomes.Accepted) and now_us >= row.deadline_at_us:
                is_absent = isinstance(outcome, outcomes.Absent)
                return decide.expired(row, now_us, ending=Ending.ABSENT if is_absent else None)
            return decide.found(row, outcome, policy, now_us)

        return await self._write(task, decision, is_job_over=isinstance(outcome, outcomes.Absent))

    # --- running: look after the job ----------------------------------------------------------------------------------

    async def _poll(self, task: Task) -> Task | None:
        provider = self._provider_of(task)
        if provider is None or task.job_id is None:
            return await self._fail(task, FailureCode.PROVIDER_UNAVAILABLE, "its provider is no longer configured")
        if not self._pins.allow(task, provider):
            return await self._out_of_reach(task)
        order, job_id = order_of(task), task.job_id
        if self._now_us() >= task.deadline_at_us:  # before a cancel: one that nobody confirms must not outlast it
            return await self._expire(task, provider, order, job_id)
        if task.cancel_requested_at_us is not None:
            return await self._cancel(task, provider, order, job_id)
        outcome = await provider.poll(order, job_id)
        if isinstance(outcome, outcomes.InProgress):
            if provider.is_local and outcome.poll_after_s == 0:
                return await self._note_progress(task, outcome)
            if outcome.progress is None:
                outcome = replace(outcome, progress=self._expected_progress(task, provider))
        return await self.polled(task, provider, outcome, task.tries)

    async def polled(
        self, task: Task, provider: Provider, outcome: outcomes.PollOutcome, tries: int, *, lets_go: bool = False
    ) -> Task | None:
        """Write what the provider said of the job, see `decide.polled`, and note it once that is written.

        `tries`: polls of this job that were in vain before this one.
        """
        if isinstance(outcome, outcomes.Finished):
            hit(Failpoint.JOB_FINISHED)
        policy, health = self._around.policy, self._around.health
        written = await self._write(
            task,
            lambda row: decide.polled(row, outcome, policy, self._now_us(), lets_go=lets_go),
            is_job_over=True,
            note=lambda written: health.polled(provider, written.model, written.id, outcome, tries),
        )
        if written is not None and written.state is State.STORING:
            hit(Failpoint.STORING_WRITTEN)
        return written

    def _expected_progress(self, task: Task, provider: Provider) -> float:
        """For a provider that gives none: the time since the submit over the time that such a video takes."""
        expected_s = provider.offer.run_s(generation_of(task.generation))
        elapsed_s = (self._now_us() - task.state_at_us) / decide.US
        return min(_EXPECTED_PROGRESS_MAX, max(0.0, elapsed_s / expected_s)) if expected_s > 0 else 0.0

    async def _note_progress(self, task: Task, outcome: outcomes.InProgress) -> Task | None:
        """A local job goes on and we keep the task. Where nothing is worth a write, the row is read again instead, so
        that a cancel is seen."""
        if (outcome.progress or 0.0) - task.progress < _PROGRESS_STEP:
            return await self._current(task)
        return await self.progressed(task, outcome)

    async def progressed(self, task: Task, outcome: outcomes.InProgress) -> Task | None:
        """Write that the job goes on; the task stays with us."""
        policy = self._around.policy
        written = await self._write(
            task, lambda row: decide.polled(row, outcome, policy, self._now_us(), keep_lease=True)
        )
        hit(Failpoint.PROGRESS_WRITTEN)
        return written

    async def _cancel(self, task: Task, provider: Provider, order: Order, job_id: JobId) -> Task | None:
        outcome = await provider.cancel(order, job_id)
        match outcome:
            case outcomes.CancelConfirmed():
                return await self._write(task, lambda row: decide.cancelled(row, self._now_us()), is_job_over=True)
            case outcomes.CancelImpossible():
                return await self._write(task, lambda row: decide.cancel_declined(row, self._now_us()))
            case outcomes.CancelUnknown(reason):
                log.warning("a cancel was not answered", task=task.id, reason=reason)
                return await self._write(task, lambda row: decide.waiting(row, NO_SLOT_S, self._now_us()))

    async def _expire(self, task: Task, provider: Provider, order: Order, job_id: JobId) -> Task | None:
        """The deadline ends the task whatever the provider says; its job is to stop, if it can."""
        outcome = await provider.cancel(order, job_id)
        ending = Ending.CANCELLED if isinstance(outcome, outcomes.CancelConfirmed) else None
        return await self._write(task, lambda row: decide.expired(row, self._now_us(), ending=ending), is_job_over=True)

    # --- storing: keep the result -------------------------------------------------------------------------------------

    async def _store(self, task: Task) -> Task | None:
        provider = self._provider_of(task)
        if provider is None or task.job_id is None:
            return await self._fail(task, FailureCode.STORAGE_FAILED, "its provider is no longer configured")
        if not self._pins.allow(task, provider):
            return await self._out_of_reach(task)
        outcome = await store_result(self._around, provider, order_of(task), task.job_id)
        if isinstance(outcome, outcomes.StoreFailed):
            log.warning("a result was not stored", task=task.id, reason=outcome.reason, tries=task.tries + 1)
        policy, health = self._around.policy, self._around.health
        hit(Failpoint.FINAL_BEFORE_COMMIT)
        return await self._write(
            task,
            lambda row: decide.stored(row, outcome, policy, self._now_us()),
            note=lambda written: health.stored(provider, written, outcome, is_given_up=written.is_final),
        )

    # --- what the steps share -----------------------------------------------------------------------------------------

    def _now_us(self) -> int:
        return self._around.clock.now_us()

    def _policy_for(self, provider: Provider) -> decide.Policy:
        """A provider from the configuration says for how long an unanswered submit of its own is looked for."""
        policy = self._around.policy
        return policy if provider.is_local else replace(policy, unknown_window_s=provider.unknown_window_s)

    async def _out_of_reach(self, task: Task) -> Task | None:
        """The provider's credential is not the one that submitted the job: wait for that one, but not past the
        deadline. Nobody is asked for the job, and nobody is asked to stop it."""
        policy = self._around.policy
        gone = outcomes.StoreFailed("its provider has another credential now", is_final=True)

        def decision(row: Task) -> Transition:
            now_us = self._now_us()
            if now_us < row.deadline_at_us:
                left_s = (row.deadline_at_us - now_us) / decide.US
                return decide.waiting(row, min(_OUT_OF_REACH_S, left_s), now_us)
            return (
                decide.stored(row, gone, policy, now_us) if row.state is State.STORING else decide.expired(row, now_us)
            )

        return await self._write(task, decision, is_job_over=True)

    def _provider_of(self, task: Task) -> Provider | None:
        return self._around.providers.get(task.provider or "")

    async def _fail(self, task: Task, code: FailureCode, reason: str) -> Task | None:
        return await self._write(task, lambda row: decide.failed(row, code, reason, self._now_us()))

    async def _write(
        self, task: Task, decision: Decision, *, is_job_over: bool = False, note: Note | None = None
    ) -> Task | None:
        """Apply a decision to the newest row; None when we no longer hold it.

        Every end of a task that the worker writes passes here. `is_job_over`: where the decision ends the task, its
        provider has no job at work for it, by the provider's own word; otherwise the provider is asked to stop it.
        `note` keeps account of what the decision came from, once for each that is written.
        """
        row: Task | None = task
        while row is not None:
            transition = decision(row)
            if transition is None:
                return row
            if await self._around.store.apply(transition):
                if transition.is_ending:
                    hit(Failpoint.FINAL_AFTER_COMMIT)
                if note is not None:
                    await note(transition.task)
                if transition.is_ending:
                    await self._clear_away(row, transition.task, is_job_over=is_job_over)
                return transition.task
            row = await self._current(row)
        await self._drop_if_ended(task)
        return None

    async def _clear_away(self, before: Task, ended: Task, *, is_job_over: bool) -> None:
        """Nothing that was made for the task is needed any more, here or at its provider."""
        await drop_inputs(self._around.objects, ended)
        if before.state is State.STORING and ended.state is not State.SUCCEEDED:
            await drop_result(self._around, ended.id)
        provider = self._provider_of(ended)
        if provider is not None and before.state is not State.QUEUED:
            await self._around.health.release(provider.offer.provider, ended.model, ended.id)
            if before.state is not State.STORING and not is_job_over and self._pins.allow(ended, provider):
                outcome = await provider.cancel(order_of(ended), ended.job_id)
                log.warning("a task was given up while its job may go on", task=ended.id, cancel=str(outcome))
            if ended.job_id is not None:
                await provider.discard(ended.job_id)
        hit(Failpoint.JOB_DISCARDED)

    async def _drop_if_ended(self, task: Task) -> None:
        """Somebody else ended the task while we fetched its references: these came after all was cleared away."""
        row = await self._around.store.task(task.id)
        if row is None or row.is_final:
            await drop_inputs(self._around.objects, task)

    async def _current(self, task: Task) -> Task | None:
        """The row as it is now, if it is still ours and in the same state."""
        row = await self._around.store.task(task.id)
        is_ours = row is not None and row.lease_owner == self._worker and row.state is task.state
        return row if is_ours else None
