"""Where the camera stands."""

import numpy as np
import pytest

from reelway.providers.animatic.camera import FAR, CameraPath, ease, view_to_pixels, world_to_view
from reelway.providers.animatic.facts import CameraMove
from reelway.providers.animatic.scene import describe


def path_of(prompt: str, frames: int = 120) -> CameraPath:
    return CameraPath(describe(prompt), frames, 24)


def screen_x(path: CameraPath, frame: int, depth: float) -> float:
    return float((view_to_pixels(1280, 720) @ world_to_view(path[frame], depth) @ (0, 0, 1))[0])


def test_near_things_move_further_than_far_ones_when_the_camera_travels() -> None:
    path = path_of("hills, tracking shot")
    near, middle, sky = (abs(screen_x(path, 119, depth) - screen_x(path, 0, depth)) for depth in (1.0, 4.0, FAR))
    assert near > 3 * middle > 3 * sky


def test_everything_moves_when_the_camera_turns() -> None:
    path = path_of("hills, camera pans left")
    assert screen_x(path, 119, FAR) - screen_x(path, 0, FAR) > 100  # the picture goes right as the camera turns left


@pytest.mark.parametrize("move", list(CameraMove))
def test_no_move_runs_into_the_subject_however_long_and_fast(move: CameraMove) -> None:
    path = path_of(f"hills, {move.replace('_', ' ')}, fast", frames=360)
    assert max(path[frame].z for frame in range(360)) < 0.6


def test_a_move_starts_and_stops_softly() -> None:
    steps = np.diff([ease(share) for share in np.linspace(0, 1, 101)])
    assert (steps >= 0).all()
    assert steps[0] < 0.2 * steps[50]
    assert steps[-1] < 0.2 * steps[50]
    assert ease(0.0) == 0.0
    assert ease(1.0) == pytest.approx(1.0)


def test_what_is_painted_covers_what_is_seen_in_every_frame() -> None:
    path = path_of("hills, handheld, pan right, fast")
    for depth in (0.8, 3.0, FAR):
        seen = path.cover(depth, 16 / 9)
        for frame in range(0, 120, 7):
            back = np.linalg.inv(world_to_view(path[frame], depth))
            for x in (-8 / 9, 8 / 9):
                at = back @ (x, 0.5, 1.0)
                assert seen.left - 0.02 <= at[0] <= seen.right + 0.02


def test_a_locked_camera_does_not_move() -> None:
    path = path_of("static shot of hills")
    assert path[0] == path[60] == path[119]
