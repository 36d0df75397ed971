"""Problems in the words and field names of the APIXO dialect. Source: the contract's section 6.3."""

from collections.abc import Sequence
from typing import Final

from reelway.domain.errors import Problem
from reelway.domain.generation import Route
from reelway.domain.routing import Need, UnsupportedError

_FIELDS: Final = {
    Need.PRODUCT: "input.mode",
    Need.DURATION_S: "input.duration",
    Need.REFERENCE_KIND: "input.image_urls",
    Need.LAST_FRAME: "input.image_urls[1]",
    Need.ASPECT_RATIO: "input.aspect_ratio",
    Need.NEGATIVE_PROMPT: "input.negative_prompt",
}
"""Which field asks for what, in the order in which problems are told. The other needs have no field here."""


def missing(field: str) -> Problem:
    return Problem(field, f"Missing required field: {field}")


def missing_parameter(name: str) -> Problem:
    return Problem(name, f"Missing required parameter: {name}")


def invalid(field: str, rule: str) -> Problem:
    return Problem(field, f"Invalid value for {field}: {rule}")


def unknown(field: str) -> Problem:
    return Problem(field, f"Unknown field: {field}")


def one_of(options: Sequence[str]) -> str:
    return f"must be one of {', '.join(options)}"


def alternatives(values: Sequence[object]) -> str:
    """`5 or 10`; `3, 4 or 5`."""
    *first, last = (str(value) for value in values)
    return f"{', '.join(first)} or {last}" if first else last


def no_route(route: Route) -> Problem:
    return invalid("provider", f"no {route} route is configured for this model")


def unsupported_problems(error: UnsupportedError) -> tuple[Problem, ...]:
    """Every field that no provider can do; `input` where only the combination, or the model itself, is at fault."""
    if error.route is not None:
        return (no_route(error.route),)
    fields = [field for need, field in _FIELDS.items() if need in error.unmet] or ["input"]
    return tuple(invalid(field, "not supported by any configured provider") for field in fields)
