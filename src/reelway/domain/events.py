"""Events: what a caller may be told. One is made whenever a task's public status changes, in the same transaction.

What is said of an event is rendered once, at that moment, and never again: every attempt and every replay sends the
same bytes.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reelway.domain.ids import RANDOM_BYTES, AccountId, EventId, TaskId, ulid
from reelway.domain.task import PublicStatus, Task


class EventType(StrEnum):
    """What webhook endpoints can ask for. Source: Rivya contract, section 11.3."""

    SUCCEEDED = "generation.succeeded"
    FAILED = "generation.failed"


EVENT_TYPES: Final = {PublicStatus.SUCCEEDED: EventType.SUCCEEDED, PublicStatus.FAILED: EventType.FAILED}
"""The webhook event that a public status makes; the other statuses make none."""


@dataclass(frozen=True, slots=True)
class Event:
    """`sequence` grows along the task (1 queued, 2 processing, 3 ended) and is unique with the task's id."""

    task_id: TaskId
    account_id: AccountId
    sequence: int
    status: PublicStatus
    created_at_us: int

    @property
    def id(self) -> EventId:
        """`evt_` and 26 characters that sort by the event's time; always the same for the same event."""
        digest = hashlib.sha256(f"{self.task_id}.{self.sequence}".encode()).digest()
        return EventId(f"evt_{ulid(self.created_at_us // 1_000, digest[:RANDOM_BYTES])}")

    @property
    def type(self) -> EventType | None:
        """None: webhook endpoints are not told of it."""
        return EVENT_TYPES.get(self.status)


@dataclass(frozen=True, slots=True)
class Announcement:
    """The bodies in which an event is told: to webhook endpoints, and to the task's own callback. None: not at all."""

    webhook: bytes | None = None
    callback: bytes | None = None


SILENCE: Final = Announcement()
Announcer = Callable[[Event, Task], Announcement]
"""Renders what is said of an event; `Task` is the task as it is after the event."""


def say_nothing(_event: Event, _task: Task) -> Announcement:
    """For a store whose tasks nobody is told of."""
    return SILENCE


def event_of(task: Task) -> Event:
    """The event of the status that the task has now."""
    status = task.public_status
    return Event(
        task_id=task.id,
        account_id=task.account_id,
        sequence=status.rank,
        status=status,
        created_at_us=task.updated_at_us,
    )
