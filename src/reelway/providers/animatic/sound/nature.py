"""The sounds of weather, water, towns and animals, each as a stereo bed of about unit power."""

from collections.abc import Sequence

import numpy as np

from reelway.providers.animatic.arrays import Floats
from reelway.providers.animatic.sound.loudness import SAMPLE_RATE_HZ
from reelway.providers.animatic.sound.material import band, bump, drift, noise, put, seconds, tone, turns, wide_noise

Random = np.random.Generator


def wind(random: Random, count: int) -> Floats:
    """Gusts: three bands that swell one by one, the highest is the whistle."""
    bed = 0.7 * drift(random, count, 0.5, 0.5, 1.0) * wide_noise(random, count, band(60, 260, 1.5))
    bed += 0.55 * drift(random, count, 0.7, 0.1, 1.0) ** 2 * wide_noise(random, count, band(260, 620, 2.5), 0.8)
    bed += 0.16 * drift(random, count, 0.9, 0.0, 1.0) ** 3 * wide_noise(random, count, band(900, 1400, 4.0), 1.0)
    return bed


def leaves(random: Random, count: int) -> Floats:
    """Foliage in a breeze."""
    flutter = drift(random, count, 9.0, 0.4, 1.0) * drift(random, count, 0.6, 0.15, 1.0)
    return 0.8 * flutter * wide_noise(random, count, band(1600, 5200, 1.5), 0.9)


def rain(random: Random, count: int) -> Floats:
    """A steady rush, and drops near by."""
    bed = 0.75 * drift(random, count, 1.2, 0.85, 1.0) * wide_noise(random, count, band(900, 6500, 1.0), 0.9)
    bed += 0.25 * wide_noise(random, count, band(150, 500, 1.5))
    for _ in range(round(90 * count / SAMPLE_RATE_HZ)):
        length = int(random.integers(240, 900))
        fade = np.exp(-np.linspace(0, 6, length, dtype=np.float32)) * np.minimum(
            1, np.arange(length, dtype=np.float32) / 24
        )
        drop = tone(float(random.uniform(1400, 5200)), length) * fade
        put(bed, drop, int(random.integers(0, count)), float(random.uniform(-1, 1)), float(random.uniform(0.05, 0.5)))
    return bed


def surf(random: Random, count: int) -> Floats:
    """Waves that roll in, break and run out; one is always on its way."""
    bed = 0.30 * wide_noise(random, count, band(50, 300, 1.2))
    at = -float(random.uniform(0.5, 2.0))
    while at < count / SAMPLE_RATE_HZ:
        length_s = float(random.uniform(4.2, 6.5))
        length = round(length_s * SAMPLE_RATE_HZ)
        roll = bump(length, 0.5) * noise(random, length, band(70, 420, 1.3))
        hiss = bump(length, 0.62) ** 2 * noise(random, length, band(700, 5200, 1.0))
        wave = 0.9 * roll + 0.55 * hiss
        start = round(at * SAMPLE_RATE_HZ)
        skipped = max(0, -start)
        put(bed, wave[skipped:], max(0, start), float(random.uniform(-0.6, 0.6)), float(random.uniform(0.7, 1.0)))
        at += length_s * float(random.uniform(0.45, 0.65))
    return bed


def stream(random: Random, count: int) -> Floats:
    """Water that runs: a soft rush full of bubbles."""
    bed = 0.45 * drift(random, count, 6.0, 0.7, 1.0) * wide_noise(random, count, band(350, 2400, 1.2), 0.9)
    for _ in range(round(24 * count / SAMPLE_RATE_HZ)):
        length = int(random.integers(1400, 4200))
        pitch = float(random.uniform(380, 1100)) * (1 + np.linspace(0, float(random.uniform(0.1, 0.7)), length))
        bubble = tone(pitch, length) * bump(length, 0.12)
        put(
            bed,
            bubble,
            int(random.integers(0, count)),
            float(random.uniform(-0.9, 0.9)),
            float(random.uniform(0.04, 0.3)),
        )
    return bed


def underwater(random: Random, count: int) -> Floats:
    """Everything through water: a dull roar and slow bubbles."""
    bed = 0.9 * drift(random, count, 0.6, 0.6, 1.0) * wide_noise(random, count, band(40, 220, 2.0))
    for _ in range(round(5 * count / SAMPLE_RATE_HZ)):
        length = int(random.integers(3000, 9000))
        pitch = float(random.uniform(160, 420)) * (1 + np.linspace(0, 0.9, length))
        put(
            bed,
            tone(pitch, length) * bump(length, 0.2),
            int(random.integers(0, count)),
            float(random.uniform(-1, 1)),
            0.3,
        )
    return bed


def city(random: Random, count: int) -> Floats:
    """The hum of many streets, and cars that pass."""
    bed = 0.8 * drift(random, count, 0.4, 0.8, 1.0) * wide_noise(random, count, band(35, 170, 1.6), 0.5)
    bed += 0.22 * drift(random, count, 0.8, 0.5, 1.0) * wide_noise(random, count, band(250, 1100, 1.2), 0.9)
    for _ in range(max(1, round(0.5 * count / SAMPLE_RATE_HZ))):
        length = int(random.uniform(2.0, 3.6) * SAMPLE_RATE_HZ)
        start = int(random.integers(-length // 3, max(1, count - length // 2)))
        passing = bump(length, 0.5) ** 2 * noise(random, length, band(90, 850, 1.5))
        way = np.linspace(-0.9, 0.9, length, dtype=np.float32) * (1 if random.random() < 0.5 else -1)
        skipped = max(0, -start)
        for pan, gains in ((-1.0, np.cos((way + 1) * np.pi / 4)), (1.0, np.sin((way + 1) * np.pi / 4))):
            put(bed, (passing * gains)[skipped:], max(0, start), pan, 0.55)
    return bed


def birds(random: Random, count: int) -> Floats:
    """Three birds, each with its own phrase, that it repeats."""
    bed = np.zeros((2, count), np.float32)
    for _ in range(3):
        pitch, pan = float(random.uniform(2300, 4600)), float(random.uniform(-0.9, 0.9))
        phrase = [
            (
                float(random.uniform(0.05, 0.14)),
                pitch * float(random.uniform(0.8, 1.35)),
                float(random.uniform(-0.3, 0.4)),
            )
            for _ in range(int(random.integers(2, 6)))
        ]
        at = float(random.uniform(0.05, 0.9))
        while at < count / SAMPLE_RATE_HZ - 0.2:
            at = _sing(bed, phrase, at, pan, 0.5)
            at += float(random.uniform(0.5, 2.0))
    return bed


def _sing(bed: Floats, phrase: Sequence[tuple[float, float, float]], at_s: float, pan: float, gain: float) -> float:
    """One phrase of syllables (seconds, pitch in Hz, bend); returns when it ends."""
    for length_s, pitch, bend in phrase:
        times = seconds(length_s)
        share = np.linspace(0, 1, len(times), dtype=np.float32)
        call = tone(pitch * (1 + bend * share + 0.03 * np.sin(2 * np.pi * 34 * times)), len(times)) * bump(
            len(times), 0.3
        )
        put(bed, call, round(at_s * SAMPLE_RATE_HZ), pan, gain)
        put(bed, call, round((at_s + 0.062) * SAMPLE_RATE_HZ), -0.5 * pan, 0.22 * gain)  # the wood answers
        at_s += length_s + 0.035
    return at_s


def crickets(random: Random, count: int) -> Floats:
    """A warm night in the grass."""
    bed = np.zeros((2, count), np.float32)
    times = np.arange(count, dtype=np.float32) / np.float32(SAMPLE_RATE_HZ)
    for _ in range(4):
        pitch, rate, chirp = (float(random.uniform(*reach)) for reach in ((3900, 5100), (26, 40), (1.6, 2.8)))
        phase = float(random.uniform(0, 1))
        pulses = np.clip(np.sin(2 * np.pi * rate * times), 0, 1) ** 2
        phrases = np.clip(1.6 * np.sin(2 * np.pi * (chirp * times + phase)), 0, 1)
        put(
            bed, tone(pitch, count) * pulses * phrases, 0, float(random.uniform(-1, 1)), float(random.uniform(0.2, 0.5))
        )
    return bed


def fire(random: Random, count: int) -> Floats:
    """A low flutter and crackles."""
    bed = 0.5 * drift(random, count, 7.0, 0.4, 1.0) * wide_noise(random, count, band(60, 420, 1.4))
    for _ in range(round(22 * count / SAMPLE_RATE_HZ)):
        length = int(random.integers(90, 700))
        fade = np.exp(-np.linspace(0, 7, length, dtype=np.float32)) * np.minimum(
            1, np.arange(length, dtype=np.float32) / 12
        )
        crack = noise(random, 2 * (length // 2), band(1500, 7000, 1.0)) * fade[: 2 * (length // 2)]
        put(
            bed,
            crack,
            int(random.integers(0, count)),
            float(random.uniform(-0.7, 0.7)),
            float(random.uniform(0.1, 0.7)),
        )
    return bed


def room(random: Random, count: int) -> Floats:
    """A quiet room: air, and mains far away."""
    bed = 0.9 * wide_noise(random, count, band(40, 190, 1.3), 0.4) + 0.10 * wide_noise(
        random, count, band(700, 3000, 1.0)
    )
    return bed + 0.10 * tone(100.0, count)[None]


def engine(random: Random, count: int) -> Floats:
    """A motor that runs evenly."""
    phase = turns(drift(random, count, 0.5, 0.94, 1.06) * float(random.uniform(58, 76)), count)
    bed = 0.35 * wide_noise(random, count, band(80, 520, 1.4), 0.4)
    for harmonic, gain in ((1, 0.5), (2, 0.45), (3, 0.22), (4, 0.2), (6, 0.1)):
        bed += np.float32(gain) * np.sin(harmonic * phase + np.float32(0.7 * harmonic))[None]
    return bed


def rails(random: Random, count: int) -> Floats:
    """A train: a rumble and the beat of the joints."""
    bed = 0.7 * wide_noise(random, count, band(50, 300, 1.3), 0.5)
    at = float(random.uniform(0.0, 0.3))
    while at < count / SAMPLE_RATE_HZ:
        for offset_s, gain in ((0.0, 0.9), (0.11, 0.7)):
            length = 4800
            clack = noise(random, length, band(220, 1500, 1.2)) * np.exp(-np.linspace(0, 8, length, dtype=np.float32))
            clack *= np.minimum(1, np.arange(length, dtype=np.float32) / 60)
            put(bed, clack, round((at + offset_s) * SAMPLE_RATE_HZ), 0.0, gain)
        at += 0.62
    return bed


def thunder(random: Random, count: int, flashes_s: Sequence[float]) -> Floats:
    """A crack and a long roll a moment after each flash."""
    bed = np.zeros((2, count), np.float32)
    for flash_s in flashes_s:
        length = round(3.4 * SAMPLE_RATE_HZ)
        fall = np.exp(-np.linspace(0, 4.5, length, dtype=np.float32)) * np.minimum(
            1, np.arange(length, dtype=np.float32) / 1200
        )
        roll = noise(random, length, band(28, 150, 1.8)) * fall * drift(random, length, 5.0, 0.4, 1.0)
        crack = noise(random, length, band(200, 2200, 1.0)) * fall**4
        start = round((flash_s + 0.28) * SAMPLE_RATE_HZ)
        put(bed, 1.7 * roll + 0.6 * crack, start, float(random.uniform(-0.3, 0.3)), 1.6)
    return bed


def void(random: Random, count: int) -> Floats:
    """What space would sound like if it did: slow low beats and a shimmer."""
    bed = 0.35 * wide_noise(random, count, band(30, 110, 2.0), 0.8)
    for side in (0, 1):
        for pitch in (41.2, 61.8, 82.6):
            bed[side] += (
                0.35
                * tone(pitch * (1 + 0.004 * side), count, phase=float(random.uniform(0, 6)))
                * drift(random, count, 0.4, 0.4, 1.0)
            )
    bed += 0.05 * drift(random, count, 0.5, 0.1, 1.0) ** 2 * wide_noise(random, count, band(3000, 7000, 2.0), 1.0)
    return bed
