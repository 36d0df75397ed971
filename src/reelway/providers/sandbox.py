"""The built-in engine behind a desk that does what directives in the prompt say: wait, fail, hang, lose an answer.

Nothing of a wait is kept in memory: a delay runs from the task's creation, which its id tells, so a restart in the
middle changes nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from reelway.clock import Clock
from reelway.domain import outcomes
from reelway.domain.errors import SandboxDirectiveError
from reelway.domain.ids import JobId, TaskId, time_ms_of
from reelway.domain.routing import Offer
from reelway.domain.sandbox import Directives, all_texts, directives_of, plain
from reelway.providers.base import FetchedVideo, Order, Provider

_LOOK_AGAIN_S: Final = 1.0
_LOST: Final = "the sandbox lost the answer"
_REASON: Final = "asked for by a sandbox directive"
_REMEMBERED_MAX: Final = 10_000


class SandboxProvider:
    """Fulfils `providers.base.Provider` around another one, whose jobs are called like their tasks."""

    def __init__(self, inner: Provider, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self._throttled: dict[TaskId, int] = {}

    @property
    def offer(self) -> Offer:
        return self._inner.offer

    @property
    def is_local(self) -> bool:
        return self._inner.is_local

    @property
    def free_slots(self) -> int:
        return self._inner.free_slots

    @property
    def unknown_window_s(self) -> float:
        return self._inner.unknown_window_s

    @property
    def credential(self) -> str:
        return self._inner.credential

    async def submit(self, order: Order) -> outcomes.SubmitOutcome:
        wanted = _wanted(order)
        if self._is_put_off(order.task_id, wanted.throttles):
            return outcomes.Throttled(_LOOK_AGAIN_S)
        answer: outcomes.SubmitOutcome = outcomes.Accepted(JobId(order.task_id), poll_after_s=0.0)
        if not _only_waits(wanted):
            answer = await self._inner.submit(_plain(order))
        is_lost = wanted.loses_answer and isinstance(answer, outcomes.Accepted)
        return outcomes.SubmitUnknown(_LOST) if is_lost else answer

    async def find(self, order: Order) -> outcomes.FindOutcome:
        if _only_waits(_wanted(order)):
            return outcomes.Accepted(JobId(order.task_id), poll_after_s=0.0)
        return await self._inner.find(_plain(order))

    async def poll(self, order: Order, job_id: JobId) -> outcomes.PollOutcome:
        wanted = _wanted(order)
        left_s = time_ms_of(order.task_id) / 1e3 + wanted.delay_s - self._clock.now_us() / 1e6
        if wanted.hangs or (wanted.delay_s and left_s > 0):
            return outcomes.InProgress(None, poll_after_s=_LOOK_AGAIN_S if wanted.hangs else min(left_s, _LOOK_AGAIN_S))
        if wanted.failure is not None:
            return outcomes.JobFailed(wanted.failure, _REASON)
        return await self._inner.poll(_plain(order), job_id)

    async def cancel(self, order: Order, job_id: JobId | None) -> outcomes.CancelOutcome:
        return await self._inner.cancel(_plain(order), job_id)

    async def fetch(self, order: Order, job_id: JobId, folder: Path) -> FetchedVideo | outcomes.StoreFailed:
        return await self._inner.fetch(_plain(order), job_id, folder)

    async def discard(self, job_id: JobId) -> None:
        self._throttled.pop(TaskId(job_id), None)
        await self._inner.discard(job_id)

    async def forget_ended(self, is_needed: Callable[[JobId], Awaitable[bool]]) -> None:
        await self._inner.forget_ended(is_needed)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _is_put_off(self, task_id: TaskId, throttles: int) -> bool:
        """Count a submit that comes too early; what was counted before a restart is forgotten."""
        times = self._throttled.get(task_id, 0)
        if times >= throttles:
            return False
        if len(self._throttled) >= _REMEMBERED_MAX:
            self._throttled.pop(next(iter(self._throttled)))
        self._throttled[task_id] = times + 1
        return True


def _wanted(order: Order) -> Directives:
    """A prompt from before the sandbox was switched on may hold anything; then nothing is wanted."""
    try:
        return directives_of(all_texts(order.generation))
    except SandboxDirectiveError:
        return Directives()


def _only_waits(wanted: Directives) -> bool:
    """Whether nothing is rendered at the submit: a slot is not to be held by a task that only waits."""
    return wanted.hangs or wanted.delay_s > 0 or wanted.failure is not None


def _plain(order: Order) -> Order:
    return replace(order, generation=plain(order.generation))
