"""A store on each kind of database. PostgreSQL's is shared and emptied, since closing its listener takes a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.store.rows import Rows, emptied
from reelway.store.store import Store
from support.clock import FakeClock
from support.databases import migrated_postgres, put_sqlite


@pytest.fixture(scope="session")
def shared_postgres_store(postgres_url: str) -> Iterator[Store]:
    store = Store.open(migrated_postgres(postgres_url))
    yield store
    store.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    put_sqlite(tmp_path / "reelway.db")
    store = Store.open(f"sqlite:///{tmp_path / 'reelway.db'}")
    yield store
    store.close()


@pytest.fixture
def postgres_store(shared_postgres_store: Store) -> Store:
    emptied(shared_postgres_store.engines)
    return shared_postgres_store


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store; tests that use it run on both databases."""
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def rows(store: Store, clock: FakeClock) -> Rows:
    return Rows(store, clock)
