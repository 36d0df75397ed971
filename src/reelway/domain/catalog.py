"""Cards: what a model takes, what it costs and how it is called in each dialect."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Final

from reelway.domain.generation import Mode
from reelway.domain.media import MediaKind

REFERENCES_KEY: Final = "referenceMediaItems"
"""The key inside `params` that holds reference media. Source: seeds 000 to 002."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people, in English and Urdu."""

    en: str
    ur: str

    def __post_init__(self) -> None:
        if not self.en.strip() or not self.ur.strip():
            raise ValueError("both languages need a text")


class ParamType(StrEnum):
    """`select`: one of `options`. `number`: from `min` to `max`. `text`: at most `length_max` code points."""

    SELECT = "select"
    NUMBER = "number"
    TEXT = "text"


class Control(StrEnum):
    """What a parameter steers in the core's `Generation`."""

    DURATION_S = "duration_s"
    ASPECT_RATIO = "aspect_ratio"
    NEGATIVE_PROMPT = "negative_prompt"
    CFG_SCALE = "cfg_scale"
    MODE = "mode"
    SOUND = "sound"
    MULTI_SHOTS = "multi_shots"


_BOOLEANS: Final = frozenset({"false", "true"})
_ASPECT_RATIOS: Final = frozenset({"16:9", "9:16", "1:1"})
_CARD_ID: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
DURATION_S_MAX: Final = 15


@dataclass(frozen=True, slots=True)
class Param:
    """One model control. `label` is the short name; `description` is the seeds' own text."""

    key: str
    type: ParamType
    control: Control
    label: Text
    description: Text
    default: str | float | None = None
    options: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    length_max: int | None = None
    example: Text | None = None

    def __post_init__(self) -> None:
        match self.type:
            case ParamType.SELECT:
                self._check_select()
            case ParamType.NUMBER:
                if self.min is None or self.max is None or self.min >= self.max:
                    raise ValueError(f"{self.key}: a number needs min below max")
                if self.options or self.length_max is not None:
                    raise ValueError(f"{self.key}: a number has neither options nor length_max")
                if self.default is not None and not (
                    isinstance(self.default, int | float) and self.min <= self.default <= self.max
                ):
                    raise ValueError(f"{self.key}: the default must be a number from {self.min} to {self.max}")
            case ParamType.TEXT:
                if self.length_max is None or self.length_max < 1:
                    raise ValueError(f"{self.key}: a text needs a positive length_max")
                if self.options or self.min is not None or self.max is not None or self.default is not None:
                    raise ValueError(f"{self.key}: a text has no options, min, max or default")

    def _check_select(self) -> None:
        if len(self.options) < 1 or len(set(self.options)) != len(self.options):
            raise ValueError(f"{self.key}: a select needs different options")
        if self.default not in self.options:
            raise ValueError(f"{self.key}: the default {self.default!r} is not among the options")
        if self.min is not None or self.max is not None or self.length_max is not None:
            raise ValueError(f"{self.key}: a select has neither min, max nor length_max")
        options = set(self.options)
        match self.control:
            case Control.DURATION_S:
                if not all(option.isdecimal() and 1 <= int(option) <= DURATION_S_MAX for option in options):
                    raise ValueError(f"{self.key}: durations are whole seconds from 1 to {DURATION_S_MAX}")
            case Control.SOUND | Control.MULTI_SHOTS:
                if options != _BOOLEANS:
                    raise ValueError(f'{self.key}: the options must be "false" and "true"')
            case Control.MODE:
                if not options <= {mode.value for mode in Mode}:
                    raise ValueError(f"{self.key}: the modes are {', '.join(Mode)}")
            case Control.ASPECT_RATIO:
                if not options <= _ASPECT_RATIOS:
                    raise ValueError(f"{self.key}: the aspect ratios are {', '.join(sorted(_ASPECT_RATIOS))}")
            case _:
                raise ValueError(f"{self.key}: {self.control} is not a select")


@dataclass(frozen=True, slots=True)
class UploadRule:
    """What one kind of reference file may be."""

    kind: MediaKind
    size_bytes_max: int
    mime_types: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.size_bytes_max < 1 or not self.mime_types:
            raise ValueError("an upload rule needs a positive size_bytes_max and MIME types")
        for mime_type in self.mime_types:
            if not mime_type.startswith(f"{self.kind}/"):
                raise ValueError(f"{mime_type} is not of the kind {self.kind}")


@dataclass(frozen=True, slots=True)
class ReferenceRule:
    """Reference media of a model. With `takes_tail_frame` the second image is the last frame."""

    files_max: int
    takes_tail_frame: bool
    summary: Text
    rule: Text
    uploads: tuple[UploadRule, ...]
    requires_duration_token: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.files_max <= 2:
            raise ValueError("files_max must be from 0 to 2")
        if self.takes_tail_frame != (self.files_max == 2):
            raise ValueError("a model with a tail frame takes 2 files, one without takes at most 1")
        if self.files_max and not self.uploads:
            raise ValueError("a model that takes files needs upload rules")

    @property
    def kinds(self) -> tuple[MediaKind, ...]:
        return tuple(upload.kind for upload in self.uploads)

    def upload_of(self, kind: MediaKind) -> UploadRule | None:
        return next((upload for upload in self.uploads if upload.kind is kind), None)


@dataclass(frozen=True, slots=True)
class UnitRates:
    """Units a second that a mode costs, as decimal texts such as "0.5". Source: Kling contract, section 14."""

    silent: Fraction
    sound: Fraction
    voice: Fraction


class BillingType(StrEnum):
    FIXED = "FIXED"


@dataclass(frozen=True, slots=True)
class Names:
    """What the model is called in the other dialects; None or nothing where a dialect does not offer it.

    An APIXO name stands for the model in one mode, because that dialect has no field for it.
    """

    kling: str | None = None
    apixo: Mapping[str, Mode] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """One model. `fixed_mode` holds for models without a `mode` parameter; `position` orders the list of models.

    `tagline` and `tips` are for people who read the model's contract page.
    """

    id: str
    position: int
    display_name: str
    category: str
    base_credits: int
    billing_type: BillingType
    prompt_length_max: int
    names: Names
    references: ReferenceRule
    params: tuple[Param, ...]
    units_per_second: Mapping[Mode, UnitRates]
    example_prompt: Text
    fixed_mode: Mode | None = None
    notices: tuple[Text, ...] = ()
    tagline: Text | None = None
    tips: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        if _CARD_ID.fullmatch(self.id) is None:
            raise ValueError("an id has 1 to 64 lower-case letters, digits, dots and hyphens")
        if self.base_credits < 1 or self.prompt_length_max < 1:
            raise ValueError("base_credits and prompt_length_max must be positive")
        keys = [param.key for param in self.params]
        controls = [param.control for param in self.params]
        if len(set(keys)) != len(keys) or len(set(controls)) != len(controls) or REFERENCES_KEY in keys:
            raise ValueError("each parameter needs a key and a control of its own")
        for control in (Control.DURATION_S, Control.ASPECT_RATIO):
            if control not in controls:
                raise ValueError(f"a parameter with the control {control} is missing")
        if (self.fixed_mode is None) != (Control.MODE in controls):
            raise ValueError("a card has either a mode parameter or a fixed_mode")
        missing = {self.default_mode, *self.modes} - set(self.units_per_second)
        if missing:
            raise ValueError(f"units_per_second lacks {', '.join(sorted(missing))}")

    @cached_property
    def _by_key(self) -> Mapping[str, Param]:
        return {param.key: param for param in self.params}

    @cached_property
    def _by_control(self) -> Mapping[Control, Param]:
        return {param.control: param for param in self.params}

    @cached_property
    def param_keys(self) -> tuple[str, ...]:
        """Every key that `params` may hold."""
        keys = tuple(param.key for param in self.params)
        return (*keys, REFERENCES_KEY) if self.references.files_max else keys

    def param(self, key: str) -> Param | None:
        return self._by_key.get(key)

    def control(self, control: Control) -> Param | None:
        return self._by_control.get(control)

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes that the card offers."""
        param = self.control(Control.MODE)
        return tuple(Mode(option) for option in param.options) if param else (self.default_mode,)

    @property
    def default_mode(self) -> Mode:
        param = self.control(Control.MODE)
        return Mode(str(param.default)) if param else self.fixed_mode or Mode.PRO

    @property
    def default_duration_s(self) -> int:
        param = self.control(Control.DURATION_S)
        assert param is not None
        return int(str(param.default))


class Catalog:
    """All cards, in the order in which they are listed."""

    def __init__(self, cards: Iterable[Card]) -> None:
        cards = sorted(cards, key=lambda card: (card.position, card.id))
        self._cards = {card.id: card for card in cards}
        if len(self._cards) != len(cards):
            raise ValueError("two cards have the same id")

    def __iter__(self) -> Iterator[Card]:
        return iter(self._cards.values())

    def get(self, model: str) -> Card | None:
        return self._cards.get(model)

    def __getitem__(self, model: str) -> Card:
        return self._cards[model]
