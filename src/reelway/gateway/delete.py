"""Delete: a task and its files go out of their owner's sight; the ledger stays."""

from typing import Final

import structlog

from reelway.domain import decide
from reelway.domain.errors import NotDeletableError, UnavailableError
from reelway.domain.intents import Caller, DeletedView, DeleteTask
from reelway.domain.task import State, Task, result_objects
from reelway.gateway.cancel import can_cancel
from reelway.gateway.core import Core
from reelway.gateway.inputs import drop_inputs
from reelway.gateway.read import own_task
from reelway.net.objects import ObjectsError

log = structlog.get_logger(__name__)

_TRIES_MAX: Final = 20


async def delete_task(core: Core, caller: Caller, intent: DeleteTask) -> DeletedView:
    """A queued task ends as cancelled first; one at a provider that can cancel is asked to end, and is gone at once.

    Raises:
        NotFoundError: no such task, another account's, or deleted already.
        NotDeletableError: it is being made and cannot be stopped.
    """
    for _ in range(_TRIES_MAX):
        task = await own_task(core, caller, intent.task_id)
        if task.state is State.QUEUED:
            if await core.store.apply(decide.cancelled(task, core.clock.now_us())):
                await drop_inputs(core.objects, task)
            continue
        if task.state is State.STORING or (not task.is_final and not can_cancel(core, task)):
            raise NotDeletableError
        if await core.store.apply(decide.deleted(task, core.clock.now_us())):
            await _drop_files(core, task)
            return DeletedView(task.id)
    raise UnavailableError("the task keeps changing")


async def _drop_files(core: Core, task: Task) -> None:
    """At once where that can be done; the sweep takes what is left."""
    if task.state is not State.SUCCEEDED:
        return
    try:
        await core.objects.delete(result_objects(task.id))
    except ObjectsError as exc:
        log.warning("a deleted task's files wait for the sweep", task=task.id, reason=str(exc))
