"""The prompt as a caption in the lower third: any script, either direction, at most three lines.

Text is laid out here and not by Pillow, whose complex layout needs a system library that a fresh machine lacks
(decision 5). Order follows the Unicode bidirectional algorithm, shapes follow HarfBuzz.
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import cv2
import numpy as np
from bidi import algorithm as bidi

from reelway.providers.animatic import fonts
from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.finish import Overlay
from reelway.providers.animatic.fonts import Glyph, Typeface

_LINES_MAX = 3
_LETTERS_MAX = 600  # code points laid out at most; three lines hold far fewer
_SCANNED_MAX = 4000  # code points of the prompt looked at
_MARKS_MAX = 4  # combining marks kept on one letter
_ELLIPSIS = "…"

_SIZE = 0.038  # of the frame's short side
_SIZE_MIN_PX = 9.0
_LEADING = 1.42  # line height, in sizes: Arabic and Indic scripts need more than Latin
_SIDE, _FOOT = 0.05, 0.06  # title-safe margins, shares of the frame's width and height
_WHITE, _INK = 0.93, 0.13
_SCRIM, _SHADOW = 0.50, 0.80  # how dark the picture gets towards the foot, and right behind letters

_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS = frozenset("\u200c\u200d")
_REMOVED_BY_BIDI = frozenset({"BN", "LRE", "RLE", "LRO", "RLO", "PDF"})
_BRACKETS = {"(": ")", "[": "]", "{": "}", "«": "»", "（": "）"}
_URDU_LETTERS = frozenset("ٹڈڑںےہھگچپیک")
_NO_BREAK_BEFORE = frozenset("，。、！？；：）」』】》〉”’…,.!?;:)]}%؟،۔")
_NO_BREAK_AFTER = frozenset("（「『【《〈“‘([{")


@dataclass(frozen=True, slots=True)
class _Run:
    """Shaped neighbours of one font, script and direction."""

    face: Typeface
    level: int
    glyphs: list[Glyph]


def caption(text: str, width: int, height: int, *, is_ink: bool = False) -> Overlay | None:
    """The overlay that shows a text over a frame, dark for a picture on paper; None when nothing can be shown."""
    top = 2 * math.ceil(height / 3)
    size_px = max(_SIZE_MIN_PX, _SIZE * min(width, height))
    leading = _LEADING * size_px
    lines_max = min(_LINES_MAX, int((height * (1 - _FOOT) - top) / leading))
    paragraph = _Paragraph(clean(text), size_px)
    if not paragraph.letters or lines_max < 1:
        return None
    lines = paragraph.lines(width * (1 - 2 * _SIDE), lines_max)
    cover = np.zeros((height - top, width), np.float32)
    base_line = height * (1 - _FOOT) - top - 0.30 * size_px - leading * (len(lines) - 1)
    for number, line in enumerate(lines):
        runs = paragraph.runs(line)
        length = sum(glyph.advance for run in runs for glyph in run.glyphs)
        start = width * (1 - _SIDE) - length if paragraph.is_right_to_left else width * _SIDE
        _write(cover, runs, start, base_line + number * leading, size_px)
    if is_ink:
        return _in_ink(cover, top, size_px)
    return _overlay(cover, top, size_px, len(lines) * leading)


def written(text: str, size_px: float, width_max: float) -> Floats:
    """One line of text as a sheet just large enough for it, 1 where there are letters."""
    paragraph = _Paragraph(clean(text), size_px)
    lines = paragraph.lines(width_max, 1)
    runs = paragraph.runs(lines[0]) if lines else []
    length = sum(glyph.advance for run in runs for glyph in run.glyphs)
    cover = np.zeros((math.ceil(_LEADING * size_px), math.ceil(length) + 2), np.float32)
    _write(cover, runs, 1.0, 1.05 * size_px, size_px)
    return cover


def clean(text: str) -> str:
    """The text as one paragraph of plain letters: no controls, no overrides, no towers of marks, no double spaces."""
    letters: list[str] = []
    marks = 0
    for character in text[:_SCANNED_MAX]:
        category = unicodedata.category(character)
        if character.isspace() or category == "Cc":
            character = " "
        elif category in ("Cs", "Co", "Cn") or character in _BIDI_CONTROLS:
            continue
        is_mark = category.startswith("M") or character in _JOINERS
        marks = marks + 1 if is_mark else 0
        if (character == " " and (not letters or letters[-1] == " ")) or (
            is_mark and (marks > _MARKS_MAX or not letters)
        ):
            continue
        letters.append(character)
        if len(letters) == _LETTERS_MAX:
            break
    return unicodedata.normalize("NFC", "".join(letters)).strip()


class _Paragraph:
    """A text with what layout needs to know about each letter; letters that no font has are left out."""

    def __init__(self, text: str, size_px: float) -> None:
        self._size_px = size_px
        order = fonts.typeface_order(text)
        faces = [fonts.typeface_for(letter, order) if letter not in _JOINERS else Typeface.GENERAL for letter in text]
        kept = [(letter, face) for letter, face in zip(text, faces, strict=True) if face is not None]
        joined = " ".join("".join(letter for letter, _ in kept).split())
        known = dict(kept)
        self.letters = joined if any(not letter.isspace() and letter not in _JOINERS for letter in joined) else ""
        self._text = self.letters + _ELLIPSIS
        self._faces = [*(known[letter] for letter in self.letters), Typeface.GENERAL]
        self._spread_faces()
        base, levels = _levels(self.letters)
        self.is_right_to_left = base == 1
        self._levels = [*levels, base]
        self._scripts = _scripts(self._text)
        self._language = "ur" if _URDU_LETTERS & set(self.letters) else "en"

    def _spread_faces(self) -> None:
        """Marks, joiners and spaces take the font of the letter before them, so that they do not split its run."""
        for index in range(1, len(self._faces) - 1):
            letter = self._text[index]
            if letter == " " or letter in _JOINERS or unicodedata.category(letter).startswith("M"):
                self._faces[index] = self._faces[index - 1]

    def runs(self, line: Sequence[int]) -> list[_Run]:
        """The shaped runs of the letters at some indices, in the order in which they stand from left to right."""
        runs = []
        for (face, level, script), group in groupby(
            line, key=lambda at: (self._faces[at], self._levels[at], self._scripts[at])
        ):
            text = "".join(self._text[index] for index in group)
            glyphs = fonts.shape(
                face, text, self._size_px, script=script, language=self._language, right_to_left=level % 2 == 1
            )
            runs.append(_Run(face, level, glyphs))
        return _in_visual_order(runs)

    def _width(self, line: Sequence[int]) -> float:
        return sum(glyph.advance for run in self.runs(line) for glyph in run.glyphs)

    def lines(self, width: float, lines_max: int) -> list[list[int]]:
        """The letters' indices, line by line; where the text goes on, the last line ends in an ellipsis."""
        lines: list[list[int]] = []
        start, end = 0, len(self.letters)
        while start < end and len(lines) < lines_max:
            stop = self._fill(start, width)
            lines.append(self._trimmed(range(start, stop)))
            start = stop
        if start < end:
            lines[-1] = self._with_ellipsis(lines[-1], width)
        return lines

    def _fill(self, start: int, width: float) -> int:
        """Where the line that begins at `start` ends: after the last word that fits, or inside one that is too long."""
        used, stop = 0.0, start
        while stop < len(self.letters):
            word_end = self._word_end(stop)
            extent = self._width(self._trimmed(range(stop, word_end)))
            if used + extent > width:
                break
            used += self._width(range(stop, word_end))
            stop = word_end
        if stop > start:
            return stop
        return self._fitting_part(start, self._word_end(start), width)

    def _fitting_part(self, start: int, end: int, width: float) -> int:
        low, high = start + 1, end
        while low < high:
            middle = (low + high + 1) // 2
            if self._width(range(start, middle)) <= width:
                low = middle
            else:
                high = middle - 1
        while low < end and unicodedata.category(self._text[low]).startswith("M"):
            low += 1
        return low

    def _word_end(self, start: int) -> int:
        index = start + 1
        while index < len(self.letters) and not _may_break(self._text[index - 1], self._text[index]):
            index += 1
        return index

    def _trimmed(self, line: Sequence[int]) -> list[int]:
        indices = list(line)
        while indices and self._text[indices[-1]] == " ":
            indices.pop()
        return indices

    def _with_ellipsis(self, line: list[int], width: float) -> list[int]:
        last = len(self.letters)
        while len(line) > 1 and self._width([*line, last]) > width:
            line = self._trimmed(line[:-1])
        return [*line, last]


def _may_break(before: str, after: str) -> bool:
    if before == " ":
        return after != " "
    if after in _NO_BREAK_BEFORE or before in _NO_BREAK_AFTER or unicodedata.category(after).startswith("M"):
        return False
    return any(unicodedata.east_asian_width(letter) in "WF" for letter in (before, after)) and after != " "


def _levels(text: str) -> tuple[int, list[int]]:
    """The paragraph's embedding level and each letter's. Source: Unicode Standard Annex 9, rules P2 to I2."""
    storage = bidi.get_empty_storage()
    base: int = bidi.get_base_level(text)
    storage["base_level"], storage["base_dir"] = base, ("L", "R")[base]
    bidi.get_embedding_levels(text, storage)
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage)
    _pair_brackets(storage["chars"], ("L", "R")[base])
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    resolved = iter(storage["chars"])
    levels: list[int] = []
    for letter in text:
        removed = unicodedata.bidirectional(letter) in _REMOVED_BY_BIDI
        levels.append((levels[-1] if levels else base) if removed else next(resolved)["level"])
    return base, levels


def _pair_brackets(letters: list[dict[str, Any]], base: str) -> None:
    """Give both brackets of a pair one direction, which the library does not. Source: the same annex, rule N0."""
    opened: list[int] = []
    for index, letter in enumerate(letters):
        if letter["ch"] in _BRACKETS:
            opened.append(index)
        elif opened and letter["ch"] == _BRACKETS[letters[opened[-1]]["ch"]]:
            start = opened.pop()
            inside = {_strong(held["type"]) for held in letters[start + 1 : index]} - {None}
            before = (
                next((found for held in letters[start - 1 :: -1] if (found := _strong(held["type"]))), base)
                if start
                else base
            )
            if inside:
                letter["type"] = letters[start]["type"] = base if base in inside else before


def _strong(bidi_type: str) -> str | None:
    return {"L": "L", "R": "R", "EN": "R", "AN": "R"}.get(bidi_type)


def _scripts(text: str) -> list[str | None]:
    """Each letter's script; what all scripts share takes that of the letter before it, or else after it."""
    scripts = [fonts.script_of(letter) for letter in text]
    first = next((script for script in scripts if script is not None), None)
    current = first
    for index, script in enumerate(scripts):
        is_mark = unicodedata.category(text[index]).startswith("M")
        current = current if script is None or is_mark else script
        scripts[index] = current
    return scripts


def _in_visual_order(runs: list[_Run]) -> list[_Run]:
    """Reorder the runs of a line from logical to visual. Source: Unicode Standard Annex 9, rule L2."""
    levels = [run.level for run in runs]
    if not levels:
        return runs
    lowest_odd = min((level for level in levels if level % 2), default=max(levels) + 1)
    for level in range(max(levels), lowest_odd - 1, -1):
        start = 0
        while start < len(runs):
            end = start
            while end < len(runs) and runs[end].level >= level:
                end += 1
            runs[start:end] = runs[start:end][::-1]
            start = end + 1
    return runs


def _write(cover: Floats, runs: Sequence[_Run], start: float, base_line: float, size_px: float) -> None:
    pen = start
    for run in runs:
        for glyph in run.glyphs:
            column, quarter = fonts.place(pen + glyph.x)
            stamp = fonts.stamp(run.face, glyph.index, size_px, quarter)
            _stamp(cover, stamp, column + stamp.left, round(base_line - glyph.y) - stamp.top)
            pen += glyph.advance


def _stamp(cover: Floats, stamp: fonts.Stamp, left: int, top: int) -> None:
    height, width = stamp.pixels.shape
    rows = slice(max(0, top), min(cover.shape[0], top + height))
    columns = slice(max(0, left), min(cover.shape[1], left + width))
    if rows.start < rows.stop and columns.start < columns.stop:
        part = stamp.pixels[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        target = cover[rows, columns]
        np.maximum(target, part.astype(np.float32) / 255, out=target)


def _in_ink(cover: Floats, top: int, size_px: float) -> Overlay:
    """Dark letters, and around them the paper shines through whatever is drawn there."""
    halo = 0.80 * np.clip(5.0 * cv2.GaussianBlur(cover, (0, 0), max(0.8, size_px * 0.17)), 0, 1)
    light = cover * np.float32(_INK) + (1 - cover) * halo * np.float32(_WHITE)
    return Overlay(top, ((1 - cover) * (1 - halo)).astype(np.float32), light.astype(np.float32))


def _overlay(cover: Floats, top: int, size_px: float, block_px: float) -> Overlay:
    """White letters, a soft shadow close behind them, and a gentle darkening of the frame's foot."""
    rows = cover.shape[0]
    begin = max(0.0, rows - block_px * 1.25 - _FOOT * 3 * rows - 1.5 * size_px)
    fall = np.clip((np.arange(rows, dtype=np.float32) - begin) / max(1.0, rows - begin), 0, 1)
    scrim = 1 - _SCRIM * (fall * fall * (3 - 2 * fall))[:, None]
    near = cv2.GaussianBlur(cover, (0, 0), max(0.6, size_px * 0.05))
    wide = cv2.GaussianBlur(cover, (0, 0), max(0.8, size_px * 0.22))
    round_about = cv2.GaussianBlur(cover, (0, 0), max(1.2, size_px * 0.85))  # holds a line together on a pale picture
    shadow = (1 - _SHADOW * np.clip(near + 1.3 * wide, 0, 1)) * (1 - 0.45 * np.clip(2.2 * round_about, 0, 1))
    return Overlay(top, (scrim * shadow * (1 - cover)).astype(np.float32), cover * np.float32(_WHITE))
