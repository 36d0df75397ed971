"""A last frame without a start frame is where the video ends, not where it begins."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatic.conftest import Screen
from animatic.screening import picture_motion, psnr_db
from reelway.domain.generation import Camera, CameraMove


@pytest.fixture(scope="session")
def photo(film: Screen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("last") / "photo.png"
    Image.fromarray(film("a castle in the mountains at noon", width=640, height=360).middle).save(path)
    return path


def test_the_video_arrives_at_a_last_frame(film: Screen, photo: Path) -> None:
    shown = film("", last_frame=photo, duration_s=2)
    image = np.asarray(Image.open(photo).resize((320, 180), Image.Resampling.LANCZOS))
    assert psnr_db(shown.frames[-1], image) >= 30
    assert psnr_db(shown.frames[0], image) < 28


def test_the_camera_keeps_its_direction_on_the_way(film: Screen, photo: Path) -> None:
    for value, sign in ((8.0, -1), (-8.0, 1)):
        shown = film("", last_frame=photo, duration_s=2, camera=Camera(CameraMove.SIMPLE, tilt=value))
        assert picture_motion(shown.frames[16], shown.frames[32]).right * sign > 0.01


def test_coming_closer_ends_with_the_whole_image(film: Screen, photo: Path) -> None:
    shown = film("push in", last_frame=photo, duration_s=2)
    image = np.asarray(Image.open(photo).resize((320, 180), Image.Resampling.LANCZOS))
    assert psnr_db(shown.frames[-1], image) >= 30
    assert picture_motion(shown.frames[8], shown.frames[40]).growth > 1.02
