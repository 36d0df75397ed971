"""Schema versions: bring a database up to date, or say clearly why it cannot be used."""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from reelway.store.engine import DatabaseError, Engines
from reelway.store.schema import metadata

_MIGRATION_LOCK = 7_236_310_542
"""Number of the PostgreSQL advisory lock that one migrating process holds."""

_VERSION_TABLE = "alembic_version"
_FIRST_TABLES = frozenset(
    {"accounts", "api_keys", "events", "files", "idempotency", "request_counts", "tasks", "transfers"}
)
"""What the first revision made; every later one has them too."""

_QUICK_BYTES_MAX = 64 * 1024 * 1024

_FOLDER = Path(__file__).with_name("migrations")


class SchemaState(StrEnum):
    EMPTY = "empty"
    CURRENT = "current"
    BEHIND = "behind"
    NEWER = "newer"
    FOREIGN = "foreign"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """`found` is the database's revision, `wanted` that of this program. `missing`: tables that it should have."""

    state: SchemaState
    found: str | None
    wanted: str
    missing: tuple[str, ...] = ()


def check_schema(engines: Engines) -> SchemaReport:
    """Compare the database's revision and tables with ours; changes nothing and makes no file.

    Raises:
        DatabaseError: it cannot be reached, is not a database, or has several revisions at once.
    """
    scripts = ScriptDirectory.from_config(_config())
    wanted = scripts.get_current_head()
    assert wanted is not None
    if engines.is_missing:
        return SchemaReport(SchemaState.EMPTY, None, wanted)
    try:
        with engines.look.connect() as connection:
            tables = set(inspect(connection).get_table_names()) - {_VERSION_TABLE}
            heads = MigrationContext.configure(connection).get_current_heads()
    except DBAPIError as exc:
        raise DatabaseError(_reason(exc)) from exc
    if len(heads) > 1:
        raise DatabaseError(f"the database has several schema revisions at once: {', '.join(sorted(heads))}.")
    if not heads:
        return SchemaReport(SchemaState.FOREIGN if tables else SchemaState.EMPTY, None, wanted)
    found = heads[0]
    if found not in {script.revision for script in scripts.walk_revisions()}:
        return SchemaReport(SchemaState.NEWER, found, wanted)
    due = metadata.tables.keys() if found == wanted else _FIRST_TABLES
    missing = tuple(sorted(due - tables))
    if missing:
        is_ours = bool(_FIRST_TABLES & tables)
        return SchemaReport(SchemaState.INCOMPLETE if is_ours else SchemaState.FOREIGN, found, wanted, missing)
    return SchemaReport(SchemaState.CURRENT if found == wanted else SchemaState.BEHIND, found, wanted)


def upgrade(engines: Engines) -> SchemaReport:
    """Create or upgrade the schema; returns what was found before.

    Raises:
        DatabaseError: the database is broken, belongs to another program, or was written by a newer Reelway. It is
            left as it was.
    """
    check_integrity(engines)
    report = check_schema(engines)
    if report.state is SchemaState.NEWER:
        raise DatabaseError(
            f"the database has the schema revision {report.found}, which this version of Reelway does not know;"
            " it was written by a newer one. Install that version, or name another DATABASE_URL."
        )
    if report.state is SchemaState.FOREIGN:
        raise DatabaseError("the database has tables of another program; name another DATABASE_URL.")
    if report.state is SchemaState.INCOMPLETE:
        raise DatabaseError(
            f"the database has the schema revision {report.found} but lost the tables {', '.join(report.missing)};"
            " restore a backup."
        )
    if report.state is not SchemaState.CURRENT:
        try:
            with engines.write.begin() as connection:
                if not engines.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except DBAPIError as exc:
            raise DatabaseError(_reason(exc)) from exc
    return report


def check_integrity(engines: Engines, *, thorough: bool = False) -> None:
    """Refuse a broken SQLite file. A large one is read whole only when `thorough`, so that a start stays quick.

    Raises:
        DatabaseError: the file is not a database, or is damaged.
    """
    if not engines.is_sqlite or engines.is_missing:
        return
    try:
        with engines.look.connect() as connection:
            size_bytes = connection.execute(
                text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
            )
            if thorough or size_bytes.scalar_one() <= _QUICK_BYTES_MAX:
                faults = list(connection.execute(text("PRAGMA quick_check(5)")).scalars())
                if faults != ["ok"]:
                    raise DatabaseError(f"the database is damaged: {'; '.join(faults)}")
    except DBAPIError as exc:
        raise DatabaseError(_reason(exc)) from exc


def _reason(error: DBAPIError) -> str:
    if isinstance(error.orig, sqlite3.DatabaseError):
        return f"the database file cannot be used: {error.orig}"
    return f"the database cannot be used: {str(error.orig).strip()}"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config
