"""Drafts: what stands in the form of the playground or the storyboard, as texts, and the request bodies that it means.

Nothing is judged here: a body goes through the dialect's own rules, whatever the form held.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from reelway.console import cameras
from reelway.console.cameras import camera_control, choice_of, number_of, shot_camera, shot_prompt
from reelway.console.forms import Fields
from reelway.domain.catalog import REFERENCES_KEY, Card, Control, Param, ParamType
from reelway.domain.generation import Generation, Reference
from reelway.domain.media import MediaKind
from reelway.wire.kling import SHOTS_MAX
from reelway.wire.rivya import params_of

PARAM_PREFIX: Final = "param-"
SHOT_SECONDS_DEFAULT: Final = "3"
_SECONDS_DIGITS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class DraftShot:
    prompt: str = ""
    seconds: str = SHOT_SECONDS_DEFAULT
    camera: str = ""

    @property
    def length_s(self) -> int:
        """The seconds as a number; what is no whole number of a few digits counts nothing."""
        is_short = self.seconds.isascii() and self.seconds.isdecimal() and len(self.seconds) <= _SECONDS_DIGITS_MAX
        return int(self.seconds) if is_short else 0


@dataclass(frozen=True, slots=True)
class Draft:
    """`values` by the keys of the card's parameters. A frame is the id of an uploaded file or a public address.

    `shots`: not empty in the storyboard only, where the lengths of the shots make the length of the video.
    """

    card: Card
    prompt: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    start_frame: str = ""
    last_frame: str = ""
    camera: str = ""
    strength: str = cameras.STRENGTH_DEFAULT
    shots: tuple[DraftShot, ...] = ()

    def value(self, param: Param) -> str:
        return self.values.get(param.key, "")

    @property
    def needs_kling(self) -> bool:
        """Whether the request has something that the main dialect has no field for."""
        return bool(self.shots or self.camera or (self.last_frame and not self.start_frame))

    @property
    def total_s(self) -> int:
        """The seconds of all shots."""
        return sum(shot.length_s for shot in self.shots)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was written yet."""
        return not (self.prompt or any(shot.prompt for shot in self.shots))

    def with_example(self) -> "Draft":
        """With the model's example in the place of what is not written yet, so that a price can be told."""
        if self.shots:
            shots = tuple(replace(shot, prompt=shot.prompt or self.card.example_prompt.en) for shot in self.shots)
            return replace(self, shots=shots)
        return replace(self, prompt=self.prompt or self.card.example_prompt.en)


def default_text(param: Param) -> str:
    if param.default is None:
        return ""
    return param.default if isinstance(param.default, str) else f"{param.default:g}"


def fresh_draft(card: Card) -> Draft:
    return Draft(card, values={param.key: default_text(param) for param in card.params})


def draft_in(fields: Fields, card: Card) -> Draft:
    """The draft that a form holds; what it leaves out has its default."""
    values = {}
    for param in card.params:
        is_given = f"{PARAM_PREFIX}{param.key}" in fields.values
        text = fields.text(f"{PARAM_PREFIX}{param.key}")
        values[param.key] = text if is_given else default_text(param)
    return Draft(
        card=card,
        prompt=fields.text("prompt"),
        values=values,
        start_frame=fields.text("start_frame"),
        last_frame=fields.text("last_frame"),
        camera=fields.text("camera"),
        strength=fields.text("camera_strength") or cameras.STRENGTH_DEFAULT,
    )


def board_in(fields: Fields, card: Card) -> Draft:
    """The storyboard that a form holds: its shots in the order in which they stand there."""
    columns = [fields.values.get(name, ()) for name in ("shot_prompt", "shot_seconds", "shot_camera")]
    rows = zip(*columns, strict=False)
    shots = tuple(DraftShot(prompt.strip(), seconds.strip(), camera) for prompt, seconds, camera in rows)
    return replace(draft_in(fields, card), prompt="", shots=shots[:SHOTS_MAX] or (DraftShot(),))


def changed_model(draft: Draft, card: Card) -> Draft:
    """The draft for another model: what it does not offer falls to its default."""
    values = {}
    for param in card.params:
        kept = draft.values.get(param.key, "")
        is_fit = kept in param.options if param.type is ParamType.SELECT else bool(kept)
        values[param.key] = kept if is_fit else default_text(param)
    frames = card.references.files_max
    return replace(
        draft,
        card=card,
        values=values,
        start_frame=draft.start_frame if frames else "",
        last_frame=draft.last_frame if frames > 1 else "",
    )


def draft_of(generation: Generation, card: Card) -> Draft:
    """The draft that asks for the same once more; what no form has a field for (voices, masks) is not in it."""
    values = {param.key: default_text(param) for param in card.params}
    values |= {
        key: value if isinstance(value, str) else f"{value:g}" for key, value in params_of(card, generation).items()
    }
    camera, strength = choice_of(generation.camera)
    shots = []
    for shot in generation.shots:
        prompt, move = shot_camera(shot.prompt)
        shots.append(DraftShot(prompt, str(shot.duration_s), move))
    return Draft(
        card=card,
        prompt=generation.prompt,
        values=values,
        start_frame=_frame_text(generation.start_frame),
        last_frame=_frame_text(generation.last_frame),
        camera=camera,
        strength=strength,
        shots=tuple(shots),
    )


def without_shots(draft: Draft, card: Card) -> Draft:
    """The draft for a form that has no shots: it goes on from the last one."""
    if not draft.shots:
        return draft
    param = card.control(Control.MULTI_SHOTS)
    values = draft.values if param is None else {**draft.values, param.key: default_text(param)}
    return replace(draft, prompt=draft.shots[-1].prompt, values=values, shots=())


def _frame_text(reference: Reference | None) -> str:
    if reference is None:
        return ""
    return reference.file_id or reference.url or ""


# --- bodies -----------------------------------------------------------------------------------------------------------


def rivya_body(draft: Draft, urls: Mapping[str, str]) -> dict[str, Any]:
    """The create body of the main dialect. `urls` has the addresses of the frames that are our files."""
    params: dict[str, Any] = {}
    for param in draft.card.params:
        text = draft.value(param)
        if text:
            params[param.key] = number_of(text) if param.type is ParamType.NUMBER else text
    frames = (draft.start_frame, draft.last_frame) if draft.last_frame else (draft.start_frame,)
    items = [_item(urls.get(frame, frame)) for frame in frames]
    if any(frames):
        params[REFERENCES_KEY] = items
    return {"model": draft.card.id, "prompt": draft.prompt, "params": params}


def _item(url: str) -> dict[str, str]:
    """A frame that is missing before another has no address, which the dialect tells."""
    return {"url": url, "kind": MediaKind.IMAGE.value} if url else {"kind": MediaKind.IMAGE.value}


def kling_body(draft: Draft, urls: Mapping[str, str]) -> dict[str, Any]:
    """The create body of the Kling dialect, which has fields for cameras and shots."""
    card = draft.card
    body: dict[str, Any] = {"model_name": card.names.kling, "mode": card.default_mode.value}
    for param in card.params:
        text = draft.value(param)
        if text:
            body |= _kling_value(param, text)
    if draft.shots:
        body |= {"multi_shot": True, "shot_type": "customize", "duration": str(draft.total_s)}
        body["multi_prompt"] = [
            {"index": number, "prompt": shot_prompt(shot.prompt, shot.camera), "duration": shot.seconds}
            for number, shot in enumerate(draft.shots, 1)
        ]
    else:
        body["prompt"] = draft.prompt
    frames = {"image": draft.start_frame, "image_tail": draft.last_frame}
    body |= {name: urls.get(frame, frame) for name, frame in frames.items() if frame}
    camera = camera_control(draft.camera, draft.strength)
    return body if camera is None else body | {"camera_control": camera}


def _kling_value(param: Param, text: str) -> dict[str, Any]:
    match param.control:
        case Control.DURATION_S:
            return {"duration": text}
        case Control.SOUND:
            return {"sound": "on" if text == "true" else "off"}
        case Control.MULTI_SHOTS:
            return {"multi_shot": True, "shot_type": "intelligence"} if text == "true" else {}
        case Control.CFG_SCALE:
            return {"cfg_scale": number_of(text)}
        case Control.ASPECT_RATIO | Control.MODE | Control.NEGATIVE_PROMPT:
            return {param.control.value: text}
