"""Frame images of every kind, and how they are fitted."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from animatic.screening import Pixels, psnr_db
from reelway.providers.animatic.spec import IMAGE_PIXELS_MAX
from reelway.providers.animatic.stills import load_still


def painting(width: int, height: int) -> Pixels:
    """A smooth picture whose four corners are red, green, blue and yellow."""
    corners = np.array([[[220, 40, 40], [40, 200, 60]], [[50, 60, 210], [230, 220, 60]]], np.float32)
    return np.clip(cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR), 0, 255).astype(np.uint8)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def as_rgb(tmp_path: Path, picture: Image.Image) -> Path:
    return saved(tmp_path / "a.png", picture)


def as_jpeg(tmp_path: Path, picture: Image.Image) -> Path:
    return saved(tmp_path / "a.jpg", picture, quality=95)


def as_webp(tmp_path: Path, picture: Image.Image) -> Path:
    return saved(tmp_path / "a.webp", picture, quality=95)


def as_opaque_rgba(tmp_path: Path, picture: Image.Image) -> Path:
    return saved(tmp_path / "a.png", picture.convert("RGBA"))


def as_cmyk(tmp_path: Path, picture: Image.Image) -> Path:
    return saved(tmp_path / "a.jpg", picture.convert("CMYK"), quality=95)


def as_palette(tmp_path: Path, picture: Image.Image) -> Path:
    return saved(tmp_path / "a.png", picture.quantize(256))


@pytest.mark.parametrize("form", [as_rgb, as_jpeg, as_webp, as_opaque_rgba, as_cmyk, as_palette])
def test_every_form_of_image_shows_the_same_picture(form: Callable[[Path, Image.Image], Path], tmp_path: Path) -> None:
    picture = painting(320, 180)
    shown = load_still(form(tmp_path, Image.fromarray(picture)), 320, 180)
    assert psnr_db(shown, picture) > 28


def test_sixteen_bit_grey_keeps_its_brightness(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 320 * 180).reshape(180, 320).astype(np.uint16)
    shown = load_still(saved(tmp_path / "a.png", Image.fromarray(grey)), 320, 180)
    assert psnr_db(shown, np.repeat((grey / 257).round().astype(np.uint8)[..., None], 3, axis=2)) > 45


def test_sixteen_bit_colour_is_read(tmp_path: Path) -> None:
    picture = painting(320, 180)
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), picture[..., ::-1].astype(np.uint16) * 257)
    assert psnr_db(load_still(path, 320, 180), picture) > 40


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    pixels = np.dstack([painting(320, 180), np.full((180, 320), 255, np.uint8)])
    pixels[:, :160, 3] = 0
    shown = load_still(saved(tmp_path / "a.png", Image.fromarray(pixels)), 320, 180)
    assert shown[:, :150].max() <= 2
    assert shown[:, 170:].mean() > 60


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [(1, lambda p: p), (3, lambda p: np.rot90(p, 2)), (6, lambda p: np.rot90(p, 1)), (8, lambda p: np.rot90(p, -1))],
)
def test_an_image_is_shown_upright(orientation: int, undo: Callable[[Pixels], Pixels], tmp_path: Path) -> None:
    picture = painting(320, 180)
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = Image.fromarray(np.ascontiguousarray(undo(picture)))
    shown = load_still(saved(tmp_path / "a.jpg", turned, quality=95, exif=exif), 320, 180)
    assert psnr_db(shown, picture) > 35


@pytest.mark.parametrize("size", [(100, 180), (600, 100), (180, 180), (64, 640)])
def test_an_image_that_does_not_fit_is_extended_and_not_stretched(size: tuple[int, int], tmp_path: Path) -> None:
    image = Image.new("RGB", size, (200, 200, 200))
    centre, radius = (size[0] // 2, size[1] // 2), min(size) // 3
    pixels = cv2.circle(np.asarray(image).copy(), centre, radius, (20, 20, 20), -1)
    shown = load_still(saved(tmp_path / "a.png", Image.fromarray(pixels)), 320, 180)
    scale = min(320 / size[0], 180 / size[1])
    inside = tuple(
        slice(int(middle - side * scale / 2), int(middle + side * scale / 2))
        for middle, side in ((90, size[1]), (160, size[0]))
    )
    rows, columns = np.nonzero(shown[inside].max(axis=2) < 60)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=4)  # the disc is still round
    assert rows.mean() + inside[0].start == pytest.approx(89.5, abs=2)  # and in the middle
    assert np.ptp(rows) == pytest.approx(2 * radius * scale, abs=4)  # and as large as the frame allows


def test_the_fill_is_a_blurred_darker_copy_of_the_image(tmp_path: Path) -> None:
    shown = load_still(saved(tmp_path / "a.png", Image.fromarray(painting(180, 180))), 320, 180)
    left, right = shown[:90, :60], shown[:90, 260:]
    assert left[..., 0].mean() > 1.5 * left[..., 1].mean()  # the image is red in its upper left corner
    assert right[..., 1].mean() > 1.5 * right[..., 0].mean()  # and green in its upper right one
    assert 20 < shown[:, :60].mean() < 0.8 * shown[:, 80:240].mean()
    assert cv2.Laplacian(left, cv2.CV_64F).std() < 2


def test_an_image_that_nearly_fits_has_no_sliver_of_fill(tmp_path: Path) -> None:
    white = load_still(saved(tmp_path / "a.png", Image.new("RGB", (1000, 560), "white")), 320, 180)
    assert white.min() >= 254


def test_a_wide_gamut_image_is_brought_to_srgb(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    plain = Image.new("RGB", (32, 18), (200, 60, 60))
    broken = load_still(saved(tmp_path / "b.png", plain, icc_profile=b"not a profile"), 32, 18)
    unfit = load_still(saved(tmp_path / "c.png", plain, icc_profile=profile), 32, 18)
    assert broken[9, 16].tolist() == unfit[9, 16].tolist() == [200, 60, 60]  # a profile of no use is passed over
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = load_still(saved(tmp_path / "d.png", plain, icc_profile=srgb), 32, 18)
    assert np.abs(same[9, 16].astype(int) - [200, 60, 60]).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (16, 9), (3, 2)])
def test_a_tiny_image_fills_the_frame(size: tuple[int, int], tmp_path: Path) -> None:
    shown = load_still(saved(tmp_path / "a.png", Image.new("RGB", size, (90, 160, 220))), 320, 180)
    assert shown.shape == (180, 320, 3)
    assert np.abs(shown[90, 160].astype(int) - [90, 160, 220]).max() <= 2


def test_an_image_with_too_many_pixels_is_refused(tmp_path: Path) -> None:
    side = int(IMAGE_PIXELS_MAX**0.5) + 10
    path = saved(tmp_path / "a.png", Image.new("1", (side, side)))
    with pytest.raises(ValueError, match="pixels"):
        load_still(path, 320, 180)


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"this is text")
    with pytest.raises(OSError, match="cannot identify"):
        load_still(path, 320, 180)
