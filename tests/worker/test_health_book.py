"""Two workers with a health book each, on one database: what one finds, the other keeps to."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.generation import Generation, Mode
from reelway.domain.health import HealthPolicy
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from reelway.providers.base import Order
from reelway.store.store import Store
from reelway.worker.health import HealthBook
from support.clock import FakeClock
from support.databases import put_sqlite
from support.provider import ScriptedProvider, scripted_offer
from unit.builders import task_in

pytestmark = pytest.mark.anyio

MODEL = "kling-3-0"
POLICY = HealthPolicy(
    window_s=120, observations_min=2, error_share_max=0.5, open_s=30, open_s_max=300, slow_submit_s=20
)
PROVIDER = ScriptedProvider(scripted_offer(load_catalog(), name="kling"), b"")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    put_sqlite(tmp_path / "reelway.db")
    found = Store.open(f"sqlite:///{tmp_path / 'reelway.db'}")
    yield found
    await found.aclose()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def books(store: Store, clock: FakeClock) -> tuple[HealthBook, HealthBook]:
    return HealthBook(store, clock, POLICY), HealthBook(store, clock, POLICY)


async def submit(book: HealthBook, outcome: outcomes.SubmitOutcome | None, task: str = "task_a") -> bool:
    """One submit with that outcome (None: accepted); whether it was a trial."""
    PROVIDER.default_submit = outcome
    order = Order(TaskId(task), Generation(MODEL, "x", 5, "16:9", Mode.PRO), ())
    return (await book.submit(PROVIDER, order)).is_trial


async def admits(book: HealthBook, task: str) -> bool:
    return await book.admit(PROVIDER, task_in(State.QUEUED, id=TaskId(task), model=MODEL))


async def test_a_circuit_that_one_worker_opens_holds_for_the_other(books: tuple[HealthBook, HealthBook]) -> None:
    one, other = books
    for _ in range(2):
        await submit(one, outcomes.Unavailable("down"))
    assert MODEL not in one.models_served(PROVIDER.offer)
    assert MODEL in other.models_served(PROVIDER.offer)
    await other.share()
    assert MODEL not in other.models_served(PROVIDER.offer)
    assert not await admits(other, "task_b")


async def test_of_two_workers_one_gets_the_trial(books: tuple[HealthBook, HealthBook], clock: FakeClock) -> None:
    one, other = books
    await submit(one, outcomes.Unavailable("locked", opens_circuit=True))
    await other.share()
    clock.advance(31)
    assert await admits(one, "task_a")
    assert not await admits(one, "task_b")
    assert not await admits(other, "task_c")
    assert await submit(one, None, "task_a")
    assert await admits(one, "task_b")
    await other.share()
    assert await admits(other, "task_c")
    assert not await submit(other, None, "task_c")


async def test_a_trial_that_was_never_heard_of_again_gives_way(
    books: tuple[HealthBook, HealthBook], clock: FakeClock
) -> None:
    one, other = books
    await submit(one, outcomes.Unavailable("locked", opens_circuit=True))
    clock.advance(31)
    assert await admits(one, "task_a")
    await other.share()
    clock.advance(299)
    assert not await admits(other, "task_b")
    clock.advance(2)
    assert await admits(other, "task_b")


@pytest.mark.parametrize(
    "ours", [outcomes.Throttled(1.0, is_ours=True), outcomes.Unavailable("a reference", is_ours=True)], ids=str
)
async def test_a_trial_that_never_reached_the_provider_is_given_back(
    books: tuple[HealthBook, HealthBook], clock: FakeClock, ours: outcomes.SubmitOutcome
) -> None:
    one, other = books
    await submit(one, outcomes.Unavailable("locked", opens_circuit=True))
    clock.advance(31)
    assert await admits(one, "task_a")
    assert await submit(one, ours, "task_a")
    await other.share()
    assert await admits(other, "task_b")


async def test_where_one_of_two_trials_cannot_be_taken_the_other_is_given_back(
    books: tuple[HealthBook, HealthBook], store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    one, _ = books
    await submit(one, outcomes.Unavailable("locked", opens_circuit=True))
    await submit(one, outcomes.Unavailable("no such model", opens_circuit=True, only_model=True), "task_late")
    clock.advance(31)
    with closing(sqlite3.connect(tmp_path / "reelway.db")) as connection:
        connection.execute(
            f"CREATE TRIGGER broken BEFORE UPDATE ON circuits WHEN NEW.model = '{MODEL}'"
            " AND NEW.trial_task_id IS NOT NULL BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )
    with pytest.raises(IntegrityError):
        await admits(one, "task_a")
    assert [(found.model, found.trial_task_id) for found in await store.circuits()] == [("", None), (MODEL, None)]


async def test_what_happened_before_a_circuit_closed_does_not_open_it_again(
    books: tuple[HealthBook, HealthBook], clock: FakeClock
) -> None:
    one, _ = books
    for _ in range(2):
        await submit(one, outcomes.Unavailable("down"))
    clock.advance(31)
    assert await admits(one, "task_a")
    await submit(one, None, "task_a")
    await submit(one, outcomes.Unavailable("down"))
    assert MODEL in one.models_served(PROVIDER.offer)


async def test_jobs_from_before_the_opening_neither_close_nor_prolong_a_circuit(
    books: tuple[HealthBook, HealthBook], clock: FakeClock
) -> None:
    one, _ = books
    await submit(one, outcomes.Unavailable("locked", opens_circuit=True))
    before = one.standing(PROVIDER.offer, MODEL)
    await one.polled(PROVIDER, MODEL, TaskId("task_old"), outcomes.Finished(), tries=0)
    await submit(one, outcomes.Unavailable("locked", opens_circuit=True), "task_late")
    assert one.standing(PROVIDER.offer, MODEL).free_at_us == before.free_at_us


async def test_a_local_provider_is_not_judged(books: tuple[HealthBook, HealthBook]) -> None:
    one, _ = books
    PROVIDER.is_local = True
    try:
        for _ in range(9):
            await submit(one, outcomes.Unavailable("locked", opens_circuit=True))
    finally:
        PROVIDER.is_local = False
    assert MODEL in one.models_served(PROVIDER.offer)


async def test_a_circuit_that_cannot_be_written_now_is_written_later(
    books: tuple[HealthBook, HealthBook], store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    one, _ = books
    away = Store(f"sqlite:///{tmp_path / 'reelway.db'}")
    await away.aclose()
    book = HealthBook(away, clock, POLICY)
    await submit(book, outcomes.Unavailable("locked", opens_circuit=True))
    assert MODEL not in book.models_served(PROVIDER.offer)
    assert list(await store.circuits()) == []
    book._store = store
    await book.share()
    assert [found.provider for found in await store.circuits()] == ["kling"]
    await one.share()
    assert MODEL not in one.models_served(PROVIDER.offer)
