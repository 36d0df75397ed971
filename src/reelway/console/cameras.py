"""Camera moves that a form offers: as Kling's `camera_control` for a whole video, in words for one shot of several."""

import re
from collections.abc import Mapping
from typing import Any, Final

from reelway.domain.generation import Camera, CameraMove
from reelway.wire.kling import CAMERA_AXES

STRENGTH_DEFAULT: Final = "5"

AXES: Final[Mapping[str, tuple[str, int]]] = {
    "move_left": ("horizontal", -1),
    "move_right": ("horizontal", 1),
    "move_up": ("vertical", 1),
    "move_down": ("vertical", -1),
    "turn_left": ("tilt", -1),
    "turn_right": ("tilt", 1),
    "look_up": ("pan", 1),
    "look_down": ("pan", -1),
    "roll_left": ("roll", -1),
    "roll_right": ("roll", 1),
    "zoom_in": ("zoom", -1),
    "zoom_out": ("zoom", 1),
}
"""Which axis of `simple` a choice moves along, and to which side. Source: docs/animatic.md, camera control."""
MOVES: Final = tuple(move.value for move in CameraMove if move is not CameraMove.SIMPLE)
CHOICES: Final = (*AXES, *MOVES)

SHOT_WORDS: Final[Mapping[str, str]] = {
    "static": "static shot",
    "push_in": "dolly in",
    "pull_out": "dolly out",
    "pan_left": "pan left",
    "pan_right": "pan right",
    "tilt_up": "tilt up",
    "tilt_down": "tilt down",
    "truck_left": "truck left",
    "truck_right": "truck right",
    "crane_up": "crane up",
    "crane_down": "crane down",
    "orbit": "orbit shot",
    "fly": "drone shot",
    "handheld": "handheld",
}
"""A shot has no field for its camera in any dialect; models and the built-in engine read it in the shot's prompt."""
_SHOT_END: Final = re.compile(r"\s*\bCamera: (?P<words>[a-z ]+)\.$")


def camera_control(choice: str, strength: str) -> dict[str, Any] | None:
    """`camera_control` of a create body; None without a choice. What is no choice goes on, to be refused there."""
    if not choice:
        return None
    if choice not in AXES:
        return {"type": choice}
    axis, side = AXES[choice]
    amount = number_of(strength or STRENGTH_DEFAULT)
    is_number = isinstance(amount, int | float)
    return {"type": CameraMove.SIMPLE.value, "config": {axis: side * amount if is_number else amount}}


def choice_of(camera: Camera | None) -> tuple[str, str]:
    """The choice and the strength that make this camera; nothing where there is none."""
    if camera is None:
        return "", STRENGTH_DEFAULT
    if camera.move is not CameraMove.SIMPLE:
        return camera.move.value, STRENGTH_DEFAULT
    axis = next(axis for axis in CAMERA_AXES if getattr(camera, axis))
    value: float = getattr(camera, axis)
    side = 1 if value > 0 else -1
    choice = next(name for name, found in AXES.items() if found == (axis, side))
    return choice, f"{abs(value):g}"


def shot_prompt(prompt: str, choice: str) -> str:
    """What a shot says on the wire. A choice that there is not says nothing."""
    words = SHOT_WORDS.get(choice)
    return f"{prompt} Camera: {words}." if words and prompt else prompt


def shot_camera(prompt: str) -> tuple[str, str]:
    """The prompt without its last sentence where that is a choice of ours, and the choice."""
    found = _SHOT_END.search(prompt)
    for choice, words in SHOT_WORDS.items():
        if found is not None and found["words"] == words:
            return prompt[: found.start()], choice
    return prompt, ""


def number_of(text: str) -> int | float | str:
    """The number that a text spells; a text that spells none stays, for whoever judges it."""
    try:
        value = float(text)
    except ValueError:
        return text
    if value != value or value in (float("inf"), float("-inf")):
        return text
    return int(value) if value.is_integer() else value
