"""A scene becomes frames."""

from collections.abc import Sequence

import numpy as np

from reelway.providers.animatic.arrays import Bytes
from reelway.providers.animatic.camera import CameraPath, Matrix
from reelway.providers.animatic.canvas import Canvas
from reelway.providers.animatic.palette import palette_of
from reelway.providers.animatic.particles import particles
from reelway.providers.animatic.places import build
from reelway.providers.animatic.scene import SceneDescription
from reelway.providers.animatic.spec import FRAMES_PER_SECOND
from reelway.providers.animatic.stage import Element, Layer, Moment, Stage
from reelway.providers.animatic.subjects.cast import cast
from reelway.providers.animatic.weather import weather


class TextFootage:
    """The moving picture of a scene that was described in words."""

    def __init__(self, scene: SceneDescription, width: int, height: int, frames: int, zoom: float = 1.0) -> None:
        self._path = CameraPath(scene, frames, FRAMES_PER_SECOND, zoom)
        stage = Stage(scene, palette_of(scene), self._path, width, height)
        setting = build(stage)
        self._kept = _Kept()
        self._elements: list[Element] = [
            *setting.behind,
            *cast(stage, setting.ground, frames / FRAMES_PER_SECOND),
            *setting.front,
            *particles(stage),
            *weather(stage, frames),
        ]

    def draw(self, canvas: Canvas, frame: int) -> None:
        moment = Moment(frame, frame / FRAMES_PER_SECOND, self._path[frame])
        for element in self._elements[self._kept.begin(canvas, self._elements, moment) :]:
            element.draw(canvas, moment)


class _Kept:
    """The hindmost layers as they were drawn before, for as long as the camera does not move them.

    A camera that travels leaves the sky where it is, and a locked one leaves much more.
    """

    def __init__(self) -> None:
        self._count = 0
        self._stances: list[Matrix] = []
        self._planes: tuple[Bytes, ...] = ()

    def begin(self, canvas: Canvas, elements: Sequence[Element], moment: Moment) -> int:
        """Draw what stands as it stood one frame ago; returns how many elements that were."""
        stances: list[Matrix] = []
        for element in elements:
            if not isinstance(element, Layer):
                break
            stances.append(element.stance(moment))
        still = 0
        while still < min(len(stances), len(self._stances)) and np.array_equal(stances[still], self._stances[still]):
            still += 1
        self._stances = stances
        if not still:
            self._count = 0
        elif still == self._count:
            for target, plane in zip((canvas.luma, canvas.u, canvas.v), self._planes, strict=True):
                np.copyto(target, plane)
        else:
            for element in elements[:still]:
                element.draw(canvas, moment)
            self._count, self._planes = still, (canvas.luma.copy(), canvas.u.copy(), canvas.v.copy())
        return still
