"""Circuits, observations and timings in the store, on both databases."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from contract.store.rows import Rows, url_of
from reelway.domain.generation import Route
from reelway.domain.health import ALL_MODELS, Circuit, Counts, Observed, Stage
from reelway.domain.ids import TaskId, WorkerId
from reelway.domain.records import Created
from reelway.domain.task import FailureCode, State
from reelway.store.circuits import Trial, change_circuits
from reelway.store.commit import Unit
from reelway.store.store import Store
from support.clock import FakeClock
from support.databases import migrated_postgres

pytestmark = pytest.mark.anyio

US = 1_000_000
CIRCUIT = Circuit("kling", "m", True, Stage.JOB, "it is down: «ü»", 2, 100, 200, 100)
SEEN = Counts(5, 1, 4, 2, 3, 7.5)


async def test_a_circuit_is_read_as_it_was_written(store: Store) -> None:
    account_wide = replace(CIRCUIT, model=ALL_MODELS, trial_task_id=TaskId("task_a"), trial_until_us=300)
    closed = replace(CIRCUIT, provider="relay", is_open=False)
    for circuit in (CIRCUIT, account_wide, closed):
        await store.write_circuit(circuit)
    assert list(await store.circuits()) == [account_wide, CIRCUIT, closed]


async def test_a_later_change_wins_in_whichever_order_they_come(store: Store) -> None:
    closed = replace(CIRCUIT, is_open=False, changed_at_us=150)
    await store.write_circuit(closed)
    await store.write_circuit(CIRCUIT)
    assert list(await store.circuits()) == [closed]
    await asyncio.gather(*(store.write_circuit(replace(CIRCUIT, changed_at_us=at)) for at in (180, 190, 170)))
    assert [found.changed_at_us for found in await store.circuits()] == [190]


async def test_of_many_tasks_one_gets_a_trial(store: Store) -> None:
    second = Store(url_of(store))
    try:
        await store.write_circuit(CIRCUIT)
        wanted = [Trial("kling", "m", TaskId(f"task_{number}"), 500, 200) for number in range(20)]
        taken = await asyncio.gather(
            *((store, second)[number % 2].take_trial(trial) for number, trial in enumerate(wanted))
        )
    finally:
        await second.aclose()
    assert sum(taken) == 1
    (found,) = await store.circuits()
    assert (found.trial_task_id, found.trial_until_us) == (wanted[taken.index(True)].task_id, 500)


async def test_circuits_and_trials_are_changed_in_one_order(postgres_url: str) -> None:
    """Whoever waits for the first of two rows has not locked the second one meanwhile."""
    store = Store(migrated_postgres(postgres_url))
    pair = (replace(CIRCUIT, model=ALL_MODELS), CIRCUIT)
    commands = [Trial("kling", "m", TaskId("task_a"), 900, 200), pair[0]]

    def change() -> list[bool]:
        with store.engines.write.begin() as connection:
            return change_circuits(Unit(connection), commands)

    touch = text("UPDATE circuits SET reason = 'touched' WHERE model = :model")
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    try:
        for circuit in pair:
            await store.write_circuit(circuit)
        with store.engines.write.connect() as first, store.engines.read.connect() as onlooker, first.begin():
            first.execute(touch, {"model": ALL_MODELS})
            changing = asyncio.create_task(asyncio.to_thread(change))
            async with asyncio.timeout(10):
                while not onlooker.execute(waiting).scalar_one():
                    onlooker.rollback()
                    await asyncio.sleep(0.01)
            first.execute(touch, {"model": "m"})
        assert await changing == [True, True]
    finally:
        await store.aclose()


@pytest.mark.parametrize(
    ("changes", "now_us", "is_taken"),
    [
        ({}, 199, False),
        ({}, 200, True),
        ({"is_open": False}, 200, False),
        ({"trial_task_id": TaskId("task_b"), "trial_until_us": 250}, 249, False),
        ({"trial_task_id": TaskId("task_b"), "trial_until_us": 250}, 250, True),
        ({"trial_task_id": TaskId("task_a"), "trial_until_us": 250}, 249, True),
    ],
)
async def test_a_trial_is_for_a_half_open_circuit_without_another(
    store: Store, changes: dict[str, object], now_us: int, is_taken: bool
) -> None:
    await store.write_circuit(replace(CIRCUIT, **changes))  # type: ignore[arg-type]
    assert await store.take_trial(Trial("kling", "m", TaskId("task_a"), 900, now_us)) is is_taken
    assert not await store.take_trial(Trial("kling", "other", TaskId("task_a"), 900, now_us))


async def test_observations_of_each_worker_are_kept_and_forgotten_after_a_day(store: Store, rows: Rows) -> None:
    def seen(worker: str, at_us: int, counts: Counts = SEEN) -> Observed:
        return Observed(WorkerId(worker), "kling", "m", counts, at_us)

    await store.note_observations((seen("a", 10 * US), seen("b", 20 * US)))
    await store.note_observations((seen("a", 30 * US, Counts(1)),))
    assert sorted(await store.observations(0), key=lambda found: found.worker) == [
        seen("a", 30 * US, Counts(1)),
        seen("b", 20 * US),
    ]
    assert [found.worker for found in await store.observations(25 * US)] == ["a"]
    await store.note_observations((seen("c", 30 * US + 86_400 * US),))
    assert sorted(found.worker for found in await store.observations(0)) == ["a", "c"]
    await store.note_observations(())


async def test_the_latest_successes_tell_how_long_they_took(store: Store, rows: Rows, clock: FakeClock) -> None:
    owner = await rows.account()
    for state in (State.SUCCEEDED, State.FAILED, State.RUNNING):
        await rows.in_state(owner, state)
        clock.advance(1)
    (timing,) = await store.timings(10)
    assert (timing.provider, timing.total_s >= timing.run_s >= 0) == ("scripted", True)
    assert list(await store.timings(1)) == []  # the last one to end had failed


async def test_a_keys_default_route_is_kept_and_closed(store: Store, rows: Rows) -> None:
    owner = await rows.account()
    await store.create_key(rows.key(owner, "a", default_route=Route.OFFICIAL))
    await store.create_key(rows.key(owner, "b"))
    found = {key.key_hash: key.default_route for key in await store.keys(owner)}
    assert found == {"a": Route.OFFICIAL, "b": None}
    with pytest.raises(IntegrityError):
        rows.change("UPDATE api_keys SET default_route = 'cheap'")


async def test_a_task_that_is_made_as_an_ended_one_holds_nothing(store: Store, rows: Rows) -> None:
    owner = await rows.account(100)
    ended = rows.task(
        owner,
        state=State.FAILED,
        failure_code=FailureCode.CONTENT_REJECTED,
        final_at_us=rows.clock.now_us(),
        due_at_us=None,
        price_credits=0,
    )
    new = replace(rows.new(owner), task=ended)
    assert await store.create_task(new) == Created(ended)
    assert await store.task(ended.id) == ended
    assert (rows.wallet(owner), rows.kinds(ended.id), rows.events(ended.id)) == ((100, 0, 0), [], [3])
