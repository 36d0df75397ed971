"""Migrations: what they make is what `store.schema` says, and a database that is not ours is refused in plain words."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from reelway.store import migrate
from reelway.store.engine import DatabaseError, make_engines
from reelway.store.migrate import SchemaState
from reelway.store.schema import metadata
from reelway.store.store import Store
from support.databases import empty_postgres


def opened(url: str) -> None:
    Store.open(url).close()


def upgraded(url: str) -> migrate.SchemaReport:
    engines = make_engines(url, 1)
    try:
        return migrate.upgrade(engines)
    finally:
        engines.dispose()


def run(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def described(connection: Connection) -> dict[str, Any]:
    """All that a database says of its tables."""
    found = inspect(connection)
    tables: dict[str, Any] = {}
    for table in sorted(set(found.get_table_names()) - {"alembic_version"}):
        tables[table] = {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(table)
            ],
            "primary key": found.get_pk_constraint(table),
            "foreign keys": sorted(found.get_foreign_keys(table), key=lambda key: str(key["name"])),
            "uniques": sorted(found.get_unique_constraints(table), key=lambda key: str(key["name"])),
            "checks": sorted(found.get_check_constraints(table), key=lambda key: str(key["name"])),
            "indexes": sorted(
                [
                    {name: str(value) for name, value in index.items() if name != "dialect_options"}
                    | {"where": sorted(str(value) for value in index.get("dialect_options", {}).values())}
                    for index in found.get_indexes(table)
                ],
                key=lambda index: index["name"],
            ),
            "comment": found.get_table_options(table),
        }
    return tables


def described_by(engine: Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        return described(connection)


# --- the schema that migrations make ----------------------------------------------------------------------------------


def test_alembic_finds_no_difference_between_the_migrations_and_the_schema(database_url: str) -> None:
    upgraded(database_url)
    engine = create_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_schemas": False}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_schema_made_by_migrations_is_the_one_made_from_the_tables(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Alembic's own comparison looks at neither CHECK constraints nor the conditions of partial indexes."""
    if database_url.startswith("sqlite"):
        other_url = f"sqlite:///{tmp_path / 'other.db'}"
    else:
        other_url = empty_postgres(request.getfixturevalue("postgres_url"))
    upgraded(database_url)
    migrated, plain = create_engine(database_url), create_engine(other_url)
    metadata.create_all(plain)
    assert described_by(migrated) == described_by(plain)
    migrated.dispose()
    plain.dispose()


def test_a_new_database_is_made_and_a_current_one_is_left_alone(database_url: str) -> None:
    assert upgraded(database_url).state is SchemaState.EMPTY
    report = upgraded(database_url)
    assert (report.state, report.found) == (SchemaState.CURRENT, report.wanted)


def test_what_is_in_a_database_survives_another_start(database_url: str) -> None:
    opened(database_url)
    run(database_url, "INSERT INTO accounts (id, kind, name, created_at_us) VALUES ('acct_a', 'customer', 'a', 1)")
    opened(database_url)
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 4
    engine.dispose()


def started_together(url: str) -> list[BaseException]:
    """What goes wrong when four open the database at the same moment."""
    faults: list[BaseException] = []
    go = threading.Barrier(4)

    def start() -> None:
        go.wait()
        try:
            opened(url)
        except BaseException as exc:  # noqa: BLE001 - all that goes wrong in the thread
            faults.append(exc)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


def test_processes_that_start_together_make_the_schema_once(database_url: str) -> None:
    assert started_together(database_url) == []
    assert upgraded(database_url).state is SchemaState.CURRENT


def test_a_start_waits_for_another_process_that_is_just_writing_to_the_new_file(tmp_path: Path) -> None:
    """So it is when two processes start on a new file: the change to write-ahead logging fails at once while somebody
    else has the file, for SQLite's busy timeout does not cover it."""
    path = tmp_path / "reelway.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE shopping_list (item TEXT)")
    done = threading.Timer(0.3, other.execute, ["ROLLBACK"])
    done.start()
    try:
        opened(f"sqlite:///{path}")
    finally:
        done.join()
        other.close()


def test_a_migration_that_fails_leaves_nothing_half_done(database_url: str) -> None:
    """A view in the way of a table: it is no table, so the database still counts as empty."""
    run(database_url, "CREATE VIEW files AS SELECT 1 AS x")
    with pytest.raises(DatabaseError):
        upgraded(database_url)
    engine = create_engine(database_url)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    engine.dispose()
    run(database_url, "DROP VIEW files")
    assert upgraded(database_url).state is SchemaState.EMPTY
    opened(database_url)


# --- databases that are not ours --------------------------------------------------------------------------------------


def refusal(url: str) -> str:
    with pytest.raises(DatabaseError) as refused:
        opened(url)
    return str(refused.value)


def test_a_newer_database_is_refused_and_names_its_revision(database_url: str) -> None:
    opened(database_url)
    run(database_url, "UPDATE alembic_version SET version_num = '9999'")
    message = refusal(database_url)
    assert "9999" in message
    assert "newer" in message


def test_a_database_of_another_program_is_refused(database_url: str) -> None:
    run(database_url, "CREATE TABLE shopping_list (item TEXT)")
    assert "another program" in refusal(database_url)


def test_a_database_of_another_program_with_migrations_of_its_own_is_refused(database_url: str) -> None:
    """Numbered revisions are common: another program's 0001 must not pass for ours."""
    run(
        database_url,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
        "INSERT INTO alembic_version VALUES ('0001')",
        "CREATE TABLE shopping_list (item TEXT)",
    )
    refusal(database_url)


def test_a_database_of_ours_that_lost_a_table_is_refused(database_url: str) -> None:
    opened(database_url)
    run(database_url, "DROP TABLE idempotency")
    assert "idempotency" in refusal(database_url)


def test_a_database_with_several_revisions_at_once_is_refused(database_url: str) -> None:
    opened(database_url)
    run(database_url, "INSERT INTO alembic_version VALUES ('0001')")
    refusal(database_url)


def test_a_refused_database_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE shopping_list (item TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    refusal(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["shop.db"]


def test_looking_at_a_database_changes_nothing(database_url: str, tmp_path: Path) -> None:
    engines = make_engines(database_url, 1)
    assert migrate.check_schema(engines).state is SchemaState.EMPTY
    migrate.check_integrity(engines, thorough=True)
    if engines.is_sqlite:
        assert list(tmp_path.iterdir()) == [], "not even a file is made"
    assert inspect(engines.read).get_table_names() == []
    engines.dispose()


def test_a_server_that_is_not_there_is_told(postgres_url: str) -> None:
    with pytest.raises(DatabaseError):
        opened("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseError, match="does_not_exist"):
        opened(empty_postgres(postgres_url).replace("reelway_test", "does_not_exist_reelway_test"))
