"""Leaving: jobs on their way from the watcher to a step, because somebody wants them stopped or their time is over."""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol

import structlog

from reelway.domain.errors import UnavailableError
from reelway.domain.ids import TaskId
from reelway.domain.task import Task
from reelway.worker.held import Held

log = structlog.get_logger(__name__)

LOOK_FOR_ROOM_S: Final = 0.05
"""How soon room for a step is looked for again."""


class Steps(Protocol):
    """The worker's steps, of which only so many may be under way."""

    def reserve(self, *, is_urgent: bool = False) -> bool:
        """Keep room for one more step; False where there is none. `is_urgent`: there is some that others leave free."""
        ...

    def begin_reserved(self, task: Task | None) -> None:
        """Begin the step that room was kept for; None gives the room back."""
        ...


class Leaving:
    """First come, first served. Their leases stay with the worker meanwhile: all other steps can be waiting for a
    storage that is away, and then nobody would claim what was let go."""

    def __init__(
        self,
        steps: Steps,
        row_of: Callable[[Held], Awaitable[Task | None]],
        begin: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """`row_of` reads a task if it is still the worker's; `begin` runs something beside everything else."""
        self._steps = steps
        self._row_of = row_of
        self._begin = begin
        self._waiting: deque[Held] = deque()
        self._ids: set[TaskId] = set()

    @property
    def task_ids(self) -> tuple[TaskId, ...]:
        return tuple(self._ids)

    @property
    def are_waiting(self) -> bool:
        """There was no room for the step of one at least."""
        return bool(self._waiting)

    def put(self, held: Held) -> None:
        self._ids.add(held.task_id)
        self._waiting.append(held)

    def hand_over(self) -> None:
        """Begin the steps of those for which there is room."""
        while self._waiting and self._steps.reserve(is_urgent=True):
            self._begin(self._begin_step(self._waiting.popleft()))

    async def _begin_step(self, held: Held) -> None:
        row: Task | None = None
        try:
            row = await self._row_of(held)
        except UnavailableError as exc:
            log.warning("a job could not be handed over; its lease runs out", task=held.task_id, reason=str(exc))
        finally:
            self._ids.discard(held.task_id)
            self._steps.begin_reserved(row)
