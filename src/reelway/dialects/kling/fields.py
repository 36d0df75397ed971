"""Reading values out of a JSON object, noting every fault of their form. Source: contract, section 7, K2, K3, K28."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reelway.domain.errors import Problem

PROBLEMS_MAX: Final = 100
NAME_LENGTH_MAX: Final = 256
"""Of a voice's or an element's id."""
_SHOWN_LENGTH_MAX: Final = 100
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_TYPES: Final[Mapping[type, str]] = {str: "a string", list: "an array", dict: "an object"}


def shown(text: str) -> str:
    """A caller's own text inside a message: a megabyte of it must not come back."""
    return text if len(text) <= _SHOWN_LENGTH_MAX else f"{text[:_SHOWN_LENGTH_MAX]}..."


def whole_number(value: Any) -> int | None:
    """A whole number, not negative, also as a text of digits; None for anything else."""
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value >= 0 and (isinstance(value, int) or value.is_integer()) else None


class Fields:
    """The keys of one object. A reader gives None both for what is absent and for what is faulty.

    `null` counts as absent, and so does `""` for a text. `at` is the object's own place, empty for the body.
    """

    def __init__(self, values: Mapping[str, Any], problems: list[Problem], at: str = "") -> None:
        self._values = values
        self._problems = problems
        self._at = at
        self._faulty: set[str] = set()

    def is_given(self, key: str) -> bool:
        """Whether there is something, right or wrong."""
        return self._values.get(key) not in (None, "")

    def raw(self, key: str) -> Any:
        """The value as it came; None where the key is absent."""
        return self._values.get(key)

    def is_faulty(self, key: str) -> bool:
        """Whether a reader found a fault at this key."""
        return key in self._faulty

    def add(self, key: str, message: str) -> None:
        self._faulty.add(key)
        self._problems.append(Problem(self.place(key), message))

    def place(self, key: str) -> str:
        """How a message calls this key: `multi_prompt[0].duration`."""
        return f"{self._at}.{key}" if self._at else key

    def text(self, key: str, length_max: int | None = None) -> str | None:
        value: str | None = self._typed(key, str)
        if value is not None and length_max is not None and len(value) > length_max:
            self.add(key, f"at most {length_max} characters")
            return None
        return value

    def choice(self, key: str, allowed: Sequence[str]) -> str | None:
        value: str | None = self._typed(key, str)
        if value is not None and value not in allowed:
            self.add(key, f"must be one of {', '.join(allowed)}")
            return None
        return value

    def flag(self, key: str, *, takes_text: bool = False) -> bool | None:
        """`takes_text`: also `"true"` and `"false"`."""
        value = self._values.get(key)
        if value is None or isinstance(value, bool):
            return value
        if takes_text and value in ("true", "false"):
            return bool(value == "true")
        self.add(key, "must be a boolean")
        return None

    def number(self, key: str, low: float, high: float) -> float | None:
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add(key, "must be a number")
        elif not low <= value <= high:
            self.add(key, f"must be from {low:g} to {high:g}")
        else:
            return float(value)
        return None

    def whole(self, key: str) -> int | None:
        """A JSON integer of either sign."""
        value = self._values.get(key)
        if value is not None and not (isinstance(value, int) and not isinstance(value, bool)):
            self.add(key, "must be an integer")
            return None
        return value

    def name(self, key: str) -> str | None:
        """An id that may be a text or a number; required."""
        value = self._values.get(key)
        if value in (None, ""):
            self.add(key, "required")
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            self.add(key, "must be a string or a number")
        elif isinstance(value, float):
            return str(int(value)) if value.is_integer() else str(value)
        elif len(str(value)) > NAME_LENGTH_MAX or not str(value).isprintable():
            self.add(key, f"at most {NAME_LENGTH_MAX} printable characters")
        else:
            return str(value)
        return None

    def array(self, key: str) -> list[Any] | None:
        value: list[Any] | None = self._typed(key, list)
        return value

    def object(self, key: str) -> "Fields | None":
        value = self._typed(key, dict)
        return None if value is None else Fields(value, self._problems, self.place(key))

    def items(self, key: str, values: Sequence[Any]) -> list["Fields"]:
        """The objects of an array; whatever is none is told."""
        found = []
        for number, value in enumerate(values):
            if isinstance(value, dict):
                found.append(Fields(value, self._problems, f"{self.place(key)}[{number}]"))
            else:
                self.add(f"{key}[{number}]", "must be an object")
                self._faulty.add(key)
        return found

    def refuse_others(self, allowed: Sequence[str]) -> None:
        """Tell every key that is not allowed."""
        for key in sorted(self._values.keys() - set(allowed))[:PROBLEMS_MAX]:
            self.add(shown(key), "unknown field")

    def _typed(self, key: str, wanted: type) -> Any:
        value = self._values.get(key)
        if value is None or (wanted is str and value == ""):
            return None
        if not isinstance(value, wanted):
            self.add(key, f"must be {_TYPES[wanted]}")
            return None
        return value
