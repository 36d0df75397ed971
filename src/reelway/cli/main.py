"""The command line's tree."""

import sys
from typing import Annotated

import typer

from reelway import __version__
from reelway.cli import callbacks, credits, db, doctor, keys, models, providers, tasks, webhooks
from reelway.cli.demo import demo
from reelway.cli.generate import generate
from reelway.cli.output import told_faults
from reelway.cli.serve import serve, worker
from reelway.cli.verify import verify

app = typer.Typer(
    name="reelway",
    help="Self-hostable gateway for AI video generation.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 something is out of reach, 4 not found.",
)
app.command()(serve)
app.command()(worker)
app.command()(generate)
app.command()(demo)
app.command()(verify)
app.add_typer(keys.app, name="keys")
app.add_typer(credits.app, name="credits")
app.add_typer(tasks.app, name="tasks")
app.add_typer(models.app, name="models")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(callbacks.app, name="callbacks")
app.add_typer(providers.app, name="providers")
app.add_typer(db.app, name="db")
app.command(name="doctor")(doctor.doctor)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"reelway {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Self-hostable gateway for AI video generation."""


def run() -> None:
    """The entry point of the installed command."""
    try:
        with told_faults():
            app()
    except typer.Exit as exc:  # a fault that was told here, outside of what Typer looks after
        sys.exit(exc.exit_code)
