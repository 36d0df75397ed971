"""The outbox: messages are put in with the event that they tell, and leave it when they are delivered or given up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, select, text, update

from reelway.domain.delivery import (
    Message,
    Receiver,
    Settled,
    after_failure,
    after_success,
    callback_message,
    endpoint_message,
)
from reelway.domain.events import Announcement, Event, EventType
from reelway.domain.ids import AccountId, EndpointId, EventId, ReceiverId
from reelway.domain.task import Task
from reelway.domain.webhooks import Delivery, Endpoint, EndpointStatus, Secrets
from reelway.store import endpoints
from reelway.store.commit import Unit
from reelway.store.receivers import Change, Touch, write_receivers
from reelway.store.rows import insert_rows, merge_rows
from reelway.store.schema import deliveries, messages, webhook_events

MESSAGES_CHANGE: Final = "messages"
"""Published like a task's id by commits that put messages into the outbox."""

_NAMES: Final = tuple(item.name for item in fields(Message))
_COLUMNS: Final = tuple(messages.c[name] for name in _NAMES)
_TYPE_AT: Final = _NAMES.index("event_type")
_AGAIN: Final = ("due_at_us = excluded.due_at_us", "tries = 0")
"""A message that still waits goes out at once, with all its tries before it."""

_DROP_OLDER: Final = (
    delete(messages)
    .where(text("policy = 'newest_only'"), messages.c.task_id.in_(bindparam("ids", expanding=True)))
    .returning(messages.c.receiver)
)
_DELETE: Final = delete(messages).where(messages.c.id.in_(bindparam("ids", expanding=True)))
_DUE: Final = (
    select(*_COLUMNS)
    .where(messages.c.receiver == bindparam("receiver"), messages.c.due_at_us <= bindparam("now_us"))
    .order_by(messages.c.created_at_us, messages.c.sequence)
    .limit(bindparam("limit"))
)


def message_of(row: Sequence[Any]) -> Message:
    """A row whose columns stand in the order of `Message`."""
    values = list(row)
    kind = values[_TYPE_AT]
    values[_TYPE_AT] = None if kind is None else EventType(kind)
    values[_NAMES.index("body")] = bytes(values[_NAMES.index("body")])
    return Message(*values)


def _row_of(message: Message) -> dict[str, Any]:
    row = {name: getattr(message, name) for name in _NAMES}
    row["event_type"] = message.event_type and message.event_type.value
    row["id"] = message.id
    return row


# --- in ---------------------------------------------------------------------------------------------------------------

Told = tuple[Event, Task, Announcement]


def announce(unit: Unit, told: Sequence[Told]) -> None:
    """Keep what is said of events that the same transaction brings about, and put messages to all who want them into
    the outbox."""
    said = [(event, task, words) for event, task, words in told if words.webhook or words.callback]
    if not said:
        return
    _keep_events(unit.connection, said)
    found = {message.id: message for message in (*_for_endpoints(unit.connection, said), *_for_callbacks(unit, said))}
    _put(unit, list(found.values()))


def _keep_events(connection: Connection, said: Sequence[Told]) -> None:
    rows = [
        {
            "id": event.id,
            "account_id": event.account_id,
            "task_id": event.task_id,
            "type": event.type.value,
            "body": words.webhook,
            "created_at_us": event.created_at_us,
        }
        for event, _, words in said
        if words.webhook is not None and event.type is not None
    ]
    insert_rows(connection, webhook_events, rows)


def _for_endpoints(connection: Connection, said: Sequence[Told]) -> Iterator[Message]:
    owners = {event.account_id for event, _, words in said if words.webhook is not None}
    by_owner: dict[AccountId, list[Endpoint]] = {}
    for endpoint in endpoints.active_endpoints(connection, owners) if owners else ():
        by_owner.setdefault(endpoint.account_id, []).append(endpoint)
    for event, _, words in said:
        for endpoint in by_owner.get(event.account_id, ()):
            message = endpoint_message(event, endpoint, words.webhook) if words.webhook is not None else None
            if message is not None:
                yield message


def _for_callbacks(unit: Unit, said: Sequence[Told]) -> list[Message]:
    """A newer status drops the undelivered older ones of its task, also those of the same round."""
    found = [message for event, task, words in said if (message := callback_message(event, task, words)) is not None]
    newest = {message.task_id: message for message in found if message.rules.newest_only}
    if newest:
        for (receiver,) in unit.connection.execute(_DROP_OLDER, {"ids": list(newest)}).all():
            unit.at_end(write_receivers, Touch(receiver, 0, looks_again=True))
    return [message for message in found if newest.get(message.task_id, message) is message]


def _put(unit: Unit, found: Sequence[Message]) -> None:
    if not found:
        return
    merge_rows(unit.connection, messages, [_row_of(message) for message in found], _AGAIN)
    for message in found:
        touch = Touch(message.receiver, message.created_at_us, due_at_us=message.due_at_us)
        unit.at_end(write_receivers, touch)
    unit.changed.append(MESSAGES_CHANGE)


@dataclass(frozen=True, slots=True)
class Replay:
    """Send an event again to these endpoints of its account."""

    event_id: EventId
    messages: tuple[Message, ...]


def replay_events(unit: Unit, commands: Sequence[Replay]) -> list[None]:
    """Attempts go on counting where the last round ended."""
    for command in commands:
        counted = select(deliveries.c.receiver, func.max(deliveries.c.attempt)).where(
            deliveries.c.event_id == command.event_id
        )
        found = unit.connection.execute(counted.group_by(deliveries.c.receiver))
        last: dict[str, int] = {receiver: attempt for receiver, attempt in found}  # noqa: C416 - a result is no mapping
        rows = [_row_of(message) | {"attempt": last.get(message.receiver, 0)} for message in command.messages]
        _put_rows(unit, rows)
    return [None] * len(commands)


def _put_rows(unit: Unit, rows: Sequence[dict[str, Any]]) -> None:
    merge_rows(unit.connection, messages, rows, _AGAIN)
    for row in rows:
        unit.at_end(write_receivers, Touch(row["receiver"], row["due_at_us"], due_at_us=row["due_at_us"]))
    if rows:
        unit.changed.append(MESSAGES_CHANGE)


# --- out --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lane:
    """What a receiver is to get now, in this order, and where. `secrets` None: nothing is signed.

    `url` None: the endpoint is gone or disabled, and nothing is sent.
    """

    messages: tuple[Message, ...]
    url: str | None
    secrets: Secrets | None


def load_lane(connection: Connection, receiver: ReceiverId, now_us: int, limit: int) -> Lane:
    rows = connection.execute(_DUE, {"receiver": receiver, "now_us": now_us, "limit": limit})
    found = tuple(message_of(row) for row in rows)
    if not found:
        return Lane((), None, None)
    first = found[0]
    if first.endpoint_id is None:
        return Lane(found, first.url, endpoints.callback_secrets(connection, first.account_id))
    endpoint = endpoints.load_endpoints(connection, [first.endpoint_id]).get(first.endpoint_id)
    if endpoint is None or endpoint.status is not EndpointStatus.ACTIVE or endpoint.revoked_at_us is not None:
        return Lane(found, None, None)
    return Lane(found, endpoint.url, endpoint.secrets)


def record_attempts(unit: Unit, commands: Sequence[Sequence[Settled]]) -> list[None]:
    """Keep what came of attempts, and take the delivered and the given up out of the outbox."""
    connection = unit.connection
    made = [settled for command in commands for settled in command]
    insert_rows(connection, deliveries, [delivery_row(settled.delivery) for settled in made])
    delivered = [settled.message.id for settled in made if settled.delivery.is_success]
    if delivered:
        connection.execute(_DELETE, {"ids": delivered})
    for command in made:
        if not command.delivery.is_success:
            _note_failure(connection, command)
        if command.disables and command.message.endpoint_id is not None:
            endpoints.disable(unit, command.message.endpoint_id, command.delivery.created_at_us)
            drop_messages(unit, command.message.receiver)
        unit.at_end(write_receivers, _after(command))
    return [None] * len(commands)


def _note_failure(connection: Connection, settled: Settled) -> None:
    """The next try, or none. A message that was dropped, or that another worker has tried meanwhile, is left alone."""
    message, following = settled.message, settled.following
    ours = (messages.c.id == message.id, messages.c.attempt == message.attempt)
    # Both, because a replay during the first try changes the time alone.
    as_read = (messages.c.tries == message.tries, messages.c.due_at_us == message.due_at_us)
    if following is None:
        found = connection.execute(delete(messages).where(*ours, *as_read))
    else:
        values = {"tries": following.tries, "attempt": following.attempt, "due_at_us": following.due_at_us}
        found = connection.execute(update(messages).where(*ours, *as_read).values(values))
    if found.rowcount == 0:  # replayed while the attempt was under way: the replay's time and tries stay
        connection.execute(update(messages).where(*ours).values(attempt=settled.delivery.attempt))


def _after(settled: Settled) -> Touch:
    delivery = settled.delivery
    now_us = delivery.created_at_us + delivery.duration_ms * 1_000

    def note(receiver: Receiver) -> Receiver:
        return after_success(receiver, now_us) if delivery.is_success else after_failure(receiver, now_us)

    changes: list[Change] = [note]
    return Touch(settled.message.receiver, now_us, changes=changes)  # what is due next is looked for at the release


def drop_messages(unit: Unit, receiver: ReceiverId) -> None:
    """Nothing that waits for the receiver is sent any more."""
    unit.connection.execute(delete(messages).where(messages.c.receiver == receiver))
    unit.at_end(write_receivers, Touch(receiver, 0, looks_again=True))


def drop_dead_lanes(unit: Unit, commands: Sequence[ReceiverId]) -> list[None]:
    """Drop what waits for endpoints that are told nothing any more.

    Whoever asks saw the endpoint disabled a moment ago. Its owner may have set it active since, and then what waits is
    for it: so the endpoint's row, locked until we commit, has the last word.
    """
    ids = {receiver: EndpointId(receiver) for receiver in commands}
    live = endpoints.lock_active(unit.connection, list(ids.values()))
    for receiver, endpoint_id in ids.items():
        if endpoint_id not in live:
            drop_messages(unit, receiver)
    return [None] * len(commands)


# --- attempts ---------------------------------------------------------------------------------------------------------


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    row = {item.name: getattr(delivery, item.name) for item in fields(Delivery)}
    row["event_type"] = delivery.event_type and delivery.event_type.value
    row["error"] = delivery.error and delivery.error.value
    row["is_success"] = int(delivery.is_success)
    return row
