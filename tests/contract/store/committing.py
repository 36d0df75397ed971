"""A group commit whose thread can be held, and a table to write into: so that a test decides what waits together."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import text

from contract.store.rows import url_of
from reelway.store.commit import GroupCommit, Unit
from reelway.store.engine import Engines, make_engines
from reelway.store.store import Store

PATIENCE_S = 20


@contextmanager
def noted(store: Store) -> Iterator[Engines]:
    """Engines of our own on the store's database, with a table to write into."""
    found = make_engines(url_of(store), 2)
    with found.write.begin() as connection:
        connection.execute(text("CREATE TABLE notes (name TEXT PRIMARY KEY)"))
    try:
        yield found
    finally:
        with found.write.begin() as connection:
            connection.execute(text("DROP TABLE notes"))
        found.dispose()


def notes(engines: Engines) -> list[str]:
    """What another connection sees."""
    with engines.read.connect() as connection:
        return list(connection.execute(text("SELECT name FROM notes ORDER BY name")).scalars())


class Round:
    """A handler that writes notes and remembers how often it was called with how many."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def write(self, unit: Unit, names: Sequence[str]) -> list[str]:
        self.batches.append(list(names))
        for name in names:
            unit.connection.execute(text("INSERT INTO notes (name) VALUES (:name)"), {"name": name})
            unit.changed.append(name)
            if name.startswith("bug"):
                raise ZeroDivisionError(name)
        return [f"{name} is written" for name in names]


class Gate:
    """A handler that holds a committing thread until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def hold(self, _unit: Unit, commands: Sequence[None]) -> list[None]:
        self.entered.set()
        assert self.opened.wait(PATIENCE_S)
        return [None] * len(commands)

    async def until_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, PATIENCE_S)


class Held:
    """A group commit whose only thread is held, with the writes that wait behind it."""

    def __init__(self, engines: Engines, *, threads: int = 1, batch_max: int = 100, queue_max: int = 1_000) -> None:
        self.changed: list[list[str]] = []
        self.commit = GroupCommit(
            engines.write,
            threads=threads,
            batch_max=batch_max,
            queue_max=queue_max,
            on_commit=lambda ids: self.changed.append(list(ids)),
        )
        self.gate = Gate()
        self.held = asyncio.create_task(self.commit.run(self.gate.hold, None))

    async def __aenter__(self) -> "Held":
        await self.gate.until_entered()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.gate.opened.set()
        await asyncio.to_thread(self.commit.close)

    async def queued(self, round_: Round, names: Sequence[str]) -> list[asyncio.Task[str]]:
        """Writes that wait in the queue by now."""
        tasks = [asyncio.create_task(self.commit.run(round_.write, name)) for name in names]
        await asyncio.sleep(0)  # each runs up to its place in the queue
        return tasks
