"""Listens to videos: decoded samples, and a loudness meter of its own."""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
RATE_HZ = 48_000

# Source: ITU-R BS.1770-5, annex 1, tables 1 and 2: b0, b1, b2, a1, a2 at 48 kHz.
_FILTERS = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621),
)


def samples_of(path: Path) -> Samples:
    """The sound of a file, shape (2, count), as long as the file says it is."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        parts = [frame.to_ndarray() for frame in container.decode(stream)]
        count = round(stream.duration * stream.time_base * RATE_HZ)
    decoded = np.concatenate(parts, axis=1).astype(np.float64)
    assert decoded.shape[1] >= count  # the last frame of AAC is longer than its part of the film
    return decoded[:, :count]


def lufs(samples: Samples) -> float:
    """Integrated loudness, sample by sample through both filters, with both gates."""
    power = np.zeros(samples.shape[1])
    for channel in samples:
        values = channel.tolist()
        for b0, b1, b2, a1, a2 in _FILTERS:
            x1 = x2 = y1 = y2 = 0.0
            filtered = []
            for x in values:
                y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
                x1, x2, y1, y2 = x, x1, y, y1
                filtered.append(y)
            values = filtered
        power += np.square(values)
    starts = range(0, samples.shape[1] - 19_200 + 1, 4_800)
    blocks = np.array([power[start : start + 19_200].mean() for start in starts])
    loud = blocks[-0.691 + 10 * np.log10(blocks + 1e-30) > -70]
    gate = loud.mean() * 10 ** (-10 / 10)
    return float(-0.691 + 10 * np.log10(loud[loud > gate].mean()))


def share_of_band(samples: Samples, low_hz: float, high_hz: float) -> float:
    """Which share of the power lies between two frequencies."""
    power = np.square(np.abs(np.fft.rfft(samples, axis=1))).sum(axis=0)
    frequencies = np.fft.rfftfreq(samples.shape[1], 1 / RATE_HZ)
    return float(power[(frequencies >= low_hz) & (frequencies < high_hz)].sum() / power.sum())
