"""Live: a task as it moves, progress included, for somebody who looks at it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from reelway.domain.ids import TaskId
from reelway.domain.intents import Caller
from reelway.domain.task import Task
from reelway.gateway.core import Core
from reelway.gateway.operator import seen_task
from reelway.gateway.read import until_set

_LOOK_AGAIN_S: Final = 1.0
_PAUSE_S: Final = 0.25
"""Between two pictures of a task: more often nobody can see."""


async def live_task(core: Core, viewer: Caller, task_id: TaskId) -> AsyncGenerator[Task | None]:
    """The task at each change from now on, up to its end; None where nothing happened for a while.

    Raises:
        NotFoundError: no such task for this viewer, or not any more.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + core.settings.stream_seconds_max
    quiet_since, seen_version = loop.time(), 0
    async with core.store.watch(task_id) as changed:
        while True:
            changed.clear()
            task = await seen_task(core, viewer, task_id)
            if task.version != seen_version:
                seen_version, quiet_since = task.version, loop.time()
                yield task
            if task.is_final or loop.time() >= end or core.stopping.is_set():
                return
            if loop.time() - quiet_since >= core.settings.stream_keepalive_seconds:
                quiet_since = loop.time()
                yield None
            await asyncio.sleep(_PAUSE_S)
            await until_set(changed, _LOOK_AGAIN_S)
