"""What sounds are made of: shaped noise, slow curves, short events.

Samples are single precision; stereo has the shape (2, count).
"""

from collections.abc import Callable

import numpy as np

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.sound.loudness import SAMPLE_RATE_HZ

_LOOP = 131_072  # samples: so long is noise before it repeats itself
_STEP = 64  # samples between two points of a slow curve

Shape = Callable[[Floats], Floats]  # from frequencies in Hz to gains


def band(low_hz: float, high_hz: float, slope: float = 2.0) -> Shape:
    """A gentle band: 1 inside, falling with the power `slope` of the frequency outside."""

    def gains(frequencies: Floats) -> Floats:
        safe = np.maximum(frequencies, 1.0)
        below, above = np.minimum(1, safe / low_hz) ** slope, np.minimum(1, high_hz / safe) ** slope
        result: Floats = below * above * (frequencies > 15)
        return result

    return gains


def noise(random: np.random.Generator, count: int, shape: Shape) -> Floats:
    """Noise with a spectrum, of unit power. Long noise repeats itself after some seconds, without a seam."""
    size = _LOOP if count > _LOOP // 2 else max(64, 2 ** int(np.ceil(np.log2(count))))
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ).astype(np.float32)
    spectrum = random.standard_normal((2, len(frequencies)), dtype=np.float32) * shape(frequencies)
    made = np.fft.irfft(spectrum[0] + 1j * spectrum[1], size)
    made = (made / np.float32(max(1e-9, float(made.std())))).astype(np.float32)
    return np.resize(made, count)


def wide_noise(random: np.random.Generator, count: int, shape: Shape, width: float = 0.6) -> Floats:
    """Stereo noise; `width` 0 is the same on both sides and 1 has nothing in common."""
    middle = noise(random, count, shape)
    side = np.roll(middle, int(random.integers(_LOOP // 5, _LOOP // 2)))  # long ago is as good as independent
    share = np.float32(0.5 * width)
    middle = (1 - share) * middle
    side *= share
    return np.stack([middle + side, middle - side])


def drift(random: np.random.Generator, count: int, rate_hz: float, low: float, high: float) -> Floats:
    """A curve that wanders between two values, with about `rate_hz` new directions a second."""
    coarse = -(-count // _STEP) + 1
    points = max(3, int(count / SAMPLE_RATE_HZ * rate_hz) + 3)
    values = random.uniform(low, high, points).astype(np.float32)
    at = np.linspace(0, points - 1.001, coarse, dtype=np.float32)
    whole = at.astype(np.int32)
    part = at - whole
    smooth = part * part * (3 - 2 * part)
    return finer(values[whole] * (1 - smooth) + values[whole + 1] * smooth, count)


def finer(coarse: Floats, count: int) -> Floats:
    """A curve given at every `_STEP`th sample, drawn through."""
    part = np.arange(_STEP, dtype=np.float32) / np.float32(_STEP)
    lines = coarse[:-1, None] + (coarse[1:] - coarse[:-1])[:, None] * part
    result: Floats = lines.ravel()[:count].astype(np.float32)
    return result


def seconds(duration_s: float) -> Floats:
    """The times of the samples of a stretch."""
    return np.arange(round(duration_s * SAMPLE_RATE_HZ), dtype=np.float32) / np.float32(SAMPLE_RATE_HZ)


def bump(count: int, attack: float) -> Floats:
    """A smooth rise and fall from 0 to 1 to 0; `attack` is the share of it that rises."""
    at = np.linspace(0, 1, count, dtype=np.float32)
    rise, fall = np.clip(at / attack, 0, 1), np.clip((1 - at) / (1 - attack), 0, 1)
    result: Floats = (0.5 - 0.5 * np.cos(np.pi * np.minimum(rise, fall))).astype(np.float32)
    return result


def tone(frequency_hz: Floats | float, count: int, phase: float = 0.0) -> Floats:
    """A sine whose frequency may change from sample to sample."""
    return np.sin(turns(frequency_hz, count) + np.float32(phase))


def turns(frequency_hz: Floats | float, count: int) -> Floats:
    """The phase of such a sine, in radians within one turn."""
    if isinstance(frequency_hz, np.ndarray):
        run = np.cumsum(frequency_hz, dtype=np.float64) / SAMPLE_RATE_HZ
    else:
        run = np.arange(count, dtype=np.float64) * (frequency_hz / SAMPLE_RATE_HZ)
    run -= np.floor(run)
    result: Floats = (run * (2 * np.pi)).astype(np.float32)
    return result


def put(bed: Floats, sound: Floats, start: int, pan: float, gain: float) -> None:
    """Add a mono sound to a stereo bed, `pan` -1 (left) to 1; what reaches over the end is faded out, not cut."""
    count = min(len(sound), bed.shape[1] - start)
    if count <= 0:
        return
    part = sound[:count]
    if count < len(sound):
        part = part * np.minimum(1, np.arange(count, 0, -1, dtype=np.float32) / 960)
    angle = (pan + 1) * np.pi / 4
    bed[0, start : start + count] += part * np.float32(gain * np.cos(angle))
    bed[1, start : start + count] += part * np.float32(gain * np.sin(angle))
