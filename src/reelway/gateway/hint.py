"""Hint: a provider says that a job has news. Nothing that it says is believed; its API is asked at once."""

from typing import Final

from reelway.domain import decide
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from reelway.gateway.core import Core

_TRIES_MAX: Final = 3


async def take_hint(core: Core, provider: str, task_id: TaskId) -> None:
    """Make the task due, now or a moment after its last hint, if its job runs at this provider; a worker that holds it
    hears of that with the commit.

    Hints come twice, late and out of order: none of that does harm.

    Raises:
        UnavailableError: it cannot be written down; the next poll comes anyway.
    """
    for _ in range(_TRIES_MAX):
        task = await core.store.task(task_id)
        now_us = core.clock.now_us()
        if task is None or task.provider != provider or task.state is not State.RUNNING:
            return
        hinted = decide.hinted(task, now_us)
        if hinted is None or await core.store.apply(hinted):
            return
