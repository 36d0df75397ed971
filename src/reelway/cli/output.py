"""How commands speak: text for people on standard output, JSON where a script asks for it, errors on standard error."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from reelway.catalog import CardError
from reelway.domain.decide import US
from reelway.domain.errors import ReelwayError, UnavailableError
from reelway.net.certificate import CertificateError
from reelway.net.objects import ObjectsError
from reelway.net.signing import SecretError
from reelway.providers.config import ConfigError
from reelway.settings import Settings, SettingsError
from reelway.settings.loading import load_settings
from reelway.store.engine import DatabaseError
from reelway.telemetry.logs import configure_logs

out: Final = Console(highlight=False)
err: Final = Console(stderr=True, highlight=False)


_ID: Final = re.compile(r"[a-z]+_[0-9A-Za-z_]{16,}")
_WIDE: Final = 400


class ExitCode(IntEnum):
    """What the command's exit tells a script."""

    OK = 0
    FAILED = 1
    """The thing asked for did not come about: a generation failed, a check found something."""
    USAGE = 2
    """The command line or the configuration is wrong."""
    UNAVAILABLE = 3
    """The gateway, database or storage cannot be reached."""
    NOT_FOUND = 4


def fail(message: str, code: ExitCode = ExitCode.FAILED) -> NoReturn:
    """End the command with a message on standard error."""
    err.print(f"[red]error:[/red] {escaped(message)}", soft_wrap=True)
    raise typer.Exit(code)


def escaped(text: str) -> str:
    """Text from outside, shown as it is: neither Rich's markup nor the terminal's control codes take effect."""
    plain = "".join(character if character.isprintable() or character == "\n" else "�" for character in text)
    return plain.replace("[", r"\[")


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """A table as wide as the terminal, or as its cells where nobody looks at it; an id is never broken in two."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        whole = max((len(row[number]) for row in rows if _ID.fullmatch(row[number])), default=None)
        table.add_column(column, justify="right" if column in right else "left", overflow="fold", min_width=whole)
    for row in rows:
        table.add_row(*(escaped(cell) for cell in row))
    width = None if out.is_terminal else max(_WIDE, *(sum(map(len, row)) + 8 * len(row) for row in (columns, *rows)))
    out.print(table, width=width, crop=False)


def time_text(time_us: int | None) -> str:
    """A time in UTC to the second; empty for None."""
    return "" if time_us is None else datetime.fromtimestamp(time_us // US, UTC).strftime("%Y-%m-%d %H:%M:%S")


@contextmanager
def told_faults() -> Iterator[None]:
    """Turn faults that an operator can put right into a message and an exit code; anything else is a bug and traces."""
    try:
        yield
    except (SettingsError, CardError, ConfigError, SecretError, CertificateError) as exc:
        fail(str(exc), ExitCode.USAGE)
    except (DatabaseError, ObjectsError, UnavailableError) as exc:
        fail(str(exc), ExitCode.UNAVAILABLE)
    except ReelwayError as exc:
        fail(str(exc))
    except OSError as exc:
        if exc.filename is None:
            raise
        fail(f"{exc.filename}: {exc.strerror}", ExitCode.UNAVAILABLE)


def settings_for_command(**overrides: object) -> Settings:
    """The settings, with logs set up; a wrong configuration ends the command with its faults, a line each."""
    with told_faults():
        settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    configure_logs(settings.log_level, settings.log_format)
    return settings
