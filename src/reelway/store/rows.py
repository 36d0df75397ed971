"""Writing many rows with one statement.

The driver lets go of the interpreter's lock around every step of a statement, and with the event loop busy each return
costs up to a switch interval. Row by row that dominates a round; a statement with all rows in it pays once.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table

_PARAMETERS_MAX: Final = 30_000
"""SQLite takes 32,766 parameters a statement, PostgreSQL 65,535. Source: sqlite.org/limits.html; its protocol."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same keys."""
    _write(connection, table, rows, ())


def replace_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], changed: tuple[str, ...]
) -> None:
    """Write the columns `changed` of rows that exist, found by their primary key; `rows` hold whole rows.

    Written as an upsert, because that is the one way to update many rows at once that both databases share.
    """
    _write(connection, table, rows, tuple(f"{name} = excluded.{name}" for name in changed))


def merge_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], changes: tuple[str, ...]
) -> None:
    """Insert rows; where one exists already, change it by the SQL assignments `changes`, which may name `excluded`."""
    _write(connection, table, rows, changes)


def insert_new_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; one whose primary key exists already is left out, and the row that is there stays as it is."""
    _write(connection, table, rows, None)


def _write(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], changed: tuple[str, ...] | None
) -> None:
    """`changed` None: what exists stays; nothing: what exists makes the statement fail."""
    if not rows:
        return
    names = tuple(rows[0])
    at_once = max(1, _PARAMETERS_MAX // len(names))
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        statement = _statement(table, names, len(some), changed, connection.dialect.paramstyle)
        connection.exec_driver_sql(statement, tuple(row[name] for row in some for name in names))


@functools.lru_cache(maxsize=1024)
def _statement(
    table: Table, names: tuple[str, ...], count: int, changed: tuple[str, ...] | None, paramstyle: str
) -> str:
    """The SQL text; every part of it is a name of our own schema."""
    mark = "?" if paramstyle == "qmark" else "%s"
    row = f"({', '.join([mark] * len(names))})"
    text = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([row] * count)}"  # noqa: S608
    key = ", ".join(column.name for column in table.primary_key)
    if changed is None:
        text += f" ON CONFLICT ({key}) DO NOTHING"
    elif changed:
        text += f" ON CONFLICT ({key}) DO UPDATE SET {', '.join(changed)}"
    return text
