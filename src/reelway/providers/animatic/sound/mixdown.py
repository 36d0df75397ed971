"""A storyboard becomes sound: as long as its frames to the sample, cut where they are cut."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.sound import nature
from reelway.providers.animatic.sound.loudness import SAMPLE_RATE_HZ, TARGET_LUFS, levelled
from reelway.providers.animatic.sound.music import pad
from reelway.providers.animatic.sound.score import Bed, Score, score
from reelway.providers.animatic.spec import FRAMES_PER_SECOND
from reelway.providers.animatic.storyboard import Take
from reelway.providers.animatic.weather import flash_frames

SAMPLES_PER_FRAME: Final = SAMPLE_RATE_HZ // FRAMES_PER_SECOND
_CUT_S, _END_S = 0.012, 0.06  # how long a shot's sound takes to come and go: a cut that does not click

_BEDS: Final[Mapping[Bed, Callable[[np.random.Generator, int], Floats]]] = {
    Bed.WIND: nature.wind,
    Bed.LEAVES: nature.leaves,
    Bed.RAIN: nature.rain,
    Bed.SURF: nature.surf,
    Bed.STREAM: nature.stream,
    Bed.UNDERWATER: nature.underwater,
    Bed.CITY: nature.city,
    Bed.BIRDS: nature.birds,
    Bed.CRICKETS: nature.crickets,
    Bed.FIRE: nature.fire,
    Bed.ROOM: nature.room,
    Bed.ENGINE: nature.engine,
    Bed.RAILS: nature.rails,
    Bed.VOID: nature.void,
}


def mixdown(takes: Sequence[Take]) -> Floats:
    """Stereo samples of shape (2, count), within -1 to 1, at the target loudness as a whole."""
    parts = [_shot(take, is_first=take.number == 0, is_last=take.number == take.count - 1) for take in takes]
    return levelled(np.concatenate(parts, axis=1), TARGET_LUFS)


def _shot(take: Take, *, is_first: bool, is_last: bool) -> Floats:
    played = score(take.scene)
    count = take.frames * SAMPLES_PER_FRAME
    bed = np.zeros((2, count), np.float32)
    for name, level in played.levels:
        bed += np.float32(level) * _bed(take, played, name, count)
    if not (is_first and is_last):  # shots are levelled against each other, and then the film
        bed = levelled(bed, TARGET_LUFS + played.louder_lu)
    _fade(bed, _END_S if is_first else _CUT_S, at_start=True)
    _fade(bed, _END_S if is_last else _CUT_S, at_start=False)
    return bed


def _bed(take: Take, played: Score, name: Bed, count: int) -> Floats:
    random = take.scene.random(f"sound {name}")
    if name is Bed.PAD:
        return pad(played.mood, played.root, random, count)
    if name is Bed.THUNDER:
        flashes_s = [frame / FRAMES_PER_SECOND for frame in flash_frames(take.scene, take.frames)]
        return nature.thunder(random, count, flashes_s)
    return _BEDS[name](random, count)


def _fade(bed: Floats, length_s: float, *, at_start: bool) -> None:
    count = min(bed.shape[1], round(length_s * SAMPLE_RATE_HZ))
    curve = (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, count, dtype=np.float32))).astype(np.float32)
    if at_start:
        bed[:, :count] *= curve
    else:
        bed[:, -count:] *= curve[::-1]
