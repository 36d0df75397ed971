"""`reelway providers`: who makes videos for us, and whether they take us."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from reelway.catalog import load_catalog
from reelway.cli.attempts import dollars
from reelway.cli.operator import JsonOption, with_core
from reelway.cli.output import (
    ExitCode,
    err,
    escaped,
    fail,
    out,
    print_json,
    print_table,
    settings_for_command,
    time_text,
    told_faults,
)
from reelway.cli.pinned import stranded_jobs, stranded_words
from reelway.clock import SystemClock
from reelway.domain.attempts import ProviderTotal
from reelway.domain.decide import US
from reelway.domain.routing import Offer
from reelway.gateway.core import Core
from reelway.gateway.costs import provider_costs
from reelway.gateway.health import ProviderHealth, provider_health
from reelway.net.guard import Guard
from reelway.providers.animatic.provider import NAME as ANIMATIC
from reelway.providers.config import ConfigError, Fault, ProviderConfig, load_providers
from reelway.providers.kinds import trouble_with
from reelway.settings import DEFAULT_CONFIG_FILE, Settings
from reelway.settings.loading import environment
from reelway.wiring import configured_providers

app = typer.Typer(help="List, test and check providers; what they cost.", no_args_is_help=True)

_DAY_US = 86_400 * US


@app.command(name="list")
def list_providers(as_json: JsonOption = False) -> None:
    """List all providers, the built-in engine among them."""
    stranded = _stranded(settings_for_command())

    async def work(core: Core) -> list[dict[str, Any]]:
        configs = {config.name: config for config in configured_providers(core.settings, core.catalog, None)}
        health = await provider_health(core)
        return [
            _shown(offer, configs.get(offer.provider), found) | {"stranded_jobs": stranded.get(offer.provider, 0)}
            for offer, found in zip(core.offers, health, strict=True)
        ]

    shown = with_core(work)
    if as_json:
        print_json(shown)
        return
    print_table(
        ("name", "kind", "tier", "where", "jobs at once", "price of a unit", "of a job", "models", "health"),
        [
            (
                item["name"],
                item["kind"],
                item["tier"],
                item["base_url"] or "this machine",
                str(item["jobs_max"]),
                dollars(item["unit_microdollars"]),
                dollars(item["job_microdollars"]),
                str(len(item["models"])),
                _health_text(item),
            )
            for item in shown
        ],
        right=("jobs at once", "price of a unit", "of a job", "models"),
    )
    for name, count in sorted(stranded.items()):
        err.print(f"[yellow]warning:[/yellow] {name}: {stranded_words(count)}", soft_wrap=True)


def _stranded(settings: Settings) -> Mapping[str, int]:
    """Nothing where the credentials are not set here: then nobody can tell."""
    try:
        configs = configured_providers(settings, load_catalog(settings.catalog_dir), environment())
    except ConfigError:
        return {}
    return asyncio.run(stranded_jobs(settings, configs))


@app.command()
def costs(
    days: Annotated[int, typer.Option(min=1, max=36_500, help="How far back, in days.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Show what providers cost and what their tasks brought in. Revenue is known of tasks that are still kept."""

    async def work(core: Core) -> tuple[ProviderTotal, ...]:
        now_us = core.clock.now_us()
        return await provider_costs(core, now_us - days * _DAY_US, now_us + 1)

    found = with_core(work)
    if as_json:
        print_json([asdict(total) for total in found])
        return
    if not found:
        out.print(f"Nothing was booked and nothing succeeded in the last {days} days.")
        return
    print_table(
        ("provider", "jobs", "cost", "of it estimated", "late jobs", "late cost", "succeeded", "revenue (credits)"),
        [
            (
                total.provider,
                str(total.jobs),
                dollars(total.microdollars),
                dollars(total.estimated_microdollars),
                str(total.late_jobs),
                dollars(total.late_microdollars),
                str(total.succeeded_tasks),
                str(total.revenue_credits),
            )
            for total in found
        ],
        right=("jobs", "cost", "of it estimated", "late jobs", "late cost", "succeeded", "revenue (credits)"),
    )


@app.command(name="test")
def call_provider(
    name: Annotated[str, typer.Argument(help="The provider's name in the file.")], as_json: JsonOption = False
) -> None:
    """Call a provider with its credentials; nothing is made and nothing is spent."""
    settings = settings_for_command()
    with told_faults():
        configs = configured_providers(settings, load_catalog(settings.catalog_dir), environment())
    config = next((config for config in configs if config.name == name), None)
    if config is None:
        known = ", ".join(config.name for config in configs) or "none"
        fail(f"no provider {name} in the file; there are: {known}", ExitCode.NOT_FOUND)
    trouble = asyncio.run(trouble_with(config, Guard(), SystemClock()))
    if as_json:
        print_json({"name": name, "takes_us": trouble is None, "trouble": trouble})
    if trouble is not None:
        fail(f"{name}: {trouble}", ExitCode.UNAVAILABLE)
    if not as_json:
        out.print(f"{name} answers and takes us.")


@app.command()
def lint(
    path: Annotated[Path | None, typer.Argument(help="File to check; default: the configured one.")] = None,
    without_credentials: Annotated[
        bool, typer.Option("--without-credentials", help="Do not look whether the credentials are set.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the file that names providers; each fault is shown with its line, field and reason."""
    settings = settings_for_command()
    file = path or settings.providers_file
    if file is None:
        fail(f"there is no {DEFAULT_CONFIG_FILE} here", ExitCode.NOT_FOUND)
    with told_faults():
        cards = {card.id for card in load_catalog(settings.catalog_dir)}
    count, faults = 0, tuple[Fault, ...]()
    try:
        count = len(load_providers(file, None if without_credentials else environment(), cards))
    except ConfigError as exc:
        faults = exc.faults
        if not as_json:
            err.print(escaped(str(exc)), soft_wrap=True)
    if as_json:
        print_json({"providers": count, "faults": [asdict(fault) for fault in faults]})
    if faults:
        fail(f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'} in {file}")
    if not as_json:
        out.print(f"{count} providers are right.")


def _shown(offer: Offer, config: ProviderConfig | None, health: ProviderHealth) -> dict[str, Any]:
    assert config is not None or offer.provider == ANIMATIC
    return {
        "name": offer.provider,
        "kind": "animatic" if config is None else config.kind.value,
        "tier": offer.tier.value,
        "base_url": None if config is None else config.base_url,
        "jobs_max": offer.slots,
        "unit_microdollars": offer.unit_microdollars,
        "job_microdollars": offer.job_microdollars,
        "models": sorted(offer.capabilities),
        "state": health.state.value,
        "circuits": [
            {
                "model": circuit.model,
                "state": circuit.state.value,
                "reason": circuit.reason,
                "opened_at": time_text(circuit.opened_at_us),
                "open_until": time_text(circuit.until_us),
            }
            for circuit in health.circuits
        ],
        "seen": {
            "successes": health.seen.successes,
            "faults": health.seen.faults,
            "throttles": health.seen.throttles,
        },
        "job_p50_seconds": health.job_s and health.job_s.p50_s,
        "job_p90_seconds": health.job_s and health.job_s.p90_s,
    }


def _health_text(item: dict[str, Any]) -> str:
    """All circuits that are not closed, each with its reason."""
    return (
        "; ".join(
            f"{circuit['state'].replace('_', ' ')} for {circuit['model'] or 'all models'}"
            f" until {circuit['open_until']}: {circuit['reason']}"
            for circuit in item["circuits"]
        )
        or "well"
    )
