"""How loud a sound is to the ear, and bringing it to a level. Source: ITU-R BS.1770-5, annex 1."""

from functools import lru_cache
from typing import Final

import numpy as np

from reelway.providers.animatic.arrays import Floats

SAMPLE_RATE_HZ: Final = 48_000
TARGET_LUFS: Final = -23.0  # Source: EBU R 128
_BLOCK, _HOP = SAMPLE_RATE_HZ * 4 // 10, SAMPLE_RATE_HZ // 10  # 400 ms with an overlap of three quarters
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_KNEE, _ROOM = 0.62, 0.26  # from here on peaks are bent; together they stay below -1 dBFS

# Source: the same annex, tables 1 and 2: b0, b1, b2, a1, a2 at 48 kHz.
_SHELF = (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585)
_HIGH_PASS = (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621)


def integrated_lufs(stereo: Floats) -> float:
    """The gated loudness of samples of shape (2, count); minus infinity for silence."""
    powers = _block_powers(_weighted(stereo))
    heard = powers[_lufs(powers) > _ABSOLUTE_GATE_LUFS]
    if not heard.size:
        return float("-inf")
    heard = heard[_lufs(heard) > _lufs(heard.mean()) + _RELATIVE_GATE_LU]
    return float(_lufs(heard.mean()))


def levelled(stereo: Floats, lufs: float) -> Floats:
    """The same sound at a loudness, its peaks bent where they would be too high."""
    for _ in range(3):
        found = integrated_lufs(stereo)
        if not np.isfinite(found):
            return stereo
        stereo = stereo * np.float32(10 ** ((lufs - found) / 20))
        if float(np.abs(stereo).max()) <= _KNEE:
            return stereo
        stereo = _bent(stereo)
    return stereo


def _block_powers(filtered: Floats) -> Floats:
    """The power of both channels together in each block, the blocks one hop apart."""
    hops = max(1, filtered.shape[1] // _HOP)
    part = filtered[:, : hops * _HOP].reshape(2, hops, -1)
    powers = np.einsum("cht,cht->h", part, part, dtype=np.float64) / part.shape[2]
    width = min(_BLOCK // _HOP, hops)
    result: Floats = np.convolve(powers, np.full(width, 1 / width), mode="valid")
    return result


def _lufs(power: Floats) -> Floats:
    result: Floats = -0.691 + 10 * np.log10(np.maximum(power, 1e-30))
    return result


def _weighted(stereo: Floats) -> Floats:
    """Both of the standard's filters, applied to the spectrum."""
    count = stereo.shape[1]
    size = count + SAMPLE_RATE_HZ // 4  # room for the filters to die away in
    spectrum = np.fft.rfft(stereo.astype(np.float32), size, axis=1) * _response(size)
    filtered: Floats = np.fft.irfft(spectrum, size, axis=1)[:, :count]
    return filtered


@lru_cache(maxsize=4)
def _response(size: int) -> Floats:
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones_like(delay)
    for b0, b1, b2, a1, a2 in (_SHELF, _HIGH_PASS):
        response *= (b0 + delay * (b1 + b2 * delay)) / (1 + delay * (a1 + a2 * delay))
    result: Floats = response.astype(np.complex64)
    return result


def _bent(stereo: Floats) -> Floats:
    """Peaks above the knee, softly."""
    over = np.abs(stereo) - np.float32(_KNEE)
    bent = np.sign(stereo) * (_KNEE + _ROOM * np.tanh(np.maximum(over, 0) / _ROOM))
    result: Floats = np.where(over > 0, bent, stereo).astype(np.float32)
    return result
