"""Read: one task, at once or when it ends; a stream of its changes; a list. Never calls a provider."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Final

from reelway.domain.errors import NotFoundError, UnavailableError, UnknownCursorError
from reelway.domain.ids import TaskId
from reelway.domain.intents import Caller, ListTasks, PageView, ReadTask, TaskView, WatchTask
from reelway.domain.records import TaskFilter
from reelway.domain.task import Task
from reelway.gateway.core import Core

_LOOK_AGAIN_S: Final = 1.0
"""Waiters look again this often, in case a change was made by a process that cannot wake us."""


async def read_task(core: Core, caller: Caller, intent: ReadTask) -> TaskView:
    """The task; with `wait_s`, when it has ended or the time is over.

    Raises:
        NotFoundError: no such task, or another account's.
        UnavailableError: too many waits are open.
    """
    task = await _found(core, caller, intent)
    if intent.wait_s <= 0 or task.is_final:
        return TaskView(task)
    loop = asyncio.get_running_loop()
    end = loop.time() + intent.wait_s
    with open_stream(core):
        async with core.store.watch(task.id) as changed:
            while True:
                changed.clear()
                task = await own_task(core, caller, task.id)
                remaining_s = end - loop.time()
                if task.is_final or remaining_s <= 0 or core.stopping.is_set():
                    return TaskView(task)
                await until_set(changed, min(remaining_s, _LOOK_AGAIN_S))


async def watch_task(core: Core, caller: Caller, intent: WatchTask) -> AsyncGenerator[Task | None]:
    """The task now, then at each change of its public status, up to its end; None where nothing happened for a while.

    Statuses up to `after_sequence` are skipped, the last one never. The stream ends when its time is over.

    Raises:
        NotFoundError: no such task, or another account's.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + core.settings.stream_seconds_max
    keepalive_s = core.settings.stream_keepalive_seconds
    quiet_since = loop.time()
    sent = intent.after_sequence
    async with core.store.watch(intent.task_id) as changed:
        while True:
            changed.clear()
            task = await own_task(core, caller, intent.task_id)
            if task.is_final or task.public_status.rank > sent:
                sent = task.public_status.rank
                quiet_since = loop.time()
                yield task
            now = loop.time()
            if task.is_final or now >= end or core.stopping.is_set():
                return
            if now - quiet_since >= keepalive_s:
                quiet_since = now
                yield None
            next_s = min(quiet_since + keepalive_s, end) - now
            await until_set(changed, max(0.001, min(next_s, _LOOK_AGAIN_S)))


async def _found(core: Core, caller: Caller, intent: ReadTask) -> Task:
    """Raises: NotFoundError: there is no such task for this caller, or it is of another product or model."""
    if intent.task_id is not None:
        task = await own_task(core, caller, intent.task_id)
    else:
        assert intent.external_task_id is not None
        known = await core.store.task_by_external_id(caller.account_id, intent.external_task_id)
        if known is None or known.deleted_at_us is not None:
            raise NotFoundError("task")
        task = known
    is_other = (intent.product or task.product) is not task.product or (intent.model or task.model) != task.model
    if is_other:
        raise NotFoundError("task")
    return task


async def list_tasks(core: Core, caller: Caller, intent: ListTasks) -> PageView:
    """Raises: UnknownCursorError: the page is to follow a task that the account does not have."""
    wanted = TaskFilter(
        account_id=caller.account_id,
        limit=intent.limit,
        after=intent.after,
        is_ascending=intent.is_ascending,
        offset=intent.offset,
        product=intent.product,
        status=intent.status,
        model=intent.model,
        client_request_id=intent.client_request_id,
    )
    if intent.after is not None and intent.after_must_exist:
        last = await core.store.task(intent.after)
        if last is None or last.account_id != caller.account_id:
            raise UnknownCursorError
    return PageView(await core.store.list_tasks(wanted))


async def own_task(core: Core, caller: Caller, task_id: TaskId) -> Task:
    """Raises: NotFoundError: no such task, another account's, or a deleted one."""
    task = await core.store.task(task_id)
    if task is None or task.account_id != caller.account_id or task.deleted_at_us is not None:
        raise NotFoundError("task")
    return task


@contextmanager
def open_stream(core: Core) -> Iterator[None]:
    """Count a long wait while it is open. Raises: UnavailableError: as many are open as may be."""
    if core.streams_open >= core.settings.streams_max:
        raise UnavailableError("too many streams are open")
    core.streams_open += 1
    try:
        yield
    finally:
        core.streams_open -= 1


async def until_set(event: asyncio.Event, timeout_s: float) -> None:
    """Return when the event is set or the time is over."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        pass
