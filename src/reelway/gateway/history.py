"""History: all that is known of one task, and whom it was told to; and telling its own callback again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reelway.domain.delivery import Message, callback_message
from reelway.domain.errors import NotFoundError
from reelway.domain.events import Event, event_of
from reelway.domain.ids import EndpointId, TaskId
from reelway.domain.intents import Caller
from reelway.domain.ledger import Transfer
from reelway.domain.task import State, Task
from reelway.domain.webhooks import Delivery, Endpoint
from reelway.gateway.core import Core
from reelway.gateway.operator import seen_task
from reelway.gateway.read import own_task

DELIVERIES_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """A task was in `state` from `since_us` up to `until_us`; None: it still is, or ended in it."""

    state: State
    since_us: int
    until_us: int | None


@dataclass(frozen=True, slots=True)
class TaskHistory:
    """`deliveries` are the newest attempts to tell of the task; `endpoints` those that they went to, by id.

    `has_callback`: the task's own callback is told of its present status, so that it can be told again.
    """

    task: Task
    stages: tuple[Stage, ...]
    transfers: tuple[Transfer, ...]
    deliveries: tuple[Delivery, ...]
    endpoints: Mapping[EndpointId, Endpoint]
    has_callback: bool


async def history_of(core: Core, viewer: Caller, task_id: TaskId) -> TaskHistory:
    """Raises: NotFoundError: no such task for this viewer."""
    task = await seen_task(core, viewer, task_id)
    events = await core.store.lookups.events(task.id)
    transfers = await core.store.lookups.transfers(task.id)
    ids = tuple({event.id for event in (*events, event_of(task))})
    deliveries = await core.store.lookups.deliveries(ids, DELIVERIES_MAX)
    endpoints: dict[EndpointId, Endpoint] = {}
    for delivery in deliveries:
        if delivery.endpoint_id is not None and delivery.endpoint_id not in endpoints:
            endpoint = await core.store.outbox.endpoint(delivery.endpoint_id)
            if endpoint is not None:
                endpoints[endpoint.id] = endpoint
    has_callback = _callback_of(core, task, event_of(task)) is not None
    return TaskHistory(task, stages_of(task, events), tuple(transfers), tuple(deliveries), endpoints, has_callback)


def _callback_of(core: Core, task: Task, event: Event) -> Message | None:
    return callback_message(event, task, core.store.announcement(event, task))


def stages_of(task: Task, events: Sequence[Event]) -> tuple[Stage, ...]:
    """The states that callers could see, each with its time, and the state that the task is in now.

    Only these are written down with their times; where events are not kept any more, the first and the last remain.
    """
    began = {event.sequence: event.created_at_us for event in events}
    found = [(State.QUEUED, task.created_at_us)]
    running_at_us = began.get(2)
    if running_at_us is not None:
        found.append((State.RUNNING, running_at_us))
    if task.state not in (State.QUEUED, State.RUNNING):
        found.append((task.state, task.state_at_us))
    ends = [since_us for _, since_us in found[1:]] + [None]
    return tuple(Stage(state, since_us, until_us) for (state, since_us), until_us in zip(found, ends, strict=True))


async def replay_callback(core: Core, caller: Caller, task_id: TaskId) -> None:
    """Tell the task's own callback of its present status again, in the same words.

    Raises:
        NotFoundError: no such task, or it has no callback that is told of this status.
    """
    task = await own_task(core, caller, task_id)
    event = event_of(task)
    message = _callback_of(core, task, event)
    if message is None:
        raise NotFoundError("callback")
    now_us = core.clock.now_us()
    await core.store.outbox.replay(event.id, (replace(message, due_at_us=now_us, created_at_us=now_us),))
