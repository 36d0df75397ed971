"""Where in the text of `reelway.toml` a value stands, so that a fault can name its line."""

import tomllib
from typing import Any

Place = tuple[int | str, ...]
"""A value in the file: keys, and numbers of array items."""


def line_of(text: str, place: Place) -> int:
    """The line, from 1, on which a value is there; for one that is missing, that of the table which lacks it.

    The file is read again up to each line: tomllib tells no places, and this holds for every way to write a table.
    """
    lines = text.splitlines(keepends=True)
    while place:
        for number in range(1, len(lines) + 1):
            try:
                part = tomllib.loads("".join(lines[:number]))
            except tomllib.TOMLDecodeError:
                continue
            if _holds(part, place):
                return number
        place = place[:-1]
    return 1


def _holds(value: Any, place: Place) -> bool:
    for part in place:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def name_of(text: str, place: Place) -> str:
    """The place in words: `kling.base_url`, with the provider's name where it has one."""
    if len(place) < 2 or place[0] != "providers" or not isinstance(place[1], int):
        return ".".join(str(part) for part in place)
    entry = tomllib.loads(text)["providers"][place[1]]
    name = entry.get("name") if isinstance(entry, dict) else None
    shown = name if isinstance(name, str) and name.isprintable() and name else f"providers[{place[1]}]"
    return ".".join([shown, *(str(part) for part in place[2:])])
