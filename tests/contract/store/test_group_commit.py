"""Group commit: what arrives together shares a transaction, one that fails does so alone, nobody is answered early."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError

from contract.store.committing import PATIENCE_S, Held, Round, noted, notes
from contract.store.rows import Rows
from reelway.domain.errors import UnavailableError
from reelway.store.engine import Engines
from reelway.store.store import Store
from reelway.telemetry import metrics
from support.clock import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def engines(store: Store) -> Iterator[Engines]:
    with noted(store) as found:
        yield found


@pytest.fixture
def commits(engines: Engines) -> list[object]:
    """Grows by one with each transaction that commits."""
    found: list[object] = []
    event.listen(engines.write, "commit", lambda _connection: found.append(None))
    return found


# --- together ---------------------------------------------------------------------------------------------------------


def rounds_of_up_to(size: int) -> float:
    """How many rounds of the process had so many writes at most; other stores of the process write one at a time."""
    bucket = {"le": f"{size}.0"}
    return metrics.registry.get_sample_value("reelway_commit_batch_size_bucket", bucket) or 0


async def test_what_waits_together_shares_one_transaction(engines: Engines, commits: list[object]) -> None:
    round_ = Round()
    before = rounds_of_up_to(64) - rounds_of_up_to(32)
    async with Held(engines) as held:
        writes = await held.queued(round_, [f"n{number:02}" for number in range(40)])
        held.gate.opened.set()
        answers = await asyncio.gather(*writes)
    assert answers == [f"n{number:02} is written" for number in range(40)]
    assert round_.batches == [[f"n{number:02}" for number in range(40)]]
    assert len(commits) == 2, "one for the gate, one for all that waited behind it"
    assert rounds_of_up_to(64) - rounds_of_up_to(32) - before == 1, "40 writes were counted as one round"
    assert len(notes(engines)) == 40


async def test_a_round_takes_so_many_writes_at_most(engines: Engines, commits: list[object]) -> None:
    round_ = Round()
    async with Held(engines, batch_max=16) as held:
        writes = await held.queued(round_, [f"n{number:02}" for number in range(40)])
        held.gate.opened.set()
        await asyncio.gather(*writes)
    assert [len(batch) for batch in round_.batches] == [16, 16, 8]
    assert len(commits) == 4


async def test_commands_of_one_handler_are_handed_over_together_and_in_their_order(engines: Engines) -> None:
    one, other = Round(), Round()
    async with Held(engines) as held:
        writes = []
        for number in range(6):
            writes += await held.queued((one, other)[number % 2], [f"n{number}"])
        held.gate.opened.set()
        answers = await asyncio.gather(*writes)
    assert (one.batches, other.batches) == ([["n0", "n2", "n4"]], [["n1", "n3", "n5"]])
    assert answers == [f"n{number} is written" for number in range(6)]


# --- alone ------------------------------------------------------------------------------------------------------------


async def test_a_command_that_fails_in_a_round_fails_alone(engines: Engines) -> None:
    round_ = Round()
    async with Held(engines) as held:
        writes = await held.queued(round_, ["a", "bug", "b", "a", "c"])
        held.gate.opened.set()
        answers = await asyncio.gather(*writes, return_exceptions=True)
    assert answers[0::2] == ["a is written", "b is written", "c is written"]
    assert isinstance(answers[1], ZeroDivisionError)
    assert isinstance(answers[3], IntegrityError), "the second of its name"
    assert notes(engines) == ["a", "b", "c"]


async def test_a_fault_takes_back_all_that_its_command_had_written(engines: Engines) -> None:
    round_ = Round()
    async with Held(engines) as held:
        writes = await held.queued(round_, ["bug 1", "bug 2"])
        held.gate.opened.set()
        answers = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 2
    assert notes(engines) == []


async def test_others_hear_of_a_change_only_when_it_is_committed(engines: Engines) -> None:
    round_ = Round()
    async with Held(engines) as held:
        writes = await held.queued(round_, ["a", "bug", "b"])
        assert held.changed == []
        held.gate.opened.set()
        await asyncio.gather(*writes, return_exceptions=True)
    assert held.changed == [["a"], ["b"]]


async def test_a_fault_in_the_middle_does_not_end_the_thread(engines: Engines) -> None:
    round_ = Round()
    async with Held(engines) as held:
        held.gate.opened.set()
        for number in range(5):
            with pytest.raises(ZeroDivisionError):
                await held.commit.run(round_.write, f"bug {number}")
        assert await held.commit.run(round_.write, "a") == "a is written"


# --- durable before told ----------------------------------------------------------------------------------------------


async def test_nobody_is_answered_before_the_commit(engines: Engines) -> None:
    round_ = Round()
    loop = asyncio.get_running_loop()
    answered: list[int] = []
    writes: list[asyncio.Task[str]] = []

    def on_commit(_connection: Connection) -> None:
        """In the committing thread, just before COMMIT: let the loop run all that was handed to it, then look."""
        for _ in range(3):
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(PATIENCE_S)
        answered.append(sum(write.done() for write in writes))

    async with Held(engines) as held:
        writes += await held.queued(round_, ["a", "b", "c"])
        held.gate.opened.set()
        await held.held
        event.listen(engines.write, "commit", on_commit)
        try:
            await asyncio.gather(*writes)
        finally:
            event.remove(engines.write, "commit", on_commit)
    assert all(count == 0 for count in answered)


async def test_what_was_answered_is_there_for_others(engines: Engines) -> None:
    round_ = Round()
    async with Held(engines) as held:
        held.gate.opened.set()
        for number in range(30):
            await held.commit.run(round_.write, f"n{number:02}")
            assert notes(engines)[-1] == f"n{number:02}"


async def test_a_caller_who_goes_away_does_not_take_the_write_along(engines: Engines) -> None:
    round_ = Round()
    async with Held(engines) as held:
        writes = await held.queued(round_, ["a", "b"])
        writes[0].cancel()
        held.gate.opened.set()
        assert await writes[1] == "b is written"
    assert notes(engines) == ["a", "b"]


# --- limits and the end -----------------------------------------------------------------------------------------------


async def test_a_full_queue_refuses_and_leaves_nothing_of_what_it_refused(engines: Engines) -> None:
    round_ = Round()
    async with Held(engines, queue_max=3) as held:
        writes = await held.queued(round_, ["a", "b", "c"])
        for name in ("d", "e"):
            with pytest.raises(UnavailableError):
                await held.commit.run(round_.write, name)
        held.gate.opened.set()
        await asyncio.gather(*writes)
        assert await held.commit.run(round_.write, "f") == "f is written"
    assert notes(engines) == ["a", "b", "c", "f"]


async def test_closing_finishes_what_waits(engines: Engines) -> None:
    round_ = Round()
    async with Held(engines, batch_max=2) as held:
        writes = await held.queued(round_, [f"n{number}" for number in range(9)])
        closing = asyncio.create_task(asyncio.to_thread(held.commit.close))
        await asyncio.sleep(0)
        assert not closing.done()
        held.gate.opened.set()
        await closing
        assert await asyncio.gather(*writes) == [f"n{number} is written" for number in range(9)]
        with pytest.raises(UnavailableError):
            await held.commit.run(round_.write, "late")
    assert len(notes(engines)) == 9


async def test_a_held_round_of_one_thread_does_not_hold_up_the_other(postgres_store: Store) -> None:
    """PostgreSQL only: SQLite has one writer, so its store has one committing thread."""
    round_ = Round()
    with noted(postgres_store) as engines:
        async with Held(engines, threads=2) as held:
            assert await asyncio.wait_for(held.commit.run(round_.write, "a"), PATIENCE_S) == "a is written"
            assert not held.held.done()


async def test_sqlite_never_has_two_rounds_at_once(sqlite_store: Store, clock: FakeClock) -> None:
    under_way, most = 0, 0

    def begin(_connection: Connection) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)

    def end(_connection: Connection) -> None:
        nonlocal under_way
        under_way -= 1

    rows = Rows(sqlite_store, clock)
    account = await rows.account(1_000_000)
    event.listen(sqlite_store.engines.write, "begin", begin)
    event.listen(sqlite_store.engines.write, "commit", end)
    await rows.many(account, 300)
    assert (under_way, most) == (0, 1)
