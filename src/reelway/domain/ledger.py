"""Double-entry ledger in whole credits. Rows never change; what was wrong is put right by another row.

    grant    issued  -> account     credits come into being
    reserve  account -> holds       a task's price is held
    settle   holds   -> revenue     the task succeeded: the hold is charged
    release  holds   -> account     the task ended otherwise: the hold goes back, whole
    adjust   issued <-> account     an operator's correction, with a reason

A task has one reserve and at most one resolution (settle or release). Their ids derive from the task's, so that a
repeat collides with the row that is there instead of moving money twice.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reelway.domain.ids import AccountId, TaskId, TransferId
from reelway.domain.task import State

ISSUED: Final = AccountId("acct_system_issued")
HOLDS: Final = AccountId("acct_system_holds")
REVENUE: Final = AccountId("acct_system_revenue")
SYSTEM_ACCOUNTS: Final = (ISSUED, HOLDS, REVENUE)


class TransferKind(StrEnum):
    GRANT = "grant"
    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"
    ADJUST = "adjust"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row: `amount_credits` (positive) moves from `debit_account_id` to `credit_account_id`.

    `account_id` is the customer's account that the row belongs to, also where it moves money between system accounts.
    """

    id: TransferId
    kind: TransferKind
    account_id: AccountId
    debit_account_id: AccountId
    credit_account_id: AccountId
    amount_credits: int
    task_id: TaskId | None
    reason: str
    created_at_us: int

    def __post_init__(self) -> None:
        assert self.amount_credits > 0


@dataclass(frozen=True, slots=True)
class Balance:
    """`posted` is owned, `pending` is held by unfinished tasks; what is left may be spent."""

    posted_credits: int
    pending_credits: int

    @property
    def available_credits(self) -> int:
        return self.posted_credits - self.pending_credits


def reserve(task_id: TaskId, account_id: AccountId, amount_credits: int, now_us: int) -> Transfer:
    return Transfer(
        id=TransferId(f"{task_id}.reserve"),
        kind=TransferKind.RESERVE,
        account_id=account_id,
        debit_account_id=account_id,
        credit_account_id=HOLDS,
        amount_credits=amount_credits,
        task_id=task_id,
        reason="",
        created_at_us=now_us,
    )


def resolve(task_id: TaskId, account_id: AccountId, amount_credits: int, final_state: State, now_us: int) -> Transfer:
    """The one row that ends a task's hold: a settle when it succeeded, a release otherwise."""
    is_settled = final_state is State.SUCCEEDED
    return Transfer(
        id=TransferId(f"{task_id}.resolve"),
        kind=TransferKind.SETTLE if is_settled else TransferKind.RELEASE,
        account_id=account_id,
        debit_account_id=HOLDS,
        credit_account_id=REVENUE if is_settled else account_id,
        amount_credits=amount_credits,
        task_id=task_id,
        reason="",
        created_at_us=now_us,
    )


def grant(transfer_id: TransferId, account_id: AccountId, amount_credits: int, reason: str, now_us: int) -> Transfer:
    return Transfer(
        id=transfer_id,
        kind=TransferKind.GRANT,
        account_id=account_id,
        debit_account_id=ISSUED,
        credit_account_id=account_id,
        amount_credits=amount_credits,
        task_id=None,
        reason=reason,
        created_at_us=now_us,
    )


def adjust(transfer_id: TransferId, account_id: AccountId, amount_credits: int, reason: str, now_us: int) -> Transfer:
    """An operator's correction: a positive amount gives credits, a negative one takes them back."""
    is_gain = amount_credits > 0
    return Transfer(
        id=transfer_id,
        kind=TransferKind.ADJUST,
        account_id=account_id,
        debit_account_id=ISSUED if is_gain else account_id,
        credit_account_id=account_id if is_gain else ISSUED,
        amount_credits=abs(amount_credits),
        task_id=None,
        reason=reason,
        created_at_us=now_us,
    )


def balance_change(transfer: Transfer) -> tuple[int, int]:
    """What a row does to its customer's balance: (change of posted, change of pending)."""
    amount = transfer.amount_credits
    match transfer.kind:
        case TransferKind.RESERVE:
            return 0, amount
        case TransferKind.SETTLE:
            return -amount, -amount
        case TransferKind.RELEASE:
            return 0, -amount
        case TransferKind.GRANT | TransferKind.ADJUST:
            return (amount, 0) if transfer.credit_account_id == transfer.account_id else (-amount, 0)
