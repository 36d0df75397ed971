"""Birds, fish and dolphins: outlines made once, of which wings and tails are bent. `phase` counts beats."""

import math
from functools import cache

import numpy as np

from reelway.providers.animatic.subjects.shapes import Outlines, Part, Points, Tone, drawn

_BIRD: Outlines = (
    (Tone.DARK, "-20,55 -36,57.5 -50,60.5 -53,58 -49,56 -56,54.6 -56,52 -50,51.6 -55,48.6 -52,46 -36,46.5 -20,48"),
    (Tone.BODY, "39,53 36,57.5 30,59.5 22,57.5 8,58 -12,56.5 -27,54 -30,51 -20,46.5 -4,43 12,42 25,45 33,49 38,50.5"),
    (Tone.DARK, "^37,55 47,51.6 37,50"),
    (Tone.BLACK, "30,56 32,57 33.6,55.6 32,54.2"),
)
_WING: Outlines = (  # x along the bird, y out along the wing
    (
        Tone.LIGHT,
        "18,-2 19,14 18,30 14,46 7,65 -6,73 -22,71 -23,61 -30,60 -30,55 -24,47 -30,43 -29,38 -23,31 -27,25 -25,19 "
        "-20,10 -17,0 -10,-5 4,-6 14,-5",
    ),
    (Tone.DARK, "8.4,62 0,78 -9,92 -17,101 -18,94 -16,86 -23,89 -25,85 -20,75 -28,76 -29,71 -24,64 -12,72"),
)
_FISH: Outlines = (
    (Tone.DARK, "-37,54 -46,65 -58,76 -63,77 -60,66 -54,56 -52,50 -54,44 -60,34 -63,23 -58,24 -46,35 -37,46"),
    (Tone.DARK, "28,66 16,76 2,80 -14,79 -30,73 -27,67 -24,58 0,62"),
    (Tone.DARK, "-8,36 -16,24 -27,18 -31,20 -27,32 -24,42"),
    (Tone.DARK, "14,32 8,20 -1,13 -5,15 -2,26 2,34"),
    (Tone.BODY, "48,50 43,58 30,67 12,71 -8,68 -24,59 -35,53.5 -42,53 -42,47 -35,46.5 -24,41 -8,32 12,29 30,33 43,42"),
    (Tone.WHITE, "24,69 26.5,60 27,50 26,40 23,31 15,29.2 18,39 19.5,50 18.5,61 15,70.6"),
    (Tone.WHITE, "-9,67.4 -6,59 -5,50 -6,41 -9,32.8 -17,36.8 -14.5,43 -13.5,50 -14.5,57 -17,63"),
    (Tone.LIGHT, "13,49 4,53 -4,48 -7,41 0,40 9,43"),
    (Tone.WHITE, "30.5,54 32,57.6 35.5,59 39,57.4 40.4,54 39,50.6 35.5,49 32,50.6"),
    (Tone.BLACK, "33.4,54 34.3,56 36.2,56.8 38.2,56 39,54 38.2,52 36.2,51.2 34.3,52"),
    (Tone.DARK, "47.6,47.4 44.6,45.6 40.4,45.8 44,44.6"),
)

_DOLPHIN: Outlines = (
    (Tone.DARK, "-45,54 -54,60 -63,64 -61,57 -56,50 -62,43 -64,36 -55,41 -46,46"),
    (Tone.DARK, "8,66 -2,77 -13,81 -12,72 -12,63"),
    (
        Tone.BODY,
        "51,47.6 44,52 38,56 30,62 16,67 -4,67.6 -24,61.6 -40,54.6 -49,52 -49,48 -38,45 -20,40 0,35 18,34 32,38 "
        "41,43.6 50,45",
    ),
    (Tone.LIGHT, "44,44.6 32,39 18,35 0,36 -18,40.6 -4,43 14,43 30,43.6"),
    (Tone.DARK, "18,42 9,31 -3,24 1,33 7,43"),
    (Tone.BLACK, "33.6,52.4 35.4,53.4 36.8,52 35,50.8"),
    (Tone.DARK, "50.4,46.6 43,46.4 36.6,48.4 43,47.2"),
)


@cache
def _at_rest() -> dict[str, tuple[Part, ...]]:
    return {"bird": drawn(_BIRD), "wing": drawn(_WING), "fish": drawn(_FISH), "dolphin": drawn(_DOLPHIN)}


def bird(phase: float) -> list[Part]:
    """A flapping bird, seen from the side; its wings beat about its middle, half a unit up."""
    turn, still = 2 * math.pi * phase, _at_rest()
    far = [Part(_beating(part.points, turn, 0.13), Tone.DARK) for part in still["wing"]]
    near = [Part(_beating(part.points, turn, -0.10), part.tone) for part in still["wing"]]
    return [*far, *still["bird"], *near]


def _beating(points: Points, turn: float, aside: float) -> Points:
    """A wing's outline raised and lowered; its tip lags, and from a little above the far one is seen higher."""
    out = -points[:, 1]
    raised = np.maximum(out, 0) * (0.46 * np.sin(turn - 0.45 * out) + aside) + 0.5 * np.minimum(out, 0)
    return np.stack([points[:, 0] - 0.05 * out, -0.53 - raised], 1).astype(np.float32)


def fish(phase: float) -> list[Part]:
    """A swimming fish, its middle half a unit up; its tail swings."""
    sway = math.sin(2 * math.pi * phase)
    return [Part(_bent(part.points, sway), part.tone) for part in _at_rest()["fish"]]


def dolphin(phase: float) -> list[Part]:
    """A dolphin, or another smooth swimmer that breathes; its flukes beat."""
    beat = math.sin(2 * math.pi * phase)
    return [Part(_bent(part.points, beat), part.tone) for part in _at_rest()["dolphin"]]


def _bent(points: Points, sway: float) -> Points:
    """A fish's outline with its tail aside, which shortens it as well."""
    behind = np.maximum(0.1 - points[:, 0], 0)
    return (points + np.stack([0.16 * sway**2 * behind**2, 0.20 * sway * behind**2], 1)).astype(np.float32)
