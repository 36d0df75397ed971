"""`reelway doctor`: what is configured, what works, and what does not."""

import asyncio
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import httpx
import typer
from sqlalchemy.engine import make_url

from reelway import __version__
from reelway.catalog import CardError, load_catalog
from reelway.cli.operator import JsonOption
from reelway.cli.output import ExitCode, escaped, out, print_json, settings_for_command
from reelway.cli.pinned import stranded_jobs, stranded_words
from reelway.clock import SystemClock
from reelway.net.certificate import KEPT_NAME, CertificateError
from reelway.net.guard import Guard
from reelway.net.objects import Objects, ObjectsError
from reelway.net.process import Limits, ProcessFailedError
from reelway.net.process import run as run_process
from reelway.net.signing import SecretError, kept_secret
from reelway.providers.animatic.child import render_or_die
from reelway.providers.animatic.spec import RenderSpec
from reelway.providers.config import ConfigError
from reelway.providers.kinds import trouble_with
from reelway.settings import DEFAULT_CONFIG_FILE, MIB, Marking, Settings
from reelway.settings.loading import environment, shown_database, shown_storage
from reelway.store import migrate
from reelway.store.engine import DatabaseError, make_engines
from reelway.store.migrate import SchemaState
from reelway.wiring import SECRET_FILE, configured_providers
from reelway.worker.credentials import signing_certificate

_SPACE_WANTED_BYTES: Final = 1024 * MIB
_ENGINE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """`state`: ok, warning (works, but look at it) or broken."""

    what: str
    state: str
    detail: str


Check = Callable[[Settings], Awaitable[Finding]]


def doctor(as_json: JsonOption = False) -> None:
    """Tell what is configured, what works and what does not; the exit code is 1 when something is broken."""
    settings = settings_for_command()
    findings = asyncio.run(_examine(settings))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        marks = {"ok": "[green]ok[/green]     ", "warning": "[yellow]warning[/yellow]", "broken": "[red]broken[/red] "}
        for finding in findings:
            out.print(f"{marks[finding.state]} [bold]{finding.what}[/bold]  {escaped(finding.detail)}", soft_wrap=True)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


async def _examine(settings: Settings) -> list[Finding]:
    checks: tuple[Check, ...] = (_program, _data_dir, _database, _storage, _secret, _marks, _catalog, _engine, _gateway)
    findings = [await check(settings) for check in checks]
    return [*findings, *await _providers(settings)]


async def _program(_settings: Settings) -> Finding:
    detail = f"Reelway {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return Finding("program", "ok", detail)


async def _data_dir(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"reelway")
    except OSError as exc:
        return Finding("data folder", "broken", f"{folder}: {exc.strerror}")
    free_bytes = shutil.disk_usage(folder).free
    state = "ok" if free_bytes >= _SPACE_WANTED_BYTES else "warning"
    return Finding("data folder", state, f"{folder}, {free_bytes / 1e9:.1f} GB free")


async def _database(settings: Settings) -> Finding:
    name = shown_database(settings)
    engines = make_engines(settings.database, 1)
    try:
        report = await asyncio.to_thread(migrate.check_schema, engines)
        await asyncio.to_thread(migrate.check_integrity, engines)
    except DatabaseError as exc:
        return Finding("database", "broken", f"{name}: {exc}")
    finally:
        engines.dispose()
    states = {
        SchemaState.CURRENT: ("ok", f"schema {report.found}"),
        SchemaState.EMPTY: ("ok", "empty; the first start makes the schema"),
        SchemaState.BEHIND: ("warning", f"schema {report.found}; the next start upgrades it to {report.wanted}"),
        SchemaState.NEWER: ("broken", f"schema {report.found} of a newer Reelway"),
        SchemaState.FOREIGN: ("broken", "has tables of another program"),
        SchemaState.INCOMPLETE: ("broken", f"schema {report.found} without the tables {', '.join(report.missing)}"),
    }
    state, words = states[report.state]
    return Finding("database", state, f"{name}: {words}")


async def _storage(settings: Settings) -> Finding:
    name = shown_storage(settings)
    try:
        await Objects(settings.storage).check()
    except ObjectsError as exc:
        return Finding("object storage", "broken", f"{name}: {str(exc).replace(settings.storage, name)}")
    return Finding("object storage", "ok", f"{name}: written, read and deleted a probe")


async def _secret(settings: Settings) -> Finding:
    if settings.secret_key is not None:
        return Finding("signing key", "ok", "from REELWAY_SECRET_KEY")
    path = settings.data_dir / SECRET_FILE
    try:
        if path.exists():
            kept_secret(path)
    except SecretError as exc:
        return Finding("signing key", "broken", str(exc))
    is_shared = make_url(settings.database).drivername != "sqlite"
    if is_shared:
        return Finding(
            "signing key", "warning", "kept in DATA_DIR; several machines need the same one in REELWAY_SECRET_KEY"
        )
    return Finding("signing key", "ok", "kept in DATA_DIR")


async def _marks(settings: Settings) -> Finding:
    """Whether what videos are marked with can be used; makes nothing."""
    if settings.content_credentials is Marking.OFF:
        return Finding("marks of origin", "warning", "switched off: videos do not say that a machine made them")
    is_own = settings.content_credentials_cert_file is not None
    if not is_own and not (settings.data_dir / KEPT_NAME).exists():
        return Finding("marks of origin", "ok", "the first start makes a certificate")
    try:
        found = signing_certificate(settings)
    except CertificateError as exc:
        return Finding("marks of origin", "broken", str(exc))
    assert found is not None
    whose = "the operator's certificate" if is_own else "a certificate kept in DATA_DIR"
    return Finding("marks of origin", "ok", f"{settings.content_credentials.value}, {found.algorithm}, {whose}")


async def _catalog(settings: Settings) -> Finding:
    try:
        cards = list(load_catalog(settings.catalog_dir))
    except CardError as exc:
        return Finding("catalogue", "broken", str(exc))
    return Finding("catalogue", "ok", f"{len(cards)} models: {', '.join(card.id for card in cards)}")


async def _engine(settings: Settings) -> Finding:
    if not settings.animatic_enabled and settings.providers_file is not None:
        return Finding("animatic engine", "ok", "switched off")
    if not settings.animatic_enabled:
        return Finding("animatic engine", "warning", "switched off, and no other provider is configured")
    spec = RenderSpec("doctor", "", 1, 160, 90, 0.5, None, None, caption=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            limits = Limits(deadline_s=_ENGINE_S, memory_bytes_max=settings.animatic_memory_mib_max * MIB)
            video = await run_process(render_or_die, (spec, Path(folder)), limits)
        except ProcessFailedError as exc:
            return Finding("animatic engine", "broken", str(exc))
    detail = f"rendered a test video of {video.frames} frames; {settings.render_slots} renders at once"
    return Finding("animatic engine", "ok", detail)


async def _gateway(settings: Settings) -> Finding:
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(f"{settings.base_url}/readyz")
    except httpx.HTTPError:
        return Finding("gateway", "ok", f"nothing runs at {settings.base_url} at present")
    if answer.status_code == httpx.codes.OK:
        return Finding("gateway", "ok", f"ready at {settings.base_url}")
    return Finding("gateway", "broken", f"{settings.base_url}/readyz answers {answer.status_code}: {answer.text[:300]}")


async def _providers(settings: Settings) -> list[Finding]:
    """A line for the file, and one for each provider in it, which is called with its credentials."""
    file = settings.providers_file
    if file is None:
        return [Finding("providers", "ok", f"no {DEFAULT_CONFIG_FILE}: only the animatic engine makes videos")]
    try:
        configs = configured_providers(settings, load_catalog(settings.catalog_dir), environment())
    except (CardError, ConfigError) as exc:
        return [Finding("providers", "broken", str(exc))]
    troubles = await asyncio.gather(*(trouble_with(config, Guard(), SystemClock()) for config in configs))
    found = [Finding("providers", "ok" if configs else "warning", f"{file}: {len(configs)} configured")]
    for config, trouble in zip(configs, troubles, strict=True):
        name = f"provider {config.name}"
        detail = f"{config.kind} at {config.base_url}"
        found.append(
            Finding(name, "ok", f"{detail} takes us")
            if trouble is None
            else Finding(name, "broken", f"{detail}: {trouble}")
        )
    for provider, count in sorted((await stranded_jobs(settings, configs)).items()):
        found.append(Finding(f"provider {provider}", "warning", stranded_words(count)))
    return found
