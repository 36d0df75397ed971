"""A request as finished frames: each shot's footage and its last touch, one shot in memory at a time."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.brushes import BrushedFootage
from reelway.providers.animatic.canvas import Canvas
from reelway.providers.animatic.caption import caption
from reelway.providers.animatic.compose import TextFootage
from reelway.providers.animatic.facts import Feature, Style
from reelway.providers.animatic.finish import Finish
from reelway.providers.animatic.looks import Look, look_of
from reelway.providers.animatic.morph import MorphFootage
from reelway.providers.animatic.rolled import Roll, RolledFootage
from reelway.providers.animatic.spec import RenderSpec
from reelway.providers.animatic.still_move import StillFootage
from reelway.providers.animatic.stills import image_size, is_filled, load_mask, load_still
from reelway.providers.animatic.storyboard import Take, storyboard
from reelway.providers.animatic.watermark import CornerText, slate

# How much vignette and grain a style has, against the usual amount.
_AMOUNTS: Final[Mapping[Style, tuple[float, float]]] = {
    Style.NOIR: (2.0, 2.2),
    Style.VINTAGE: (1.8, 2.4),
    Style.WATERCOLOUR: (0.0, 0.0),
    Style.SKETCH: (0.3, 0.6),
    Style.PIXELS: (0.4, 0.0),
    Style.CINEMA: (1.2, 1.2),
}

_ON_PAPER: Final = (Style.WATERCOLOUR, Style.SKETCH)


class Footage(Protocol):
    """A source of frames, counted from 0 in each shot."""

    def draw(self, canvas: Canvas, frame: int) -> None: ...


class Cut:
    """A request's shots, ready for an encoder. Frames are drawn in their order."""

    def __init__(self, spec: RenderSpec) -> None:
        self.takes = storyboard(spec)
        self._spec, self._size = spec, (spec.width, spec.height)
        self._take: Take | None = None
        self._footage: Footage | None = None
        self._finish: Finish | None = None
        self._look: Look | None = None
        self._slate: CornerText | None = None

    def draw(self, canvas: Canvas, number: int, planes: tuple[Bytes, Bytes, Bytes]) -> None:
        """Draw one frame into three planes, by way of a canvas of the frame's size."""
        take = next(take for take in reversed(self.takes) if take.first_frame <= number)
        if take is not self._take or self._footage is None or self._finish is None:
            self._footage = self._finish = None  # the shot before is given up before the next one takes memory
            with ThreadPoolExecutor(1) as other:  # before the first shot nothing is encoded, so the second core is free
                finish = other.submit(_finish, self._spec, take)
                self._footage = _footage(self._spec, take)
                self._finish = finish.result()
            style = take.scene.style if not take.has_image else None
            self._look = look_of(style, take.scene.seed, *self._size)
            has_slate = self._spec.slate and take.count > 1
            self._slate = slate(take.number + 1, take.count, *self._size) if has_slate else None
            self._take = take
        self._footage.draw(canvas, number - take.first_frame)
        if self._look is not None:
            self._look.apply(canvas, number)
        self._finish.apply(canvas, number, planes)
        if self._slate is not None:
            self._slate.apply(planes)


def _footage(spec: RenderSpec, take: Take) -> Footage:
    if take.start_frame is not None and take.last_frame is not None:
        first, last = (load_still(path, spec.width, spec.height) for path in (take.start_frame, take.last_frame))
        return MorphFootage(first, last, take.frames)
    path = take.start_frame or take.last_frame
    if path is None:
        return _drawn(spec, take)
    still, size = load_still(path, spec.width, spec.height), image_size(path)
    if take.start_frame is not None and spec.brushes:
        return BrushedFootage(still, size, spec.brushes, take.frames)
    is_start = take.start_frame is not None
    return StillFootage(
        take.scene,
        still,
        take.frames,
        ends_whole=not is_start,
        has_depth=not is_filled(size, spec.width, spec.height),
        rest=_rest(spec) if is_start else None,
    )


def _rest(spec: RenderSpec) -> Floats | None:
    return load_mask(spec.static_mask, spec.width, spec.height) if spec.static_mask is not None else None


def _drawn(spec: RenderSpec, take: Take) -> Footage:
    roll = Roll(take.scene.control, spec.width, spec.height, take.frames)
    footage = TextFootage(take.scene, roll.width, roll.height, take.frames, zoom=1 / roll.margin)
    return footage if roll.is_level else RolledFootage(footage, roll)


def _finish(spec: RenderSpec, take: Take) -> Finish:
    """Images stay as they are; drawn scenes get a film's look, more of it where the style asks."""
    scene, is_drawn = take.scene, not take.has_image
    vignette, grain = _AMOUNTS.get(scene.style, (1.0, 1.0)) if scene.style is not None else (1.0, 1.0)
    overlay = None
    if spec.caption:
        is_ink = is_drawn and scene.style in _ON_PAPER
        overlay = caption(take.prompt, spec.width, spec.height, is_ink=is_ink)
    return Finish(
        spec.width,
        spec.height,
        scene.seed,
        vignette=vignette if is_drawn and scene.shows(Feature.VIGNETTE, usually=True) else 0.0,
        grain=grain if is_drawn and scene.shows(Feature.GRAIN, usually=True) else 0.0,
        overlay=overlay,
    )
