"""How many jobs each provider has, over all workers of the database: the count that a start must keep to.

A task counts from the write that says that it is about to be submitted, until its job has ended as far as we know. On
PostgreSQL starts at one provider queue up at a lock of its own, so that two workers never see the same free slot. The
round takes it before its first handler (`commit.GroupCommit.run`): behind rows that others want it would be too late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, func, select, text

from reelway.domain.decide import Transition
from reelway.store.commit import Unit
from reelway.store.schema import ACTIVE, tasks
from reelway.store.tasks import apply_transitions


class StartOutcome(StrEnum):
    WRITTEN = "written"
    STALE = "stale"
    """The task has moved on since it was read."""
    FULL = "full"
    """The provider has as many jobs as it may have."""


@dataclass(frozen=True, slots=True)
class Start:
    """A transition into `submitting`. `slots_max` None: the provider counts its jobs itself, in each process."""

    transition: Transition
    slots_max: int | None


def start_tasks(unit: Unit, commands: Sequence[Start]) -> list[StartOutcome]:
    """Write each start for which its provider has a slot left, in their order. The round has locked these slots."""
    left = _slots_left(unit.connection, commands)
    results = [StartOutcome.FULL] * len(commands)
    allowed: list[int] = []
    for number, command in enumerate(commands):
        provider = command.transition.task.provider
        if command.slots_max is None or provider is None:
            allowed.append(number)
        elif left[provider] > 0:
            # One that turns out to be stale gives its slot back only to the next round: the count is never passed.
            left[provider] -= 1
            allowed.append(number)
    applied = apply_transitions(unit, [commands[number].transition for number in allowed]) if allowed else []
    for number, is_applied in zip(allowed, applied, strict=True):
        results[number] = StartOutcome.WRITTEN if is_applied else StartOutcome.STALE
    return results


def _slots_left(connection: Connection, commands: Sequence[Start]) -> dict[str, int]:
    limits = {
        command.transition.task.provider: command.slots_max
        for command in commands
        if command.slots_max is not None and command.transition.task.provider is not None
    }
    return {provider: free_slots(connection, provider, limit) for provider, limit in limits.items()}


def free_slots(connection: Connection, provider: str, slots_max: int) -> int:
    """How many of a provider's slots no task has."""
    some = select(tasks.c.id).where(text(ACTIVE), tasks.c.provider == provider).limit(slots_max).subquery()
    return slots_max - int(connection.execute(select(func.count()).select_from(some)).scalar_one())
