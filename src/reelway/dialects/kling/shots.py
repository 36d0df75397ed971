"""Several shots in one video, and the camera's move. Source: contract, sections 9.2 and 9.3."""

from typing import Any

from reelway.dialects.kling.fields import Fields, whole_number
from reelway.domain.generation import Camera, CameraMove, Shot
from reelway.wire import kling


def parse_shots(fields: Fields, total_s: int | None) -> tuple[Shot, ...]:
    """`multi_prompt` in the order in which it plays; `total_s` is the task's `duration`, None where that is faulty."""
    found = fields.array("multi_prompt")
    if found is None:
        if not fields.is_faulty("multi_prompt"):
            fields.add("multi_prompt", "required when shot_type is customize")
        return ()
    if not 1 <= len(found) <= kling.SHOTS_MAX:
        fields.add("multi_prompt", f"needs 1 to {kling.SHOTS_MAX} shots")
    shots: dict[int, Shot] = {}
    indexes: set[int] = set()
    for item in fields.items("multi_prompt", found[: kling.SHOTS_MAX]):
        index = _index(item, indexes)
        prompt = _prompt(item)
        duration_s = _duration_s(item, total_s)
        item.refuse_others(kling.SHOT_FIELDS)
        if index is not None and prompt is not None and duration_s is not None:
            shots[index] = Shot(prompt, duration_s)
    if shots and len(shots) == len(found) and total_s is not None:
        sum_s = sum(shot.duration_s for shot in shots.values())
        if sum_s != total_s:
            fields.add("multi_prompt", f"the durations add up to {sum_s}, not {total_s}")
    return tuple(shots[index] for index in sorted(shots))


def _index(item: Fields, taken: set[int]) -> int | None:
    if not item.is_given("index"):
        item.add("index", "required")
        return None
    index = whole_number(item.raw("index"))
    if index is None or index in taken:
        item.add("index", "must be a unique integer")
        return None
    taken.add(index)
    return index


def _prompt(item: Fields) -> str | None:
    prompt = item.text("prompt", kling.SHOT_PROMPT_LENGTH_MAX)
    if prompt is None:
        if not item.is_faulty("prompt"):
            item.add("prompt", "required")
        return None
    if not prompt.strip():
        item.add("prompt", "must not be empty")
        return None
    return prompt


def _duration_s(item: Fields, total_s: int | None) -> int | None:
    if not item.is_given("duration"):
        item.add("duration", "required")
        return None
    seconds_max = total_s or kling.DURATION_S_MAX
    duration_s = whole_number(item.raw("duration"))
    if duration_s is None or not 1 <= duration_s <= seconds_max:
        item.add("duration", f"must be from 1 to {seconds_max}")
        return None
    return duration_s


def parse_camera(fields: Fields) -> Camera | None:
    control = fields.object("camera_control")
    if control is None:
        return None
    move = control.choice("type", kling.CAMERA_MOVES)
    if move is None and not control.is_faulty("type"):
        control.add("type", f"must be one of {', '.join(kling.CAMERA_MOVES)}")
    axes: dict[str, float] = {}
    if move == CameraMove.SIMPLE:
        axes = _axes(control)
    elif move is not None and control.raw("config") is not None:
        control.add("config", f"not allowed for {move}")
    control.refuse_others(("type", "config"))
    return None if move is None else Camera(CameraMove(move), **axes)


def _axes(control: Fields) -> dict[str, Any]:
    config = control.object("config")
    if config is None:
        if not control.is_faulty("config"):
            control.add("config", "required for simple")
        return {}
    limit = kling.CAMERA_VALUE_MAX
    axes = {axis: config.number(axis, -limit, limit) or 0.0 for axis in kling.CAMERA_AXES}
    is_sound = not any(config.is_faulty(axis) for axis in kling.CAMERA_AXES)
    if is_sound and sum(value != 0 for value in axes.values()) != 1:
        control.add("config", "exactly one value must not be 0")
    config.refuse_others(kling.CAMERA_AXES)
    return axes
