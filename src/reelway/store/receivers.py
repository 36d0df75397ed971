"""The lanes in which messages go out: who serves each, when it is due, and how it goes with the receiver.

Every change of a receiver's row is made at the end of a round, all of them together and in the order of their ids, so
that rounds of several threads and processes never wait for each other in a circle.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, null, select, text, update

from reelway.domain.delivery import Receiver, cleared
from reelway.domain.ids import ReceiverId, WorkerId
from reelway.store.commit import Unit
from reelway.store.rows import merge_rows, replace_rows
from reelway.store.schema import messages, receivers

_NAMES: Final = tuple(item.name for item in fields(Receiver))
_COLUMNS: Final = tuple(receivers.c[name] for name in _NAMES)
_LOCKED: Final = (
    select(*_COLUMNS).where(receivers.c.id.in_(bindparam("ids", expanding=True))).order_by(receivers.c.id)
).with_for_update()
_NEXT_DUE: Final = (
    select(messages.c.receiver, func.min(messages.c.due_at_us))
    .where(messages.c.receiver.in_(bindparam("ids", expanding=True)))
    .group_by(messages.c.receiver)
)
_EARLIER: Final = (
    "due_at_us = CASE WHEN receivers.due_at_us IS NULL OR receivers.due_at_us > excluded.due_at_us"
    " THEN excluded.due_at_us ELSE receivers.due_at_us END",
)
"""Where two rounds make the same new receiver, the later one must not take what the earlier one has written."""

Change = Callable[[Receiver], Receiver]


@dataclass(slots=True)
class Touch:
    """What a round does to one receiver. `looks_again`: its messages were changed or it was let go, so the earliest of
    them is looked for."""

    id: ReceiverId
    now_us: int
    due_at_us: int | None = None
    changes: list[Change] = field(default_factory=list)
    looks_again: bool = False


def receiver_of(row: Sequence[Any]) -> Receiver:
    """A row whose columns stand in the order of `Receiver`."""
    return Receiver(*row)


def write_receivers(connection: Connection, touches: list[Touch]) -> None:
    """The ending of a round: all its touches, in the order in which they were made."""
    by_id: dict[ReceiverId, list[Touch]] = {}
    for touch in touches:
        by_id.setdefault(touch.id, []).append(touch)
    ids = sorted(by_id)
    known = {row[0]: receiver_of(row) for row in connection.execute(_LOCKED, {"ids": ids})}
    looked_at = [id_ for id_ in ids if any(touch.looks_again for touch in by_id[id_])]
    earliest: dict[str, int] = {}
    if looked_at:
        found = connection.execute(_NEXT_DUE, {"ids": looked_at})
        earliest = {id_: due_at_us for id_, due_at_us in found}  # noqa: C416 - a result is no mapping
    written: list[Receiver] = []
    fresh: list[Receiver] = []
    for id_ in ids:
        before = known.get(id_)
        after = _touched(before or Receiver(id_), by_id[id_])
        if id_ in looked_at:
            after = replace(after, due_at_us=earliest.get(id_))
        (fresh if before is None else written).append(after)
    replace_rows(connection, receivers, [asdict(receiver) for receiver in written], _NAMES[1:])
    merge_rows(connection, receivers, [asdict(receiver) for receiver in fresh], _EARLIER)


def _touched(receiver: Receiver, touches: Sequence[Touch]) -> Receiver:
    for touch in touches:
        for change in touch.changes:
            receiver = change(receiver)
        due_at_us = receiver.due_at_us
        if touch.due_at_us is not None:
            due_at_us = touch.due_at_us if due_at_us is None else min(due_at_us, touch.due_at_us)
        receiver = replace(receiver, due_at_us=due_at_us, used_at_us=max(receiver.used_at_us, touch.now_us))
    return receiver


# --- leases -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LaneClaim:
    """Lease receivers with due messages to a worker: healthy ones, or failing ones."""

    worker: WorkerId
    is_failing: bool
    now_us: int
    until_us: int
    limit: int


def claim_receivers(unit: Unit, commands: Sequence[LaneClaim]) -> list[list[Receiver]]:
    """Each answer is filled at the end of the round, when nothing more is waited for."""
    found: list[list[Receiver]] = [[] for _ in commands]
    for command, claimed in zip(commands, found, strict=True):
        unit.at_end(_claim_all, (command, claimed))
    return found


def _claim_all(connection: Connection, claims: list[tuple[LaneClaim, list[Receiver]]]) -> None:
    for command, claimed in claims:
        claimed += _claim(connection, command)


def _claim(connection: Connection, command: LaneClaim) -> list[Receiver]:
    # Literal predicates, as in `tasks._claim`: SQLite uses a partial index only where the query repeats its condition.
    due = (
        select(receivers.c.id)
        .where(text(_free(is_failing=command.is_failing)), receivers.c.due_at_us <= command.now_us)
        .order_by(receivers.c.due_at_us)
        .limit(command.limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(
        update(receivers)
        .where(receivers.c.id.in_(due.scalar_subquery()))
        .values(lease_owner=command.worker, lease_until_us=command.until_us)
        .returning(*_COLUMNS)
    )
    return sorted((receiver_of(row) for row in rows), key=lambda receiver: (receiver.due_at_us or 0, receiver.id))


def _free(*, is_failing: bool) -> str:
    return f"lease_owner IS NULL AND failing_since_us IS {'NOT NULL' if is_failing else 'NULL'}"


@dataclass(frozen=True, slots=True)
class Release:
    """A worker lets go of a receiver."""

    receiver: ReceiverId
    worker: WorkerId
    now_us: int


def release_receivers(unit: Unit, commands: Sequence[Release]) -> list[None]:
    for command in commands:

        def let_go(receiver: Receiver, worker: WorkerId = command.worker) -> Receiver:
            is_ours = receiver.lease_owner == worker
            return replace(receiver, lease_owner=None, lease_until_us=None) if is_ours else receiver

        unit.at_end(write_receivers, Touch(command.receiver, command.now_us, changes=[let_go], looks_again=True))
    return [None] * len(commands)


@dataclass(frozen=True, slots=True)
class LaneHeartbeat:
    """Prolong a worker's leases of these receivers. One that it has let go, but could not write so, runs out."""

    worker: WorkerId
    receivers: tuple[ReceiverId, ...]
    until_us: int


def prolong_lanes(unit: Unit, commands: Sequence[LaneHeartbeat]) -> list[None]:
    for command in commands:
        mine = select(receivers.c.id).where(
            receivers.c.id.in_(command.receivers), receivers.c.lease_owner == command.worker
        )
        unit.connection.execute(
            update(receivers)
            .where(receivers.c.id.in_(mine.with_for_update(skip_locked=True).scalar_subquery()))
            .values(lease_until_us=command.until_us)
        )
    return [None] * len(commands)


def end_lanes(connection: Connection, now_us: int, worker: WorkerId | None) -> None:
    """Free the receivers whose leases ran out, or, with `worker` set, all of that worker."""
    held = select(receivers.c.id).where(text("lease_owner IS NOT NULL"))
    if worker is None:
        held = held.where(receivers.c.lease_until_us < now_us)
    else:
        held = held.where(receivers.c.lease_owner == worker)
    connection.execute(
        update(receivers)
        .where(receivers.c.id.in_(held.with_for_update(skip_locked=True).scalar_subquery()))
        .values(lease_owner=null(), lease_until_us=null())
    )


def lane_owners(connection: Connection) -> list[WorkerId]:
    found = connection.execute(select(receivers.c.lease_owner).where(text("lease_owner IS NOT NULL")).distinct())
    return [WorkerId(owner) for (owner,) in found]


# --- looks ------------------------------------------------------------------------------------------------------------


def is_any_due(connection: Connection, now_us: int) -> Mapping[bool, bool]:
    """Whether a free receiver is due, by whether it is failing."""
    found = {}
    for is_failing in (False, True):
        due = select(receivers.c.id).where(text(_free(is_failing=is_failing)), receivers.c.due_at_us <= now_us)
        found[is_failing] = connection.execute(due.limit(1)).first() is not None
    return found


def forgive(unit: Unit, receiver: ReceiverId, now_us: int) -> None:
    """Forget the receiver's failures."""
    unit.at_end(write_receivers, Touch(receiver, now_us, changes=[cleared]))


@dataclass(frozen=True, slots=True)
class LanePurge:
    """Forget callback receivers that nobody has used since `before_us`; they are made again when they are needed."""

    before_us: int
    limit: int


def purge_lanes(unit: Unit, commands: Sequence[LanePurge]) -> list[None]:
    for command in commands:
        idle = (
            select(receivers.c.id)
            .where(
                text("lease_owner IS NULL AND due_at_us IS NULL"),
                receivers.c.used_at_us < command.before_us,
                receivers.c.id.startswith("callback_", autoescape=True),
            )
            .order_by(receivers.c.id)
            .limit(command.limit)
            .with_for_update(skip_locked=True)
        )
        unit.connection.execute(delete(receivers).where(receivers.c.id.in_(idle.scalar_subquery())))
    return [None] * len(commands)
