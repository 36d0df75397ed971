"""The pad: slow chords in a key that suits the mood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.facts import Mood
from reelway.providers.animatic.sound.loudness import SAMPLE_RATE_HZ
from reelway.providers.animatic.sound.material import turns

_CHORD_S: Final = 3.0
_OVERLAP_S: Final = 0.9
_COARSER: Final = 4
_PARTIALS: Final = (1.0, 0.42, 0.20, 0.10, 0.05)
_NOTE_NAMES: Final = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")


@dataclass(frozen=True, slots=True)
class Character:
    """How a mood is played: its mode's name, chords as semitones over the root, the octave and how bright it is."""

    mode: str
    chords: tuple[tuple[int, ...], ...]
    lowest: int  # the MIDI note at or above which the root lies
    brightness: float  # 0 to 1: how much of the upper partials


_CHARACTERS: Final[Mapping[Mood, Character]] = {
    Mood.BRIGHT: Character("major", ((0, 7, 16, 19), (5, 12, 17, 21), (-5, 7, 14, 19)), 50, 0.9),
    Mood.CALM: Character("lydian", ((0, 7, 14, 16), (2, 9, 14, 18)), 48, 0.5),
    Mood.TENDER: Character("major", ((0, 7, 11, 16), (-3, 7, 12, 16), (5, 12, 16, 21)), 48, 0.6),
    Mood.SAD: Character("minor", ((0, 7, 15, 19), (-4, 8, 12, 15), (-7, 5, 12, 15)), 45, 0.45),
    Mood.TENSE: Character("phrygian", ((0, 7, 13, 19), (1, 8, 13, 17)), 40, 0.7),
    Mood.EPIC: Character("dorian", ((0, 7, 12, 15, 19), (-2, 5, 10, 14, 17), (5, 12, 17, 20)), 41, 1.0),
    Mood.MYSTERIOUS: Character("aeolian", ((0, 7, 14, 15), (-4, 3, 10, 15)), 43, 0.4),
}


def key_of(mood: Mood, random: np.random.Generator) -> tuple[int, str]:
    """The root as a MIDI note, and the key's name."""
    character = _CHARACTERS[mood]
    root = character.lowest + int(random.integers(0, 7))
    return root, f"{_NOTE_NAMES[root % 12]} {character.mode}"


def pad(mood: Mood, root: int, random: np.random.Generator, count: int) -> Floats:
    """Chords that fade into each other, of about unit power. Made at a quarter of the rate: it has no high tones."""
    character = _CHARACTERS[mood]
    rate_hz = SAMPLE_RATE_HZ // _COARSER
    coarse = -(-count // _COARSER) + 3
    bed = np.zeros((2, coarse), np.float32)
    chords = max(1, round(count / SAMPLE_RATE_HZ / _CHORD_S))
    step = coarse / chords
    overlap = min(_OVERLAP_S * rate_hz, 0.4 * step)
    for number in range(chords):
        start = max(0, round(number * step - overlap / 2))
        end = min(coarse, round((number + 1) * step + overlap / 2))
        rise = overlap if number else 0.2 * rate_hz
        fall = overlap if number < chords - 1 else 0.2 * rate_hz
        at = np.arange(end - start, dtype=np.float32)
        gains = np.sin(np.float32(np.pi / 2) * np.clip(np.minimum(at / rise, (end - start - at) / fall), 0, 1))
        for note in character.chords[number % len(character.chords)]:
            bed[:, start:end] += gains * _note(root + note, random, end - start, character.brightness)
    return _finer(bed, count) / np.float32(2.2)


def _note(midi: int, random: np.random.Generator, count: int, brightness: float) -> Floats:
    """One note: a few partials, a little apart on both sides, that breathe."""
    pitch_hz = _COARSER * 440.0 * 2 ** ((midi - 69) / 12)  # as if at the full rate
    times = np.arange(count, dtype=np.float32) * np.float32(_COARSER / SAMPLE_RATE_HZ)
    breath = 1 + 0.25 * np.sin(
        np.float32(2 * np.pi * random.uniform(0.15, 0.5)) * times + np.float32(random.uniform(0, 6.28))
    )
    sides = np.zeros((2, count), np.float32)
    for side, detune in enumerate((0.9985, 1.0015)):
        phase = turns(pitch_hz * detune, count)
        for index, gain in enumerate(_PARTIALS):
            share = np.float32(gain * brightness**index)
            sides[side] += share * np.sin((index + 1) * phase + np.float32(random.uniform(0, 6.28)))
    sides *= breath
    return sides


def _finer(coarse: Floats, count: int) -> Floats:
    """Samples at the full rate between those of the coarse one, by cubic interpolation (Catmull and Rom)."""
    before, here, after, beyond = (coarse[:, at : coarse.shape[1] - 3 + at] for at in range(4))
    fine = np.empty((2, here.shape[1], _COARSER), np.float32)
    for step in range(_COARSER):
        t = np.float32(step / _COARSER)
        fine[..., step] = here + 0.5 * t * (
            after
            - before
            + t * (2 * before - 5 * here + 4 * after - beyond + t * (3 * (here - after) + beyond - before))
        )
    return fine.reshape(2, -1)[:, :count]
