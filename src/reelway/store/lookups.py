"""What the console looks for. Each question is bounded: it follows an index, or looks at so many rows at most."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, select, text, tuple_

from reelway.domain.events import Event
from reelway.domain.generation import generation_of
from reelway.domain.ids import AccountId, EventId, KeyId, TaskId, last_id
from reelway.domain.ledger import ISSUED, Balance, Transfer, TransferKind, balance_change
from reelway.domain.lookups import (
    LOOKED_AT_MAX,
    PROMPTS_READ_MAX,
    LedgerFilter,
    LedgerRow,
    SpendRow,
    TaskFinds,
    TaskSearch,
    has_text,
)
from reelway.domain.task import PUBLIC_STATUS, PublicStatus
from reelway.domain.webhooks import Delivery
from reelway.store.endpoints import delivery_of
from reelway.store.ledger import transfer_of
from reelway.store.reads import Reads
from reelway.store.schema import accounts, deliveries, events, tasks, transfers
from reelway.store.tasks import load_tasks

_DAY_US = 86_400 * 1_000_000
_READS_MAX = 3


class Lookups:
    """Belongs to a `Store`, which opens and closes it.

    Raises:
        UnavailableError: (any method) the database cannot be read.
    """

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def tasks(self, wanted: TaskSearch) -> TaskFinds:
        return await self._reads.query(lambda connection: search_tasks(connection, wanted))

    async def events(self, task_id: TaskId) -> Sequence[Event]:
        """What a task's callers may have been told, in its order, as far as events are kept."""
        return await self._reads.query(lambda connection: events_of(connection, task_id))

    async def transfers(self, task_id: TaskId) -> Sequence[Transfer]:
        """The task's rows in the ledger: its hold and the end of it."""
        return await self._reads.query(lambda connection: transfers_of(connection, task_id))

    async def deliveries(self, event_ids: Sequence[EventId], limit: int) -> Sequence[Delivery]:
        """Attempts to tell of these events, to endpoints and callbacks, newest first."""
        return await self._reads.query(lambda connection: deliveries_of(connection, event_ids, limit))

    async def ledger(self, wanted: LedgerFilter, balance: Balance | None) -> Sequence[LedgerRow]:
        """One page. `balance`: that after its newest row, where the caller knows it from the page before."""
        return await self._reads.query(lambda connection: ledger_page(connection, wanted, balance))

    async def spend(self, account_id: AccountId, since_us: int, until_us: int) -> Sequence[SpendRow]:
        """What an account was charged in a span of time, by day, model and key."""
        return await self._reads.query(lambda connection: spend_rows(connection, account_id, since_us, until_us))


# --- tasks ------------------------------------------------------------------------------------------------------------


def search_tasks(connection: Connection, wanted: TaskSearch) -> TaskFinds:
    """One page. Tasks that are under way are few, so all of them are looked at; others newest first, to a limit."""
    scope = _scope(wanted)
    if wanted.own_id:
        return _page(connection, wanted, _named(connection, wanted, scope), None)
    if wanted.status in (PublicStatus.QUEUED, PublicStatus.PROCESSING):
        # The literal text lets SQLite use the partial index; an account and an order that no index has keep it there.
        conditions = [*_scope(wanted, tasks.c.account_id.concat("")), text("final_at_us IS NULL"), *_conditions(wanted)]
        return _page(connection, wanted, *_matching(connection, wanted, conditions, tasks.c.id.concat("").desc()))
    last = connection.execute(
        select(tasks.c.id).where(*scope).order_by(tasks.c.id.desc()).limit(1).offset(LOOKED_AT_MAX - 1)
    ).scalar()
    conditions = [*scope, *_conditions(wanted)]
    if last is not None:
        conditions.append(tasks.c.id >= last)
    found, last_read = _matching(connection, wanted, conditions, tasks.c.id.desc())
    return _page(connection, wanted, found, last_read or last)


def _scope(wanted: TaskSearch, owner: ColumnElement[str] = tasks.c.account_id) -> list[ColumnElement[bool]]:
    """What the index of an account's tasks answers. `owner`: how the account's column is written."""
    found: list[ColumnElement[bool]] = []
    if wanted.account_id is not None:
        found.append(owner == wanted.account_id)
    if wanted.before is not None:
        found.append(tasks.c.id < wanted.before)
    if wanted.since_us is not None:
        found.append(tasks.c.id > last_id("task", wanted.since_us - 1_000))
    if wanted.until_us is not None:
        found.append(tasks.c.id <= last_id("task", wanted.until_us - 1_000))
    return found


def _conditions(wanted: TaskSearch) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [tasks.c.deleted_at_us.is_(None)]
    if wanted.status is not None:
        found.append(
            tasks.c.state.in_([state.value for state, status in PUBLIC_STATUS.items() if status is wanted.status])
        )
    if wanted.model is not None:
        found.append(tasks.c.model == wanted.model)
    if wanted.dialect is not None:
        found.append(tasks.c.dialect == wanted.dialect)
    return found


def _matching(
    connection: Connection, wanted: TaskSearch, conditions: Sequence[Any], order: ColumnElement[Any]
) -> tuple[list[TaskId], str | None]:
    """One more id than the page has room for, where there are so many; and the last task whose prompt was read, where
    there were too many to read."""
    if not wanted.text:
        query = select(tasks.c.id).where(*conditions).order_by(order).limit(wanted.limit + 1)
        return [TaskId(task_id) for (task_id,) in connection.execute(query)], None
    # A text in the whole JSON is a hint only: it may be the name of a field. What it says is read here.
    hint = tasks.c.generation.icontains(json.dumps(wanted.text, ensure_ascii=False)[1:-1], autoescape=True)
    query = select(tasks.c.id, tasks.c.generation).where(*conditions, hint).order_by(order).limit(PROMPTS_READ_MAX)
    found: list[TaskId] = []
    read, last = 0, None
    with connection.execute(query) as rows:
        for task_id, generation in rows:
            read, last = read + 1, task_id
            if has_text(generation_of(generation), wanted.text):
                found.append(TaskId(task_id))
                if len(found) > wanted.limit:
                    break
    return found, last if read == PROMPTS_READ_MAX else None


def _named(connection: Connection, wanted: TaskSearch, scope: Sequence[ColumnElement[bool]]) -> list[TaskId]:
    """Tasks by their accounts' own ids for them, through the two indexes that there are for that.

    Both begin with the account, so a search in all of them names them all.
    """
    found: set[str] = set()
    everybody = [] if wanted.account_id is not None else [tasks.c.account_id.in_(select(accounts.c.id))]
    for column in (tasks.c.client_request_id, tasks.c.external_task_id):
        query = select(tasks.c.id).where(*scope, *everybody, *_conditions(wanted), column == wanted.own_id)
        # An order that no index has, so that SQLite goes by the id and not by the account's newest tasks.
        rows = connection.execute(query.order_by(tasks.c.id.concat("").desc()).limit(wanted.limit + 1))
        found |= {task_id for (task_id,) in rows}
    return [TaskId(task_id) for task_id in sorted(found, reverse=True)]


def _page(connection: Connection, wanted: TaskSearch, ids: Sequence[TaskId], last: str | None) -> TaskFinds:
    """`last`: the oldest task that was looked at, None where all were."""
    shown = ids[: wanted.limit]
    loaded = load_tasks(connection, shown)
    found = tuple(loaded[task_id] for task_id in shown if task_id in loaded)
    if len(ids) > wanted.limit:
        return TaskFinds(found, shown[-1])
    return TaskFinds(found, None if last is None else TaskId(last), is_cut=last is not None)


def events_of(connection: Connection, task_id: TaskId) -> list[Event]:
    found = connection.execute(select(events).where(events.c.task_id == task_id).order_by(events.c.sequence))
    return [
        Event(
            TaskId(row["task_id"]),
            AccountId(row["account_id"]),
            row["sequence"],
            PublicStatus(row["status"]),
            row["created_at_us"],
        )
        for row in found.mappings()
    ]


def deliveries_of(connection: Connection, event_ids: Sequence[EventId], limit: int) -> list[Delivery]:
    found = connection.execute(
        select(deliveries).where(deliveries.c.event_id.in_(event_ids)).order_by(deliveries.c.id.desc()).limit(limit)
    )
    return [delivery_of(row) for row in found.mappings()]


# --- money ------------------------------------------------------------------------------------------------------------


def transfers_of(connection: Connection, task_id: TaskId) -> list[Transfer]:
    ids = [f"{task_id}.reserve", f"{task_id}.resolve"]
    found = connection.execute(select(transfers).where(transfers.c.id.in_(ids)).order_by(transfers.c.id))
    return [transfer_of(row) for row in found.mappings()]


def ledger_page(connection: Connection, wanted: LedgerFilter, balance: Balance | None) -> list[LedgerRow]:
    """Rows newest first, one more than `limit` where there are so many, each with the balance after it.

    The balance before a row is that after it less what it did, so a page goes on from the page before. The first page
    begins with the account's own; one that begins elsewhere adds up all that is older, which takes as long as it is.
    """
    found, now = _settled_read(connection, wanted)
    if balance is None:
        is_newest = wanted.before is None and wanted.until_us is None
        balance = now if is_newest or not found else _balance_after(connection, found[0])
    rows = []
    for transfer in found:
        rows.append(LedgerRow(transfer, balance))
        posted, pending = balance_change(transfer)
        balance = Balance(balance.posted_credits - posted, balance.pending_credits - pending)
    return rows


def _settled_read(connection: Connection, wanted: LedgerFilter) -> tuple[list[Transfer], Balance]:
    """Rows and the account's balance, of one moment: read again where a write came between."""
    query = _rows(wanted).limit(wanted.limit + 1)
    now = _balance(connection, wanted.account_id)
    for _ in range(_READS_MAX):
        found = [transfer_of(row) for row in connection.execute(query).mappings()]
        before, now = now, _balance(connection, wanted.account_id)
        if before == now:
            break
    return found, now


def _rows(wanted: LedgerFilter) -> Select[Any]:
    query = select(transfers).where(transfers.c.account_id == wanted.account_id)
    if wanted.since_us is not None:
        query = query.where(transfers.c.created_at_us >= wanted.since_us)
    if wanted.until_us is not None:
        query = query.where(transfers.c.created_at_us < wanted.until_us)
    if wanted.before is not None:
        place = tuple_(transfers.c.created_at_us, transfers.c.id)
        query = query.where(place < tuple_(wanted.before.created_at_us, wanted.before.id))
    return query.order_by(transfers.c.created_at_us.desc(), transfers.c.id.desc())


def _balance(connection: Connection, account_id: AccountId) -> Balance:
    query = select(accounts.c.posted_credits, accounts.c.pending_credits).where(accounts.c.id == account_id)
    return Balance(*connection.execute(query).one())


def _balance_after(connection: Connection, transfer: Transfer) -> Balance:
    """All rows of the account up to this one, added up."""
    place = tuple_(transfers.c.created_at_us, transfers.c.id)
    is_gain = case((transfers.c.credit_account_id == transfers.c.account_id, 1), else_=0)
    sums = connection.execute(
        select(transfers.c.kind, is_gain, func.sum(transfers.c.amount_credits))
        .where(
            transfers.c.account_id == transfer.account_id,
            place <= tuple_(transfer.created_at_us, transfer.id),
        )
        .group_by(transfers.c.kind, is_gain)
    )
    posted = pending = 0
    for kind, gains, amount in sums:
        change = balance_change(
            replace(
                transfer,
                kind=TransferKind(kind),
                amount_credits=int(amount),
                credit_account_id=transfer.account_id if gains else ISSUED,
            )
        )
        posted, pending = posted + change[0], pending + change[1]
    return Balance(posted, pending)


def spend_rows(connection: Connection, account_id: AccountId, since_us: int, until_us: int) -> list[SpendRow]:
    day = transfers.c.created_at_us // _DAY_US
    found = connection.execute(
        select(day, tasks.c.model, tasks.c.key_id, func.sum(transfers.c.amount_credits), func.count())
        .join_from(transfers, tasks, tasks.c.id == transfers.c.task_id)
        .where(
            transfers.c.account_id == account_id,
            transfers.c.kind == TransferKind.SETTLE.value,
            transfers.c.created_at_us >= since_us,
            transfers.c.created_at_us < until_us,
        )
        .group_by(day, tasks.c.model, tasks.c.key_id)
        .order_by(day, tasks.c.model, tasks.c.key_id)
    )
    return [
        SpendRow(int(number), model, None if key_id is None else KeyId(key_id), int(amount), videos)
        for number, model, key_id, amount, videos in found
    ]
