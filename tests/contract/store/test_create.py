"""Creating a task: its row, its event, its hold and its claim come into being together or not at all."""

import asyncio
from dataclasses import replace

import pytest

from contract.store.rows import PRICE, Rows, url_of
from reelway.domain.ids import AccountId
from reelway.domain.records import (
    ClaimMismatch,
    Created,
    ExternalIdTaken,
    NewTask,
    Replayed,
    TooFewCredits,
    TooManyUnfinished,
)
from reelway.domain.task import State
from reelway.store.commit import Unit
from reelway.store.store import Store
from reelway.store.tasks import create_tasks
from unit.builders import US

pytestmark = pytest.mark.anyio


def together(rows: Rows, commands: list[NewTask]) -> list[object]:
    """Carry out creates as one round does: in one transaction, handed over together."""
    with rows.store.engines.write.begin() as connection:
        return list(create_tasks(Unit(connection), commands))


async def test_a_created_task_is_read_back_as_it_was(store: Store, rows: Rows) -> None:
    new = rows.new(await rows.account(), client_request_id="order-7", external_task_id="mine", key_id=None)
    assert await store.create_task(new) == Created(new.task)
    assert await store.task(new.task.id) == new.task


async def test_a_create_holds_its_price_and_counts_as_unfinished(rows: Rows) -> None:
    account = await rows.account(1_000)
    task = await rows.created(account)
    assert rows.wallet(account) == (1_000, PRICE, 1)
    assert rows.kinds(task.id) == ["reserve"]
    assert rows.sql(
        "SELECT id, debit_account_id, credit_account_id, amount_credits FROM transfers WHERE kind = 'reserve'"
    ) == [(f"{task.id}.reserve", account, "acct_system_holds", PRICE)]


async def test_a_create_makes_the_first_event(rows: Rows) -> None:
    account = await rows.account()
    task = await rows.created(account)
    found = rows.sql("SELECT task_id, sequence, account_id, status, created_at_us FROM events")
    assert found == [(task.id, 1, account, "queued", task.created_at_us)]


async def test_a_task_without_a_price_holds_nothing(rows: Rows) -> None:
    account = await rows.account(0)
    task = await rows.created(account, price_credits=0)
    assert rows.wallet(account) == (0, 0, 1)
    assert rows.kinds(task.id) == []


# --- credits and limits -----------------------------------------------------------------------------------------------


async def test_the_last_credit_may_be_spent_and_not_one_more(store: Store, rows: Rows) -> None:
    account = await rows.account(PRICE)
    await rows.created(account)
    before = rows.counts()
    assert await store.create_task(rows.new(account)) == TooFewCredits(0)
    assert rows.counts() == before
    assert rows.wallet(account) == (PRICE, PRICE, 1)


async def test_one_credit_short_makes_nothing(store: Store, rows: Rows) -> None:
    account = await rows.account(PRICE - 1)
    before = rows.counts()
    assert await store.create_task(rows.new(account)) == TooFewCredits(PRICE - 1)
    assert rows.counts() == before


async def test_an_account_may_go_down_to_its_floor(store: Store, rows: Rows) -> None:
    account = await rows.account(10)
    rows.change("UPDATE accounts SET floor_credits = -80 WHERE id = :id", id=account)
    await rows.created(account)
    assert await store.create_task(rows.new(account, price_credits=1)) == TooFewCredits(0)


async def test_as_many_tasks_as_allowed_are_unfinished_at_once(store: Store, rows: Rows) -> None:
    account = await rows.account()
    await rows.created(account, limit=2)
    await rows.in_state(account, State.RUNNING, limit=2)
    before = rows.counts()
    assert await store.create_task(rows.new(account, limit=2)) == TooManyUnfinished()
    assert rows.counts() == before


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED])
async def test_an_ended_task_makes_room_for_another(rows: Rows, state: State) -> None:
    account = await rows.account()
    await rows.in_state(account, state, limit=1)
    await rows.created(account, limit=1)
    assert rows.wallet(account)[2] == 1


async def test_the_limit_is_looked_at_before_the_credits(store: Store, rows: Rows) -> None:
    """Source: Rivya contract, section 4.3, steps 9 and 10."""
    account = await rows.account(PRICE)
    await rows.created(account, limit=1)
    assert await store.create_task(rows.new(account, limit=1)) == TooManyUnfinished()


async def test_accounts_do_not_share_credits_or_limits(rows: Rows) -> None:
    one, other = await rows.account(PRICE), await rows.account(PRICE)
    await rows.created(one, limit=1)
    await rows.created(other, limit=1)


async def test_a_create_for_an_account_that_does_not_exist_is_our_mistake(store: Store, rows: Rows) -> None:
    good = await rows.account()
    outcomes = await asyncio.gather(
        store.create_task(rows.new(AccountId("acct_none"))), store.create_task(rows.new(good)), return_exceptions=True
    )
    assert isinstance(outcomes[0], Exception)
    assert isinstance(outcomes[1], Created)
    assert rows.counts()["tasks"] == 1


# --- idempotency ------------------------------------------------------------------------------------------------------


async def test_a_repeat_gets_the_first_answer_byte_for_byte(store: Store, rows: Rows) -> None:
    account = await rows.account()
    first = rows.new(account, key="claim")
    assert isinstance(await store.create_task(first), Created)
    before = rows.counts()
    assert await store.create_task(rows.new(account, key="claim")) == Replayed(first.answer)
    assert rows.counts() == before
    claimed = await store.claimed("claim")
    assert claimed is not None
    assert (claimed.fingerprint, claimed.answer) == ("p", first.answer)


async def test_the_same_key_with_another_request_is_told(store: Store, rows: Rows) -> None:
    account = await rows.account()
    await rows.created(account, key="claim")
    assert await store.create_task(rows.new(account, key="claim", print_="other")) == ClaimMismatch()


async def test_a_repeat_is_answered_though_nothing_could_be_created_any_more(store: Store, rows: Rows) -> None:
    account = await rows.account(PRICE)
    first = rows.new(account, key="claim", limit=1)
    await store.create_task(first)
    assert await store.create_task(rows.new(account, key="claim", limit=1)) == Replayed(first.answer)


async def test_only_an_accepted_create_keeps_its_key(store: Store, rows: Rows) -> None:
    account = await rows.account(0)
    assert isinstance(await store.create_task(rows.new(account, key="claim")), TooFewCredits)
    assert await store.claimed("claim") is None
    rows.change("UPDATE accounts SET floor_credits = -1000 WHERE id = :id", id=account)
    assert isinstance(await store.create_task(rows.new(account, key="claim", print_="other")), Created)


async def test_a_key_is_remembered_until_its_time_is_over(store: Store, rows: Rows) -> None:
    account = await rows.account()
    first = rows.new(account, key="claim")
    await store.create_task(first)
    assert first.claim is not None
    end_us = first.claim.expires_at_us
    just_before = rows.new(account, key="claim", created_at_us=end_us - 1)
    assert isinstance(await store.create_task(just_before), Replayed)
    second = rows.new(account, key="claim", print_="other", created_at_us=end_us)
    assert await store.create_task(second) == Created(second.task)
    kept = await store.claimed("claim")
    assert kept is not None
    assert (kept.fingerprint, kept.answer) == ("other", second.answer)


# --- several in one round ---------------------------------------------------------------------------------------------


async def test_a_repeat_in_the_same_round_is_a_repeat(rows: Rows) -> None:
    account = await rows.account()
    first, second, third = (rows.new(account, key="claim") for _ in range(3))
    assert together(rows, [first, second, replace(third, claim=replace(third.claim, fingerprint="other"))]) == [
        Created(first.task),
        Replayed(first.answer),
        ClaimMismatch(),
    ]
    assert rows.counts()["tasks"] == 1


async def test_creates_of_one_round_share_the_accounts_credits(rows: Rows) -> None:
    account = await rows.account(2 * PRICE + 5)
    outcomes = together(rows, [rows.new(account) for _ in range(4)])
    assert [type(outcome) for outcome in outcomes] == [Created, Created, TooFewCredits, TooFewCredits]
    assert outcomes[2] == TooFewCredits(5)
    assert rows.wallet(account) == (2 * PRICE + 5, 2 * PRICE, 2)


async def test_a_cheaper_create_behind_one_that_was_too_dear_still_fits(rows: Rows) -> None:
    account = await rows.account(PRICE + 5)
    outcomes = together(rows, [rows.new(account, price_credits=price) for price in (PRICE, PRICE, 5)])
    assert [type(outcome) for outcome in outcomes] == [Created, TooFewCredits, Created]


async def test_creates_of_one_round_share_the_limit(rows: Rows) -> None:
    account = await rows.account()
    outcomes = together(rows, [rows.new(account, limit=3) for _ in range(5)])
    assert [type(outcome) for outcome in outcomes] == [Created] * 3 + [TooManyUnfinished] * 2


async def test_an_external_id_stands_once_in_a_round_too(rows: Rows) -> None:
    one, other = await rows.account(), await rows.account()
    outcomes = together(rows, [rows.new(account, external_task_id="mine") for account in (one, one, other)])
    assert [type(outcome) for outcome in outcomes] == [Created, ExternalIdTaken, Created]


async def test_an_external_id_belongs_to_its_account_for_ever(store: Store, rows: Rows) -> None:
    one, other = await rows.account(), await rows.account()
    await rows.in_state(one, State.FAILED, external_task_id="mine")
    assert await store.create_task(rows.new(one, external_task_id="mine")) == ExternalIdTaken()
    await rows.created(other, external_task_id="mine")
    await rows.created(one, external_task_id="Mine")


async def test_a_rejected_create_does_not_take_its_external_id(store: Store, rows: Rows) -> None:
    account = await rows.account(PRICE)
    assert isinstance(
        await store.create_task(rows.new(account, external_task_id="mine", price_credits=PRICE + 1)), TooFewCredits
    )
    await rows.created(account, external_task_id="mine")


# --- several processes ------------------------------------------------------------------------------------------------


async def test_processes_that_create_at_once_never_spend_a_credit_twice(store: Store, rows: Rows) -> None:
    account = await rows.account(10 * PRICE)
    second = Store(url_of(store))
    try:
        outcomes = await asyncio.gather(
            *((store, second)[number % 2].create_task(rows.new(account)) for number in range(60))
        )
    finally:
        await second.aclose()
    assert sum(isinstance(outcome, Created) for outcome in outcomes) == 10
    assert sum(isinstance(outcome, TooFewCredits) for outcome in outcomes) == 50
    assert rows.wallet(account) == (10 * PRICE, 10 * PRICE, 10)
    assert await store.unbalanced_accounts() == []


async def test_processes_that_get_the_same_key_at_once_make_one_task(store: Store, rows: Rows) -> None:
    account = await rows.account()
    second = Store(url_of(store))
    try:
        for number in range(10):
            commands = [rows.new(account, key=f"claim-{number}") for _ in range(8)]
            outcomes = await asyncio.gather(
                *((store, second)[place % 2].create_task(command) for place, command in enumerate(commands))
            )
            created = [outcome for outcome in outcomes if isinstance(outcome, Created)]
            replayed = [outcome for outcome in outcomes if isinstance(outcome, Replayed)]
            assert (len(created), len(replayed)) == (1, 7)
            assert {outcome.answer.body for outcome in replayed} == {f'{{"id":"{created[0].task.id}"}}'.encode()}
    finally:
        await second.aclose()
    assert rows.counts()["tasks"] == 10


async def test_one_external_id_wins_when_processes_meet(store: Store, rows: Rows) -> None:
    account = await rows.account()
    second = Store(url_of(store))
    try:
        for number in range(10):
            outcomes = await asyncio.gather(
                *(
                    (store, second)[place % 2].create_task(rows.new(account, external_task_id=f"mine-{number}"))
                    for place in range(6)
                )
            )
            assert sum(isinstance(outcome, Created) for outcome in outcomes) == 1
            assert sum(isinstance(outcome, ExternalIdTaken) for outcome in outcomes) == 5
    finally:
        await second.aclose()


async def test_the_newest_commit_is_what_a_read_shows(store: Store, rows: Rows) -> None:
    account = await rows.account()
    for _ in range(20):
        task = await rows.created(account)
        assert await store.task(task.id) == task
    found = await store.account(account)
    assert found is not None
    assert (found.unfinished_tasks, found.balance.pending_credits) == (20, 20 * PRICE)
    assert found.created_at_us < rows.clock.now_us() + US
