"""The pieces that a contract page is made of. Texts may hold `code` in backticks, which templates mark up.

A piece has no markup of its own, so that one template shows every page, and a test can read what a page says.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from reelway.console.language import Language

NOTHING: Final = "-"
"""What stands where there is no default, no range or no option. Source: seeds 000 to 002."""


@dataclass(frozen=True, slots=True)
class Prose:
    kind: ClassVar = "prose"
    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    kind: ClassVar = "bullets"
    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels, each with what it stands for."""

    kind: ClassVar = "facts"
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """`heads` has as many texts as each row; `name` tells a screen reader what the table is of."""

    kind: ClassVar = "table"
    name: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Listing:
    """Something to copy. `id` is unique on its page. `is_folded`: shown when it is asked for."""

    kind: ClassVar = "listing"
    id: str
    label: str
    text: str
    is_folded: bool = False


Block = Prose | Bullets | Facts | Table | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """`term`: the English words of the title, beside one in another language; elsewhere nothing."""

    id: str
    title: str
    term: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Contract:
    """How one dialect serves a model. `id` is the anchor of its tab, `spec` the name of its OpenAPI document."""

    id: str
    name: str
    spec: str
    lead: str
    sections: Sequence[Section]


class Words:
    """The texts of a language, with what contract pages often say. `english` is where the terms come from."""

    def __init__(self, language: Language, english: Language) -> None:
        self._language = language
        self._english = english

    @property
    def code(self) -> str:
        return self._language.code

    def t(self, key: str, **values: object) -> str:
        return self._language.text(key, **values)

    def section(self, prefix: str, key: str, *blocks: Block) -> Section:
        """A section whose title is the text `key`; its anchor is the key's last part after the prefix."""
        title, term = self._language.text(key), self._english.text(key)
        anchor = f"{prefix}-{key.rpartition('.')[2].replace('_', '-')}"
        return Section(anchor, title, "" if title == term else term, blocks)

    def yes_or_no(self, is_so: bool) -> str:
        return self.t("docs.yes") if is_so else self.t("docs.no")

    def parameters(self, name: str, rows: Sequence[Sequence[str]]) -> Table:
        """Key, type, required, default, description."""
        heads = ("docs.head.key", "docs.head.type", "docs.head.required", "docs.head.default", "docs.head.description")
        return Table(name, tuple(self.t(head) for head in heads), rows)

    def controls(self, name: str, rows: Sequence[Sequence[str]]) -> Table:
        """Key, type, required, default, range, options, description."""
        heads = (
            "docs.head.key",
            "docs.head.type",
            "docs.head.required",
            "docs.head.default",
            "docs.head.range",
            "docs.head.options",
            "docs.head.description",
        )
        return Table(name, tuple(self.t(head) for head in heads), rows)


def code(value: object) -> str:
    """A word of the protocol inside a text."""
    return f"`{str(value).replace('`', '')}`"


def codes(values: Sequence[object]) -> str:
    return ", ".join(code(value) for value in values) if values else NOTHING


def said(text: str) -> str:
    """A message of the protocol inside a text: it is English, and runs from left to right in any language."""
    return f"\u2066{text}\u2069"


def code_or_nothing(value: object | None) -> str:
    return NOTHING if value in (None, "") else code(value)


def pretty(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def curl(url: str, body: Mapping[str, Any] | None = None, method: str = "") -> str:
    """A command for a shell; the key stands in REELWAY_API_KEY."""
    lines = [f"curl -sS {f'-X {method} ' if method else ''}{shell_quoted(url)}"]
    lines.append('-H "Authorization: Bearer $REELWAY_API_KEY"')
    if body is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d {shell_quoted(pretty(body))}"]
    return " \\\n  ".join(lines)


def shell_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
