"""Which worker holds which task: claim, keep, end. Handlers of the group commit; what a holder reads of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    TextClause,
    and_,
    bindparam,
    false,
    not_,
    null,
    or_,
    select,
    text,
    update,
)

from reelway.domain.ids import TaskId, WorkerId
from reelway.domain.task import STARTED_STATES, State, Task
from reelway.store import receivers as receiver_rows
from reelway.store.commit import Unit
from reelway.store.schema import tasks
from reelway.store.slots import free_slots
from reelway.store.tasks import COLUMNS, task_of

_Condition = ColumnElement[bool] | TextClause
_STARTED: Final = ", ".join(f"'{state}'" for state in sorted(STARTED_STATES))


# --- claiming ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Watched:
    """A provider whose running jobs are only looked at now and then, as far as they belong to this credential."""

    provider: str
    credential: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Lease due tasks to a worker: queued ones of some models, or, with `models` None, those already started.

    `watched` names the providers whose running jobs are only looked at now and then: those tasks are left out, unless
    somebody wants them stopped or their deadline has passed. `provider` and `slots_max`: no more queued ones than that
    provider has slots free, over all workers. `routes`: only queued ones of these; None: of any.
    """

    worker: WorkerId
    models: tuple[str, ...] | None
    now_us: int
    until_us: int
    limit: int
    watched: tuple[Watched, ...] = ()
    provider: str | None = None
    slots_max: int | None = None
    routes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ClaimRunning:
    """Lease running tasks of these providers to a worker that looks at their jobs now and then; see `Claim.watched`."""

    worker: WorkerId
    watched: tuple[Watched, ...]
    now_us: int
    until_us: int
    limit: int


def claim_tasks(unit: Unit, commands: Sequence[Claim]) -> list[list[Task]]:
    return [_claim(unit.connection, command) for command in commands]


def claim_running(unit: Unit, commands: Sequence[ClaimRunning]) -> list[list[Task]]:
    # Running tasks only, but in the words of the index: see `_leased`.
    started = text(f"state IN ({_STARTED})")
    return [
        _leased(unit.connection, command, [started, _is_watched(command.watched, command.now_us)])
        for command in commands
    ]


def _claim(connection: Connection, command: Claim) -> list[Task]:
    if command.models is None:
        wanted: list[_Condition] = [text(f"state IN ({_STARTED})")]
        if command.watched:
            wanted.append(not_(_is_watched(command.watched, command.now_us)))
        return _leased(connection, command, wanted)
    limit = command.limit
    if command.provider is not None and command.slots_max is not None:
        limit = min(limit, free_slots(connection, command.provider, command.slots_max))
        if limit <= 0:
            return []
    queued: list[_Condition] = [text("state = 'queued'"), tasks.c.model.in_(command.models)]
    if command.routes is not None:
        queued.append(tasks.c.route.in_(command.routes))
    return _leased(connection, command, queued, limit)


def _is_watched(watched: Sequence[Watched], now_us: int) -> ColumnElement[bool]:
    """Never NULL: a row that is in no claim's reach would be lost."""
    mine = [
        and_(
            tasks.c.provider == one.provider,
            or_(tasks.c.credential.is_(None), tasks.c.credential == one.credential),
        )
        for one in watched
    ]
    return and_(
        tasks.c.state == State.RUNNING.value,
        tasks.c.provider.is_not(None),
        or_(false(), *mine),
        tasks.c.job_id.is_not(None),
        tasks.c.cancel_requested_at_us.is_(None),
        tasks.c.deadline_at_us > now_us,
    )


def _leased(
    connection: Connection, command: Claim | ClaimRunning, wanted: Sequence[_Condition], limit: int | None = None
) -> list[Task]:
    # The predicates are literal texts because SQLite uses a partial index only where the query repeats its condition.
    due = select(tasks.c.id).where(text("lease_owner IS NULL"), tasks.c.due_at_us <= command.now_us)
    for condition in wanted:
        due = due.where(condition)
    due = due.order_by(tasks.c.due_at_us).limit(command.limit if limit is None else limit)
    due = due.with_for_update(skip_locked=True)
    claimed = connection.execute(
        update(tasks)
        .where(tasks.c.id.in_(due.scalar_subquery()))
        .values(lease_owner=command.worker, lease_until_us=command.until_us, version=tasks.c.version + 1)
        .returning(*COLUMNS)
    )
    return sorted((task_of(row) for row in claimed), key=lambda task: (task.due_at_us or 0, task.id))


# --- keeping and ending -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Prolong a worker's leases of these tasks; no version moves."""

    worker: WorkerId
    task_ids: tuple[TaskId, ...]
    until_us: int


def prolong_leases(unit: Unit, commands: Sequence[Heartbeat]) -> list[None]:
    for command in commands:
        mine = select(tasks.c.id).where(tasks.c.id.in_(command.task_ids), tasks.c.lease_owner == command.worker)
        unit.connection.execute(
            update(tasks)
            .where(tasks.c.id.in_(mine.with_for_update(skip_locked=True).scalar_subquery()))
            .values(lease_until_us=command.until_us)
        )
    return [None] * len(commands)


@dataclass(frozen=True, slots=True)
class LeaseEnd:
    """Free leases: those that ran out before `now_us`, or, with `worker` set, all of that worker.

    `under_way`: tasks whose lease stays although it ran out, if this worker holds them: whoever asks works on them.
    """

    now_us: int
    worker: WorkerId | None = None
    under_way: tuple[WorkerId, tuple[TaskId, ...]] | None = None


def end_leases(unit: Unit, commands: Sequence[LeaseEnd]) -> list[list[TaskId]]:
    """The ids of the freed tasks; they are due at once. Receivers that the worker served are freed too."""
    results = []
    for command in commands:
        held = select(tasks.c.id).where(text("lease_owner IS NOT NULL"))
        if command.worker is None:
            held = held.where(tasks.c.lease_until_us < command.now_us)
        else:
            held = held.where(tasks.c.lease_owner == command.worker)
        if command.under_way is not None:
            asking, task_ids = command.under_way
            held = held.where(not_(and_(tasks.c.lease_owner == asking, tasks.c.id.in_(task_ids))))
        freed = unit.connection.execute(
            update(tasks)
            .where(tasks.c.id.in_(held.with_for_update(skip_locked=True).scalar_subquery()))
            .values(lease_owner=null(), lease_until_us=null(), due_at_us=command.now_us, version=tasks.c.version + 1)
            .returning(tasks.c.id)
        )
        results.append([TaskId(task_id) for (task_id,) in freed])
        receiver_rows.end_lanes(unit.connection, command.now_us, command.worker)
    return results


# --- reads ------------------------------------------------------------------------------------------------------------


def lease_owners(connection: Connection) -> list[WorkerId]:
    """Workers that hold leases, of tasks or of receivers."""
    found = connection.execute(select(tasks.c.lease_owner).where(text("lease_owner IS NOT NULL")).distinct())
    return sorted({WorkerId(owner) for (owner,) in found} | set(receiver_rows.lane_owners(connection)))


@dataclass(frozen=True, slots=True)
class Mark:
    """What the holder of a running task wants to know of its row now and then."""

    lease_owner: WorkerId | None
    is_running: bool
    is_unwanted: bool
    """Somebody asked for its end."""
    due_at_us: int | None


_MARKS: Final = select(
    tasks.c.id, tasks.c.lease_owner, tasks.c.state, tasks.c.cancel_requested_at_us, tasks.c.due_at_us
).where(tasks.c.id.in_(bindparam("ids", expanding=True)))


def load_marks(connection: Connection, ids: Sequence[TaskId]) -> Mapping[TaskId, Mark]:
    return {
        task_id: Mark(owner, state == State.RUNNING, cancelled_at_us is not None, due_at_us)
        for task_id, owner, state, cancelled_at_us, due_at_us in connection.execute(_MARKS, {"ids": ids})
    }
