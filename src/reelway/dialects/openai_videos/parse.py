"""Requests of the OpenAI Videos dialect become intents; the first problem in the contract's order is told.

Source: the contract's sections 7 to 12.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from reelway.dialects.base import ParseContext, WireRequest
from reelway.dialects.openai_videos.fields import Given, boolean, fault, given_in, number, require_known, text
from reelway.dialects.openai_videos.images import InputImage, image_in
from reelway.dialects.openai_videos.models import Named, duration_s, named_model, requested_size
from reelway.dialects.openai_videos.shown import NAME, kept_wire, model_of, size_wanted
from reelway.domain.catalog import Card, Catalog, Control
from reelway.domain.errors import NotFoundError, UnknownModelError
from reelway.domain.generation import CFG_SCALE_NEUTRAL, Generation, Mode, Reference, generation_of
from reelway.domain.ids import TaskId, is_task_id
from reelway.domain.intents import (
    Attachment,
    DeleteTask,
    ListTasks,
    PriceRule,
    ReadContent,
    ReadTask,
    Remix,
    Submission,
    Submit,
    Variant,
)
from reelway.domain.media import MediaKind
from reelway.domain.records import KeptAnswer
from reelway.domain.task import Task
from reelway.wire.openai_videos import SIZES

FIELDS: Final = (
    "prompt",
    "model",
    "seconds",
    "size",
    "input_reference",
    "last_frame",
    "negative_prompt",
    "cfg_scale",
    "sound",
    "multi_shots",
    "user",
)
"""Every field of a create, in the order of contract 7.1."""
_REMIX_FIELDS: Final = ("prompt",)
_CONTROLS: Final = {
    "negative_prompt": Control.NEGATIVE_PROMPT,
    "cfg_scale": Control.CFG_SCALE,
    "sound": Control.SOUND,
    "multi_shots": Control.MULTI_SHOTS,
}
USER_LENGTH_MAX: Final = 256
LIST_LIMIT_MAX: Final = 100
LIST_LIMIT_DEFAULT: Final = 20
_ORDERS: Final = ("asc", "desc")
_VENDOR_NAMES: Final = frozenset({"edits", "extensions", "characters"})
IGNORED_HEADER: Final = "X-Reelway-Ignored"


# --- create -----------------------------------------------------------------------------------------------------------


def parse_create(request: WireRequest, context: ParseContext) -> Submit:
    """Raises: ReelwayError: the first of O4 to O15 of contract 7.4 that holds."""
    given = given_in(request)
    model = named_model(given, context)
    card = model.card
    prompt = _prompt(given)
    _require_prompt_fits(prompt, card)
    seconds = duration_s(given, model)
    size = requested_size(given, model)
    start = image_in(given, "input_reference", context)
    last = image_in(given, "last_frame", context)
    _require_last_frame_fits(given, model, start, last)
    _require_offered(given, card)
    extensions = _extensions(given, card)
    text(given, "user", USER_LENGTH_MAX)
    require_known(given, FIELDS)
    ignored = _ignored(given, extensions, model)
    submission = Submission(
        dialect=NAME,
        generation=_generation(model, prompt, seconds, size, extensions, start, last),
        wire_model=model.name,
        price_rule=PriceRule.UNITS,
        wire=kept_wire(size),
        attachments=tuple(image.attachment for image in (start, last) if image is not None and image.attachment),
        ignored=ignored,
    )
    return Submit(submission, _answer_of(context.answer_of, ignored))


def _prompt(given: Given) -> str:
    """Raises: ValidationFailedError: O5 to O7."""
    prompt = given.values.get("prompt")
    if prompt is None:
        raise fault("missing_required_parameter", "prompt", "Missing required parameter: prompt.")
    if not isinstance(prompt, str):
        raise fault("invalid_type", "prompt", "prompt must be a string.")
    if not prompt.strip():
        raise fault("invalid_value", "prompt", "prompt must not be empty.")
    return prompt


def _require_prompt_fits(prompt: str, card: Card) -> None:
    """Raises: ValidationFailedError: O8."""
    if len(prompt) > card.prompt_length_max:
        message = f"prompt may have at most {card.prompt_length_max} characters."
        raise fault("string_above_max_length", "prompt", message)


def _require_last_frame_fits(given: Given, model: Named, start: InputImage | None, last: InputImage | None) -> None:
    """Raises: ValidationFailedError: O12."""
    if last is None:
        return
    if start is None:
        raise fault("invalid_value", "last_frame", "last_frame needs input_reference.")
    if model.fixed.get("multi_shots", given.values.get("multi_shots")) in (True, "true"):
        raise fault("invalid_value", "last_frame", "last_frame cannot be combined with multi_shots.")


def _require_offered(given: Given, card: Card) -> None:
    """Raises: ValidationFailedError: O13."""
    images_max = card.references.files_max
    if images_max and not card.references.takes_tail_frame:
        images_max = 1
    offered = {"input_reference": images_max >= 1, "last_frame": images_max >= 2}
    offered |= {field: card.control(control) is not None for field, control in _CONTROLS.items()}
    for field, is_offered in offered.items():
        if field in given.values and not is_offered:
            raise fault("unsupported_parameter", field, f"{field} is not supported by {card.id}.")


def _extensions(given: Given, card: Card) -> Mapping[str, Any]:
    """What the caller set beyond the vendor's fields. Raises: ValidationFailedError: O14."""
    found: dict[str, Any] = {}
    negative_prompt = card.control(Control.NEGATIVE_PROMPT)
    if negative_prompt is not None:
        found["negative_prompt"] = text(given, "negative_prompt", negative_prompt.length_max or 0)
    cfg_scale = card.control(Control.CFG_SCALE)
    if cfg_scale is not None:
        found["cfg_scale"] = number(given, "cfg_scale", cfg_scale.min or 0, cfg_scale.max or 0)
    found["sound"] = boolean(given, "sound")
    found["multi_shots"] = boolean(given, "multi_shots")
    return {name: value for name, value in found.items() if value is not None}


def _ignored(given: Given, extensions: Mapping[str, Any], model: Named) -> tuple[str, ...]:
    """Fields that were accepted and have no effect: `user`, and those that the model's alias sets otherwise."""
    overruled = {name for name, value in extensions.items() if model.fixed.get(name, value) != value}
    return tuple(name for name in FIELDS if name in overruled or (name == "user" and name in given.values))


def _generation(
    model: Named,
    prompt: str,
    seconds: int,
    size: str,
    extensions: Mapping[str, Any],
    start: InputImage | None,
    last: InputImage | None,
) -> Generation:
    aspect_ratio, mode = SIZES[size]
    values: dict[str, Any] = {"cfg_scale": CFG_SCALE_NEUTRAL, **extensions, **model.fixed}
    values["mode"] = Mode(model.fixed.get("mode", mode))
    return Generation(
        model=model.card.id,
        prompt=prompt,
        duration_s=seconds,
        aspect_ratio=aspect_ratio,
        start_frame=start.reference if start is not None else None,
        last_frame=last.reference if last is not None else None,
        **values,
    )


def _answer_of(answer_of: Callable[[Task], KeptAnswer], ignored: tuple[str, ...]) -> Callable[[Task], KeptAnswer]:
    """A repeat is told again what was ignored."""
    if not ignored:
        return answer_of

    def answer(task: Task) -> KeptAnswer:
        kept = answer_of(task)
        return KeptAnswer(kept.status, (*kept.headers, (IGNORED_HEADER, ", ".join(ignored))), kept.body)

    return answer


# --- remix ------------------------------------------------------------------------------------------------------------


def parse_remix(request: WireRequest, context: ParseContext) -> Remix:
    """Raises: ValidationFailedError: what of O5 to O7 and O15 holds; O8 needs the source and comes later."""
    given = given_in(request)
    prompt = _prompt(given)
    require_known(given, _REMIX_FIELDS)

    def submission_of(source: Task, frame: Attachment | None) -> Submission:
        card = context.catalog.get(source.model)
        if card is None or card.id not in context.available_models:
            raise UnknownModelError(model_of(source))
        _require_prompt_fits(prompt, card)
        return _remixed(source, prompt, frame)

    return Remix(_task_id(request), submission_of, context.answer_of)


def _remixed(source: Task, prompt: str, frame: Attachment | None) -> Submission:
    """The source's model, seconds, size, sound, negative prompt and cfg scale; its images are not used again."""
    made = generation_of(source.generation)
    generation = Generation(
        model=made.model,
        prompt=prompt,
        duration_s=made.duration_s,
        aspect_ratio=made.aspect_ratio,
        mode=made.mode,
        negative_prompt=made.negative_prompt,
        cfg_scale=made.cfg_scale,
        sound=made.sound,
        start_frame=Reference(MediaKind.IMAGE, file_id=frame.file_id) if frame is not None else None,
    )
    return Submission(
        dialect=NAME,
        generation=generation,
        wire_model=model_of(source),
        price_rule=PriceRule.UNITS,
        wire=kept_wire(size_wanted(source, made)),
        remixed_from=source.id,
        attachments=(frame,) if frame is not None else (),
    )


# --- tasks ------------------------------------------------------------------------------------------------------------


def check_path(path: Mapping[str, str], _catalog: Catalog, _available: frozenset[str]) -> None:
    """Raises: NotFoundError: the path cannot name a video, so its body is not looked at."""
    video_id = path["video_id"]
    if video_id in _VENDOR_NAMES:
        raise NotFoundError("path")
    if not is_task_id(video_id):
        raise NotFoundError("task")


def _task_id(request: WireRequest) -> TaskId:
    """What `check_path` has passed."""
    return TaskId(request.path["video_id"])


def parse_read(request: WireRequest, _context: ParseContext) -> ReadTask:
    return ReadTask(_task_id(request))


def parse_delete(request: WireRequest, _context: ParseContext) -> DeleteTask:
    return DeleteTask(_task_id(request))


def parse_content(request: WireRequest, _context: ParseContext) -> ReadContent:
    variant = request.query.get("variant", Variant.VIDEO.value)
    words = tuple(known.value for known in Variant)
    if variant not in words:
        raise fault("invalid_value", "variant", f"variant must be one of {', '.join(words)}.")
    return ReadContent(_task_id(request), Variant(variant))


def parse_list(request: WireRequest, _context: ParseContext) -> ListTasks:
    query = request.query
    limit = _whole(query["limit"]) if "limit" in query else LIST_LIMIT_DEFAULT
    if limit is None or not 1 <= limit <= LIST_LIMIT_MAX:
        raise fault("invalid_value", "limit", f"limit must be a whole number from 1 to {LIST_LIMIT_MAX}.")
    order = query.get("order", "desc")
    if order not in _ORDERS:
        raise fault("invalid_value", "order", f"order must be one of {', '.join(_ORDERS)}.")
    after = query.get("after")
    if after is not None and not is_task_id(after):
        raise fault("invalid_value", "after", "after must be the id of a video.")
    return ListTasks(
        limit=limit,
        after=None if after is None else TaskId(after),
        is_ascending=order == "asc",
        after_must_exist=True,
    )


def _whole(digits: str) -> int | None:
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None
