"""`reelway serve` and `reelway worker`: run the gateway in the foreground until it is told to stop."""

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer
import uvloop

from reelway.cli.output import ExitCode, escaped, fail, out, print_json, settings_for_command, told_faults
from reelway.console.pages.signing import ENTER, HOME
from reelway.gateway.sessions import make_ticket
from reelway.net import process
from reelway.settings import Role, Settings
from reelway.settings.loading import shown
from reelway.wiring import FORK_SERVER_MODULES, AddressError, Gateway, open_gateway

log = structlog.get_logger(__name__)

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_COLLECTOR_THRESHOLDS: Final = (20_000, 20, 50)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (REELWAY_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 for a free one (REELWAY_PORT).")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder (REELWAY_DATA_DIR).")] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Show every setting, secrets masked, and exit.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Announce the address as one line of JSON.")] = False,
) -> None:
    """Run the gateway: the API and, unless REELWAY_ROLES says otherwise, the worker. Stop it with Ctrl-C or SIGTERM."""
    settings = settings_for_command(host=host, port=port, data_dir=data_dir)
    if print_config:
        _print_config(settings, as_json)
        return
    _run(settings, as_json)


def worker(
    data_dir: Annotated[Path | None, typer.Option(help="Data folder (REELWAY_DATA_DIR).")] = None,
) -> None:
    """Run a worker only: it moves tasks along and serves no requests. Start as many as you like beside a PostgreSQL."""
    _run(settings_for_command(data_dir=data_dir, roles=frozenset({Role.WORKER})), as_json=False)


def _print_config(settings: Settings, as_json: bool) -> None:
    values = shown(settings)
    if as_json:
        print_json(values)
    else:
        sys.stdout.write("".join(f"{name}={value}\n" for name, value in values.items()))


def _run(settings: Settings, as_json: bool) -> None:
    with told_faults():
        try:
            uvloop.run(_serve(settings, as_json))
        except AddressError as exc:
            fail(str(exc), ExitCode.UNAVAILABLE)


async def _serve(settings: Settings, as_json: bool) -> None:
    # A child imports the main program anew unless the fork server has it already.
    process.preload((*FORK_SERVER_MODULES, "reelway.cli.main"))
    async with open_gateway(settings) as gateway:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, gateway, number)
        _announce(settings, gateway, await _console_link(settings, gateway), as_json)
        _calm_the_collector()
        await gateway.run()


def _calm_the_collector() -> None:
    """Take what was loaded at the start out of garbage collection and collect less often.

    A full collection walks every object of every module, some 80 ms during which nobody is answered: the p99 of a busy
    gateway was nothing else. What requests make is freed by reference counts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


def _stop(gateway: Gateway, number: int) -> None:
    """The first signal lets what is under way end; a second one ends the process at once, and nothing is lost."""
    if gateway.core.stopping.is_set():
        sys.stderr.flush()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    log.info("stopping; a second signal stops at once", signal=signal.Signals(number).name)
    gateway.stop()


async def _console_link(settings: Settings, gateway: Gateway) -> str | None:
    """Where the console is. The link signs in once, as the first account, where only this machine can use it or the
    account has just been made; otherwise a key is asked for."""
    if Role.API not in settings.roles or not settings.console_enabled:
        return None
    is_only_here = settings.host in _LOOPBACK and not settings.public_url
    ticket = None
    if is_only_here or gateway.fresh_key is not None:
        ticket = await make_ticket(gateway.core, gateway.tickets)
    return gateway.base_url + (f"{ENTER}?ticket={ticket}" if ticket is not None else HOME)


def _announce(settings: Settings, gateway: Gateway, console: str | None, as_json: bool) -> None:
    fresh = gateway.fresh_key.secret if gateway.fresh_key is not None else None
    if as_json:
        sys.stdout.write(json.dumps({"url": gateway.base_url, "key": fresh, "console": console}) + "\n")
        sys.stdout.flush()
        return
    roles = " and ".join(sorted(settings.roles))
    lines = [f"Reelway runs as {roles}."]
    if Role.API in settings.roles:
        lines[0] = f"Reelway listens on [bold]{gateway.base_url}[/bold] ({roles})."
    if console is not None:
        lines.append(f"Console: [bold]{console}[/bold]")
    lines.append(f"Data: {escaped(str(settings.data_dir.absolute()))}")
    if fresh:
        lines += [
            "",
            f"First API key, shown this once: [bold]{fresh}[/bold]",
            "",
            f"curl -s {gateway.base_url}/api/v1/generations -H 'Authorization: Bearer {fresh}' \\",
            "  -H 'Content-Type: application/json' \\",
            """  -d '{"model": "kling-v2-5-turbo-pro", "prompt": "A lighthouse in a storm at night"}'""",
        ]
    # Never in a box: a narrow terminal would cut the key off, which is shown only once.
    out.print("\n".join(lines), soft_wrap=True)
