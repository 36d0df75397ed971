"""Writing and reading attempts and their costs; `Attempts` is the store's part for whoever looks at them later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, case, func, select, text, tuple_, update

from reelway.domain.activity import Activity, Span
from reelway.domain.attempts import (
    COLUMNS,
    Attempt,
    AttemptChange,
    Booking,
    CostKind,
    Ending,
    ProviderCost,
    ProviderTotal,
    Reconciliation,
    booked,
)
from reelway.domain.generation import Mode
from reelway.domain.ids import JobId, TaskId
from reelway.domain.task import State
from reelway.store.activity import count_jobs, list_activity
from reelway.store.commit import GroupCommit, Unit
from reelway.store.reads import Reads
from reelway.store.rows import insert_new_rows, merge_rows
from reelway.store.schema import tasks
from reelway.store.schema_attempts import attempts, provider_costs

_COLUMNS: Final = tuple(attempts.c[name] for name in COLUMNS)
_KEY: Final = tuple_(attempts.c.task_id, attempts.c.number)
Key = tuple[TaskId, int]


def attempt_of(row: RowMapping) -> Attempt:
    ending = row["ending"]
    return Attempt(
        **(
            {name: row[name] for name in COLUMNS}
            | {
                "task_id": TaskId(row["task_id"]),
                "mode": Mode(row["mode"]),
                "job_id": None if row["job_id"] is None else JobId(row["job_id"]),
                "ending": None if ending is None else Ending(ending),
            }
        )
    )


def _row_of(attempt: Attempt) -> dict[str, Any]:
    row = {name: getattr(attempt, name) for name in COLUMNS}
    row["mode"] = attempt.mode.value
    row["ending"] = attempt.ending and attempt.ending.value
    return row


# --- with a transition ------------------------------------------------------------------------------------------------


def write_attempts(connection: Connection, changes: Sequence[AttemptChange]) -> None:
    """Write what transitions do to attempts, in their order: one statement for all that set the same columns."""
    folded: dict[Key, AttemptChange] = {}
    for change in changes:
        key = (change.attempt.task_id, change.attempt.number)
        folded[key] = _after(folded[key], change) if key in folded else change
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for change in folded.values():
        by_columns.setdefault(change.columns, []).append(_row_of(change.attempt))
    for columns, rows in by_columns.items():
        merge_rows(connection, attempts, rows, tuple(f"{name} = excluded.{name}" for name in columns))


def _after(first: AttemptChange, second: AttemptChange) -> AttemptChange:
    """Both changes of one attempt as one."""
    values = {name: getattr(second.attempt, name) for name in second.columns}
    columns = dict.fromkeys((*first.columns, *second.columns))
    return AttemptChange(replace(first.attempt, **values), tuple(sorted(columns)))


def book_costs(connection: Connection, bookings: Sequence[Booking]) -> None:
    """Book what jobs have cost; a repeat changes nothing. Their attempts are written before: they tell what was
    expected of them."""
    untold = {booking.task_id for booking in bookings if booking.cost is None}
    expected: dict[Key, int] = {}
    if untold:
        found = connection.execute(
            select(attempts.c.task_id, attempts.c.number, attempts.c.expected_microdollars).where(
                attempts.c.task_id.in_(sorted(untold))
            )
        )
        expected = {(TaskId(task_id), number): microdollars for task_id, number, microdollars in found}
    rows = [booked(booking, expected.get((booking.task_id, booking.attempt), 0)) for booking in bookings]
    insert_new_rows(connection, provider_costs, [_cost_row(row) for row in rows if row is not None])


def _cost_row(cost: ProviderCost) -> dict[str, Any]:
    return {
        "id": cost.id,
        "task_id": cost.task_id,
        "attempt": cost.attempt,
        "kind": cost.kind.value,
        "provider": cost.provider,
        "model": cost.model,
        "microdollars": cost.microdollars,
        "units": cost.units,
        "is_estimate": int(cost.is_estimate),
        "created_at_us": cost.created_at_us,
    }


def _cost_of(row: RowMapping) -> ProviderCost:
    kind, is_estimate = CostKind(row["kind"]), bool(row["is_estimate"])
    return ProviderCost(**(dict(row) | {"kind": kind, "is_estimate": is_estimate, "task_id": TaskId(row["task_id"])}))


# --- reconciliation ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taking:
    """Take given-up attempts that are due, the longest due first. Nobody else takes them before `until_us`."""

    now_us: int
    until_us: int
    limit: int


def take_due(unit: Unit, commands: Sequence[Taking]) -> list[list[Attempt]]:
    return [_take(unit.connection, command) for command in commands]


def _take(connection: Connection, command: Taking) -> list[Attempt]:
    due = (
        select(attempts.c.task_id, attempts.c.number)
        .where(text("reconcile_at_us IS NOT NULL"), attempts.c.reconcile_at_us <= command.now_us)
        .order_by(attempts.c.reconcile_at_us)
        .limit(command.limit)
        .with_for_update(skip_locked=True)
    )
    taken = connection.execute(
        update(attempts)
        .where(_KEY.in_(due))
        .values(reconcile_at_us=command.until_us, reconcile_tries=attempts.c.reconcile_tries + 1)
        .returning(*_COLUMNS)
    )
    return [attempt_of(row) for row in taken.mappings()]


def write_reconciliations(unit: Unit, commands: Sequence[Reconciliation]) -> list[bool]:
    """False where somebody else has taken the attempt up since: what he finds counts."""
    return [_write_reconciliation(unit.connection, command) for command in commands]


def _write_reconciliation(connection: Connection, command: Reconciliation) -> bool:
    attempt = command.change.attempt
    row = _row_of(attempt)
    written = connection.execute(
        update(attempts)
        .where(
            attempts.c.task_id == attempt.task_id,
            attempts.c.number == attempt.number,
            attempts.c.ending == Ending.GIVEN_UP.value,
            attempts.c.reconcile_tries == attempt.reconcile_tries,
        )
        .values({name: row[name] for name in command.change.columns})
    )
    if written.rowcount != 1:
        return False
    if command.booking is not None:
        book_costs(connection, [command.booking])
    return True


def _is_any_due(connection: Connection, now_us: int) -> bool:
    due = select(attempts.c.task_id).where(text("reconcile_at_us IS NOT NULL"), attempts.c.reconcile_at_us <= now_us)
    return connection.execute(due.limit(1)).first() is not None


# --- reads ------------------------------------------------------------------------------------------------------------


def attempts_of_task(connection: Connection, task_id: TaskId) -> list[Attempt]:
    found = connection.execute(select(*_COLUMNS).where(attempts.c.task_id == task_id).order_by(attempts.c.number))
    return [attempt_of(row) for row in found.mappings()]


def costs_of_task(connection: Connection, task_id: TaskId) -> list[ProviderCost]:
    found = connection.execute(
        select(provider_costs).where(provider_costs.c.task_id == task_id).order_by(provider_costs.c.attempt)
    )
    return [_cost_of(row) for row in found.mappings()]


def provider_totals(connection: Connection, since_us: int, until_us: int) -> list[ProviderTotal]:
    """Costs booked and tasks charged from `since_us` until before `until_us`, by provider."""
    costs = _cost_sums(connection, since_us, until_us)
    revenue = _revenue_sums(connection, since_us, until_us)
    nothing = (0, 0, 0, 0, 0)
    return [
        ProviderTotal(provider, *costs.get(provider, nothing), *revenue.get(provider, (0, 0)))
        for provider in sorted(costs.keys() | revenue.keys())
    ]


def _cost_sums(connection: Connection, since_us: int, until_us: int) -> Mapping[str, tuple[int, int, int, int, int]]:
    amount = provider_costs.c.microdollars
    is_late = provider_costs.c.kind == CostKind.LATE.value
    sums = connection.execute(
        select(
            provider_costs.c.provider,
            func.count(),
            func.sum(amount),
            func.sum(case((provider_costs.c.is_estimate == 1, amount), else_=0)),
            func.sum(case((is_late, 1), else_=0)),
            func.sum(case((is_late, amount), else_=0)),
        )
        .where(provider_costs.c.created_at_us >= since_us, provider_costs.c.created_at_us < until_us)
        .group_by(provider_costs.c.provider)
    )
    return {row[0]: (int(row[1]), int(row[2]), int(row[3]), int(row[4]), int(row[5])) for row in sums}


def _revenue_sums(connection: Connection, since_us: int, until_us: int) -> Mapping[str, tuple[int, int]]:
    """From the tasks that were settled, which know their provider; a task's `final_credits` is what its settle took."""
    sums = connection.execute(
        select(tasks.c.provider, func.count(), func.sum(tasks.c.final_credits))
        .where(
            text("final_at_us IS NOT NULL"),
            tasks.c.final_at_us >= since_us,
            tasks.c.final_at_us < until_us,
            tasks.c.state == State.SUCCEEDED.value,
            tasks.c.provider.is_not(None),
        )
        .group_by(tasks.c.provider)
    )
    return {provider: (int(count), int(credits)) for provider, count, credits in sums}


def pinned_tasks(connection: Connection) -> Mapping[tuple[str, str], int]:
    """How many unfinished jobs are tied to which credential, by provider and fingerprint."""
    sums = connection.execute(
        select(tasks.c.provider, tasks.c.credential, func.count())
        .where(
            text("final_at_us IS NULL"),
            tasks.c.provider.is_not(None),
            tasks.c.credential.is_not(None),
            tasks.c.state != State.QUEUED.value,
        )
        .group_by(tasks.c.provider, tasks.c.credential)
    )
    return {(provider, credential): int(count) for provider, credential, count in sums}


class Attempts:
    """The store's part for attempts and their costs. Raises: UnavailableError, as the store does."""

    def __init__(self, commit: GroupCommit, reads: Reads) -> None:
        self._commit = commit
        self._reads = reads

    async def of_task(self, task_id: TaskId) -> Sequence[Attempt]:
        """All attempts of a task, in their order."""
        return await self._reads.query(lambda connection: attempts_of_task(connection, task_id))

    async def costs_of_task(self, task_id: TaskId) -> Sequence[ProviderCost]:
        return await self._reads.query(lambda connection: costs_of_task(connection, task_id))

    async def totals(self, since_us: int, until_us: int) -> Sequence[ProviderTotal]:
        """Costs and revenue by provider; revenue only of tasks whose records are still kept."""
        return await self._reads.query(lambda connection: provider_totals(connection, since_us, until_us))

    async def activity(self, span: Span) -> Sequence[Activity]:
        """The attempts that ended in the span, by provider and step, with a video and without; none where none did."""
        return await self._reads.query(lambda connection: list_activity(connection, span))

    async def jobs(self) -> Mapping[str, int]:
        """How many jobs each provider has now, as its slots count them."""
        return await self._reads.query(count_jobs)

    async def pinned_tasks(self) -> Mapping[tuple[str, str], int]:
        """How many unfinished jobs are tied to which credential, by provider and fingerprint."""
        return await self._reads.query(pinned_tasks)

    async def take_due(self, now_us: int, until_us: int, limit: int) -> Sequence[Attempt]:
        """Given-up attempts whose time to be looked for has come; nobody else takes them before `until_us`."""
        if not await self._reads.query(lambda connection: _is_any_due(connection, now_us)):
            return ()
        return await self._commit.run(take_due, Taking(now_us, until_us, limit))

    async def reconcile(self, found: Reconciliation) -> bool:
        """Write what a look at a taken attempt has brought. False: somebody else took it meanwhile."""
        return await self._commit.run(write_reconciliations, found)
