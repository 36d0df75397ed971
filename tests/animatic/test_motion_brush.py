"""Masks over a start frame: what must stand still, and what goes along a path."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from animatic.conftest import Screen
from animatic.screening import Pixels, difference, psnr_db
from reelway.domain.generation import Camera, CameraMove
from reelway.providers.animatic.spec import Brush


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A textured 640 x 360 image with a red ball at (160, 180), and masks of the ball and of the left half."""
    folder = tmp_path_factory.mktemp("field")
    noise = np.random.default_rng(3).integers(0, 255, (360, 640), dtype=np.uint8)
    grey = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 10, 150, cv2.NORM_MINMAX)
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    cv2.circle(picture, (160, 180), 40, (230, 30, 30), -1, cv2.LINE_AA)
    ball, left = np.zeros((360, 640), np.uint8), np.zeros((360, 640), np.uint8)
    cv2.circle(ball, (160, 180), 44, 255, -1)
    left[:, :320] = 255
    clear = np.dstack([np.zeros((360, 640, 3), np.uint8), ball])
    found = {}
    for name, pixels in {"image": picture, "ball": ball, "left": left, "clear": clear}.items():
        found[name] = folder / f"{name}.png"
        Image.fromarray(pixels).save(found[name])
    return found


def ball_at(frame: Pixels) -> tuple[float, float]:
    """The middle of what is red, in pixels of the frame."""
    red = (frame[..., 0].astype(int) > 170) & (frame[..., 1].astype(int) < 90)
    rows, columns = np.nonzero(red)
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize("mask", ["ball", "clear"])
def test_a_brushed_part_goes_along_its_path_and_the_rest_stands(
    film: Screen, field: dict[str, Path], mask: str
) -> None:
    path = ((160, 180), (400, 180), (400, 80))
    shown = film("", start_frame=field["image"], brushes=(Brush(field[mask], path),), duration_s=2)
    first, last = ball_at(shown.frames[0]), ball_at(shown.frames[-1])
    assert first == pytest.approx((80, 90), abs=1.5)
    assert last == pytest.approx((200, 40), abs=2.5)
    places = [ball_at(frame) for frame in shown.frames]
    assert max(place[0] for place in places) < 203  # round the corner, not across it
    assert difference(shown.frames[0][140:], shown.frames[-1][140:]) < 4


def test_the_first_frame_is_the_image_and_nothing_stays_behind(film: Screen, field: dict[str, Path]) -> None:
    path = ((160, 180), (480, 180))
    shown = film("", start_frame=field["image"], brushes=(Brush(field["ball"], path),), duration_s=2)
    image = np.asarray(Image.open(field["image"]).resize((320, 180), Image.Resampling.LANCZOS))
    assert psnr_db(shown.frames[0], image) > 32
    left_behind = shown.frames[-1][70:110, 60:100]
    assert (left_behind[..., 0].astype(int) - left_behind[..., 1] < 60).all()


def test_an_empty_mask_moves_nothing(film: Screen, field: dict[str, Path], tmp_path: Path) -> None:
    Image.new("L", (640, 360)).save(tmp_path / "empty.png")
    brushes = (Brush(tmp_path / "empty.png", ((0, 0), (300, 300))),)
    shown = film("", start_frame=field["image"], brushes=brushes)
    assert difference(shown.frames[1], shown.frames[-1]) < 2


def test_what_the_static_mask_marks_stays(film: Screen, field: dict[str, Path]) -> None:
    camera = Camera(CameraMove.SIMPLE, tilt=10)
    shown = film("", start_frame=field["image"], static_mask=field["left"], camera=camera, duration_s=2)
    moved = film("", start_frame=field["image"], camera=camera, duration_s=2)
    assert difference(shown.frames[0][:, :150], shown.frames[-1][:, :150]) < 4
    assert difference(shown.frames[0][:, 180:], shown.frames[-1][:, 180:]) > 8
    assert difference(moved.frames[0][:, :150], moved.frames[-1][:, :150]) > 8
