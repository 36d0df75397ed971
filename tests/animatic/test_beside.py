"""What lies beside the video."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from animatic.conftest import Screen
from animatic.screening import Pixels, difference, psnr_db, shoot, spec_of
from reelway.domain.generation import Camera, CameraMove, Shot

SHOTS = (Shot("hills at noon, pan left", 1), Shot("<<<voice_1>>> a red car in a city at night", 2))


def resized(frame: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX))


def test_the_thumbnail_is_the_middle_frame(film: Screen) -> None:
    shown = film("hills at noon", width=1280, height=720)
    with Image.open(shown.folder / "thumbnail.webp") as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (640, 360))
        assert psnr_db(np.asarray(thumbnail.convert("RGB")), resized(shown.frames[12], (640, 360))) > 28


@pytest.mark.parametrize(("size", "cell"), [((320, 180), (320, 180)), ((180, 320), (320, 569)), ((96, 96), (320, 320))])
def test_the_spritesheet_has_twelve_even_steps(film: Screen, size: tuple[int, int], cell: tuple[int, int]) -> None:
    shown = film("a city at dusk, pan right", width=size[0], height=size[1], duration_s=2)
    with Image.open(shown.folder / "spritesheet.jpg") as opened:
        sheet = np.asarray(opened.convert("RGB"))
    assert sheet.shape == (3 * cell[1], 4 * cell[0], 3)
    for number in range(12):
        row, column = divmod(number, 4)
        part = sheet[row * cell[1] : (row + 1) * cell[1], column * cell[0] : (column + 1) * cell[0]]
        assert psnr_db(resized(part, size), shown.frames[4 * number]) > 26


def test_the_preview_moves(film: Screen) -> None:
    shown = film("a lake at noon, pan left", duration_s=3)
    with Image.open(shown.folder / "preview.webp") as preview:
        assert (preview.format, preview.is_animated, preview.n_frames) == ("WEBP", True, 18)
        assert preview.size == (240, 135)
        assert preview.info["loop"] == 0
        first = np.asarray(preview.convert("RGB"))
        preview.seek(17)
        assert difference(first, np.asarray(preview.convert("RGB"))) > 3


def test_the_sidecar_says_how_the_request_was_understood(film: Screen) -> None:
    shown = film("", shots=SHOTS, duration_s=3, sound=True, voices=("v1",), elements=("e7",), negative_prompt="rain")
    told = json.loads((shown.folder / "animatic.json").read_text())
    assert told["film"] == {
        "width": 320,
        "height": 180,
        "frames_per_second": 24,
        "frames": 72,
        "duration_s": 3,
        "shots": "as listed",
    }
    assert told["request"]["voices"] == ["v1"]
    assert told["request"]["elements"] == ["e7"]
    first, second = told["shots"]
    assert (first["first_frame"], first["frames"], second["first_frame"], second["frames"]) == (0, 24, 24, 48)
    assert second["prompt"] == "a red car in a city at night"
    assert first["scene"]["camera"] == ["pan_left"]
    assert second["scene"]["place"] == "city"
    assert second["scene"]["subjects"] == [{"figure": "car", "count": 1, "colour": "red"}]
    assert first["scene"]["absent"] == ["rain"]
    assert set(second["sound"]["beds"]) == {"city", "engine", "pad"}
    assert ["night", "night"] in second["scene"]["evidence"]


def test_the_sidecar_names_the_camera_of_the_request(film: Screen) -> None:
    shown = film("hills", camera=Camera(CameraMove.SIMPLE, roll=-3.5))
    told = json.loads((shown.folder / "animatic.json").read_text())
    assert told["request"]["camera_control"]["roll"] == -3.5
    assert told["shots"][0]["scene"]["control"]["move"] == "simple"
    assert told["shots"][0]["sound"] is None


def test_a_watermarked_copy_is_the_same_film_with_a_mark(film: Screen) -> None:
    shown = film("hills at noon", watermark=True, sound=True, duration_s=2)
    with av.open(str(shown.folder / "watermark.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(shown.folder / "watermark.mp4")) as container:
        assert container.streams.audio[0].duration == 2 * 48_000
    assert len(frames) == len(shown.frames) == 48
    for at in (0, 24, 47):
        corner, rest = np.s_[:30, 160:], np.s_[40:]
        assert difference(frames[at][corner], shown.frames[at][corner]) > 3
        assert psnr_db(frames[at][rest], shown.frames[at][rest]) > 34


def test_without_being_asked_there_is_no_watermarked_copy(film: Screen) -> None:
    assert not (film("hills").folder / "watermark.mp4").exists()


@pytest.mark.parametrize("size", [(16, 16), (36, 90), (90, 36)])
def test_a_tiny_film_has_everything_too(tmp_path: Path, size: tuple[int, int]) -> None:
    shoot(spec_of("hills", width=size[0], height=size[1], watermark=True), tmp_path)
    assert len(list(tmp_path.iterdir())) == 8
