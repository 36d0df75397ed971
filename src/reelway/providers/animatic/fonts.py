"""Fonts from the wheel `weblate-fonts`: which one has a character, its shapes, and its glyphs as pixels.

The files are large; each is mapped into memory when the first character needs it, and only then.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files

import freetype
import numpy as np
import uharfbuzz as harfbuzz

from reelway.providers.animatic.arrays import Bytes

_FOLDER = "static/weblate_fonts/kurinto/ttf"
_FIXED = 64  # FreeType's and our HarfBuzz unit: a 64th of a pixel
_SUBPIXELS = 4  # glyphs are drawn at quarters of a pixel, so that letter spacing is even
_LOAD = freetype.FT_LOAD_RENDER | freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP


class Typeface(StrEnum):
    """The fonts by file; the first has a hundred scripts, the others the ideographs as each country writes them."""

    GENERAL = "KurintoSans-Rg.ttf"
    SIMPLIFIED = "KurintoSansSC-Rg.ttf"
    TRADITIONAL = "KurintoSansTC-Rg.ttf"
    JAPANESE = "KurintoSansJP-Rg.ttf"
    KOREAN = "KurintoSansKR-Rg.ttf"


@dataclass(frozen=True, slots=True)
class Glyph:
    """A shaped glyph: its number in the font, and where it goes from the pen, in pixels, y upwards."""

    index: int
    x: float
    y: float
    advance: float


@dataclass(frozen=True, slots=True)
class Stamp:
    """A glyph's pixels and their place relative to the pen's whole pixel on the base line."""

    pixels: Bytes
    left: int
    top: int


def typeface_order(text: str) -> tuple[Typeface, ...]:
    """Which font to ask first for ideographs: the one of the country whose own script the text holds too."""
    names = [unicodedata.name(character, "") for character in set(text) if ord(character) > 0x10FF]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        first = Typeface.JAPANESE
    elif any(name.startswith("HANGUL") for name in names):
        first = Typeface.KOREAN
    else:
        first = Typeface.SIMPLIFIED
    others = (Typeface.SIMPLIFIED, Typeface.TRADITIONAL, Typeface.JAPANESE, Typeface.KOREAN)
    return (first, *(face for face in others if face is not first))


def typeface_for(character: str, ideographic: tuple[Typeface, ...]) -> Typeface | None:
    """The font to write a character with; None when no font has it."""
    wide = unicodedata.east_asian_width(character) in "WF"
    if wide and ord(character) >= 0x1F000 and unicodedata.category(character) == "So":
        return None  # emoji: no font of ours has them, do not open five to find out
    order = (*ideographic, Typeface.GENERAL) if wide else (Typeface.GENERAL, *ideographic)
    return next((face for face in order if _has(face, character)), None)


def _has(face: Typeface, character: str) -> bool:
    return _shaper(face).get_nominal_glyph(ord(character)) is not None


@lru_cache(maxsize=4096)
def script_of(character: str) -> str | None:
    """The ISO 15924 code of a character's script; None for what all scripts share. HarfBuzz carries the table."""
    buffer = harfbuzz.Buffer()
    buffer.add_str(character)
    buffer.guess_segment_properties()
    script: str | None = buffer.script
    return script


def shape(
    face: Typeface, text: str, size_px: float, *, script: str | None, language: str, right_to_left: bool
) -> list[Glyph]:
    """The glyphs of one run, in the order in which they stand from left to right."""
    font = _shaper(face)
    font.scale = (round(size_px * _FIXED), round(size_px * _FIXED))
    buffer = harfbuzz.Buffer()
    buffer.add_str(text)
    buffer.direction = "rtl" if right_to_left else "ltr"
    if script is not None:
        buffer.script = script
    buffer.language = language
    buffer.guess_segment_properties()
    harfbuzz.shape(font, buffer)
    return [
        Glyph(info.codepoint, place.x_offset / _FIXED, place.y_offset / _FIXED, place.x_advance / _FIXED)
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
    ]


@lru_cache(maxsize=2048)
def stamp(face: Typeface, index: int, size_px: float, quarter: int) -> Stamp:
    """A glyph drawn `quarter` quarters of a pixel to the right."""
    drawer = _drawer(face)
    drawer.set_char_size(round(size_px * _FIXED))
    drawer.set_transform(freetype.Matrix(0x10000, 0, 0, 0x10000), freetype.Vector(quarter * _FIXED // _SUBPIXELS, 0))
    drawer.load_glyph(index, _LOAD)
    bitmap = drawer.glyph.bitmap
    pixels = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)[:, : bitmap.width]
    return Stamp(pixels, drawer.glyph.bitmap_left, drawer.glyph.bitmap_top)


def place(x: float) -> tuple[int, int]:
    """A pen position as a whole pixel and quarters."""
    quarters = round(x * _SUBPIXELS)
    return quarters // _SUBPIXELS, quarters % _SUBPIXELS


def _path(face: Typeface) -> str:
    return str(files("weblate_fonts").joinpath(_FOLDER, face.value))


@cache
def _shaper(face: Typeface) -> "harfbuzz.Font":
    return harfbuzz.Font(harfbuzz.Face(harfbuzz.Blob.from_file_path(_path(face))))


@cache
def _drawer(face: Typeface) -> "freetype.Face":
    return freetype.Face(_path(face))
