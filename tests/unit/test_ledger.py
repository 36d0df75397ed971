"""The ledger's rows: which accounts they touch, what they do to a balance, and the ids that make a repeat harmless."""

import pytest

from reelway.domain import ledger
from reelway.domain.events import event_of
from reelway.domain.ids import TransferId
from reelway.domain.ledger import HOLDS, ISSUED, REVENUE, Balance, Transfer, TransferKind, balance_change
from reelway.domain.task import FINAL_STATES, State
from unit.builders import ACCOUNT, NOW_US, TASK_ID, task_in

GRANT = ledger.grant(TransferId("tr_1"), ACCOUNT, 500, "welcome", NOW_US)
RESERVE = ledger.reserve(TASK_ID, ACCOUNT, 90, NOW_US)
SETTLE = ledger.resolve(TASK_ID, ACCOUNT, 90, State.SUCCEEDED, NOW_US)
RELEASE = ledger.resolve(TASK_ID, ACCOUNT, 90, State.FAILED, NOW_US)
GIVEN = ledger.adjust(TransferId("tr_2"), ACCOUNT, 25, "sorry", NOW_US)
TAKEN = ledger.adjust(TransferId("tr_3"), ACCOUNT, -25, "mistake", NOW_US)


@pytest.mark.parametrize(
    ("transfer", "debit", "credit"),
    [
        (GRANT, ISSUED, ACCOUNT),
        (RESERVE, ACCOUNT, HOLDS),
        (SETTLE, HOLDS, REVENUE),
        (RELEASE, HOLDS, ACCOUNT),
        (GIVEN, ISSUED, ACCOUNT),
        (TAKEN, ACCOUNT, ISSUED),
    ],
)
def test_each_kind_moves_credits_between_its_two_accounts(transfer: Transfer, debit: str, credit: str) -> None:
    assert (transfer.debit_account_id, transfer.credit_account_id) == (debit, credit)
    assert transfer.account_id == ACCOUNT
    assert transfer.amount_credits > 0


@pytest.mark.parametrize(
    ("transfer", "posted", "pending"),
    [
        (GRANT, 500, 0),
        (RESERVE, 0, 90),
        (SETTLE, -90, -90),
        (RELEASE, 0, -90),
        (GIVEN, 25, 0),
        (TAKEN, -25, 0),
    ],
)
def test_each_kind_changes_the_balance_in_its_own_way(transfer: Transfer, posted: int, pending: int) -> None:
    assert balance_change(transfer) == (posted, pending)


def test_what_the_columns_say_is_available_equals_what_the_rows_brought_and_took() -> None:
    """Both ways of counting the same money agree after any row."""
    for transfer in (GRANT, RESERVE, SETTLE, RELEASE, GIVEN, TAKEN):
        posted, pending = balance_change(transfer)
        received = transfer.amount_credits if transfer.credit_account_id == ACCOUNT else 0
        paid = transfer.amount_credits if transfer.debit_account_id == ACCOUNT else 0
        assert posted - pending == received - paid


def test_a_released_hold_costs_nothing_and_a_settled_one_its_price() -> None:
    for resolution, cost in ((SETTLE, 90), (RELEASE, 0)):
        rows = [balance_change(RESERVE), balance_change(resolution)]
        assert (sum(posted for posted, _ in rows), sum(pending for _, pending in rows)) == (-cost, 0)


def test_both_ways_to_end_a_hold_have_the_same_id_so_that_only_one_can_be_written() -> None:
    assert SETTLE.id == RELEASE.id == f"{TASK_ID}.resolve"
    assert RESERVE.id == f"{TASK_ID}.reserve"
    assert {SETTLE.task_id, RELEASE.task_id, RESERVE.task_id} == {TASK_ID}


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_only_success_settles(state: State) -> None:
    kind = ledger.resolve(TASK_ID, ACCOUNT, 90, state, NOW_US).kind
    assert kind is (TransferKind.SETTLE if state is State.SUCCEEDED else TransferKind.RELEASE)


@pytest.mark.parametrize("amount", [0, -1])
def test_a_row_that_moves_nothing_or_less_is_no_row(amount: int) -> None:
    with pytest.raises(AssertionError):
        ledger.reserve(TASK_ID, ACCOUNT, amount, NOW_US)


def test_a_row_never_changes() -> None:
    with pytest.raises(AttributeError):
        GRANT.amount_credits = 1  # type: ignore[misc]


def test_what_is_held_cannot_be_spent() -> None:
    assert Balance(posted_credits=100, pending_credits=42).available_credits == 58


@pytest.mark.parametrize(("state", "sequence"), [(State.QUEUED, 1), (State.RUNNING, 2), (State.EXPIRED, 3)])
def test_an_event_carries_the_public_status_and_its_time(state: State, sequence: int) -> None:
    task = task_in(state)
    event = event_of(task)
    assert (event.sequence, event.status, event.created_at_us) == (sequence, task.public_status, task.updated_at_us)
    assert (event.task_id, event.account_id) == (task.id, task.account_id)
