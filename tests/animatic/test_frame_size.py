"""What size a frame has."""

import pytest

from reelway.providers.animatic.spec import frame_size


@pytest.mark.parametrize(
    ("mode", "aspect_ratio", "size"),
    [
        ("std", "16:9", (1280, 720)),
        ("std", "9:16", (720, 1280)),
        ("std", "1:1", (720, 720)),
        ("pro", "16:9", (1920, 1080)),
        ("pro", "9:16", (1080, 1920)),
        ("4k", "16:9", (3840, 2160)),
        ("4k", "1:1", (2160, 2160)),
    ],
)
def test_the_mode_gives_the_short_side_and_the_aspect_ratio_the_other(
    mode: str, aspect_ratio: str, size: tuple[int, int]
) -> None:
    assert frame_size(mode, aspect_ratio, None) == size


@pytest.mark.parametrize(
    ("image", "size"),
    [
        ((4000, 3000), (960, 720)),
        ((3000, 4000), (720, 960)),
        ((1000, 667), (1080, 720)),
        ((1, 1), (720, 720)),
        ((5000, 100), (1800, 720)),
        ((100, 5000), (720, 1800)),
    ],
)
def test_with_an_image_the_frame_follows_the_images_own_ratio_within_bounds(
    image: tuple[int, int], size: tuple[int, int]
) -> None:
    assert frame_size("std", "16:9", image) == size


def test_every_side_is_even_because_chroma_has_half_the_samples() -> None:
    sizes = [frame_size(mode, "1:1", (width, 701)) for mode in ("std", "pro", "4k") for width in range(300, 1700, 37)]
    assert all(width % 2 == 0 and height % 2 == 0 for width, height in sizes)
