"""A generation as the create body of each dialect, where the dialect can say all of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from reelway.console.cameras import AXES
from reelway.dialects.base import Dialect, ParseContext, WireRequest
from reelway.domain.catalog import REFERENCES_KEY, Card, Control
from reelway.domain.errors import ReelwayError
from reelway.domain.generation import CFG_SCALE_NEUTRAL, CameraMove, Generation, Product, Reference
from reelway.domain.intents import Submit
from reelway.wire.kling import PRODUCTS
from reelway.wire.openai_videos import usual_size
from reelway.wire.rivya import params_of

UrlOf = Callable[[Reference], str]


@dataclass(frozen=True, slots=True)
class Call:
    """The create of one dialect: `path` below the base URL, and the JSON body."""

    dialect: str
    path: str
    body: Mapping[str, Any]


def calls(
    dialects: tuple[Dialect, ...], card: Card, generation: Generation, url_of: UrlOf, context: ParseContext
) -> dict[str, Call]:
    """The call of each dialect that reads the very same generation out of it, by the dialect's name."""
    found = {}
    for dialect in dialects:
        make = _MAKERS.get(dialect.name)
        call = make(card, generation, url_of) if make is not None else None
        if call is not None and _reads(dialect, call, card, generation, context):
            found[dialect.name] = call
    return found


def _reads(dialect: Dialect, call: Call, card: Card, wanted: Generation, context: ParseContext) -> bool:
    """Whether the dialect itself understands the call as it is meant."""
    operation = next(each for each in dialect.operations if each.method == "POST" and _fits(each.path, call.path))
    path = {"model": call.path.rpartition("/")[2]}
    try:
        intent = operation.parse(WireRequest(path, {}, {}, call.body), context)
    except ReelwayError:
        return False
    return isinstance(intent, Submit) and _meant(intent.submission.generation) == _meant(wanted)


def _fits(pattern: str, path: str) -> bool:
    head, brace, _ = pattern.partition("{")
    return path.startswith(head) if brace else path == pattern


def _meant(generation: Generation) -> Generation:
    """Without what makes no difference to the video: a dialect's rule for images, the ratio where there is an image."""
    has_image = generation.product is Product.IMAGE_TO_VIDEO
    ratio = "" if has_image else generation.aspect_ratio
    return replace(generation, image_rule=None, needs_cfg_scale=False, aspect_ratio=ratio)


# --- the dialects -----------------------------------------------------------------------------------------------------


def _rivya(card: Card, generation: Generation, url_of: UrlOf) -> Call | None:
    params = params_of(card, generation)
    frames = [frame for frame in (generation.start_frame, generation.last_frame) if frame is not None]
    if frames:
        params[REFERENCES_KEY] = [{"url": url_of(frame), "kind": frame.kind.value} for frame in frames]
    body = {"model": card.id, "prompt": generation.prompt, "params": params}
    return Call("rivya", "/api/v1/generations", body)


def _apixo(card: Card, generation: Generation, url_of: UrlOf) -> Call | None:
    name = next((name for name, mode in card.names.apixo.items() if mode is generation.mode), None)
    if name is None:
        return None
    values: dict[str, Any] = {
        "mode": generation.product.value,
        "prompt": generation.prompt,
        "duration": generation.duration_s,
    }
    frames = [frame for frame in (generation.start_frame, generation.last_frame) if frame is not None]
    if frames:
        values["image_urls"] = [url_of(frame) for frame in frames]
    else:
        values["aspect_ratio"] = generation.aspect_ratio
    if generation.negative_prompt:
        values["negative_prompt"] = generation.negative_prompt
    if generation.cfg_scale != CFG_SCALE_NEUTRAL:
        values["cfg_scale"] = generation.cfg_scale
    return Call("apixo", f"/api/v1/generateTask/{name}", {"request_type": "async", "input": values})


def _kling(card: Card, generation: Generation, url_of: UrlOf) -> Call | None:
    if card.names.kling is None:
        return None
    product = next(name for name, product in PRODUCTS.items() if product is generation.product)
    body: dict[str, Any] = {"model_name": card.names.kling, "mode": generation.mode.value}
    if generation.shots:
        body |= {"multi_shot": True, "shot_type": "customize"}
        body["multi_prompt"] = [
            {"index": number, "prompt": shot.prompt, "duration": str(shot.duration_s)}
            for number, shot in enumerate(generation.shots, 1)
        ]
    else:
        body["prompt"] = generation.prompt
        if generation.multi_shots:
            body |= {"multi_shot": True, "shot_type": "intelligence"}
    body["duration"] = str(generation.duration_s)
    if generation.negative_prompt:
        body["negative_prompt"] = generation.negative_prompt
    if generation.cfg_scale != CFG_SCALE_NEUTRAL:
        body["cfg_scale"] = generation.cfg_scale
    if card.control(Control.SOUND) is not None:
        body["sound"] = "on" if generation.sound else "off"
    if generation.product is Product.TEXT_TO_VIDEO:
        body["aspect_ratio"] = generation.aspect_ratio
    if generation.start_frame is not None:
        body["image"] = url_of(generation.start_frame)
    if generation.last_frame is not None:
        body["image_tail"] = url_of(generation.last_frame)
    if generation.camera is not None:
        body["camera_control"] = _camera_control(generation)
    return Call("kling", f"/kling/v1/videos/{product}", body)


def _camera_control(generation: Generation) -> dict[str, Any]:
    camera = generation.camera
    assert camera is not None
    if camera.move is not CameraMove.SIMPLE:
        return {"type": camera.move.value}
    axes = {axis: getattr(camera, axis) for axis, _ in AXES.values()}
    config = {axis: int(value) if value.is_integer() else value for axis, value in axes.items() if value}
    return {"type": camera.move.value, "config": config}


def _openai_videos(card: Card, generation: Generation, url_of: UrlOf) -> Call | None:
    body: dict[str, Any] = {
        "model": card.id,
        "prompt": generation.prompt,
        "seconds": str(generation.duration_s),
        "size": usual_size(generation.aspect_ratio, generation.mode),
    }
    if generation.start_frame is not None:
        body["input_reference"] = {"image_url": url_of(generation.start_frame)}
    if generation.last_frame is not None:
        body["last_frame"] = {"image_url": url_of(generation.last_frame)}
    if generation.negative_prompt:
        body["negative_prompt"] = generation.negative_prompt
    if card.control(Control.CFG_SCALE) is not None:
        body["cfg_scale"] = generation.cfg_scale
    for name in (Control.SOUND, Control.MULTI_SHOTS):
        if card.control(name) is not None:
            body[name.value] = getattr(generation, name.value)
    return Call("openai_videos", "/v1/videos", body)


_MAKERS: Final[Mapping[str, Callable[[Card, Generation, UrlOf], Call | None]]] = {
    "rivya": _rivya,
    "apixo": _apixo,
    "kling": _kling,
    "openai_videos": _openai_videos,
}
