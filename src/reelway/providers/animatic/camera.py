"""The camera: where it stands in every frame, and where a point of the world falls on the screen.

World units are frame heights at the subject's depth, 1.0. The origin is the frame's middle, x grows to the right and y
downwards. A camera at rest sees every depth just as it was drawn.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from reelway.domain import generation
from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.facts import CameraMove, Pace, Place
from reelway.providers.animatic.scene import SceneDescription

FAR = 1e6  # the sky's depth: no travel of the camera changes it
Matrix: TypeAlias = Floats  # double precision, shape (3, 3)

_RAMP = 0.22  # share of the clip in which the move starts, and again in which it stops
_REFERENCE_S = 5.0
_ZOOM = 0.62  # the logarithm of how much a full zoom of five seconds magnifies
_TRAVEL_MAX = 0.42  # the subject stands at 1.0; nearer than this it would leave the frame


@dataclass(frozen=True, slots=True)
class Pose:
    """One camera position: `x`, `y`, `z` travel, `look_x`, `look_y` turn, `zoom` magnifies, `roll` is in radians."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    look_x: float = 0.0
    look_y: float = 0.0
    zoom: float = 1.0
    roll: float = 0.0

    def __add__(self, other: "Pose") -> "Pose":
        return Pose(
            self.x + other.x,
            self.y + other.y,
            self.z + other.z,
            self.look_x + other.look_x,
            self.look_y + other.look_y,
            self.zoom * other.zoom,
            self.roll + other.roll,
        )


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in world units."""

    left: float
    top: float
    right: float
    bottom: float


def ease(progress: float) -> float:
    """0 to 1 with a soft start and a soft stop and an even speed between them."""
    ramp, speed = _RAMP, 1.0 / (1.0 - _RAMP)
    progress = min(1.0, max(0.0, progress))
    if progress < ramp:
        return speed * progress * progress / (2 * ramp)
    if progress > 1 - ramp:
        return 1.0 - speed * (1 - progress) ** 2 / (2 * ramp)
    return speed * (progress - ramp / 2)


# What each move does when it is `done` 0 to 1 of the way, at strength `s`.
_MOVES: dict[CameraMove, Callable[[float, float], Pose]] = {
    CameraMove.STATIC: lambda done, s: Pose(),
    CameraMove.PAN_LEFT: lambda done, s: Pose(look_x=-0.30 * s * (done - 0.5), x=-0.10 * s * (done - 0.5)),
    CameraMove.PAN_RIGHT: lambda done, s: Pose(look_x=0.30 * s * (done - 0.5), x=0.10 * s * (done - 0.5)),
    CameraMove.TILT_UP: lambda done, s: Pose(look_y=-0.26 * s * (done - 0.35)),
    CameraMove.TILT_DOWN: lambda done, s: Pose(look_y=0.26 * s * (done - 0.65)),
    CameraMove.PUSH_IN: lambda done, s: Pose(z=0.23 * s * done),
    CameraMove.PULL_OUT: lambda done, s: Pose(z=0.23 * s * (1 - done)),
    CameraMove.TRUCK_LEFT: lambda done, s: Pose(x=-0.42 * s * (done - 0.5)),
    CameraMove.TRUCK_RIGHT: lambda done, s: Pose(x=0.42 * s * (done - 0.5)),
    CameraMove.CRANE_UP: lambda done, s: Pose(y=-0.16 * s * (done - 0.3), look_y=0.05 * s * done),
    CameraMove.CRANE_DOWN: lambda done, s: Pose(y=-0.16 * s * (0.7 - done), look_y=0.05 * s * (1 - done)),
    CameraMove.ORBIT: lambda done, s: Pose(
        x=0.50 * s * (done - 0.5), look_x=-0.40 * s * (done - 0.5), z=0.06 * s * done
    ),
    CameraMove.FLY: lambda done, s: Pose(z=0.30 * s * done, y=-0.04 * s * done, look_y=0.06 * s * done),
    CameraMove.HANDHELD: lambda done, s: Pose(z=0.05 * s * done),
}


def _axis_pose(camera: generation.Camera, done: float, reach: float) -> Pose:
    """One axis of a camera control, -10 to 10, when it is `done` 0 to 1 of the way. The roll is `rolled`'s.

    `pan` turns the camera up and down and `tilt` to the left and the right; a positive `zoom` widens the view.
    Source: Kling API, camera_control.
    """
    middle = done - 0.5
    wider = _ZOOM * camera.zoom / 10 * reach
    return Pose(
        x=0.60 * camera.horizontal / 10 * reach * middle,
        y=-0.34 * camera.vertical / 10 * reach * middle,
        look_x=0.56 * camera.tilt / 10 * reach * middle,
        look_y=-0.36 * camera.pan / 10 * reach * middle,
        zoom=math.exp(wider * (1 - done) if wider > 0 else -wider * done),
    )


# The four moves with a name. Source: Kling API, camera_control.type.
_NAMED_MOVES: dict[generation.CameraMove, Callable[[float, float], Pose]] = {
    generation.CameraMove.DOWN_BACK: lambda done, s: Pose(z=0.24 * s * (1 - done), y=0.16 * s * (done - 0.6)),
    generation.CameraMove.FORWARD_UP: lambda done, s: Pose(z=0.24 * s * done, look_y=-0.16 * s * (done - 0.3)),
    generation.CameraMove.RIGHT_TURN_FORWARD: lambda done, s: Pose(z=0.22 * s * done, look_x=0.34 * s * (done - 0.5)),
    generation.CameraMove.LEFT_TURN_FORWARD: lambda done, s: Pose(z=0.22 * s * done, look_x=-0.34 * s * (done - 0.5)),
}


class CameraPath:
    """The pose of every frame of one clip. `zoom` is how much larger or smaller everything is shown all the time."""

    def __init__(self, scene: SceneDescription, frames: int, frames_per_second: int, zoom: float = 1.0) -> None:
        self._frames = frames
        self._frames_per_second = frames_per_second
        self._moves = scene.camera
        self._control = scene.control
        self._zoom = zoom
        self._strength = _strength(scene, frames / frames_per_second)
        self._reach = reach_of(frames / frames_per_second)
        jitter = scene.random("camera jitter")
        self._phases = jitter.uniform(0, 2 * math.pi, size=8)
        self._poses = [self._pose(frame) for frame in range(frames)]

    def __getitem__(self, frame: int) -> Pose:
        return self._poses[frame]

    def _pose(self, frame: int) -> Pose:
        done = ease(frame / max(1, self._frames - 1))
        if self._control is not None:
            controlled = controlled_pose(self._control, done, self._reach)
            return replace(controlled, zoom=controlled.zoom * self._zoom)
        share = self._strength / math.sqrt(max(1, len(self._moves)))
        pose = Pose(zoom=self._zoom)
        for move in self._moves:
            pose = pose + _MOVES[move](done, share)
        pose = replace(pose, z=min(_TRAVEL_MAX, pose.z))
        if CameraMove.HANDHELD in self._moves:
            pose = pose + self._shake(frame / self._frames_per_second)
        return pose

    def _shake(self, time_s: float) -> Pose:
        """A hand's slow sway and its quicker tremor."""
        sway = [
            math.sin(2 * math.pi * rate * time_s + phase) for rate, phase in zip(_SHAKE_HZ, self._phases, strict=True)
        ]
        return Pose(
            look_x=0.008 * sway[0] + 0.004 * sway[1] + 0.0016 * sway[2],
            look_y=0.006 * sway[3] + 0.004 * sway[4] + 0.0014 * sway[5],
            roll=0.006 * sway[6] + 0.002 * sway[7],
        )

    def cover(self, depth: float, aspect: float) -> Rect:
        """What the frame sees of a depth in the whole clip."""
        corners = np.array([[x, y, 1.0] for x in (-aspect / 2, aspect / 2) for y in (-0.5, 0.5)]).T
        step = max(1, self._frames // 48)
        seen = np.concatenate(
            [
                (np.linalg.inv(world_to_view(self._poses[frame], depth)) @ corners)[:2].T
                for frame in {*range(0, self._frames, step), self._frames - 1}
            ]
        )
        (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
        return Rect(float(left), float(top), float(right), float(bottom))

    def lowest(self, depth: float, by: float, y: float) -> float:
        """The lowest height at `depth` that is ever seen just above height `y` at depth `by`."""
        behind = [
            np.linalg.inv(world_to_view(pose, depth)) @ world_to_view(pose, by) @ (0.0, y, 1.0) for pose in self._poses
        ]
        return max(float(point[1]) for point in behind)

    def magnification(self, depth: float) -> float:
        """How much larger than at rest a depth is ever shown."""
        return max(_enlargement(pose, depth) for pose in self._poses)

    def only_shifts(self, depth: float) -> bool:
        """Whether the camera shows a depth upright and in one size all the time."""
        first = _enlargement(self._poses[0], depth)
        return all(not pose.roll and _enlargement(pose, depth) == first for pose in self._poses)


def _enlargement(pose: Pose, depth: float) -> float:
    """How much larger than at rest a depth is shown."""
    return pose.zoom if depth >= FAR else pose.zoom * depth / (depth - pose.z)


_SHAKE_HZ = (0.43, 0.97, 2.3, 0.51, 1.13, 2.7, 0.37, 0.83)


def reach_of(duration_s: float) -> float:
    """How far a move goes, against one of five seconds: longer clips go further, though not in proportion."""
    return min(1.5, max(0.45, math.sqrt(duration_s / _REFERENCE_S)))


def controlled_pose(camera: generation.Camera, done: float, reach: float) -> Pose:
    """Where a camera control has brought the camera; it does what it says and nothing else."""
    if camera.move is generation.CameraMove.SIMPLE:
        return _axis_pose(camera, done, reach)
    return _NAMED_MOVES[camera.move](done, reach)


def _strength(scene: SceneDescription, duration_s: float) -> float:
    pace = {Pace.SLOW: 0.6, Pace.FAST: 1.5, None: 1.0}[scene.pace]
    strength = pace * reach_of(duration_s)
    return strength * (0.7 if scene.place is Place.STUDIO else 1.0)


def world_to_view(pose: Pose, depth: float) -> Matrix:
    """The 3 x 3 matrix from world units at a depth to view units, which are world units of a camera at rest."""
    travel = replace(pose, x=0.0, y=0.0, z=0.0) if depth >= FAR else pose
    scale = depth / (depth - travel.z)
    cos, sin = math.cos(pose.roll) * pose.zoom, math.sin(pose.roll) * pose.zoom
    shift_x, shift_y = -scale * travel.x / depth - pose.look_x, -scale * travel.y / depth - pose.look_y
    return np.array(
        [
            [cos * scale, -sin * scale, cos * shift_x - sin * shift_y],
            [sin * scale, cos * scale, sin * shift_x + cos * shift_y],
            [0.0, 0.0, 1.0],
        ]
    )


def view_to_pixels(width: int, height: int) -> Matrix:
    """The 3 x 3 matrix from view units to pixel centres."""
    return np.array([[height, 0.0, (width - 1) / 2], [0.0, height, (height - 1) / 2], [0.0, 0.0, 1.0]])
