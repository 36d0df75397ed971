"""A create body becomes a submission, or all its problems. Source: contract, sections 6 to 9; seed 004."""

import functools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from reelway.dialects.base import ParseContext, WireRequest
from reelway.dialects.kling.cross import Facts, cross_problems
from reelway.dialects.kling.fields import PROBLEMS_MAX, Fields, shown, whole_number
from reelway.dialects.kling.images import IMAGE_RULE, Images, parse_images, parse_names
from reelway.dialects.kling.render import NAME, units_wire, with_ignored
from reelway.dialects.kling.shots import parse_camera, parse_shots
from reelway.domain.catalog import Card
from reelway.domain.errors import Problem, UnknownModelError, ValidationFailedError
from reelway.domain.generation import CFG_SCALE_NEUTRAL, Camera, Generation, Mode, Product, Shot
from reelway.domain.ids import is_task_id
from reelway.domain.intents import Callback, PriceRule, Submission, Submit
from reelway.domain.public_url import is_callback_url
from reelway.domain.routing import Need, UnsupportedError
from reelway.wire import kling

CALLBACK_POLICY: Final = "newest_only"
RESULT_TTL_S: Final = 30 * 86_400
"""Result URLs work 30 days after success. Source: contract 11.6."""

_ALL_FIELDS: Final = (*kling.TEXT_FIELDS, *kling.IMAGE_FIELDS)
_RANKS: Final = {name: rank for rank, name in enumerate(_ALL_FIELDS)}
_ROOT: Final = re.compile(r"[^.\[]*")


@dataclass(slots=True)
class _Texts:
    """What the fields of section 7 came to; None where absent or faulty."""

    is_multi_shot: bool | None
    shot_type: str | None
    prompt: str | None
    shots: tuple[Shot, ...]
    negative_prompt: str | None
    has_sound: bool | None
    voices: tuple[str, ...]
    cfg_scale: float | None
    mode: str | None
    camera: Camera | None
    aspect_ratio: str | None
    duration_s: int | None
    watermark: bool
    callback_url: str | None
    external_task_id: str | None


def parse_create(product: Product, request: WireRequest, context: ParseContext) -> Submit:
    """Raises: UnknownModelError, ValidationFailedError, UnsupportedError."""
    assert request.body is not None
    body, problems = request.body, list[Problem]()
    is_image = product is Product.IMAGE_TO_VIDEO
    fields = Fields(body, problems)
    model_name = _model_name(fields)
    card = None if model_name is None else _card(model_name, context)
    texts = _texts(fields, context)
    images = parse_images(fields, context) if is_image else Images()
    problems.sort(key=_rank)
    problems += cross_problems(_facts(fields, texts, is_image=is_image))
    _refuse_others(fields, is_image=is_image)
    if problems or card is None or model_name is None:
        raise ValidationFailedError(_bounded(problems))
    ignored = _ignored(fields, texts, model_name, is_image=is_image)
    generation = _generation(card, texts, images, honours_cfg_scale=kling.honours_cfg_scale(model_name))
    if generation.mode not in card.units_per_second:  # the operator's own card may lack a mode, so it has no price
        raise UnsupportedError(card.id, {Need.MODE: None}, generation=generation)
    submission = Submission(
        dialect=NAME,
        generation=generation,
        wire_model=model_name,
        price_rule=PriceRule.UNITS,
        external_task_id=texts.external_task_id,
        callback=None if texts.callback_url is None else Callback(texts.callback_url, CALLBACK_POLICY),
        result_ttl_s=RESULT_TTL_S,
        wire=units_wire(card, generation),
        attachments=tuple(images.attachments),
        ignored=ignored,
        checks_credits_first=True,
    )
    return Submit(submission, lambda task: with_ignored(context.answer_of(task), ignored))


parse_text2video: Final = functools.partial(parse_create, Product.TEXT_TO_VIDEO)
parse_image2video: Final = functools.partial(parse_create, Product.IMAGE_TO_VIDEO)


# --- the model --------------------------------------------------------------------------------------------------------


def _model_name(fields: Fields) -> str | None:
    """`model` counts only where there is no `model_name`."""
    if fields.is_given("model_name"):
        return fields.text("model_name")
    if fields.is_given("model"):
        return fields.text("model")
    fields.add("model_name", "required")
    return None


def _card(model_name: str, context: ParseContext) -> Card:
    """Raises: UnknownModelError: no entry has this name, or nobody is configured for it."""
    for card in context.catalog:
        if card.names.kling == model_name and card.id in context.available_models:
            return card
    raise UnknownModelError(shown(model_name))


# --- section 7 --------------------------------------------------------------------------------------------------------


def _texts(fields: Fields, context: ParseContext) -> _Texts:
    duration_s = _duration_s(fields)
    is_multi_shot = fields.flag("multi_shot", takes_text=True)
    shot_type = _shot_type(fields) if is_multi_shot else None
    is_customized = shot_type == "customize"
    is_prompt_needed = (not is_multi_shot and not fields.is_faulty("multi_shot")) or shot_type == "intelligence"
    sound = fields.choice("sound", kling.SOUNDS)
    return _Texts(
        is_multi_shot=None if fields.is_faulty("multi_shot") else bool(is_multi_shot),
        shot_type=shot_type,
        prompt=_prompt(fields, is_needed=is_prompt_needed),
        shots=parse_shots(fields, duration_s) if is_customized else (),
        negative_prompt=fields.text("negative_prompt", kling.PROMPT_LENGTH_MAX),
        has_sound=None if fields.is_faulty("sound") else sound == "on",
        voices=parse_names(fields, "voice_list", "voice_id", kling.VOICES_MAX, "voices"),
        cfg_scale=fields.number("cfg_scale", 0, 1),
        mode=fields.choice("mode", kling.MODES),
        camera=parse_camera(fields),
        aspect_ratio=fields.choice("aspect_ratio", kling.ASPECT_RATIOS),
        duration_s=duration_s,
        watermark=_watermark(fields),
        callback_url=_callback_url(fields, context),
        external_task_id=_external_task_id(fields),
    )


def _duration_s(fields: Fields) -> int | None:
    """None only where it is faulty."""
    if not fields.is_given("duration"):
        return kling.DEFAULT_DURATION_S
    duration_s = whole_number(fields.raw("duration"))
    if duration_s is None or not kling.DURATION_S_MIN <= duration_s <= kling.DURATION_S_MAX:
        fields.add("duration", f"must be one of {kling.DURATION_S_MIN} to {kling.DURATION_S_MAX}")
        return None
    return duration_s


def _shot_type(fields: Fields) -> str | None:
    shot_type = fields.choice("shot_type", kling.SHOT_TYPES)
    if shot_type is None and not fields.is_faulty("shot_type"):
        fields.add("shot_type", "required when multi_shot is true")
    return shot_type


def _prompt(fields: Fields, *, is_needed: bool) -> str | None:
    prompt = fields.text("prompt", kling.PROMPT_LENGTH_MAX)
    if is_needed and not fields.is_faulty("prompt") and not (prompt or "").strip():
        fields.add("prompt", "must not be empty")
        return None
    return prompt


def _watermark(fields: Fields) -> bool:
    info = fields.object("watermark_info")
    if info is None:
        return False
    is_enabled = info.flag("enabled")
    info.refuse_others(("enabled",))
    return bool(is_enabled)


def _callback_url(fields: Fields, context: ParseContext) -> str | None:
    url = fields.text("callback_url")
    if url is not None and not is_callback_url(url, context.allows_private_callbacks):
        fields.add("callback_url", "must be a public https URL")
        return None
    return url


def _external_task_id(fields: Fields) -> str | None:
    text = fields.text("external_task_id")
    if text is not None and not is_external_id(text):
        fields.add("external_task_id", "invalid")
        return None
    return text


def is_external_id(text: str) -> bool:
    """Whether a caller's own task id has the right form. Source: contract 9.4."""
    is_plain = "/" not in text and not any(unicodedata.category(character) == "Cc" for character in text)
    return 1 <= len(text) <= kling.EXTERNAL_ID_LENGTH_MAX and is_plain and not is_task_id(text)


# --- all together -----------------------------------------------------------------------------------------------------


def _rank(problem: Problem) -> int:
    """Where the tables of sections 7 and 8 have the field."""
    root = _ROOT.match(problem.field)
    return _RANKS.get(root[0] if root else "", len(_RANKS))


def _facts(fields: Fields, texts: _Texts, *, is_image: bool) -> Facts:
    names = ("camera_control", *kling.IMAGE_FIELDS) if is_image else ("camera_control",)
    prompts = [("prompt", texts.prompt or "")]
    if texts.shot_type == "customize":
        prompts = _shot_prompts(fields)
    return Facts(
        is_image=is_image,
        texts=prompts,
        is_multi_shot=texts.is_multi_shot,
        has_sound=texts.has_sound,
        voices=_count(fields, "voice_list"),
        elements=_count(fields, "element_list") if is_image else 0,
        given=frozenset(name for name in names if fields.is_given(name)),
    )


def _shot_prompts(fields: Fields) -> list[tuple[str, str]]:
    """The prompts of the shots as they came, so that each is told at its own place."""
    found = fields.raw("multi_prompt")
    shots: list[Any] = found[: kling.SHOTS_MAX] if isinstance(found, list) else []
    prompts = [(number, shot.get("prompt")) for number, shot in enumerate(shots) if isinstance(shot, dict)]
    return [
        (f"multi_prompt[{number}].prompt", prompt)
        for number, prompt in prompts
        if isinstance(prompt, str) and len(prompt) <= kling.SHOT_PROMPT_LENGTH_MAX
    ]


def _count(fields: Fields, key: str) -> int | None:
    """How many entries a list has; None where it is no list."""
    found = fields.raw(key)
    if found is None:
        return 0
    return len(found) if isinstance(found, list) else None


def _refuse_others(fields: Fields, *, is_image: bool) -> None:
    if is_image:
        fields.refuse_others(_ALL_FIELDS)
        return
    for key in kling.IMAGE_FIELDS:
        if fields.raw(key) is not None:
            fields.add(key, "not a field of text2video" if key in kling.FRAME_FIELDS else "unknown field")
    fields.refuse_others(_ALL_FIELDS)


def _bounded(problems: list[Problem]) -> tuple[Problem, ...]:
    """A megabyte of unknown keys must not become an answer ten times as large."""
    if len(problems) <= PROBLEMS_MAX:
        return tuple(problems)
    rest = len(problems) - PROBLEMS_MAX
    return (*problems[:PROBLEMS_MAX], Problem("", f"{rest} more problems are not listed"))


def _ignored(fields: Fields, texts: _Texts, model_name: str, *, is_image: bool) -> tuple[str, ...]:
    """Fields that were accepted and have no effect, in the order of the tables. Source: contract 9.1."""
    has_no_effect: Mapping[str, bool] = {
        "model": fields.is_given("model_name"),
        "shot_type": not texts.is_multi_shot,
        "prompt": texts.shot_type == "customize",
        "multi_prompt": texts.shot_type != "customize",
        "cfg_scale": not kling.honours_cfg_scale(model_name),
        "aspect_ratio": is_image,
    }
    return tuple(name for name, is_idle in has_no_effect.items() if is_idle and fields.is_given(name))


def _generation(card: Card, texts: _Texts, images: Images, *, honours_cfg_scale: bool) -> Generation:
    assert texts.duration_s is not None
    is_customized = texts.shot_type == "customize"
    generation = Generation(
        model=card.id,
        prompt="" if is_customized else texts.prompt or "",
        duration_s=texts.duration_s,
        aspect_ratio=texts.aspect_ratio or kling.DEFAULT_ASPECT_RATIO,
        mode=Mode(texts.mode) if texts.mode else kling.DEFAULT_MODE,
        negative_prompt=texts.negative_prompt or "",
        sound=bool(texts.has_sound),
        multi_shots=bool(texts.is_multi_shot),
        shots=texts.shots,
        camera=texts.camera,
        voices=texts.voices,
        watermark=texts.watermark,
    )
    if honours_cfg_scale and texts.cfg_scale is not None:
        is_needed = texts.cfg_scale != CFG_SCALE_NEUTRAL
        generation = replace(generation, cfg_scale=texts.cfg_scale, needs_cfg_scale=is_needed)
    if images.start_frame is None and images.last_frame is None:
        return generation
    return replace(
        generation,
        aspect_ratio=kling.DEFAULT_ASPECT_RATIO,  # the frame follows the image
        elements=images.elements,
        start_frame=images.start_frame,
        last_frame=images.last_frame,
        static_mask=images.static_mask,
        motion_brushes=images.brushes,
        image_rule=IMAGE_RULE,
    )
