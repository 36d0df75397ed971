"""The model cards: one TOML file a model, checked when they are loaded. Adding a model is adding a file to `cards/`,
or to the operator's own folder.
"""

import functools
import tomllib
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from reelway.domain.catalog import Card, Catalog, Names, Param, ReferenceRule, Text, UnitRates, UploadRule

_CARD_BYTES_MAX = 256 * 1024

for _type in (Card, Names, Param, ReferenceRule, Text, UnitRates, UploadRule):
    with_config(ConfigDict(extra="forbid"))(_type)
_CARD = TypeAdapter(Card)


class CardError(Exception):
    """A card is broken: in which file, at which field, and why. It stops the start."""

    def __init__(self, file: str, field: str, reason: str) -> None:
        self.file = file
        self.field = field
        self.reason = reason
        super().__init__(f"{file}: {field}: {reason}")


def load_catalog(own_folder: Path | None = None) -> Catalog:
    """The built-in cards and those in `own_folder`.

    Raises:
        CardError: a file is not valid TOML, breaks a rule of the card, or repeats an id.
    """
    cards = {card.id: card for card in _built_in_cards()}
    if own_folder is not None:
        if not own_folder.is_dir():
            raise CardError(str(own_folder), "CATALOG_DIR", "is not a folder")
        for file in _toml_files(own_folder):
            card = load_card(file)
            if card.id in cards:
                raise CardError(file.name, "id", f"another file has the id {card.id} already")
            cards[card.id] = card
    return Catalog(cards.values())


@functools.cache
def _built_in_cards() -> tuple[Card, ...]:
    """They come with the program and never change while it runs."""
    return tuple(load_card(file) for file in _toml_files(resources.files(__name__).joinpath("cards")))


def load_card(file: Traversable) -> Card:
    """One card.

    Raises:
        CardError: the file cannot be read, is not valid TOML, or breaks a rule of the card.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(_CARD_BYTES_MAX + 1)
        if len(content) > _CARD_BYTES_MAX:
            raise CardError(file.name, "(file)", f"larger than {_CARD_BYTES_MAX} bytes")
        fields = tomllib.loads(content.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise CardError(file.name, "(file)", str(exc)) from exc
    try:
        card = _CARD.validate_python(fields)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "(card)"
        raise CardError(file.name, field, first["msg"]) from exc
    if file.name != f"{card.id}.toml":
        raise CardError(file.name, "id", f"the file must be named {card.id}.toml")
    return card


def _toml_files(folder: Traversable) -> Iterable[Traversable]:
    return sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
