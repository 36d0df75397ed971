"""Untrusted images are told for what they are, and what cannot be decoded is refused."""

import dataclasses
import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from net.probing import LIMITS, inspected_bytes
from net.samples import (
    image_bytes,
    picture,
    png_chunk,
    png_header,
    webp_header,
)
from reelway.domain.media import MediaKind
from reelway.net.media import MediaFacts, MediaProblem


@pytest.mark.parametrize(
    ("image_format", "mime_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_an_image_is_told_with_its_size(tmp_path: Path, image_format: str, mime_type: str) -> None:
    facts = inspected_bytes(tmp_path, image_bytes(picture(70, 50), image_format))

    assert facts == MediaFacts(MediaKind.IMAGE, mime_type, 70, 50)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_pixel_is_decoded(tmp_path: Path, mode: str) -> None:
    facts = inspected_bytes(tmp_path, image_bytes(picture().convert("L").convert(mode), "PNG"))

    assert facts == MediaFacts(MediaKind.IMAGE, "image/png", 64, 48)


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_jpegs_of_the_print_shop_are_decoded(tmp_path: Path, mode: str) -> None:
    data = image_bytes(picture().convert(mode), "JPEG", progressive=True)

    assert inspected_bytes(tmp_path, data) == MediaFacts(MediaKind.IMAGE, "image/jpeg", 64, 48)


@pytest.mark.parametrize(
    ("orientation", "size"), [(1, (64, 48)), (3, (64, 48)), (6, (48, 64)), (8, (48, 64)), (99, (64, 48))]
)
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_on_its_side_is_measured_as_it_is_shown(
    tmp_path: Path, image_format: str, orientation: int, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    facts = inspected_bytes(tmp_path, image_bytes(picture(), image_format, exif=exif))

    assert isinstance(facts, MediaFacts)
    assert (facts.width, facts.height) == size


@pytest.mark.parametrize("tail", [b"MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40, b"garbage!", b"II*\0"])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_does_not_spoil_the_picture(tmp_path: Path, image_format: str, tail: bytes) -> None:
    facts = inspected_bytes(tmp_path, image_bytes(picture(), image_format, exif=b"Exif\0\0" + tail))

    assert isinstance(facts, MediaFacts)
    assert (facts.width, facts.height) == (64, 48)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_an_animation_counts_as_its_first_picture(tmp_path: Path, image_format: str) -> None:
    more = [picture(seed=seed) for seed in (2, 3)]
    data = image_bytes(picture(), image_format, save_all=True, append_images=more, duration=100)
    facts = inspected_bytes(tmp_path, data)

    assert isinstance(facts, MediaFacts)
    assert (facts.kind, facts.width, facts.duration_s) == (MediaKind.IMAGE, 64, None)


@pytest.mark.parametrize("data", [png_header(40_000, 40_000), webp_header(16_000, 16_000), webp_header(1 << 24, 100)])
def test_too_many_pixels_are_refused_by_the_header_alone(tmp_path: Path, data: bytes) -> None:
    limits = dataclasses.replace(LIMITS, memory_bytes_max=64 * 1024 * 1024)
    started_s = time.monotonic()

    assert inspected_bytes(tmp_path, data, limits) is MediaProblem.TOO_MANY_PIXELS
    assert time.monotonic() - started_s < 5.0


def test_a_jpeg_with_too_many_pixels_is_refused(tmp_path: Path) -> None:
    data = bytearray(image_bytes(picture(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 65_500, 65_500)

    assert inspected_bytes(tmp_path, bytes(data)) is MediaProblem.TOO_MANY_PIXELS


def test_the_limit_on_pixels_itself_passes(tmp_path: Path) -> None:
    data = image_bytes(picture(), "PNG")

    assert isinstance(inspected_bytes(tmp_path, data, dataclasses.replace(LIMITS, pixels_max=64 * 48)), MediaFacts)
    limits = dataclasses.replace(LIMITS, pixels_max=64 * 48 - 1)
    assert inspected_bytes(tmp_path, data, limits) is MediaProblem.TOO_MANY_PIXELS


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_an_image_that_is_cut_off_is_broken(tmp_path: Path, image_format: str, share: float) -> None:
    data = image_bytes(picture(200, 150), image_format)

    assert inspected_bytes(tmp_path, data[: int(len(data) * share)]) is MediaProblem.BROKEN


def test_a_png_with_a_wrong_checksum_is_broken(tmp_path: Path) -> None:
    data = bytearray(image_bytes(picture(), "PNG"))
    data[data.index(b"IEND") - 8] ^= 0x01  # the last byte but three of the checksum before

    assert inspected_bytes(tmp_path, bytes(data)) is MediaProblem.BROKEN


@pytest.mark.parametrize(
    "data",
    [b"\xff\xd8\xff\xe0" + b"not a jpeg" * 50, b"\x89PNG\r\n\x1a\n" + bytes(100), b"RIFF\x64\0\0\0WEBPVP8 " + bytes(90),
     b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", b"short") + png_chunk(b"IEND", b""),
     b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 0, 8, 2, 0, 0, 0)) + png_chunk(b"IEND", b"")],
    ids=["jpeg", "png", "webp", "png with a short header", "png of no size"],
)  # fmt: skip
def test_a_head_without_a_body_is_broken(tmp_path: Path, data: bytes) -> None:
    assert inspected_bytes(tmp_path, data) is MediaProblem.BROKEN


def test_a_text_bomb_in_a_png_is_refused(tmp_path: Path) -> None:
    data = image_bytes(picture(), "PNG")
    bomb = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(200 * 1024 * 1024), 9))

    outcome = inspected_bytes(
        tmp_path, data[:33] + bomb + data[33:], dataclasses.replace(LIMITS, memory_bytes_max=1 << 27)
    )

    assert outcome is MediaProblem.BROKEN


def test_a_file_that_is_two_things_is_what_its_head_says(tmp_path: Path) -> None:
    data = image_bytes(picture(), "JPEG") + b"<script>alert(1)</script>" + b"PK\x03\x04"

    assert inspected_bytes(tmp_path, data) == MediaFacts(MediaKind.IMAGE, "image/jpeg", 64, 48)


@pytest.mark.parametrize("image_format", ["GIF", "BMP", "TIFF", "AVIF"])
def test_formats_that_nobody_accepts_are_not_decoded(tmp_path: Path, image_format: str) -> None:
    assert inspected_bytes(tmp_path, image_bytes(picture(), image_format)) is MediaProblem.UNRECOGNISED


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"PK\x03\x04", b"\x7fELF",
     b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n", bytes(1000)],
)  # fmt: skip
def test_what_is_no_media_is_not_recognised(tmp_path: Path, data: bytes) -> None:
    assert inspected_bytes(tmp_path, data) is MediaProblem.UNRECOGNISED
