"""Names of models, seconds and sizes. Source: contract section 6."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reelway.dialects.base import ParseContext
from reelway.dialects.openai_videos.fields import Given, fault, shortened
from reelway.domain.catalog import Card, Control
from reelway.domain.errors import UnknownModelError
from reelway.domain.generation import Generation
from reelway.wire.openai_videos import SIZES, usual_size

DEFAULT_NAME: Final = "sora-2"
_ALIAS_SECONDS: Final = 4
_ALIAS_SIZE: Final = "720x1280"


@dataclass(frozen=True, slots=True)
class Named:
    """The model that a request means. `fixed` are values that its alias sets (names of `Generation`'s fields)."""

    name: str
    card: Card
    default_duration_s: int
    default_size: str
    fixed: Mapping[str, Any]


def named_model(given: Given, context: ParseContext) -> Named:
    """Raises: UnknownModelError; ValidationFailedError: the name is no string."""
    name = given.values.get("model", DEFAULT_NAME)
    if not isinstance(name, str):
        raise fault("invalid_type", "model", "model must be a string.")
    alias = None if context.catalog.get(name) is not None else context.model_aliases.get(name)
    card = context.catalog.get(alias.model if alias is not None else name)
    if card is None or card.id not in context.available_models:
        raise UnknownModelError(shortened(name))
    if alias is None:
        return Named(
            name, card, card.default_duration_s, usual_size(_default_aspect_ratio(card), card.default_mode), {}
        )
    # Of an entry that does not have the vendor's default the caller gets the entry's: nothing was asked for.
    is_offered = str(_ALIAS_SECONDS) in durations(card)
    return Named(name, card, _ALIAS_SECONDS if is_offered else card.default_duration_s, _ALIAS_SIZE, alias.fixed)


def durations(card: Card) -> tuple[str, ...]:
    param = card.control(Control.DURATION_S)
    assert param is not None
    return param.options


def _default_aspect_ratio(card: Card) -> str:
    param = card.control(Control.ASPECT_RATIO)
    assert param is not None
    return str(param.default)


def size_of(generation: Generation) -> str:
    return usual_size(generation.aspect_ratio, generation.mode)


def duration_s(given: Given, model: Named) -> int:
    """Whole seconds; nothing is rounded to another value. Raises: ValidationFailedError."""
    value = given.values.get("seconds")
    if value is None:
        return model.default_duration_s
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    allowed = durations(model.card)
    if value not in allowed:
        raise fault("invalid_value", "seconds", f"seconds must be one of {', '.join(allowed)}.")
    return int(value)


def requested_size(given: Given, model: Named) -> str:
    """Raises: ValidationFailedError"""
    value = given.values.get("size", model.default_size)
    if not isinstance(value, str) or value not in SIZES:
        raise fault("invalid_value", "size", f"size must be one of {', '.join(SIZES)}.")
    return value
