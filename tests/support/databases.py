"""Databases that are migrated already: copies of one, since making the schema anew costs more than most tests do."""

import functools
import os
import tempfile
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from reelway.store.store import Store

_numbers = count()


@functools.cache
def _sqlite_template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reelway.db"
        Store.open(f"sqlite:///{path}").close()
        return path.read_bytes()


def put_sqlite(path: Path) -> None:
    """A migrated, empty database at `path`, unless there is one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_sqlite_template())


def empty_postgres(server_url: str) -> str:
    """The URL of a new database on the server, without a schema."""
    return _created(server_url, "")


def migrated_postgres(server_url: str) -> str:
    """The URL of a new database on the server, with our schema and no rows."""
    return _created(server_url, f" TEMPLATE {_postgres_template(server_url)}")


@functools.cache
def _postgres_template(server_url: str) -> str:
    url = empty_postgres(server_url)
    Store.open(url).close()
    name = make_url(url).database
    assert name is not None
    return name


def _created(server_url: str, options: str) -> str:
    name = f"reelway_test_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}{options}"))
    engine.dispose()
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)
