"""`reelway db`: the database's schema and soundness."""

import asyncio

import typer

from reelway.cli.operator import JsonOption
from reelway.cli.output import ExitCode, fail, out, print_json, settings_for_command, told_faults
from reelway.domain.ids import AccountId
from reelway.settings import Settings
from reelway.store import migrate
from reelway.store.engine import make_engines
from reelway.store.migrate import SchemaReport, SchemaState
from reelway.store.store import Store

app = typer.Typer(help="Upgrade and check the database.", no_args_is_help=True)


@app.command()
def upgrade(as_json: JsonOption = False) -> None:
    """Create the schema or bring it up to date. `serve` does this by itself."""
    settings = settings_for_command()
    with told_faults():
        if not settings.database_url:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        engines = make_engines(settings.database, 1)
        try:
            report = migrate.upgrade(engines)
        finally:
            engines.dispose()
    if as_json:
        print_json({"found": report.found, "revision": report.wanted, "was": report.state.value})
    elif report.state is SchemaState.CURRENT:
        out.print(f"The schema is at revision {report.wanted} already.")
    else:
        out.print(f"The schema is at revision {report.wanted} now (was: {report.found or 'empty'}).")


@app.command()
def check(as_json: JsonOption = False) -> None:
    """Check the schema's revision, the file's integrity, and that every balance equals the sum of its ledger rows."""
    settings = settings_for_command()
    with told_faults():
        engines = make_engines(settings.database, 1)
        try:
            report = migrate.check_schema(engines)
            migrate.check_integrity(engines, thorough=True)
        finally:
            engines.dispose()
        unbalanced = asyncio.run(_unbalanced(settings)) if report.state is SchemaState.CURRENT else []
    if as_json:
        print_json({"schema": report.state.value, "found": report.found, "unbalanced_accounts": unbalanced})
    else:
        _tell(report, unbalanced)
    if report.state is not SchemaState.CURRENT or unbalanced:
        raise typer.Exit(ExitCode.FAILED)


async def _unbalanced(settings: Settings) -> list[AccountId]:
    store = Store(settings.database)
    try:
        return list(await store.unbalanced_accounts())
    finally:
        await store.aclose()


def _tell(report: SchemaReport, unbalanced: list[AccountId]) -> None:
    match report.state:
        case SchemaState.CURRENT:
            out.print(f"Schema: revision {report.wanted}, current.")
        case SchemaState.EMPTY:
            out.print("Schema: none yet; run `reelway db upgrade`.")
        case SchemaState.BEHIND:
            out.print(f"Schema: revision {report.found}, behind {report.wanted}; run `reelway db upgrade`.")
        case SchemaState.NEWER:
            out.print(f"Schema: revision {report.found} of a newer Reelway.")
        case SchemaState.FOREIGN:
            out.print("Schema: tables of another program.")
        case SchemaState.INCOMPLETE:
            out.print(f"Schema: revision {report.found}, but these tables are lost: {', '.join(report.missing)}.")
    if unbalanced:
        fail(f"accounts whose balance is not the sum of their rows: {', '.join(unbalanced)}")
    if report.state is SchemaState.CURRENT:
        out.print("Ledger: every balance equals the sum of its rows.")
