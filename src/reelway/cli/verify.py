"""`reelway verify`: what a file says of its origin, and whether that still holds."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final, assert_never

import typer

from reelway.cli.operator import JsonOption
from reelway.cli.output import ExitCode, err, escaped, fail, out, print_json, print_table, settings_for_command
from reelway.net.certificate import AUTHORITY_NAME, authorities
from reelway.net.content_credentials import Credentials, CredentialsState, read_credentials
from reelway.net.media import MediaLimits

_IPTC: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def verify(
    file: Annotated[Path, typer.Argument(help="A video or picture.", exists=True, dir_okay=False, readable=True)],
    trust: Annotated[
        Path | None,
        typer.Option(
            help="Certificates in PEM of the authorities that you trust; default this gateway's own, if it has one.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell who signed a file and how it was made; exit code 1 where it was changed since, 4 without credentials."""
    settings = settings_for_command()
    own = settings.data_dir / AUTHORITY_NAME
    anchors = trust or (own if own.is_file() else None)
    found = asyncio.run(read_credentials(file, MediaLimits(), authorities(anchors) if anchors is not None else ""))
    if found is None:
        fail(f"{file}: its content credentials cannot be read within the limits")
    if as_json:
        print_json(asdict(found))
    else:
        _print(file, found)
    match found.state:
        case CredentialsState.INTACT:
            return
        case CredentialsState.BROKEN:
            raise typer.Exit(ExitCode.FAILED)
        case CredentialsState.NONE:
            raise typer.Exit(ExitCode.NOT_FOUND)
        case _:
            assert_never(found.state)


def _print(file: Path, found: Credentials) -> None:
    match found.state:
        case CredentialsState.NONE:
            xmp = f"; its XMP says: {_term(found.xmp_source_type)}" if found.xmp_source_type else ""
            err.print(escaped(f"{file}: has no content credentials{xmp}"), soft_wrap=True)
            return
        case CredentialsState.INTACT:
            out.print(
                f"[green]intact[/green]  {escaped(str(file))}: it is as it was when it was signed", soft_wrap=True
            )
        case CredentialsState.BROKEN:
            out.print(f"[red]broken[/red]  {escaped(str(file))}: do not believe what it says of itself", soft_wrap=True)
        case _:
            assert_never(found.state)
    print_table(("credentials", ""), [(name, value) for name, value in _rows(found) if value])


def _rows(found: Credentials) -> list[tuple[str, str | None]]:
    signer = ", ".join(part for part in (found.signer, found.organisation) if part)
    when = f"{found.attested_at}, by a time stamp" if found.attested_at else found.stated_at
    trusted = (
        "the signer's authority is one of yours" if found.is_trusted else "nobody you named vouches for the signer"
    )
    return [
        ("signed by", signer or None),
        ("trust", trusted if signer else None),
        ("when", when if found.attested_at or when is None else f"{when}, as the signer says"),
        ("program", found.program),
        ("source type", _term(found.source_type)),
        ("in the XMP", _term(found.xmp_source_type)),
        ("actions", ", ".join(found.actions)),
        ("made from", f"{found.parents} earlier signed version(s), kept inside" if found.parents else None),
        ("algorithm", found.algorithm),
        *(("fault", fault) for fault in found.faults),
    ]


def _term(uri: str | None) -> str | None:
    return None if uri is None else uri.removeprefix(_IPTC)
