"""Languages: every text of the console by its key, and numbers, dates and plurals as a language writes them.

The texts lie in `messages/<code>/<subject>.toml`, the same subjects and keys for every language. A text is looked up by
table and name (`tasks.title`); one that depends on a number is a table with plural forms (`one`, `other`).
"""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from reelway.domain.decide import US

CODES: Final = ("en", "ur")
_FOLDER: Final = Path(__file__).with_name("messages")
_HEADER_LENGTH_MAX: Final = 200
_DAY_US: Final = 86_400 * US
_BYTE_UNITS: Final = ("byte", "kilobyte", "megabyte", "gigabyte")

Message = str | Mapping[str, str]


@dataclass(frozen=True)
class Language:
    """One language. Texts may hold `{name}`; what is put there is escaped by the template as everything else."""

    code: str
    messages: Mapping[str, Message]

    @cached_property
    def locale(self) -> Locale:
        return Locale.parse(self.code)

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return self.locale.text_direction

    @property
    def name(self) -> str:
        """Its name in itself."""
        return self.text("language.name")

    def has(self, key: str) -> bool:
        return key in self.messages

    def text(self, key: str, **values: object) -> str:
        """Raises: KeyError: there is no such text; a test reads every template for that."""
        message = self.messages[key]
        assert isinstance(message, str), f"{key} depends on a number; use count"
        return message.format_map(values) if values else message

    def count(self, key: str, number: int, **values: object) -> str:
        """A text that depends on a number, which stands in it as `{number}`."""
        forms = self.messages[key]
        assert isinstance(forms, Mapping), f"{key} depends on no number; use text"
        form = forms.get(self.locale.plural_form(number), forms["other"])
        return form.format_map(values | {"number": self.number(number)})

    def number(self, value: float, digits: int | None = None) -> str:
        """`digits` after the point at most; None takes the language's own."""
        return _number(value, digits, self.code)

    def percent(self, share: float) -> str:
        return format_percent(share, locale=self.locale)

    def time(self, time_us: int) -> str:
        """Date and time of day, in UTC, in 24 hours: AM and PM would stand in the wrong place of an Urdu text."""
        return f"{self.day(time_us)} {datetime.fromtimestamp(time_us // US, UTC):%H:%M:%S} UTC"

    def clock(self, time_us: int) -> str:
        """Time of day, in UTC."""
        return f"{datetime.fromtimestamp(time_us // US, UTC):%H:%M}"

    def day(self, time_us: int) -> str:
        return _day(time_us // _DAY_US, self.code)

    def short_day(self, time_us: int) -> str:
        """Day and month."""
        return _short_day(time_us // _DAY_US, self.code)

    def span(self, seconds: float) -> str:
        """A length of time in its two largest units."""
        if seconds < 60:
            return _unit(seconds if seconds >= 10 else round(seconds, 1), "second", self.locale)
        units = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
        parts: list[str] = []
        left = round(seconds)
        for name, size in units:
            amount, left = divmod(left, size)
            if amount or parts:
                parts.append(_unit(amount, name, self.locale) if amount else "")
            if len(parts) == 2:
                break
        return " ".join(part for part in parts if part)

    def dollars(self, microdollars: int) -> str:
        """Written as in English, because it stands from left to right in every language."""
        return f"{'−' if microdollars < 0 else ''}${_number(abs(microdollars) / 1e6, 4, 'en')}"

    def size(self, size_bytes: int) -> str:
        amount, unit = float(size_bytes), _BYTE_UNITS[0]
        for unit in _BYTE_UNITS:
            if amount < 1_000 or unit == _BYTE_UNITS[-1]:
                break
            amount /= 1_000
        return _unit(round(amount, 1), unit, self.locale)


# A page has hundreds of numbers and dates, and Babel takes some 50 microseconds for each.


@functools.lru_cache(maxsize=4096)
def _number(value: float, digits: int | None, code: str) -> str:
    pattern = None if digits is None else "#,##0" + ("." + "#" * digits if digits else "")
    return format_decimal(value, format=pattern, locale=code)


@functools.lru_cache(maxsize=1024)
def _day(day: int, code: str) -> str:
    """`day`: days since 1970."""
    return format_date(datetime.fromtimestamp(day * _DAY_US // US, UTC), "medium", locale=code)


@functools.lru_cache(maxsize=1024)
def _short_day(day: int, code: str) -> str:
    return format_skeleton("MMMd", datetime.fromtimestamp(day * _DAY_US // US, UTC), tzinfo=UTC, locale=code)


def _unit(amount: float, unit: str, locale: Locale) -> str:
    rounded = round(amount) if amount >= 10 or amount == int(amount) else amount
    return str(format_unit(rounded, unit, length="short", locale=locale))


def load_languages() -> Mapping[str, Language]:
    """Every language by its code."""
    return {code: Language(code, _messages(code)) for code in CODES}


def _messages(code: str) -> Mapping[str, Message]:
    messages: dict[str, Message] = {}
    for path in sorted((_FOLDER / code).glob("*.toml")):
        found = dict(_flat("", tomllib.loads(path.read_text(encoding="utf-8"))))
        assert not messages.keys() & found.keys(), f"{path} has texts that another file has too"
        messages |= found
    return messages


def _flat(prefix: str, table: Mapping[str, Any]) -> list[tuple[str, Message]]:
    """Nested tables as one: `tasks.title`. A table with the form `other` is one text that depends on a number."""
    found: list[tuple[str, Message]] = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and "other" not in value:
            found += _flat(f"{key}.", value)
        else:
            found.append((key, value))
    return found


def chosen(languages: Mapping[str, Language], cookie: str | None, accept: str) -> Language:
    """The language of a visitor: what they chose, otherwise what their browser asks for first, otherwise English."""
    if cookie is not None and cookie in languages:
        return languages[cookie]
    wanted: list[tuple[float, str]] = []
    for part in accept[:_HEADER_LENGTH_MAX].split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        wanted.append((-weight, tag.partition("-")[0].lower()))
    codes = [code for _, code in sorted(wanted, key=lambda pair: pair[0]) if code in languages]
    return languages[codes[0] if codes else CODES[0]]
