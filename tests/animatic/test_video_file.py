"""What kind of file comes out."""

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from PIL import Image

from animatic.conftest import Screen
from animatic.screening import shoot, spec_of
from reelway.providers.animatic.engine import render
from reelway.providers.animatic.output import read_rendered


def boxes(path: Path) -> Iterator[str]:
    """The names of an MP4 file's outermost boxes, in their order."""
    content, at = path.read_bytes(), 0
    while at < len(content):
        size, name = struct.unpack(">I4s", content[at : at + 8])
        yield name.decode()
        at += size


@pytest.mark.parametrize(("duration_s", "width", "height"), [(1, 320, 180), (3, 180, 320), (2, 200, 200), (5, 160, 90)])
def test_size_frames_and_duration_are_exact(film: Screen, duration_s: int, width: int, height: int) -> None:
    shown = film("hills", duration_s=duration_s, width=width, height=height)
    with av.open(str(shown.path)) as container:
        stream = container.streams.video[0]
        assert len(container.streams) == 1  # no sound
        assert (stream.width, stream.height) == (width, height)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == stream.guessed_rate == 24
        assert stream.duration * stream.time_base == duration_s
        assert container.duration == duration_s * 1_000_000
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert [round(time * 24) for time in times] == list(range(24 * duration_s))


def test_the_index_stands_before_the_pictures(film: Screen) -> None:
    order = [name for name in boxes(film("hills").path) if name in ("ftyp", "moov", "mdat")]
    assert order == ["ftyp", "moov", "mdat"]


def test_the_colours_are_tagged_as_bt709_in_limited_range(film: Screen) -> None:
    with av.open(str(film("hills").path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)


def test_a_group_of_pictures_is_closed_and_lasts_two_seconds_at_most(film: Screen) -> None:
    with av.open(str(film("hills", duration_s=5).path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
    keys = [packet for packet in packets if packet.is_keyframe]
    starts = [round(packet.pts * packet.time_base * 24) for packet in keys]
    assert starts[0] == 0
    assert max(later - earlier for earlier, later in zip(starts, [*starts[1:], 120], strict=True)) <= 48
    for key in keys[1:]:  # closed: nothing that is shown before a key frame comes after it in the file
        after = packets[packets.index(key) + 1 :]
        assert all(packet.pts > key.pts for packet in after)


@pytest.mark.parametrize("size", [(320, 180), (176, 98)])
def test_the_same_request_gives_the_same_bytes(size: tuple[int, int], tmp_path: Path) -> None:
    spec = spec_of("a stormy sea with a ship and birds", width=size[0], height=size[1], caption=True)
    sums = set()
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        shown = shoot(spec, folder)
        files = shown.path.read_bytes(), (folder / "poster.jpg").read_bytes()
        sums.add(hashlib.sha256(b"".join(files)).hexdigest())
    assert len(sums) == 1


def test_another_prompt_gives_another_picture(film: Screen) -> None:
    assert film("xyzzy one").video.sha256 != film("xyzzy two").video.sha256


def test_the_facts_describe_the_file(film: Screen) -> None:
    shown = film("hills")
    content = shown.path.read_bytes()
    assert (shown.video.width, shown.video.height, shown.video.frames, shown.video.duration_s) == (320, 180, 24, 1.0)
    assert shown.video.size_bytes == len(content)
    assert shown.video.sha256 == hashlib.sha256(content).hexdigest()
    assert read_rendered(shown.folder) == shown.video
    assert json.loads((shown.folder / "video.json").read_text())["sha256"] == shown.video.sha256


def test_a_poster_lies_beside_the_video_and_nothing_unfinished(film: Screen) -> None:
    folder = film("hills", width=1400, height=788).folder
    assert sorted(path.name for path in folder.iterdir()) == [
        "animatic.json",
        "poster.jpg",
        "preview.webp",
        "spritesheet.jpg",
        "thumbnail.webp",
        "video.json",
        "video.mp4",
    ]
    with Image.open(folder / "poster.jpg") as poster:
        assert (poster.format, poster.size) == ("JPEG", (1280, 720))


def test_the_video_appears_last_so_that_its_presence_means_it_is_complete(empty_folder: Path) -> None:
    def stop(progress: float) -> None:
        assert not (empty_folder / "video.mp4").exists()
        raise InterruptedError

    with pytest.raises(InterruptedError):
        render(stop, spec_of("hills"), empty_folder)
    assert read_rendered(empty_folder) is None


def test_progress_grows_to_the_end_and_is_reported_seldom(empty_folder: Path) -> None:
    seen: list[float] = []
    render(seen.append, spec_of("hills", duration_s=3), empty_folder)
    assert seen == sorted(seen)
    assert 0 < seen[0] <= seen[-1] <= 1
    assert len(seen) < 36


def test_a_full_disk_is_an_error_and_leaves_no_video(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "video.mp4.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left|I/O error|Invalid"):
        render(lambda progress: None, spec_of("hills"), folder)
    assert not (folder / "video.mp4").exists()
