"""The request's own camera: every axis, its sign and its strength, found in the decoded picture."""

from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from animatic.conftest import Screen
from animatic.screening import Film, Motion, picture_motion, psnr_db
from reelway.domain.generation import Camera, CameraMove

_PLACE = "mountains at noon under a clear sky"
_NAMED = [move for move in CameraMove if move is not CameraMove.SIMPLE]


def simple(axis: str, value: float) -> Camera:
    return Camera(CameraMove.SIMPLE, **{axis: value})


def motion_of(shown: Film) -> Motion:
    """The motion over the middle third of a clip."""
    count = len(shown.frames)
    return picture_motion(shown.frames[count // 3], shown.frames[2 * count // 3])


# What the picture does when the value is positive. Source: Kling API, camera_control.config.
_EFFECTS = {
    "horizontal": ("right", -1),
    "vertical": ("down", 1),
    "pan": ("down", 1),
    "tilt": ("right", -1),
    "roll": ("turn", -1),
    "zoom": ("growth", -1),
}


def effect(motion: Motion, name: str) -> float:
    return getattr(motion, name) - (1.0 if name == "growth" else 0.0)


@pytest.fixture(scope="session")
def photo(film: Screen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(film("a lake in the mountains at noon, static shot", width=640, height=360).middle).save(path)
    return path


@pytest.mark.parametrize("axis", list(_EFFECTS))
@pytest.mark.parametrize("has_image", [False, True], ids=["words", "image"])
def test_each_axis_moves_the_picture_its_own_way_the_further_the_stronger(
    film: Screen, photo: Path, axis: str, has_image: bool
) -> None:
    name, sign = _EFFECTS[axis]
    image = photo if has_image else None
    found = [
        effect(motion_of(film(_PLACE, camera=simple(axis, value), start_frame=image)), name) * sign
        for value in (-10, -6, -2, 2, 6, 10)
    ]
    assert all(earlier < later for earlier, later in pairwise(found)), found
    assert found[2] < 0 < found[3]
    assert found[-1] > 0.01
    assert found[0] < -0.01


@pytest.mark.parametrize("axis", list(_EFFECTS))
def test_an_axis_moves_nothing_else(film: Screen, axis: str) -> None:
    motion = motion_of(film(_PLACE, camera=simple(axis, 6)))
    own = {"horizontal": "right", "tilt": "right", "vertical": "down", "pan": "down", "roll": "turn", "zoom": "growth"}
    for name in ("right", "down", "turn", "growth"):
        if name != own[axis]:
            assert abs(effect(motion, name)) < 0.4 * abs(effect(motion, own[axis])), (axis, name, motion)


def test_travel_has_parallax_and_turning_has_none(film: Screen) -> None:
    def spread(axis: str) -> float:
        shown = film("hills at noon under a clear sky, no birds", camera=simple(axis, 8), duration_s=2)
        first, last = shown.frames[16], shown.frames[32]
        upper, lower = (picture_motion(first[rows], last[rows]) for rows in (slice(60, 112), slice(112, 180)))
        return abs(lower.right * 68) - abs(upper.right * 52)  # in pixels

    assert spread("horizontal") > 4 + abs(spread("tilt"))


@pytest.mark.parametrize("move", _NAMED)
@pytest.mark.parametrize("has_image", [False, True], ids=["words", "image"])
def test_the_named_moves_go_where_their_names_say(film: Screen, photo: Path, move: CameraMove, has_image: bool) -> None:
    motion = motion_of(film(_PLACE, camera=Camera(move), duration_s=2, start_frame=photo if has_image else None))
    if move is CameraMove.DOWN_BACK:
        assert motion.growth < 0.995
        assert motion.down < -0.004
    else:
        assert motion.growth > 1.005
    if move is CameraMove.FORWARD_UP:
        assert motion.down > 0.01
    if move is CameraMove.RIGHT_TURN_FORWARD:
        assert motion.right < -0.02
    if move is CameraMove.LEFT_TURN_FORWARD:
        assert motion.right > 0.02


def test_the_camera_of_the_request_overrules_the_words(film: Screen) -> None:
    shown = film(f"{_PLACE}, camera pans left", camera=simple("tilt", 8))
    assert motion_of(shown).right < -0.01


def test_a_roll_fills_the_frame_to_its_corners(film: Screen) -> None:
    for place in ("a lake at noon", "space", "a room"):
        last = film(place, camera=simple("roll", 10), duration_s=2, negative_prompt="vignette").frames[-1]
        assert last[0, 0].max() > 16 or place == "space"
        assert last[-4:, -4:].std() < 90


def test_a_camera_before_an_image_begins_with_exactly_the_image(film: Screen, photo: Path) -> None:
    wanted = film("", start_frame=photo, duration_s=1, camera=simple("zoom", 10))
    still = film("static shot", start_frame=photo)
    assert psnr_db(wanted.frames[0], still.frames[0]) > 34


def test_a_camera_that_widens_until_the_shore_leaves_the_frame_still_films_the_water(film: Screen) -> None:
    shown = film(
        "aerial view of the sea h", width=160, height=90, camera=simple("zoom", -10), duration_s=15, cfg_scale=0.0
    )
    assert len(shown.frames) == 360
