"""Decode an untrusted image with Pillow. Only children import this module: `net/media` is the way in."""

import struct
import warnings
import zlib
from pathlib import Path

from PIL import ExifTags, Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError, WebPImagePlugin

from reelway.domain.media import MediaKind
from reelway.net.media import MediaFacts, MediaLimits, MediaProblem

FORMATS = {
    "image/jpeg": JpegImagePlugin.JpegImageFile.format,
    "image/png": PngImagePlugin.PngImageFile.format,
    "image/webp": WebPImagePlugin.WebPImageFile.format,
}
"""The formats that are decoded at all, with Pillow's name for the one decoder that may try."""

_DECODER_ERRORS = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error, zlib.error)
_ORIENTATIONS_ON_THE_SIDE = frozenset({5, 6, 7, 8})  # Source: Exif 2.32, section 4.6.4, tag 0x0112


def inspect(path: Path, mime_type: str, limits: MediaLimits) -> MediaFacts | MediaProblem:
    """Judge the size that the header states, then decode all of the first picture.

    Animated PNG and WebP files pass as still images of their first picture.
    """
    warnings.simplefilter("ignore")  # Pillow warns of harmless oddities in metadata; this process does nothing else
    Image.MAX_IMAGE_PIXELS = -(-limits.pixels_max // 2)  # Pillow refuses from twice this number on, before allocating
    try:
        with _open(path, mime_type) as image:
            if image.width * image.height > limits.pixels_max:
                return MediaProblem.TOO_MANY_PIXELS
            image.verify()  # PNG: the checksums, which decoding does not look at
        with _open(path, mime_type) as image:
            image.load()
            width, height = image.size
            if _orientation(image) in _ORIENTATIONS_ON_THE_SIDE:
                width, height = height, width
    except Image.DecompressionBombError:
        return MediaProblem.TOO_MANY_PIXELS
    except (UnidentifiedImageError, *_DECODER_ERRORS):
        return MediaProblem.BROKEN
    return MediaFacts(MediaKind.IMAGE, mime_type, width, height)


def _open(path: Path, mime_type: str) -> Image.Image:
    return Image.open(path, formats=[FORMATS[mime_type]])


def _orientation(image: Image.Image) -> object:
    """The Exif orientation, 1 to 8; broken metadata does not make a picture unusable."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except _DECODER_ERRORS:
        return None
