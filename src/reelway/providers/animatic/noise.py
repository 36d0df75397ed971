"""Noise: the smooth randomness that mountains, clouds and skylines are made of."""

import cv2
import numpy as np

from reelway.providers.animatic.arrays import Floats

_LATTICE = 256


def clouds(
    random: np.random.Generator, shape: tuple[int, int], cells: tuple[float, float], octaves: int, gain: float = 0.5
) -> Floats:
    """A sheet of fractal noise, 0 to 1 around 0.5; `cells` is how many of the coarsest bumps fit its height and width.

    Built from coarse to fine, each step on twice the grid, so the work is that of the last step.
    """
    height, width = shape
    rows, columns = (max(2, round(count)) + 2 for count in cells)
    sheet: Floats = random.standard_normal((rows, columns), dtype=np.float32)
    amplitude, total = 1.0, 1.0
    for _ in range(octaves - 1):
        if rows >= height and columns >= width:
            break
        rows, columns = min(rows * 2, height + 4), min(columns * 2, width + 4)
        amplitude *= gain
        total += amplitude * amplitude
        finer: Floats = cv2.resize(sheet, (columns, rows), interpolation=cv2.INTER_CUBIC)
        sheet = finer + amplitude * random.standard_normal((rows, columns), dtype=np.float32)
    result: Floats = cv2.resize(sheet, (width, height), interpolation=cv2.INTER_CUBIC)
    result *= np.float32(0.22 / np.sqrt(total))
    result += np.float32(0.5)
    return np.clip(result, 0, 1, out=result)


def profile(
    random: np.random.Generator, xs: Floats, frequency: float, octaves: int, *, gain: float = 0.5, ridged: bool = False
) -> Floats:
    """Fractal noise along a line, about -1 to 1; `frequency` is in bumps a world unit. Ridged noise has sharp crests.

    It depends on the world's x alone: a wider view shows more of the same line.
    """
    total = np.zeros_like(xs)
    amplitude, reach = 1.0, 0.0
    for _ in range(octaves):
        lattice = random.uniform(-1, 1, _LATTICE).astype(np.float32)
        positions = xs * frequency + random.uniform(0, _LATTICE)
        whole = np.floor(positions)
        part = positions - whole
        smooth = part * part * (3 - 2 * part)
        index = whole.astype(np.int64) % _LATTICE
        values = lattice[index] * (1 - smooth) + lattice[(index + 1) % _LATTICE] * smooth
        total += amplitude * (1 - 2 * np.abs(values) if ridged else values)
        reach += amplitude
        amplitude *= gain
        frequency *= 2.03
    result: Floats = (total / reach).astype(np.float32)
    return result


def smoothstep(low: float, high: float, values: Floats) -> Floats:
    """0 below `low`, 1 above `high`, smooth between; `high` may be the smaller one."""
    part = np.clip((values - low) / (high - low), 0, 1)
    result: Floats = part * part * (3 - 2 * part)
    return result
