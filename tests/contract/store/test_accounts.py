"""Accounts, their credits and their keys."""

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from contract.store.rows import PRICE, Rows, url_of
from reelway.domain.ids import AccountId, KeyId, TransferId
from reelway.domain.ledger import Balance, adjust, grant
from reelway.domain.records import Account, NewAccount, Scope
from reelway.domain.task import State
from reelway.store.store import Store

pytestmark = pytest.mark.anyio


# --- accounts ---------------------------------------------------------------------------------------------------------


async def test_an_account_is_read_back_with_its_first_credits(store: Store, rows: Rows) -> None:
    account = await rows.account(500)
    found = await store.account(account)
    assert found is not None
    created_at_us = found.created_at_us
    assert found == Account(account, "tester", Balance(500, 0), 0, 0, created_at_us)


async def test_accounts_are_listed_without_the_systems_own(store: Store, rows: Rows) -> None:
    made = sorted([await rows.account() for _ in range(3)])
    assert [account.id for account in await store.accounts()] == made
    assert await store.account(AccountId("acct_system_holds")) is None
    assert await store.account(AccountId("acct_none")) is None


async def test_an_account_its_key_and_its_credits_come_together(store: Store, rows: Rows) -> None:
    account = AccountId("acct_a")
    key = rows.key(account, "hash-a")
    credits = grant(TransferId("tr_1"), account, 50, "first", 1)
    assert await store.create_account(NewAccount(account, "a", key, credits, 1))
    assert await store.key_by_hash("hash-a") == key
    assert rows.wallet(account) == (50, 0, 0)


async def test_an_account_whose_key_exists_already_is_not_made(store: Store, rows: Rows) -> None:
    await store.create_key(rows.key(await rows.account(), "hash-a"))
    before = rows.counts()
    fresh = AccountId("acct_fresh")
    with pytest.raises(IntegrityError):
        await store.create_account(NewAccount(fresh, "b", rows.key(fresh, "hash-a"), None, 1))
    assert rows.counts() == before


async def test_the_first_account_is_made_once(store: Store, rows: Rows) -> None:
    first = NewAccount(AccountId("acct_1"), "first", None, None, 1, only_if_first=True)
    second = NewAccount(AccountId("acct_2"), "second", None, None, 2, only_if_first=True)
    assert await store.create_account(first)
    assert not await store.create_account(second)
    assert [account.id for account in await store.accounts()] == ["acct_1"]


async def test_of_processes_that_start_together_one_makes_the_first_account(store: Store, rows: Rows) -> None:
    second = Store(url_of(store))
    try:
        made = await asyncio.gather(
            *(
                (store, second)[number % 2].create_account(
                    NewAccount(AccountId(f"acct_{number}"), "first", None, None, 1, only_if_first=True)
                )
                for number in range(10)
            )
        )
    finally:
        await second.aclose()
    assert sorted(made) == [False] * 9 + [True]
    assert len(await store.accounts()) == 1


# --- credits ----------------------------------------------------------------------------------------------------------


async def test_credits_are_given_and_taken_back(store: Store, rows: Rows) -> None:
    account = await rows.account(100)
    assert await store.move_credits(grant(TransferId("tr_g"), account, 30, "bonus", 5))
    assert await store.move_credits(adjust(TransferId("tr_a"), account, -130, "mistake", 6))
    assert rows.wallet(account) == (0, 0, 0)
    assert await store.unbalanced_accounts() == []


async def test_what_is_held_or_spent_cannot_be_taken_back(store: Store, rows: Rows) -> None:
    account = await rows.account(PRICE + 10)
    await rows.created(account)
    assert not await store.move_credits(adjust(TransferId("tr_a"), account, -11, "too much", 6))
    assert await store.move_credits(adjust(TransferId("tr_b"), account, -10, "all there is", 6))
    assert rows.wallet(account) == (PRICE, PRICE, 1)


async def test_the_same_transfer_twice_moves_credits_once(store: Store, rows: Rows) -> None:
    account = await rows.account(0)
    transfer = grant(TransferId("tr_g"), account, 30, "bonus", 5)
    assert [await store.move_credits(transfer) for _ in range(3)] == [True, False, False]
    assert rows.wallet(account) == (30, 0, 0)


async def test_a_refused_move_leaves_those_beside_it_alone(store: Store, rows: Rows) -> None:
    account = await rows.account(0)
    moves = [
        grant(TransferId("tr_1"), account, 10, "", 1),
        adjust(TransferId("tr_2"), account, -11, "", 2),
        grant(TransferId("tr_1"), account, 10, "", 3),
        adjust(TransferId("tr_3"), account, -4, "", 4),
    ]
    assert await asyncio.gather(*(store.move_credits(move) for move in moves)) == [True, False, False, True]
    assert rows.wallet(account) == (6, 0, 0)
    assert await store.unbalanced_accounts() == []


async def test_credits_for_an_account_that_does_not_exist_are_refused(store: Store, rows: Rows) -> None:
    before = rows.counts()
    assert not await store.move_credits(grant(TransferId("tr_g"), AccountId("acct_none"), 30, "", 5))
    assert rows.counts() == before


async def test_the_ledger_is_listed_newest_first(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000)
    task = await rows.in_state(account, State.SUCCEEDED)
    failed = await rows.in_state(account, State.FAILED)
    await rows.created(await rows.account())
    listed = await store.transfers(account, 100)
    assert [(transfer.kind, transfer.task_id) for transfer in listed] == [
        ("release", failed.id),
        ("reserve", failed.id),
        ("settle", task.id),
        ("reserve", task.id),
        ("grant", None),
    ]
    assert await store.transfers(account, 2) == listed[:2]


async def test_an_account_whose_columns_and_rows_disagree_is_found(store: Store, rows: Rows) -> None:
    good, bad = await rows.account(100), await rows.account(100)
    await rows.in_state(good, State.SUCCEEDED)
    await rows.in_state(bad, State.RUNNING)
    assert await store.unbalanced_accounts() == []
    rows.change("UPDATE accounts SET posted_credits = posted_credits + 1 WHERE id = :id", id=bad)
    assert await store.unbalanced_accounts() == [bad]
    rows.change("UPDATE accounts SET posted_credits = posted_credits - 1 WHERE id = :id", id=bad)
    assert await store.unbalanced_accounts() == []
    empty = await rows.account(0)
    rows.change("UPDATE accounts SET posted_credits = 7 WHERE id = :id", id=empty)
    assert await store.unbalanced_accounts() == [empty]


async def test_accounts_moved_in_every_order_at_once_do_not_wait_for_each_other_for_ever(
    store: Store, rows: Rows
) -> None:
    accounts = [await rows.account(1_000_000) for _ in range(4)]
    second = Store(url_of(store))
    moves = [
        adjust(TransferId(f"tr_{number}_{place}"), account, -1, "", number)
        for number in range(40)
        for place, account in enumerate(accounts if number % 2 else reversed(accounts))
    ]
    try:
        async with asyncio.timeout(30):
            found = await asyncio.gather(
                *((store, second)[number % 2].move_credits(move) for number, move in enumerate(moves)),
                *((store, second)[number % 2].create_task(rows.new(accounts[number % 4])) for number in range(80)),
            )
    finally:
        await second.aclose()
    assert all(found)
    assert [rows.wallet(account) for account in accounts] == [(1_000_000 - 40, 20 * PRICE, 20)] * 4


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_a_key_is_found_by_its_hash_and_read_back_as_it_was(store: Store, rows: Rows) -> None:
    account = await rows.account()
    key = rows.key(
        account,
        "hash-a",
        name="سی آئی",
        scopes=frozenset({Scope.CREDITS_READ, Scope.FILES_CREATE}),
        expires_at_us=5,
        last_used_at_us=3,
    )
    await store.create_key(key)
    assert await store.key_by_hash("hash-a") == key
    assert await store.key_by_hash("HASH-A") is None


async def test_a_key_without_scopes_has_none(store: Store, rows: Rows) -> None:
    key = rows.key(await rows.account(), "hash-a", scopes=frozenset())
    await store.create_key(key)
    assert await store.key_by_hash("hash-a") == key


async def test_a_revoked_key_says_so_from_the_next_read_on_and_keeps_its_first_time(store: Store, rows: Rows) -> None:
    key = rows.key(await rows.account(), "hash-a")
    await store.create_key(key)
    assert await store.revoke_key(key.id, 100)
    assert await store.revoke_key(key.id, 200)
    found = await store.key_by_hash("hash-a")
    assert found is not None
    assert found.revoked_at_us == 100


async def test_a_key_that_does_not_exist_cannot_be_revoked(store: Store) -> None:
    assert not await store.revoke_key(KeyId("key_none"), 100)


async def test_the_last_use_of_a_key_is_noted(store: Store, rows: Rows) -> None:
    key = rows.key(await rows.account(), "hash-a")
    await store.create_key(key)
    await store.note_key_use(key.id, 100)
    await store.note_key_use(KeyId("key_none"), 100)
    found = await store.key_by_hash("hash-a")
    assert found is not None
    assert found.last_used_at_us == 100


async def test_keys_are_listed_by_account_or_all(store: Store, rows: Rows) -> None:
    one, other = await rows.account(), await rows.account()
    keys = []
    for account, key_hash in ((one, "a"), (other, "b"), (one, "c")):
        rows.clock.advance(0.002)
        keys.append(rows.key(account, key_hash))
        await store.create_key(keys[-1])
    assert await store.keys(one) == [keys[0], keys[2]]
    assert await store.keys(None) == keys
    assert await store.keys(AccountId("acct_none")) == []


async def test_the_same_key_cannot_be_kept_twice(store: Store, rows: Rows) -> None:
    account = await rows.account()
    await store.create_key(rows.key(account, "hash-a"))
    with pytest.raises(IntegrityError):
        await store.create_key(rows.key(account, "hash-a"))
    assert rows.counts()["api_keys"] == 1
