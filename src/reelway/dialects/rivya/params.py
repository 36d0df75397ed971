"""Values inside `params`: checked against the model's card and brought into their one form. Contract 7.2 and 7.3."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reelway.dialects.base import ParseContext, is_own_url
from reelway.domain.catalog import REFERENCES_KEY, Card, Control, Param, ParamType, ReferenceRule
from reelway.domain.errors import Problem
from reelway.domain.generation import CFG_SCALE_NEUTRAL, Generation, Mode, Reference
from reelway.domain.media import MediaKind
from reelway.domain.public_url import public_url_problem
from reelway.domain.records import StoredFile

ITEM_KEYS: Final = ("url", "kind", "name", "mimeType", "durationSeconds", "durationToken")
_NAME_LENGTH_MAX: Final = 255
_KINDS: Final = tuple(kind.value for kind in MediaKind)


@dataclass(frozen=True, slots=True)
class ParsedParams:
    """`values` holds what the card's parameters came to, defaults included; unknown keys stand apart, to come last."""

    values: Mapping[str, str | float]
    references: tuple[Reference, ...]
    problems: tuple[Problem, ...]
    unknown: tuple[Problem, ...]


def parse_params(params: Mapping[str, Any], card: Card, context: ParseContext) -> ParsedParams:
    """All values and all problems of a `params` object."""
    values: dict[str, str | float] = {}
    problems: list[Problem] = []
    for param in card.params:
        outcome = _parse_value(params.get(param.key), param)
        if isinstance(outcome, Problem):
            problems.append(outcome)
        elif outcome is not None:
            values[param.key] = outcome
    references: tuple[Reference, ...] = ()
    unknown: list[Problem] = []
    items = params.get(REFERENCES_KEY)
    if card.references.files_max:
        references = _parse_references(items, card.references, context, problems, unknown)
    multi_shots = card.control(Control.MULTI_SHOTS)
    has_last_frame = isinstance(items, list) and len(items) > 1 and card.references.takes_tail_frame
    if multi_shots is not None and values.get(multi_shots.key) == "true" and has_last_frame:
        field = f"params.{REFERENCES_KEY}[1]"
        problems.append(Problem(field, f"A last frame cannot be combined with {multi_shots.key}."))
    unknown += [
        Problem(f"params.{key}", "Unknown parameter.", card.param_keys)
        for key in sorted(params)
        if key not in card.param_keys
    ]
    return ParsedParams(values, references, tuple(problems), tuple(unknown))


def generation_from(card: Card, prompt: str, parsed: ParsedParams) -> Generation:
    """The core's request from checked values."""

    def value(control: Control) -> str | float | None:
        param = card.control(control)
        return None if param is None else parsed.values.get(param.key)

    cfg_scale = value(Control.CFG_SCALE)
    references = parsed.references
    return Generation(
        model=card.id,
        prompt=prompt,
        duration_s=int(str(value(Control.DURATION_S))),
        aspect_ratio=str(value(Control.ASPECT_RATIO)),
        mode=Mode(str(value(Control.MODE) or card.default_mode)),
        negative_prompt=str(value(Control.NEGATIVE_PROMPT) or ""),
        cfg_scale=CFG_SCALE_NEUTRAL if cfg_scale is None else float(cfg_scale),
        sound=value(Control.SOUND) == "true",
        multi_shots=value(Control.MULTI_SHOTS) == "true",
        start_frame=references[0] if references else None,
        last_frame=references[1] if len(references) > 1 else None,
    )


def _parse_value(value: Any, param: Param) -> str | float | Problem | None:
    """One value; the default where it is absent (or null), None where there is no default."""
    if value is None:
        return param.default
    field = f"params.{param.key}"
    match param.type:
        case ParamType.SELECT:
            option = _option_text(value)
            return (
                option
                if option in param.options
                else Problem(field, "Must be one of the allowed values.", param.options)
            )
        case ParamType.NUMBER:
            assert param.min is not None
            assert param.max is not None
            if isinstance(value, bool) or not isinstance(value, int | float):
                return Problem(field, "Must be a number.")
            if not param.min <= value <= param.max:
                return Problem(field, f"Must be between {_number_text(param.min)} and {_number_text(param.max)}.")
            return value
        case ParamType.TEXT:
            assert param.length_max is not None
            if not isinstance(value, str):
                return Problem(field, "Must be a string.")
            if len(value) > param.length_max:
                return Problem(field, f"At most {param.length_max} characters.")
            return value or None


def _option_text(value: Any) -> str | None:
    """The JSON text of a string, number or boolean, as an option spells it; `5.0` counts as `5`."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number_text(value)
        case _:
            return None


def _number_text(number: float) -> str:
    """A whole number without a fraction. JSON's integers have no bound, so they are never turned into floats."""
    return str(int(number)) if isinstance(number, int) or number.is_integer() else str(number)


def _parse_references(
    items: Any, rule: ReferenceRule, context: ParseContext, problems: list[Problem], unknown: list[Problem]
) -> tuple[Reference, ...]:
    field = f"params.{REFERENCES_KEY}"
    if items is None:
        return ()
    if not isinstance(items, list):
        problems.append(Problem(field, "Must be an array."))
        return ()
    if len(items) > rule.files_max:
        noun = "item" if rule.files_max == 1 else "items"
        problems.append(Problem(field, f"At most {rule.files_max} {noun}."))
    references = []
    for number, item in enumerate(items[: rule.files_max]):
        reference = _ItemParser(f"{field}[{number}]", rule, context, problems, unknown).parse(item)
        if reference is not None:
            references.append(reference)
    return tuple(references)


@dataclass(slots=True)
class _ItemParser:
    """One object of `referenceMediaItems`; adds to the shared lists of problems."""

    field: str
    rule: ReferenceRule
    context: ParseContext
    problems: list[Problem]
    unknown: list[Problem]

    def parse(self, item: Any) -> Reference | None:
        if not isinstance(item, dict):
            self._add("", "Must be an object.")
            return None
        count = len(self.problems)
        url, file = self._url(item.get("url"))
        kind = self._kind(item.get("kind"), file)
        self._name(item.get("name"))
        self._mime_type(item.get("mimeType"), kind)
        self._duration_seconds(item.get("durationSeconds"))
        self._duration_token(item.get("durationToken"), kind, file)
        self.unknown += [
            Problem(f"{self.field}.{key}", "Unknown field.", ITEM_KEYS) for key in sorted(item) if key not in ITEM_KEYS
        ]
        if len(self.problems) > count or url is None or kind is None:
            return None
        return Reference(kind, file_id=file.id) if file is not None else Reference(kind, url=url)

    def _add(self, key: str, message: str, allowed: tuple[str, ...] | None = None) -> None:
        self.problems.append(Problem(f"{self.field}.{key}" if key else self.field, message, allowed))

    def _url(self, url: Any) -> tuple[str | None, StoredFile | None]:
        if url is None:
            self._add("url", "Required.")
        elif not isinstance(url, str):
            self._add("url", "Must be a string.")
        elif is_own_url(url, self.context.file_base_url):
            file = self.context.own_files.get(url)
            if file is not None:
                return url, file
            self._add("url", "Unknown or expired file.")
        elif public_url_problem(url) is not None:
            self._add("url", "Must be a public https URL of at most 2048 characters.")
        else:
            return url, None
        return None, None

    def _kind(self, kind: Any, file: StoredFile | None) -> MediaKind | None:
        if kind is None:
            self._add("kind", "Required.", _KINDS)
        elif not isinstance(kind, str) or kind not in _KINDS:
            self._add("kind", "Must be one of the allowed values.", _KINDS)
        elif MediaKind(kind) not in self.rule.kinds:
            self._add("kind", "This model does not accept this kind.", tuple(self.rule.kinds))
        elif file is not None and file.kind != kind:
            self._add("kind", "The file is of another kind.", (file.kind.value,))
        else:
            return MediaKind(kind)
        return None

    def _name(self, name: Any) -> None:
        if name is not None and not (isinstance(name, str) and 1 <= len(name) <= _NAME_LENGTH_MAX):
            self._add("name", "Must be a string of 1 to 255 characters.")

    def _mime_type(self, mime_type: Any, kind: MediaKind | None) -> None:
        uploads = [upload for upload in self.rule.uploads if kind in (None, upload.kind)]
        accepted = tuple(accepted for upload in uploads for accepted in upload.mime_types)
        if mime_type is not None and mime_type not in accepted:
            self._add("mimeType", "Must be one of the allowed values.", accepted)

    def _duration_seconds(self, seconds: Any) -> None:
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if seconds is not None and not (is_number and seconds >= 0):
            self._add("durationSeconds", "Must be a number of at least 0.")

    def _duration_token(self, token: Any, kind: MediaKind | None, file: StoredFile | None) -> None:
        if kind in (None, MediaKind.IMAGE) or not self.rule.requires_duration_token:
            return
        if token is None:
            self._add("durationToken", "Required for this model.")
        elif not isinstance(token, str) or file is None or not self.context.holds_duration(token, file):
            self._add("durationToken", "Invalid or expired duration token.")
