"""`reelway models`: the catalogue."""

from pathlib import Path
from typing import Annotated, Any

import typer

from reelway.catalog import CardError, load_card, load_catalog
from reelway.cli.operator import JsonOption
from reelway.cli.output import (
    ExitCode,
    err,
    escaped,
    fail,
    out,
    print_json,
    print_table,
    settings_for_command,
    told_faults,
)
from reelway.domain.catalog import Card, Catalog, Param

app = typer.Typer(help="List, show and check model cards.", no_args_is_help=True)


def _catalog() -> Catalog:
    settings = settings_for_command()
    with told_faults():
        return load_catalog(settings.catalog_dir)


@app.command(name="list")
def list_models(as_json: JsonOption = False) -> None:
    """List all models."""
    cards = list(_catalog())
    if as_json:
        print_json([_shown(card) for card in cards])
        return
    print_table(
        ("id", "name", "credits", "prompt", "images", "durations (s)"),
        [
            (
                card.id,
                card.display_name,
                str(card.base_credits),
                str(card.prompt_length_max),
                f"0 to {card.references.files_max}",
                next(_range(param) for param in card.params if param.control == "duration_s"),
            )
            for card in cards
        ],
        right=("credits", "prompt"),
    )


@app.command()
def show(model: Annotated[str, typer.Argument(help="Model id.")], as_json: JsonOption = False) -> None:
    """Show a model's card: parameters, limits, price."""
    card = _catalog().get(model)
    if card is None:
        fail(f"no model {model}", ExitCode.NOT_FOUND)
    if as_json:
        print_json(_shown(card))
        return
    out.print(f"[bold]{escaped(card.display_name)}[/bold] ({card.id})")
    out.print(
        f"{card.base_credits} credits, {card.billing_type}; prompt of at most {card.prompt_length_max} characters"
    )
    out.print(escaped(card.references.rule.en))
    out.print()
    print_table(
        ("parameter", "type", "default", "allowed", "description"),
        [
            (
                param.key,
                param.type.value,
                "" if param.default is None else str(param.default),
                _range(param),
                param.description.en,
            )
            for param in card.params
        ],
    )


@app.command()
def lint(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Card files or folders; default: all configured cards.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check cards; each fault is shown with its file, field and reason."""
    if not paths:
        cards = list(_catalog())
        _tell_lint(len(cards), [], as_json)
        return
    faults = []
    files = [file for path in paths for file in _cards_at(path)]
    for file in files:
        try:
            load_card(file)
        except CardError as exc:
            faults.append(exc)
    _tell_lint(len(files), faults, as_json)


def _cards_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(path.glob("*.toml")) or fail(f"{path}: there is no card (*.toml)", ExitCode.USAGE)


def _tell_lint(count: int, faults: list[CardError], as_json: bool) -> None:
    if as_json:
        told = [{"file": fault.file, "field": fault.field, "reason": fault.reason} for fault in faults]
        print_json({"cards": count, "faults": told})
    for fault in faults if not as_json else ():
        err.print(escaped(str(fault)), soft_wrap=True)
    if faults:
        fail(f"{len(faults)} of {count} cards are wrong")
    if not as_json:
        out.print(f"{count} cards are right.")


def _range(param: Param) -> str:
    if param.options:
        return ", ".join(param.options)
    if param.min is not None:
        return f"{param.min:g} to {param.max:g}"
    return f"at most {param.length_max} characters"


def _shown(card: Card) -> dict[str, Any]:
    return {
        "id": card.id,
        "display_name": card.display_name,
        "base_credits": card.base_credits,
        "billing_type": card.billing_type.value,
        "prompt_length_max": card.prompt_length_max,
        "images_max": card.references.files_max,
        "params": [
            {
                "key": param.key,
                "type": param.type.value,
                "default": param.default,
                "options": list(param.options) or None,
                "min": param.min,
                "max": param.max,
                "length_max": param.length_max,
                "description": param.description.en,
            }
            for param in card.params
        ],
    }
