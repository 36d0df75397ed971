"""Frame images: read in whatever form they come, and fitted into the frame without stretching."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps

from reelway.providers.animatic.arrays import Bytes, Floats
from reelway.providers.animatic.spec import IMAGE_PIXELS_MAX

_CROP_MAX = 0.015  # a fit may cut off this share of a side rather than show a sliver of fill
_FILL_SIDE_PX = 96  # the fill is blurred at this size, where it costs nothing
_FILL_LIGHT = 0.62
_ORIENTATION = 0x0112  # Source: Exif 2.3, table 4
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")


def load_still(path: Path, width: int, height: int) -> Bytes:
    """The image as RGB pixels of the frame's size: upright, over black where transparent, extended by a blurred fill.

    Raises:
        OSError: not an image that Pillow can read.
        ValueError: more than `IMAGE_PIXELS_MAX` pixels.
    """
    return fit(_read(path, max(width, height)), width, height)


def load_mask(path: Path, width: int, height: int) -> Floats:
    """How much each pixel of the frame is marked, 0 to 1; a mask is fitted just as its image is.

    A transparent mask is marked where it is opaque, any other where it is bright.

    Raises:
        OSError: not an image that Pillow can read.
        ValueError: more than `IMAGE_PIXELS_MAX` pixels.
    """
    with Image.open(path) as opened:
        _check_size(opened)
        opened.load()
        clear = opened.convert("RGBA")
    bands = np.asarray(clear).astype(np.float32) / 255
    marked = bands[..., 3] if float(bands[..., 3].min()) < 0.98 else bands[..., :3].mean(axis=2)
    scale, left, top = placement(clear.size, width, height)
    to_source = np.array([[1 / scale[0], 0, -left / scale[0]], [0, 1 / scale[1], -top / scale[1]]])
    to_source[:, 2] += (to_source[:, :2].sum(axis=1) - 1) / 2
    flags = (cv2.INTER_LINEAR if scale[1] > 1 else cv2.INTER_AREA) | cv2.WARP_INVERSE_MAP
    fitted: Floats = cv2.warpAffine(marked, to_source, (width, height), flags=flags)
    return fitted


def placement(size: tuple[int, int], width: int, height: int) -> tuple[tuple[float, float], float, float]:
    """Where `fit` puts an image of a size: its scale across and down, and its left and top edge in the frame."""
    scale, covers = min(width / size[0], height / size[1]), max(width / size[0], height / size[1])
    if _is_cropped(size, width, height):
        return (covers, covers), (width - size[0] * covers) / 2, (height - size[1] * covers) / 2
    inner = _inner(size, scale)
    return (inner[0] / size[0], inner[1] / size[1]), (width - inner[0]) // 2, (height - inner[1]) // 2


def is_filled(size: tuple[int, int], width: int, height: int) -> bool:
    """Whether an image of a size leaves parts of the frame to the fill."""
    inner = _inner(size, min(width / size[0], height / size[1]))
    return not _is_cropped(size, width, height) and inner != (width, height)


def image_size(path: Path) -> tuple[int, int]:
    """Width and height as shown, after the file's own orientation."""
    with Image.open(path) as opened:
        is_turned = opened.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
        return (opened.height, opened.width) if is_turned else opened.size


def _check_size(opened: Image.Image) -> None:
    if opened.width * opened.height > IMAGE_PIXELS_MAX:
        raise ValueError(f"the image has {opened.width} x {opened.height} pixels; {IMAGE_PIXELS_MAX} are allowed")


def _read(path: Path, side_px: int) -> Image.Image:
    with Image.open(path) as opened:
        _check_size(opened)
        if opened.format == "JPEG":
            opened.draft(opened.mode, (2 * side_px, 2 * side_px))  # lets the decoder skip detail that nobody will see
        opened.load()
        profile = opened.info.get("icc_profile")
        upright = ImageOps.exif_transpose(opened)
    return _as_rgb(upright, profile)


def _as_rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode in _SIXTEEN_BITS or image.mode == "I":
        grey = np.asarray(image).astype(np.float32)
        deep = image.mode != "I" or float(grey.max(initial=0)) > 255
        return Image.fromarray(np.clip(np.round(grey / (257 if deep else 1)), 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        clear = image.convert("RGBA")
        black = Image.new("RGBA", clear.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, clear).convert("RGB")
    return _in_srgb(image, profile) or image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """The image with its own colour profile applied; None when it has none that can be used."""
    if not profile or image.mode not in ("RGB", "CMYK"):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None  # a broken profile is common and harmless: the colours are then taken as they are


def fit(image: Image.Image, width: int, height: int) -> Bytes:
    """The image as large as the frame holds it; what it leaves free shows the image itself, blurred and darker."""
    scale = min(width / image.width, height / image.height)
    covers = max(width / image.width, height / image.height)
    if _is_cropped(image.size, width, height):
        box = _centred(image, width / covers, height / covers)
        return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0))
    inner = _inner(image.size, scale)
    frame = _fill(image, width, height, covers)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    sharp = image.resize(inner, Image.Resampling.LANCZOS, reducing_gap=3.0)
    frame[top : top + inner[1], left : left + inner[0]] = np.asarray(sharp)
    return frame


def _is_cropped(size: tuple[int, int], width: int, height: int) -> bool:
    """Whether the image fits so nearly that a sliver of it is cut off instead of filled up."""
    scale = min(width / size[0], height / size[1])
    return scale * size[0] > width * (1 - _CROP_MAX) and scale * size[1] > height * (1 - _CROP_MAX)


def _inner(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _centred(image: Image.Image, width: float, height: float) -> tuple[float, float, float, float]:
    left, top = max(0.0, (image.width - width) / 2), max(0.0, (image.height - height) / 2)
    return left, top, min(float(image.width), left + width), min(float(image.height), top + height)


def _fill(image: Image.Image, width: int, height: int, covers: float) -> Bytes:
    shrink = _FILL_SIDE_PX / min(width, height)
    size = max(2, round(width * shrink)), max(2, round(height * shrink))
    small = image.resize(
        size, Image.Resampling.BILINEAR, box=_centred(image, width / covers, height / covers), reducing_gap=2.0
    )
    blurred = cv2.GaussianBlur(np.asarray(small).astype(np.float32), (0, 0), _FILL_SIDE_PX / 14)
    large = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_CUBIC)
    filled: Bytes = np.clip(np.round(large * _FILL_LIGHT), 0, 255).astype(np.uint8)
    return filled
