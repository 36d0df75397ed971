"""Writing and reading tasks: create and transition. These are the handlers that the group commit carries out.

Leases have a module of their own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, text

from reelway.domain.decide import Transition
from reelway.domain.events import Event, event_of
from reelway.domain.generation import Product
from reelway.domain.ids import AccountId, TaskId
from reelway.domain.ledger import Transfer, reserve
from reelway.domain.records import (
    ClaimMismatch,
    Created,
    CreateOutcome,
    ExternalIdTaken,
    IdempotencyRow,
    KeptAnswer,
    NewTask,
    Page,
    Replayed,
    TaskFilter,
    TooFewCredits,
    TooManyUnfinished,
)
from reelway.domain.task import PUBLIC_STATUS, FailureCode, State, Task
from reelway.store.attempts import book_costs, write_attempts
from reelway.store.commit import Unit
from reelway.store.ledger import BalanceChanges, insert_transfers
from reelway.store.messages import announce
from reelway.store.rows import insert_rows, replace_rows
from reelway.store.schema import accounts, events, idempotency, tasks

_NAMES: Final = tuple(field.name for field in fields(Task))
COLUMNS: Final = tuple(tasks.c[name] for name in _NAMES)
_MUTABLE: Final = _NAMES[_NAMES.index("state") :]
_STATE_AT: Final = _NAMES.index("state")
_FAILURE_AT: Final = _NAMES.index("failure_code")
_PRODUCT_AT: Final = _NAMES.index("product")
_STATES: Final = {state.value: state for state in State}
_PRODUCTS: Final = {product.value: product for product in Product}
_CODES: Final = {code.value: code for code in FailureCode}

_DELETE_CLAIM = delete(idempotency).where(idempotency.c.id.in_(bindparam("ids", expanding=True)))
_BY_ID = select(*COLUMNS).where(tasks.c.id.in_(bindparam("ids", expanding=True)))


def task_of(row: Sequence[Any]) -> Task:
    """A row whose columns stand in the order of `Task`."""
    values = list(row)
    values[_STATE_AT] = _STATES[values[_STATE_AT]]
    values[_PRODUCT_AT] = _PRODUCTS[values[_PRODUCT_AT]]
    code = values[_FAILURE_AT]
    if code is not None:
        values[_FAILURE_AT] = _CODES[code]
    return Task(*values)


def _row_of(task: Task) -> dict[str, Any]:
    row = {name: getattr(task, name) for name in _NAMES}
    row["state"] = task.state.value
    row["product"] = task.product.value
    row["failure_code"] = task.failure_code and task.failure_code.value
    return row


def _event_row(event: Event) -> dict[str, Any]:
    return {
        "task_id": event.task_id,
        "sequence": event.sequence,
        "account_id": event.account_id,
        "status": event.status.value,
        "created_at_us": event.created_at_us,
    }


# --- create -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Wallet:
    """What an account still has while a round of creates is decided."""

    available_credits: int
    unfinished_tasks: int


def create_tasks(unit: Unit, commands: Sequence[NewTask]) -> list[CreateOutcome]:
    """Reserve and insert, or say why not. Commands of one round see each other's effects in their order."""
    wallets = _wallets(unit.connection, {command.task.account_id for command in commands})
    claims = _claims(unit.connection, commands)
    external_ids = _external_ids(unit.connection, commands)
    outcomes: list[CreateOutcome] = []
    created: list[NewTask] = []
    for command in commands:
        outcome = _decide_create(command, wallets[command.task.account_id], claims, external_ids)
        outcomes.append(outcome)
        if isinstance(outcome, Created):
            created.append(command)
    if created:
        _insert_created(unit, created)
    return outcomes


def _decide_create(
    command: NewTask, wallet: _Wallet, claims: dict[str, IdempotencyRow], external_ids: set[tuple[str, str]]
) -> CreateOutcome:
    task = command.task
    if command.claim is not None:
        earlier = claims.get(command.claim.id)
        if earlier is not None and earlier.expires_at_us > task.created_at_us:
            is_same = earlier.fingerprint == command.claim.fingerprint
            return Replayed(earlier.answer) if is_same else ClaimMismatch()
    if task.external_task_id is not None and (task.account_id, task.external_task_id) in external_ids:
        return ExternalIdTaken()
    too_few = TooFewCredits(wallet.available_credits) if wallet.available_credits < task.price_credits else None
    if wallet.unfinished_tasks >= command.unfinished_tasks_max:
        return too_few if too_few is not None and command.checks_credits_first else TooManyUnfinished()
    if too_few is not None:
        return too_few
    wallet.unfinished_tasks += 0 if task.is_final else 1
    wallet.available_credits -= task.price_credits
    if command.claim is not None and command.answer is not None:
        claims[command.claim.id] = IdempotencyRow(
            command.claim.fingerprint, command.claim.expires_at_us, command.answer
        )
    if task.external_task_id is not None:
        external_ids.add((task.account_id, task.external_task_id))
    return Created(task)


def _insert_created(unit: Unit, created: Sequence[NewTask]) -> None:
    connection = unit.connection
    insert_rows(connection, tasks, [_row_of(command.task) for command in created])
    told = [(event_of(command.task), command.task, command.announcement) for command in created]
    insert_rows(connection, events, [_event_row(event) for event, _, _ in told])
    announce(unit, told)
    changes = BalanceChanges()
    transfers: list[Transfer] = []
    for command in created:
        task = command.task
        if not task.is_final:
            changes.add_task(task.account_id)
        if task.price_credits:
            transfers.append(reserve(task.id, task.account_id, task.price_credits, task.created_at_us))
    insert_transfers(connection, transfers, changes)
    claimed = [
        {
            "id": command.claim.id,
            "fingerprint": command.claim.fingerprint,
            "status": command.answer.status,
            "headers": json.dumps(command.answer.headers),
            "body": command.answer.body,
            "expires_at_us": command.claim.expires_at_us,
        }
        for command in created
        if command.claim is not None and command.answer is not None
    ]
    if claimed:
        connection.execute(_DELETE_CLAIM, {"ids": [row["id"] for row in claimed]})
        insert_rows(connection, idempotency, claimed)
    unit.changed += [command.task.id for command in created]


def _wallets(connection: Connection, account_ids: set[AccountId]) -> dict[str, _Wallet]:
    found = connection.execute(
        select(
            accounts.c.id,
            accounts.c.posted_credits - accounts.c.pending_credits - accounts.c.floor_credits,
            accounts.c.unfinished_tasks,
        ).where(accounts.c.id.in_(account_ids))
    )
    return {account_id: _Wallet(available, unfinished) for account_id, available, unfinished in found}


def _claims(connection: Connection, commands: Sequence[NewTask]) -> dict[str, IdempotencyRow]:
    ids = {command.claim.id for command in commands if command.claim is not None}
    return dict(load_claims(connection, list(ids))) if ids else {}


def _external_ids(connection: Connection, commands: Sequence[NewTask]) -> set[tuple[str, str]]:
    ids = {command.task.external_task_id for command in commands if command.task.external_task_id is not None}
    if not ids:
        return set()
    owners = {command.task.account_id for command in commands}
    found = connection.execute(
        select(tasks.c.account_id, tasks.c.external_task_id).where(
            tasks.c.account_id.in_(owners), tasks.c.external_task_id.in_(ids)
        )
    )
    return {(account_id, external_id) for account_id, external_id in found}


# --- transitions -------------------------------------------------------------------------------------------------


def apply_transitions(unit: Unit, commands: Sequence[Transition]) -> list[bool]:
    """Write each transition whose task still has the expected version; False for those that came too late."""
    connection = unit.connection
    ids = sorted({command.task.id for command in commands})
    held = connection.execute(
        select(tasks.c.id, tasks.c.version).where(tasks.c.id.in_(ids)).order_by(tasks.c.id).with_for_update()
    )
    versions: dict[str, int] = {task_id: version for task_id, version in held}  # noqa: C416 - a result is no mapping
    results: list[bool] = []
    applied: list[Transition] = []
    for command in commands:
        is_current = versions.get(command.task.id) == command.expected_version
        results.append(is_current)
        if is_current:
            versions[command.task.id] = command.task.version
            applied.append(command)
    if applied:
        _write_transitions(unit, applied)
    return results


def _write_transitions(unit: Unit, applied: Sequence[Transition]) -> None:
    connection = unit.connection
    newest = {command.task.id: _row_of(command.task) for command in applied}
    replace_rows(connection, tasks, list(newest.values()), _MUTABLE)
    told = [(command.event, command.task, command.announcement) for command in applied if command.event is not None]
    insert_rows(connection, events, [_event_row(event) for event, _, _ in told])
    announce(unit, told)
    write_attempts(connection, [command.attempt for command in applied if command.attempt is not None])
    book_costs(connection, [command.booking for command in applied if command.booking is not None])
    changes = BalanceChanges()
    for command in applied:
        if command.is_ending:
            changes.end_task(command.task.account_id)
    insert_transfers(connection, [command.transfer for command in applied if command.transfer is not None], changes)
    unit.changed += [command.task.id for command in applied]


# --- reads ------------------------------------------------------------------------------------------------------------


def load_tasks(connection: Connection, ids: Sequence[TaskId]) -> Mapping[TaskId, Task]:
    return {row[0]: task_of(row) for row in connection.execute(_BY_ID, {"ids": ids})}


def load_external(
    connection: Connection, keys: Sequence[tuple[AccountId, str]]
) -> Mapping[tuple[AccountId, str], Task]:
    """Tasks by account and external task id."""
    owners, ids = {owner for owner, _ in keys}, {external_id for _, external_id in keys}
    found = connection.execute(
        select(*COLUMNS).where(tasks.c.account_id.in_(owners), tasks.c.external_task_id.in_(ids))
    )
    rows = (task_of(row) for row in found)
    return {(task.account_id, task.external_task_id): task for task in rows if task.external_task_id is not None}


def load_claims(connection: Connection, ids: Sequence[str]) -> Mapping[str, IdempotencyRow]:
    found = connection.execute(select(idempotency).where(idempotency.c.id.in_(ids)))
    return {row["id"]: _claim_of(row) for row in found.mappings()}


def _claim_of(row: RowMapping) -> IdempotencyRow:
    headers = tuple((name, value) for name, value in json.loads(row["headers"]))
    return IdempotencyRow(row["fingerprint"], row["expires_at_us"], KeptAnswer(row["status"], headers, row["body"]))


def list_tasks(connection: Connection, wanted: TaskFilter) -> Page:
    """One page. The id orders by creation time, so it serves as the cursor. Deleted tasks are not shown."""
    query = select(*COLUMNS).where(tasks.c.deleted_at_us.is_(None))
    if wanted.account_id is not None:
        query = query.where(tasks.c.account_id == wanted.account_id)
    if wanted.after is not None:
        query = query.where(tasks.c.id > wanted.after if wanted.is_ascending else tasks.c.id < wanted.after)
    if wanted.product is not None:
        query = query.where(tasks.c.product == wanted.product.value)
    if wanted.status is not None:
        query = query.where(
            tasks.c.state.in_([state.value for state, status in PUBLIC_STATUS.items() if status is wanted.status])
        )
    if wanted.model is not None:
        query = query.where(tasks.c.model == wanted.model)
    if wanted.client_request_id is not None:
        query = query.where(tasks.c.client_request_id == wanted.client_request_id)
    order = tasks.c.id.asc() if wanted.is_ascending else tasks.c.id.desc()
    rows = connection.execute(query.order_by(order).limit(wanted.limit + 1).offset(wanted.offset)).all()
    return Page(tuple(task_of(row) for row in rows[: wanted.limit]), len(rows) > wanted.limit)


def overdue_task_ids(connection: Connection, now_us: int, limit: int) -> list[TaskId]:
    """Unfinished tasks past their deadline that no worker holds."""
    found = connection.execute(
        select(tasks.c.id)
        .where(text("final_at_us IS NULL"), tasks.c.deadline_at_us <= now_us, tasks.c.lease_owner.is_(None))
        .order_by(tasks.c.deadline_at_us)
        .limit(limit)
    )
    return [TaskId(task_id) for (task_id,) in found]


def count_queued(connection: Connection) -> int:
    count = select(func.count()).select_from(tasks).where(text("lease_owner IS NULL AND state = 'queued'"))
    return int(connection.execute(count).scalar_one())
