"""A PostgreSQL connection that breaks in the middle of work, at COMMIT, and after it: no write is lost or doubled."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, event, text

from contract.store.committing import PATIENCE_S, Held, Round, noted, notes
from contract.store.cut_wire import CutWire
from contract.store.rows import PRICE, Rows, url_of
from reelway.domain import decide, outcomes
from reelway.domain.errors import UnavailableError
from reelway.domain.ids import TransferId
from reelway.domain.ledger import grant
from reelway.domain.records import Created
from reelway.domain.task import State
from reelway.store.engine import Engines
from reelway.store.store import Store
from support.clock import FakeClock
from unit.builders import POLICY, RESULT

pytestmark = pytest.mark.anyio


@pytest.fixture
def engines(postgres_store: Store) -> Iterator[Engines]:
    with noted(postgres_store) as found:
        yield found


def killed(engine: Engine, pid: int) -> None:
    """End a connection from outside and wait until it is gone."""
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})


def pid_of(connection: Connection) -> int:
    return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


class Killed(Round):
    """A handler whose connection is killed after it has written, the first so many times."""

    def __init__(self, engines: Engines, times: int) -> None:
        super().__init__()
        self._engines = engines
        self._left = times

    def write(self, unit, names):  # type: ignore[no-untyped-def]
        answers = super().write(unit, names)
        if self._left:
            self._left -= 1
            killed(self._engines.read, pid_of(unit.connection))
        return answers


def kill_at_commit(engines: Engines, number: int = 1) -> None:
    """Kill the writing connection just before each of the next commits is sent."""
    left = [number]

    def on_commit(connection: Connection) -> None:
        if left[0]:
            left[0] -= 1
            killed(engines.read, pid_of(connection))

    event.listen(engines.write, "commit", on_commit)


# --- in the middle ----------------------------------------------------------------------------------------------------


async def test_a_round_whose_connection_breaks_is_written_once_on_another(engines: Engines) -> None:
    round_ = Killed(engines, 1)
    async with Held(engines) as held:
        writes = await held.queued(round_, ["a", "b", "c"])
        held.gate.opened.set()
        assert await asyncio.gather(*writes) == ["a is written", "b is written", "c is written"]
    assert notes(engines) == ["a", "b", "c"]


async def test_a_single_write_whose_connection_breaks_is_written_once_on_another(engines: Engines) -> None:
    """A server that restarted, say: the transaction was rolled back, so the caller need not hear of it."""
    round_ = Killed(engines, 1)
    async with Held(engines) as held:
        held.gate.opened.set()
        assert await held.commit.run(round_.write, "a") == "a is written"
    assert (notes(engines), len(round_.batches)) == (["a"], 2)


async def test_a_single_write_whose_connections_break_twice_is_refused_and_leaves_nothing(engines: Engines) -> None:
    round_ = Killed(engines, 2)
    async with Held(engines) as held:
        held.gate.opened.set()
        await held.held
        with pytest.raises(UnavailableError):
            await held.commit.run(round_.write, "a")
        assert notes(engines) == []
        assert await held.commit.run(round_.write, "a") == "a is written"
    assert notes(engines) == ["a"]


# --- at COMMIT --------------------------------------------------------------------------------------------------------


async def test_a_connection_that_breaks_just_before_commit_has_written_nothing_and_another_writes_once(
    engines: Engines,
) -> None:
    round_ = Round()
    async with Held(engines) as held:
        held.gate.opened.set()
        await held.held
        kill_at_commit(engines)
        assert await held.commit.run(round_.write, "a") == "a is written"
    assert (notes(engines), len(round_.batches)) == (["a"], 2)


async def test_connections_that_break_just_before_commit_twice_have_written_nothing(engines: Engines) -> None:
    round_ = Round()
    async with Held(engines) as held:
        held.gate.opened.set()
        await held.held
        kill_at_commit(engines, 2)
        with pytest.raises(UnavailableError):
            await held.commit.run(round_.write, "a")
        assert notes(engines) == []
        assert await held.commit.run(round_.write, "a") == "a is written"


async def test_a_round_that_breaks_just_before_commit_is_written_once_on_another(engines: Engines) -> None:
    round_ = Round()
    async with Held(engines) as held:
        writes = await held.queued(round_, ["a", "b", "c"])
        held.gate.opened.set()
        await held.held
        kill_at_commit(engines)
        found = await asyncio.gather(*writes, return_exceptions=True)
    written = [name for name, answer in zip("abc", found, strict=True) if answer == f"{name} is written"]
    assert notes(engines) == written
    assert all(isinstance(answer, UnavailableError) or str(answer).endswith("is written") for answer in found)


# --- the real store, behind a wire that can be cut --------------------------------------------------------------------


@pytest.fixture
def wire(postgres_store: Store) -> Iterator[CutWire]:
    found = CutWire(url_of(postgres_store))
    yield found
    found.close()


@pytest.fixture
def wired(wire: CutWire) -> Iterator[Store]:
    """A store of one thread whose connections go through the wire."""
    store = Store(wire.url, threads=1)
    yield store
    store.close()


@pytest.fixture
def rows(postgres_store: Store, clock: FakeClock) -> Rows:
    return Rows(postgres_store, clock)


async def test_a_create_whose_commit_was_not_answered_is_answered_and_done_once(
    wire: CutWire, wired: Store, rows: Rows
) -> None:
    account = await rows.account(1_000)
    new = rows.new(account, key="claim")
    wire.cut_at_commit()
    assert await wired.create_task(new) == Created(new.task)
    assert wire.is_cut.is_set()
    assert rows.wallet(account) == (1_000, PRICE, 1)
    assert await rows.store.task(new.task.id) == new.task


async def test_a_success_whose_commit_was_not_answered_is_charged_once(wire: CutWire, wired: Store, rows: Rows) -> None:
    account = await rows.account(1_000)
    task = await rows.in_state(account, State.STORING)
    wire.cut_at_commit()
    assert await wired.apply(decide.stored(task, outcomes.Stored(RESULT), POLICY, rows.clock.now_us()))
    assert rows.wallet(account) == (1_000 - PRICE, 0, 0)
    assert rows.events(task.id) == [1, 2, 3]


async def test_a_round_whose_commit_was_not_answered_is_done_once(wire: CutWire, wired: Store, rows: Rows) -> None:
    account = await rows.account(100_000)
    news = [rows.new(account) for _ in range(30)]
    wire.cut_at_commit()
    found = await asyncio.gather(*(wired.create_task(new) for new in news))
    assert wire.is_cut.is_set()
    assert found == [Created(new.task) for new in news]
    assert rows.wallet(account) == (100_000, 30 * PRICE, 30)


@pytest.mark.parametrize("number", [1, 8])
async def test_whatever_is_said_of_an_unanswered_commit_is_true_though_the_database_is_away_for_a_while(
    wire: CutWire, wired: Store, rows: Rows, number: int
) -> None:
    """The server restarts: the fate of the commit can be asked only when it is back. Until then nobody may be told
    that nothing was changed. Source: `UnavailableError` and `GroupCommit.run`."""
    account = await rows.account(100_000)
    news = [rows.new(account) for _ in range(number)]
    wire.cut_at_commit(and_stay_down=True)
    asking = [asyncio.create_task(wired.create_task(new)) for new in news]
    assert await asyncio.to_thread(wire.is_cut.wait, PATIENCE_S)
    back = threading.Timer(0.5, wire.is_down.clear)
    back.start()
    found = await asyncio.gather(*asking, return_exceptions=True)
    back.join()
    for new, answer in zip(news, found, strict=True):
        is_there = await rows.store.task(new.task.id) is not None
        assert isinstance(answer, Created | UnavailableError), repr(answer)
        assert is_there == isinstance(answer, Created)


async def test_a_read_over_a_broken_connection_is_refused_once_and_then_works(
    wire: CutWire, wired: Store, rows: Rows
) -> None:
    task = await rows.created(await rows.account())
    assert await wired.task(task.id) == task
    rows.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND client_addr IS NOT NULL AND query NOT LIKE 'LISTEN%'"
    )
    answers = [await asyncio.gather(wired.task(task.id), return_exceptions=True) for _ in range(3)]
    assert answers[1:] == [[task], [task]]
    assert answers[0][0] == task or isinstance(answers[0][0], UnavailableError)


async def test_a_database_that_is_away_is_told_and_found_again(wire: CutWire, wired: Store, rows: Rows) -> None:
    account = await rows.account()
    wire.is_down.set()
    rows.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND client_addr IS NOT NULL"
    )
    for _ in range(3):
        with pytest.raises(UnavailableError):
            await wired.create_task(rows.new(account))
        with pytest.raises(UnavailableError):
            await wired.account(account)
    assert rows.wallet(account)[2] == 0
    wire.is_down.clear()
    assert isinstance(await wired.create_task(rows.new(account)), Created)
    assert await wired.move_credits(grant(TransferId("tr_again"), account, 5, "", 1))
    assert await wired.account(account) is not None
