"""The fields of a request, whether they came as JSON, multipart or urlencoded. Source: contract 7.1 and 7.2."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reelway.dialects.base import WireRequest
from reelway.domain.errors import Problem, ValidationFailedError

IMAGE_FIELDS: Final = ("input_reference", "last_frame")
_BRACKETS: Final = re.compile(r"(input_reference|last_frame)\[([^\[\]]+)\]")
_NAME_LENGTH_MAX: Final = 100
JSON_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Repeated:
    """What a form field is that stands several times: of no type that any field takes."""

    def __repr__(self) -> str:
        return "several values"


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller gave; null and empty form values count as absent. In a form every value is a text, a `FormFile`
    or, of bracket names such as `input_reference[image_url]`, a mapping of texts.
    """

    values: Mapping[str, Any]
    is_form: bool


def given_in(request: WireRequest) -> Given:
    if request.body is not None:
        return Given({name: value for name, value in request.body.items() if value is not None}, is_form=False)
    values: dict[str, Any] = {}
    for name, text in request.form.fields:
        if text:
            _add(values, name, text)
    for file in request.form.files:
        if file.size_bytes or file.filename:
            _add(values, file.field, file)
    return Given(values, is_form=True)


def _add(values: dict[str, Any], name: str, value: Any) -> None:
    match = _BRACKETS.fullmatch(name) if name.endswith("]") else None
    if match is None:
        values[name] = Repeated() if name in values else value
        return
    inner = values.setdefault(match[1], {})
    if isinstance(inner, dict) and match[2] not in inner:
        inner[match[2]] = value
    else:
        values[match[1]] = Repeated()


def fault(code: str, field: str, message: str) -> ValidationFailedError:
    """The one problem that an answer tells. Names are the caller's own, so they are cut to a sensible length."""
    return ValidationFailedError((Problem(shortened(field), message, code=code),))


def shortened(text: str) -> str:
    return text if len(text) <= _NAME_LENGTH_MAX else f"{text[:_NAME_LENGTH_MAX]}..."


def boolean(given: Given, field: str) -> bool | None:
    """A JSON boolean, or its text in a form; None where it is absent. Raises: ValidationFailedError."""
    value = given.values.get(field)
    if value is None or isinstance(value, bool):
        return value
    if not given.is_form:
        raise fault("invalid_type", field, f"{field} must be a boolean.")
    if value not in ("true", "false"):
        raise fault("invalid_value", field, f"{field} must be true or false.")
    return bool(value == "true")


def number(given: Given, field: str, least: float, most: float) -> float | None:
    """A JSON number, or its text in a form; None where it is absent. Raises: ValidationFailedError."""
    value = given.values.get(field)
    if value is None:
        return None
    if given.is_form:
        is_number = isinstance(value, str) and len(value) < 30 and JSON_NUMBER.fullmatch(value)
        found = float(value) if is_number else None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise fault("invalid_type", field, f"{field} must be a number.")
    else:
        found = value
    if found is None or not least <= found <= most:
        raise fault("invalid_value", field, f"{field} must be a number from {least:g} to {most:g}.")
    return float(found)


def text(given: Given, field: str, length_max: int) -> str | None:
    """A string; None where it is absent. Raises: ValidationFailedError."""
    value = given.values.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise fault("invalid_type", field, f"{field} must be a string.")
    if len(value) > length_max:
        raise fault("string_above_max_length", field, f"{field} may have at most {length_max} characters.")
    return value


def require_known(given: Given, known: tuple[str, ...]) -> None:
    """Raises: ValidationFailedError: a field that the endpoint does not have; the first one that came."""
    for name in given.values:
        if name not in known:
            raise fault("unknown_parameter", name, f"Unknown parameter: {shortened(name)}.")
