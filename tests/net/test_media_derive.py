"""Pictures of a kept video are made in a child: the right frames, in the right size, or a problem and no file."""

import asyncio
import dataclasses
from pathlib import Path

import pytest
from PIL import Image

from net.probing import LIMITS
from net.samples import picture, write_counting_video, write_sound, write_video
from reelway.net.media import MediaProblem
from reelway.net.media_derive import Picture, PictureFacts, make_picture

MB = 1024 * 1024


def made(
    kind: Picture, video: Path, target: Path, limits: object = LIMITS, size_bytes_max: int = 10 * MB
) -> PictureFacts | MediaProblem:
    return asyncio.run(asyncio.wait_for(make_picture(kind, video, target, limits, size_bytes_max), 60))  # type: ignore[arg-type]


def grey(image: Image.Image, x: float, y: float) -> float:
    value = image.convert("L").getpixel((int(image.width * x), int(image.height * y)))
    assert isinstance(value, float | int)
    return value


@pytest.mark.parametrize("keyframe_every", [1, 7, 25, 1000])
def test_a_sheet_shows_the_middle_of_each_twelfth(tmp_path: Path, keyframe_every: int) -> None:
    """Wherever the keyframes lie, and whatever was left out between them."""
    video = write_counting_video(tmp_path / "a.mp4", frames=90, keyframe_every=keyframe_every)
    assert made(Picture.SPRITESHEET, video, tmp_path / "sheet") == PictureFacts(1280, 720)
    with Image.open(tmp_path / "sheet") as sheet:
        assert (sheet.format, sheet.size) == ("JPEG", (1280, 720))
        for number in range(12):
            row, column = divmod(number, 4)
            shown = int((2 * number + 1) / 24 * 90)
            assert grey(sheet, (column + 0.5) / 4, (row + 0.5) / 3) == pytest.approx(2 * shown + 40, abs=3)


def test_a_sheet_of_fewer_than_twelve_pictures_repeats_them(tmp_path: Path) -> None:
    video = write_counting_video(tmp_path / "a.mp4", frames=3, keyframe_every=1000)
    assert made(Picture.SPRITESHEET, video, tmp_path / "sheet") == PictureFacts(1280, 720)
    with Image.open(tmp_path / "sheet") as sheet:
        greys = [round(grey(sheet, (number % 4 + 0.5) / 4, (number // 4 + 0.5) / 3)) for number in range(12)]
    assert greys == sorted(greys)
    assert len(set(greys)) == 3
    assert [greys.count(value) for value in sorted(set(greys))] == [4, 4, 4]


def test_a_thumbnail_is_the_middle_and_is_never_enlarged(tmp_path: Path) -> None:
    video = write_counting_video(tmp_path / "a.mp4", frames=90, keyframe_every=25)
    assert made(Picture.THUMBNAIL, video, tmp_path / "thumbnail") == PictureFacts(64, 48)
    with Image.open(tmp_path / "thumbnail") as image:
        assert image.format == "WEBP"
        assert grey(image, 0.5, 0.5) == pytest.approx(45 * 2 + 40, abs=4)


def test_a_narrow_video_makes_a_low_picture(tmp_path: Path) -> None:
    """Widths are what the caller is promised; heights are bounded all the same."""
    video = write_video(tmp_path / "a.mp4", size=(32, 1600), frames=6, sound=None)
    assert made(Picture.SPRITESHEET, video, tmp_path / "sheet") == PictureFacts(1280, 3 * 1280)
    with Image.open(tmp_path / "sheet") as sheet:
        assert grey(sheet, 0.5 / 4 - 0.04, 0.1) < 10, "beside the narrow picture"


def test_the_first_frame_has_the_videos_size_and_is_its_first(tmp_path: Path) -> None:
    video = write_counting_video(tmp_path / "a.mp4", frames=30, keyframe_every=10)
    assert made(Picture.FIRST_FRAME, video, tmp_path / "frame") == PictureFacts(64, 48)
    with Image.open(tmp_path / "frame") as image:
        assert image.format == "JPEG"
        assert grey(image, 0.5, 0.5) == pytest.approx(40, abs=2)


@pytest.mark.parametrize("keyframe_every", [1, 10, 1000])
def test_the_last_frame_has_the_videos_size_and_is_its_last(tmp_path: Path, keyframe_every: int) -> None:
    video = write_counting_video(tmp_path / "a.mp4", frames=30, keyframe_every=keyframe_every)
    assert made(Picture.LAST_FRAME, video, tmp_path / "frame") == PictureFacts(64, 48)
    with Image.open(tmp_path / "frame") as image:
        assert image.format == "JPEG"
        assert grey(image, 0.5, 0.5) == pytest.approx(2 * 29 + 40, abs=2)


@pytest.mark.parametrize("kind", Picture)
def test_a_picture_is_turned_as_players_turn_the_video(tmp_path: Path, kind: Picture) -> None:
    """The left half is bright; turned by 90 degrees against the clock it is at the bottom."""
    facts = made(kind, write_video(tmp_path / "a.mp4", rotation=90), tmp_path / "picture")
    assert facts == (PictureFacts(1280, 1440) if kind is Picture.SPRITESHEET else PictureFacts(64, 96))
    rows = 3 if kind is Picture.SPRITESHEET else 1
    with Image.open(tmp_path / "picture") as image:
        assert grey(image, 0.5 / 4, 0.25 / rows) < 128 < grey(image, 0.5 / 4, 0.75 / rows)


def test_a_first_frame_that_would_be_too_large_is_packed_more_tightly(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", size=(640, 360), frames=2, options={"crf": "1"}, sound=None)
    made(Picture.FIRST_FRAME, video, tmp_path / "fine")
    limit = (tmp_path / "fine").stat().st_size - 1
    assert made(Picture.FIRST_FRAME, video, tmp_path / "packed", size_bytes_max=limit) == PictureFacts(640, 360)
    assert (tmp_path / "packed").stat().st_size <= limit


@pytest.mark.parametrize("kind", Picture)
def test_there_is_no_picture_of_what_is_no_video(tmp_path: Path, kind: Picture) -> None:
    target = tmp_path / "picture"
    data = write_video(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    picture().save(tmp_path / "a.png")
    sound = write_sound(tmp_path / "sound.mp4", "mp4", "aac")
    assert made(kind, tmp_path / "cut.mp4", target) is MediaProblem.BROKEN
    assert made(kind, tmp_path / "a.png", target) is MediaProblem.BROKEN
    assert made(kind, sound, target) is MediaProblem.UNRECOGNISED
    assert not target.exists()


def test_a_child_that_lacks_memory_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "picture"
    target.write_bytes(b"half a picture")
    limits = dataclasses.replace(LIMITS, memory_bytes_max=1 * MB)
    video = write_video(tmp_path / "a.mp4", size=(3840, 2160), frames=2, sound=None)
    assert made(Picture.SPRITESHEET, video, target, limits) is MediaProblem.PROBE_FAILED
    assert not target.exists()
