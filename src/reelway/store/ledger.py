"""Writing and reading the ledger: rows, and the balances that follow from them in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from reelway.domain.ids import AccountId, TaskId, TransferId
from reelway.domain.ledger import Balance, Transfer, TransferKind, balance_change
from reelway.domain.records import Account
from reelway.store.commit import Unit
from reelway.store.rows import insert_rows
from reelway.store.schema import accounts, transfers

_NAMES = tuple(field.name for field in fields(Transfer))
_UPDATE = (
    update(accounts)
    .where(accounts.c.id == bindparam("account"))
    .values(
        posted_credits=accounts.c.posted_credits + bindparam("posted"),
        pending_credits=accounts.c.pending_credits + bindparam("pending"),
        unfinished_tasks=accounts.c.unfinished_tasks + bindparam("unfinished"),
    )
)


@dataclass(slots=True)
class BalanceChanges:
    """What one transaction does to accounts, summed so that each account's row is written once."""

    by_account: dict[AccountId, list[int]] = field(default_factory=dict)

    def add(self, account_id: AccountId, posted: int, pending: int, unfinished: int) -> None:
        change = self.by_account.setdefault(account_id, [0, 0, 0])
        change[0] += posted
        change[1] += pending
        change[2] += unfinished

    def add_task(self, account_id: AccountId) -> None:
        self.add(account_id, 0, 0, 1)

    def end_task(self, account_id: AccountId) -> None:
        self.add(account_id, 0, 0, -1)


def insert_transfers(connection: Connection, rows: Sequence[Transfer], changes: BalanceChanges) -> None:
    """Insert the rows and write the balances. A row that exists already, or a balance below its floor, fails."""
    for transfer in rows:
        posted, pending = balance_change(transfer)
        changes.add(transfer.account_id, posted, pending, 0)
    insert_rows(connection, transfers, [_row_of(transfer) for transfer in rows])
    if changes.by_account:
        connection.execute(
            _UPDATE,
            [
                {"account": account_id, "posted": posted, "pending": pending, "unfinished": unfinished}
                for account_id, (posted, pending, unfinished) in sorted(changes.by_account.items())
            ],
        )


def _row_of(transfer: Transfer) -> dict[str, Any]:
    row = {name: getattr(transfer, name) for name in _NAMES}
    row["kind"] = transfer.kind.value
    return row


def move_credits(unit: Unit, commands: Sequence[Transfer]) -> list[bool]:
    """Grants and adjustments. False where the account's balance would fall below its floor, or the id is used."""
    results = []
    for transfer in commands:
        savepoint = unit.connection.begin_nested()
        try:
            insert_transfers(unit.connection, [transfer], BalanceChanges())
        except IntegrityError:
            savepoint.rollback()
            results.append(False)
        else:
            savepoint.commit()
            results.append(True)
    return results


def load_accounts(connection: Connection, ids: Sequence[AccountId]) -> Mapping[AccountId, Account]:
    found = connection.execute(select(accounts).where(accounts.c.id.in_(ids), accounts.c.kind == "customer"))
    return {account.id: account for account in map(_account_of, found.mappings())}


def list_accounts(connection: Connection) -> list[Account]:
    found = connection.execute(select(accounts).where(accounts.c.kind == "customer").order_by(accounts.c.id))
    return [_account_of(row) for row in found.mappings()]


def _account_of(row: RowMapping) -> Account:
    return Account(
        id=AccountId(row["id"]),
        name=row["name"],
        balance=Balance(row["posted_credits"], row["pending_credits"]),
        floor_credits=row["floor_credits"],
        unfinished_tasks=row["unfinished_tasks"],
        created_at_us=row["created_at_us"],
    )


def granted_credits(connection: Connection, account_id: AccountId) -> int:
    """All that was ever granted to the account."""
    granted = select(func.coalesce(func.sum(transfers.c.amount_credits), 0)).where(
        transfers.c.account_id == account_id, transfers.c.kind == TransferKind.GRANT.value
    )
    return int(connection.execute(granted).scalar_one())


def list_transfers(connection: Connection, account_id: AccountId, limit: int) -> list[Transfer]:
    """The newest rows of an account, newest first."""
    newest = (transfers.c.created_at_us.desc(), transfers.c.id.desc())
    found = connection.execute(
        select(transfers).where(transfers.c.account_id == account_id).order_by(*newest).limit(limit)
    )
    return [transfer_of(row) for row in found.mappings()]


def transfer_of(row: RowMapping) -> Transfer:
    return Transfer(
        id=TransferId(row["id"]),
        kind=TransferKind(row["kind"]),
        account_id=AccountId(row["account_id"]),
        debit_account_id=AccountId(row["debit_account_id"]),
        credit_account_id=AccountId(row["credit_account_id"]),
        amount_credits=row["amount_credits"],
        task_id=None if row["task_id"] is None else TaskId(row["task_id"]),
        reason=row["reason"],
        created_at_us=row["created_at_us"],
    )


def unbalanced_accounts(connection: Connection) -> list[AccountId]:
    """Accounts whose columns do not equal the sum of their rows; an empty list is what must always come back."""
    received = select(
        transfers.c.credit_account_id.label("id"), func.sum(transfers.c.amount_credits).label("amount")
    ).group_by(transfers.c.credit_account_id)
    paid = select(
        transfers.c.debit_account_id.label("id"), func.sum(-transfers.c.amount_credits).label("amount")
    ).group_by(transfers.c.debit_account_id)
    both = received.union_all(paid).subquery()
    net = select(both.c.id, func.sum(both.c.amount).label("amount")).group_by(both.c.id).subquery()
    available = accounts.c.posted_credits - accounts.c.pending_credits
    found = connection.execute(
        select(accounts.c.id)
        .outerjoin(net, net.c.id == accounts.c.id)
        .where(accounts.c.kind == "customer", available != func.coalesce(net.c.amount, 0))
    )
    return [AccountId(account_id) for (account_id,) in found]
