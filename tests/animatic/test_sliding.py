"""Pictures that are only shifted look the same as pictures that are warped."""

import numpy as np
import pytest

from reelway.domain.generation import Camera, CameraMove
from reelway.providers.animatic.camera import FAR, CameraPath, Matrix
from reelway.providers.animatic.canvas import Canvas, Picture, encode_pixels
from reelway.providers.animatic.scene import describe
from reelway.providers.animatic.sliding import SlidingPicture, slides

TO_WORLD = np.array([[1, 0, -3.0], [0, 1, 2.0], [0, 0, 1]])


def placed(scale: float, x: float, y: float) -> Matrix:
    return np.array([[scale, 0, x], [0, scale, y], [0, 0, 1.0]])


def smooth_picture(height: int, width: int, *, is_opaque: bool) -> Picture:
    """A picture without detail of one pixel, of which halving the chroma before or after a shift makes another."""
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [0.5 + 0.4 * np.sin(across / (9 + channel) + down / (13 - channel)) for channel in range(3)]
    rgb = np.stack(waves, axis=-1).astype(np.float32)
    opacity = None if is_opaque else np.clip(1.2 * np.sin(np.pi * across / width), 0, 1).astype(np.float32)
    return Picture(encode_pixels(rgb, opacity), TO_WORLD, 1.0, is_opaque)


def backdrop(canvas: Canvas) -> Canvas:
    canvas.luma[:] = np.arange(canvas.width, dtype=np.uint8)[None]
    canvas.u[:], canvas.v[:] = 90, 170
    return canvas


@pytest.mark.parametrize("is_opaque", [True, False])
@pytest.mark.parametrize(("scale", "size"), [(1.0, (121, 167)), (1.0, (300, 420)), (2.0, (61, 83)), (2.0, (150, 210))])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (7.5, -3.25), (-41.37, 22.8), (90.1, 60.9)])
def test_a_shifted_picture_looks_like_a_warped_one(
    scale: float, size: tuple[int, int], shift: tuple[float, float], is_opaque: bool
) -> None:
    picture = smooth_picture(*size, is_opaque=is_opaque)
    to_screen = placed(scale, *shift)
    warped, slid = (backdrop(Canvas(160, 120)) for _ in range(2))
    warped.lay(picture, to_screen)
    SlidingPicture(picture, to_screen @ TO_WORLD).draw(slid, to_screen)
    for name, share in (("luma", 0.99), ("u", 0.9), ("v", 0.9)):  # chroma differs along the picture's own edges
        apart = np.abs(getattr(warped, name).astype(int) - getattr(slid, name))
        assert apart.mean() < 1.0, name
        assert np.quantile(apart, share) <= 3, name


def test_a_picture_beside_the_frame_leaves_it_alone() -> None:
    picture = smooth_picture(20, 30, is_opaque=False)
    for shift in ((-400.0, 0.0), (300.0, 0.0), (0.0, -90.5), (0.0, 500.0)):
        canvas, before = backdrop(Canvas(160, 120)), backdrop(Canvas(160, 120))
        SlidingPicture(picture, placed(1.0, *shift) @ TO_WORLD).draw(canvas, placed(1.0, *shift))
        assert (canvas.luma == before.luma).all()
        assert (canvas.u == before.u).all()


@pytest.mark.parametrize(
    ("forward", "is_shift"),
    [
        (placed(1.0, 3.3, 9.0), True),
        (placed(2.0, 3.3, 9.0), True),
        (placed(1.001, 3.3, 9.0), False),
        (placed(0.8, 0.0, 0.0), False),
        (np.array([[1, 0.01, 0], [-0.01, 1, 0], [0, 0, 1.0]]), False),
        (np.array([[1, 0, 0], [0, 2, 0], [0, 0, 1.0]]), False),
    ],
)
def test_only_an_upright_picture_in_its_own_size_or_twice_it_slides(forward: Matrix, is_shift: bool) -> None:
    assert slides(forward) is is_shift


@pytest.mark.parametrize(
    ("words", "only_shifts"), [("static shot", True), ("pan left", True), ("push in", False), ("handheld", False)]
)
def test_the_camera_says_whether_it_only_shifts_a_depth(words: str, only_shifts: bool) -> None:
    path = CameraPath(describe(f"a meadow, {words}"), 48, 24)
    assert path.only_shifts(2.0) is only_shifts


def test_a_camera_that_travels_forward_leaves_the_sky_in_its_size_and_one_that_zooms_does_not() -> None:
    assert CameraPath(describe("a meadow, push in"), 48, 24).only_shifts(FAR)
    zooming = describe("a meadow", control=Camera(CameraMove.SIMPLE, zoom=5.0))
    assert not CameraPath(zooming, 48, 24).only_shifts(FAR)
