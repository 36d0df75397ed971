"""What a task is asked to make, in our own terms. Every dialect's create body becomes a `Generation`."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from reelway.domain.ids import FileId
from reelway.domain.media import MediaKind

CFG_SCALE_NEUTRAL: Final = 0.5


class Mode(StrEnum):
    """Quality tier. Source: seed 004: std is 720P, pro 1080P, 4k 4K."""

    STD = "std"
    PRO = "pro"
    UHD = "4k"


class Product(StrEnum):
    TEXT_TO_VIDEO = "text-to-video"
    IMAGE_TO_VIDEO = "image-to-video"


class Route(StrEnum):
    """Which providers may serve a task: the cheapest first, only the cheap ones, only the official one.

    The last two are never a caller's word; the console uses them: only the built-in engine, and anybody but it.
    """

    AUTO = "auto"
    VALUE = "value"
    OFFICIAL = "official"
    PREVIEW = "preview"
    PAID = "paid"


PUBLIC_ROUTES: Final = (Route.AUTO, Route.VALUE, Route.OFFICIAL)
"""What a caller, a key or a setting may name."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Media that the video is made from: one of our uploaded files, or a public URL to be fetched later.

    Exactly one of `file_id` and `url` is set.
    """

    kind: MediaKind = MediaKind.IMAGE
    file_id: FileId | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        assert (self.file_id is None) != (self.url is None)


class Role(StrEnum):
    """What a reference is for."""

    START_FRAME = "start_frame"
    LAST_FRAME = "last_frame"
    STATIC_MASK = "static_mask"
    DYNAMIC_MASK = "dynamic_mask"


@dataclass(frozen=True, slots=True)
class ImageRule:
    """What a dialect asks of frame images beyond the card's upload rule.

    `side_px_min`: least width and height. `ratio_max`: the longer side over the shorter, at most; 0 for no bound.
    """

    mime_types: tuple[str, ...]
    side_px_min: int
    ratio_max: float


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot of several; shots follow each other with hard cuts. `duration_s` is in whole seconds."""

    prompt: str
    duration_s: int


class CameraMove(StrEnum):
    """`simple` moves along one axis of `Camera`; the others are moves with a name. Source: Kling contract, 9.3."""

    SIMPLE = "simple"
    DOWN_BACK = "down_back"
    FORWARD_UP = "forward_up"
    RIGHT_TURN_FORWARD = "right_turn_forward"
    LEFT_TURN_FORWARD = "left_turn_forward"


@dataclass(frozen=True, slots=True)
class Camera:
    """How the camera moves. For `simple` exactly one axis is not 0; each runs from -10 to 10."""

    move: CameraMove
    horizontal: float = 0.0
    vertical: float = 0.0
    pan: float = 0.0
    tilt: float = 0.0
    roll: float = 0.0
    zoom: float = 0.0


@dataclass(frozen=True, slots=True)
class MotionBrush:
    """A masked part of the start frame that moves along a path of pixels (x to the right, y down)."""

    mask: Reference
    path: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Generation:
    """One video to be made. `cfg_scale` runs from 0 (loose) to 1 (strict); `duration_s` is in whole seconds.

    `multi_shots` without `shots`: the prompt is to be split into shots by whoever makes the video. With `shots` their
    seconds add up to `duration_s`, and `prompt` is empty. `voices` and `elements` are the provider's ids of these.
    `needs_cfg_scale`: only a provider that honours `cfg_scale` may serve. `watermark` asks for a second, marked video.
    """

    model: str
    prompt: str
    duration_s: int
    aspect_ratio: str
    mode: Mode
    negative_prompt: str = ""
    cfg_scale: float = CFG_SCALE_NEUTRAL
    needs_cfg_scale: bool = False
    sound: bool = False
    multi_shots: bool = False
    shots: tuple[Shot, ...] = ()
    camera: Camera | None = None
    voices: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    start_frame: Reference | None = None
    last_frame: Reference | None = None
    static_mask: Reference | None = None
    motion_brushes: tuple[MotionBrush, ...] = ()
    image_rule: ImageRule | None = None
    watermark: bool = False

    @property
    def product(self) -> Product:
        has_image = self.start_frame is not None or self.last_frame is not None
        return Product.IMAGE_TO_VIDEO if has_image else Product.TEXT_TO_VIDEO

    @property
    def placed_references(self) -> tuple[tuple[Role, Reference], ...]:
        """Every reference with what it is for, frames first."""
        single = (
            (Role.START_FRAME, self.start_frame),
            (Role.LAST_FRAME, self.last_frame),
            (Role.STATIC_MASK, self.static_mask),
        )
        found = tuple((role, reference) for role, reference in single if reference is not None)
        return found + tuple((Role.DYNAMIC_MASK, brush.mask) for brush in self.motion_brushes)

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(reference for _, reference in self.placed_references)

    @property
    def uses_voice(self) -> bool:
        """Whether a prompt calls one of the voices. Source: Kling contract, section 14."""
        texts = (self.prompt, *(shot.prompt for shot in self.shots))
        return bool(self.voices) and any("<<<voice_" in text for text in texts)


def generation_text(generation: Generation) -> str:
    """The generation as JSON text, as the store keeps it. What has its default is left out."""
    values = {}
    for name, default in _FIELDS:
        value = getattr(generation, name)
        if value != default:
            values[name] = value
    return _ENCODER.encode(values)


@functools.lru_cache(maxsize=512)
def generation_of(text: str) -> Generation:
    """The generation that `generation_text` wrote, also by an earlier version of this program.

    A task is shown many times, and each time by some of these facts; so what was decoded lately is kept.
    """
    values = json.loads(text)
    for name, build in _BUILDERS.items():
        if values.get(name) is not None:
            values[name] = build(values[name])
    return Generation(**values)


def _plain(value: object) -> Any:
    """A nested part of a generation as JSON knows it."""
    if isinstance(value, Reference | Shot | Camera | MotionBrush | ImageRule):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} is no part of a generation")


def _reference_of(value: dict[str, Any]) -> Reference:
    return Reference(**(value | {"kind": MediaKind(value["kind"])}))


_BUILDERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "mode": Mode,
    "shots": lambda shots: tuple(Shot(**shot) for shot in shots),
    "camera": lambda camera: Camera(**(camera | {"move": CameraMove(camera["move"])})),
    "voices": tuple,
    "elements": tuple,
    "start_frame": _reference_of,
    "last_frame": _reference_of,
    "static_mask": _reference_of,
    "motion_brushes": lambda brushes: tuple(
        MotionBrush(_reference_of(brush["mask"]), tuple((x, y) for x, y in brush["path"])) for brush in brushes
    ),
    "image_rule": lambda rule: ImageRule(**(rule | {"mime_types": tuple(rule["mime_types"])})),
}
_FIELDS: Final = tuple((field.name, field.default) for field in fields(Generation))
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)
