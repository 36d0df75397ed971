"""The frame in the encoder's own colours."""

import numpy as np
import pytest

from reelway.providers.animatic.canvas import Canvas, Picture, decode_pixels, encode_pixels, yuv_planes

TO_WORLD = np.eye(3)


def covered(canvas: Canvas) -> np.ndarray:
    luma = np.round(16 + canvas.luma * (219 / 255)).astype(np.uint8)
    return decode_pixels(luma, canvas.u, canvas.v)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 40), (20, 160, 60), (30, 60, 220)])
def test_colours_survive_the_way_to_luma_and_chroma_and_back(colour: tuple[int, int, int]) -> None:
    rgb = np.full((32, 32, 3), colour, np.uint8)
    luma, u, v = yuv_planes(rgb)
    back = decode_pixels(np.round(16 + luma * (219 / 255)).astype(np.uint8), u, v)
    assert np.abs(back.astype(int) - rgb).max() <= 3


def test_white_and_black_have_the_levels_of_broadcasting() -> None:
    for level, luma in ((0.0, 0), (1.0, 255)):
        pixels = encode_pixels(np.full((64, 64, 3), level, np.float32), None)
        assert abs(float(pixels[..., 0].mean()) - luma) < 0.5
        assert np.abs(pixels[..., 1:3].astype(int) - 128).max() <= 1


def test_a_gradient_finer_than_one_step_is_dithered() -> None:
    ramp = np.linspace(0.500, 0.508, 256, dtype=np.float32)[:, None, None] * np.ones((256, 512, 3), np.float32)
    rows = encode_pixels(ramp, None)[..., 0].mean(axis=1)
    assert np.abs(np.diff(rows)).max() < 0.25
    assert rows[-1] - rows[0] == pytest.approx(0.008 * 255, abs=0.3)


def test_half_opacity_shows_half_of_both() -> None:
    canvas = Canvas(32, 32)
    behind, front = np.full((32, 32, 3), 0.2, np.float32), np.full((32, 32, 3), 0.8, np.float32)
    canvas.lay(Picture(encode_pixels(behind, None), TO_WORLD, 1.0, True), np.eye(3))
    canvas.lay(Picture(encode_pixels(front, np.full((32, 32), 0.5, np.float32)), TO_WORLD, 1.0, False), np.eye(3))
    assert float(covered(canvas).mean()) == pytest.approx(0.5 * 255, abs=3)


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_a_picture_lands_where_its_matrix_says_whether_sharp_or_soft(scale: float) -> None:
    canvas = Canvas(128, 96)
    size = round(16 / scale)
    dot = encode_pixels(np.ones((size, size, 3), np.float32), np.ones((size, size), np.float32))
    to_screen = np.array([[scale, 0, 40.0], [0, scale, 50.0], [0, 0, 1]])
    canvas.lay(Picture(dot, TO_WORLD, 1.0, False), to_screen)
    rows, columns = np.nonzero(canvas.luma > 127)
    middle = (scale * (size - 1) / 2 + 50, scale * (size - 1) / 2 + 40)
    assert (rows.mean(), columns.mean()) == pytest.approx(middle, abs=0.6)


def test_what_is_outside_the_frame_is_left_out() -> None:
    canvas = Canvas(32, 32)
    white = encode_pixels(np.ones((8, 8, 3), np.float32), np.ones((8, 8), np.float32))
    for x, y in ((-40, 0), (0, 60), (500, 500), (-7.5, -7.5)):
        canvas.lay(Picture(white, TO_WORLD, 1.0, False), np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]]))
    assert canvas.luma[2:, 2:].max() == 0


def test_two_pictures_of_one_grid_look_the_same_as_one() -> None:
    random = np.random.default_rng(3)
    pictures = []
    for left, top in ((0, 0), (7, -5)):
        rgb, opacity = random.random((24, 20, 3), np.float32), random.random((24, 20), np.float32)
        to_world = np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
        pictures.append(Picture(encode_pixels(rgb, opacity), to_world, 1.0, False))
    apart, joined = Canvas(64, 64), Canvas(64, 64)
    to_screen = np.array([[1, 0, 20], [0, 1, 20], [0, 0, 1.0]])
    for picture in pictures:
        apart.lay(picture, to_screen)
    joined.lay(pictures[0].under(pictures[1]), to_screen)
    assert np.abs(apart.luma.astype(int) - joined.luma).max() <= 2
