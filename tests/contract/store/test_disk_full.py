"""A full disk: a clear refusal, nothing lost, nothing half-done, and all goes on when there is room again.

SQLite is told how many pages its file may have, which it reports as it reports a full disk.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from contract.store.rows import PRICE, Rows
from reelway.domain import decide
from reelway.domain.errors import UnavailableError
from reelway.domain.ids import TransferId
from reelway.domain.ledger import grant
from reelway.domain.records import Created
from reelway.domain.task import State
from reelway.store.store import Store
from support.clock import FakeClock

pytestmark = pytest.mark.anyio

LONG = "ایک لمبا پیغام " * 300


@pytest.fixture
def rows(sqlite_store: Store, clock: FakeClock) -> Rows:
    return Rows(sqlite_store, clock)


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


def _limit(store: Store, pages: int) -> None:
    with store.engines.write.connect() as connection:  # the pool holds one connection, the committing thread's
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


@contextmanager
def full(store: Store, spare_pages: int = 0) -> Iterator[None]:
    """The file cannot grow by more than so many pages while the block runs."""
    with store.engines.write.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    _limit(store, pages + spare_pages)
    try:
        yield
    finally:
        _limit(store, 2**31 - 2)


async def test_a_create_on_a_full_disk_is_refused_and_leaves_nothing(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000)
    before = rows.counts()
    with full(store), pytest.raises(UnavailableError, match="the disk is full"):
        await store.create_task(rows.new(account, generation=LONG, key="claim"))
    assert rows.counts() == before
    assert rows.wallet(account) == (1_000, 0, 0)


async def test_whatever_was_answered_is_there_and_whatever_was_refused_is_not(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000_000)
    news = [rows.new(account, generation=LONG) for _ in range(120)]
    outcomes: list[object] = []
    with full(store, spare_pages=40):
        for start in range(0, 120, 6):  # six at a time, so that some rounds fit and later ones do not
            outcomes += await asyncio.gather(
                *(store.create_task(new) for new in news[start : start + 6]), return_exceptions=True
            )
    made = [new.task for new, outcome in zip(news, outcomes, strict=True) if isinstance(outcome, Created)]
    refused = [new.task for new, outcome in zip(news, outcomes, strict=True) if not isinstance(outcome, Created)]
    assert made
    assert refused
    assert {type(outcome) for outcome in outcomes} == {Created, UnavailableError}
    assert [await store.task(task.id) for task in made] == made
    assert [await store.task(task.id) for task in refused] == [None] * len(refused)
    assert rows.wallet(account) == (1_000_000, PRICE * len(made), len(made))
    assert await store.unbalanced_accounts() == []


async def test_a_round_that_does_not_fit_is_refused_whole(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000_000)
    before = rows.counts()
    with full(store):
        outcomes = await asyncio.gather(
            *(store.create_task(rows.new(account, generation=LONG)) for _ in range(50)), return_exceptions=True
        )
    made = sum(isinstance(outcome, Created) for outcome in outcomes)
    assert rows.counts()["tasks"] == before["tasks"] + made
    assert made < 50


async def test_all_goes_on_when_there_is_room_again(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000_000)
    new = rows.new(account, generation=LONG, key="claim")
    with full(store):
        for _ in range(5):
            with pytest.raises(UnavailableError):
                await store.create_task(new)
    assert await store.create_task(new) == Created(new.task)
    assert (await rows.in_state(account, State.SUCCEEDED)).state is State.SUCCEEDED
    assert await store.unbalanced_accounts() == []


async def test_a_transition_on_a_full_disk_can_be_written_later(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000)
    task = await rows.in_state(account, State.RUNNING)
    failed = decide.failed(task, decide.FailureCode.GENERATION_FAILED, LONG * 3, rows.clock.now_us())
    with full(store), pytest.raises(UnavailableError):
        await store.apply(failed)
    assert await store.task(task.id) == task
    assert rows.wallet(account) == (1_000, PRICE, 1)
    assert rows.events(task.id) == [1, 2]
    assert await store.apply(failed)
    assert rows.wallet(account) == (1_000, 0, 0)


async def test_reading_goes_on_while_the_disk_is_full(store: Store, rows: Rows) -> None:
    account = await rows.account()
    task = await rows.created(account)
    with full(store):
        with pytest.raises(UnavailableError):
            await store.create_task(rows.new(account, generation=LONG))
        assert await store.task(task.id) == task
        assert len(await store.accounts()) == 1


async def test_credits_are_not_told_as_refused_when_the_disk_is_full(store: Store, rows: Rows) -> None:
    """`move_credits` answers False for a balance below its floor; a full disk is something else."""
    account = await rows.account(0)

    async def give_until_it_is_full() -> None:
        for number in range(1_000):
            assert await store.move_credits(grant(TransferId(f"tr_{number}"), account, 1, LONG, 1))

    with full(store), pytest.raises(UnavailableError):
        await give_until_it_is_full()
    posted, _, _ = rows.wallet(account)
    assert rows.counts()["transfers"] == posted
    assert await store.unbalanced_accounts() == []
