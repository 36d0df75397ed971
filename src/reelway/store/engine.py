"""Database engines: one for writing, one for reading, with what each database needs to be durable and quick."""

import os
import sqlite3
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, NullPool, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

_BUSY_TIMEOUT_S = 10
_BUSY_PAUSE_S = 0.02
_PRAGMAS = ("synchronous=FULL", "foreign_keys=ON", "recursive_triggers=ON", "temp_store=MEMORY", "cache_size=-32768")
"""Recursive triggers: without them a REPLACE deletes ledger rows past the trigger that forbids it."""


class DatabaseError(Exception):
    """The database cannot be used: it is unreachable, broken, or of another version. It stops the start."""


@dataclass(frozen=True, slots=True)
class Engines:
    """`write` begins every transaction as a writer; `read` runs each statement on its own, on the newest commit.

    `look` neither makes a SQLite file nor changes one: for a database of which it is not known whether it is ours.
    """

    write: Engine
    read: Engine
    look: Engine

    @property
    def is_sqlite(self) -> bool:
        return self.write.dialect.name == "sqlite"

    @property
    def is_missing(self) -> bool:
        """Whether there is no SQLite file yet."""
        return self.is_sqlite and not os.path.lexists(self.write.url.database or "")

    def dispose(self) -> None:
        self.look.dispose()
        self.read.dispose()
        self.write.dispose()


def make_engines(database_url: str, threads: int) -> Engines:
    """Engines for the database; nothing is connected yet. `threads` bounds the connections of each engine."""
    url = make_url(database_url)
    if url.drivername == "sqlite":
        options: dict[str, Any] = {"connect_args": {"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}}
        write = create_engine(url, hide_parameters=True, pool_size=1, max_overflow=2, **options)
        read = create_engine(
            url, hide_parameters=True, pool_size=threads, max_overflow=2, isolation_level="AUTOCOMMIT", **options
        )
        for engine in (write, read):
            event.listen(engine, "connect", _prepare_sqlite)
        event.listen(write, "begin", _begin_immediate)
        return Engines(write=write, read=read, look=_looking(url))
    options = {"pool_pre_ping": False, "max_overflow": 2, "connect_args": {"connect_timeout": 10}}
    write = create_engine(url, hide_parameters=True, pool_size=threads, **options)
    read = create_engine(url, hide_parameters=True, pool_size=threads, isolation_level="AUTOCOMMIT", **options)
    return Engines(write=write, read=read, look=read)


def _looking(url: URL) -> Engine:
    """For SQLite: opens only a file that is there, and leaves its journal as it is. A busy one is waited for."""
    name = f"file:{quote(os.path.abspath(url.database or ''))}?mode=rw"
    return create_engine(
        url,
        hide_parameters=True,
        poolclass=NullPool,
        creator=lambda: sqlite3.connect(name, uri=True, timeout=_BUSY_TIMEOUT_S, check_same_thread=False),
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """WAL lets readers go on while we write; FULL makes a commit wait until the disk has it."""
    connection.isolation_level = None  # we begin transactions ourselves
    connection.create_function("lower", 1, _lower, deterministic=True)
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _lower(value: object) -> object:
    """SQLite's own knows the letters of ASCII only, and PostgreSQL's all."""
    return value.lower() if isinstance(value, str) else value


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Change to write-ahead logging. While somebody else has the new file, SQLite refuses that at once: its
    busy timeout does not cover the change, so we go on trying for as long."""
    end_s = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            if time.monotonic() >= end_s:
                raise
            time.sleep(_BUSY_PAUSE_S)  # at the opening of a connection, in its own thread; SQLite tells of no end
        else:
            return


def _begin_immediate(connection: Any) -> None:
    """Take the write lock at once: a transaction that reads first and writes later could fail half-way."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def is_out_of_space(error: BaseException) -> bool:
    """Whether the database refused a write because its disk is full."""
    text = str(error).lower()
    return isinstance(error, DBAPIError) and ("disk is full" in text or "no space left" in text)
