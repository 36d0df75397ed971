"""Cancel: stop a task for its owner, where that can be done without paying for a video that nobody gets."""

from typing import Final

from reelway.domain import decide
from reelway.domain.errors import NotCancellableError, UnavailableError
from reelway.domain.intents import Caller, CancelTask, TaskView
from reelway.domain.task import State, Task
from reelway.gateway.core import Core
from reelway.gateway.inputs import drop_inputs
from reelway.gateway.read import own_task

_TRIES_MAX: Final = 20


async def cancel_task(core: Core, caller: Caller, intent: CancelTask) -> TaskView:
    """A queued task ends at once; for one at a provider that can cancel, the wish is noted and the worker asks.

    Raises:
        NotFoundError: no such task, or another account's.
        NotCancellableError: it has ended, its result is being stored, or its provider cannot cancel.
    """
    for _ in range(_TRIES_MAX):
        task = await own_task(core, caller, intent.task_id)
        transition = _decide(core, task)
        if transition is None:
            return TaskView(task)
        if await core.store.apply(transition):
            if transition.is_ending:
                await drop_inputs(core.objects, transition.task)
            return TaskView(transition.task)
    raise UnavailableError("the task keeps changing")


def _decide(core: Core, task: Task) -> decide.Transition | None:
    """What to write; None when nothing is left to be done."""
    now_us = core.clock.now_us()
    match task.state:
        case State.QUEUED:
            return decide.cancelled(task, now_us)
        case State.SUBMITTING | State.RUNNING:
            if not can_cancel(core, task):
                raise NotCancellableError
            return None if task.cancel_requested_at_us else decide.cancel_requested(task, now_us)
        case State.CANCELLED:
            return None
        case State.STORING | State.SUCCEEDED | State.FAILED | State.EXPIRED:
            raise NotCancellableError


def can_cancel(core: Core, task: Task) -> bool:
    """Whether the provider that has the task can stop it."""
    return any(offer.can_cancel for offer in core.offers if offer.provider == task.provider)
