"""The two things that the core takes as arguments and never fetches: the time, and identifiers."""

import os
import threading
import time
from typing import Final, Protocol

from reelway.domain.ids import RANDOM_BYTES, ulid


class Clock(Protocol):
    def now_us(self) -> int:
        """Unix time in microseconds; never runs backwards within a process."""
        ...


class SystemClock:
    """The machine's clock. When it is set back, ours goes on at half its pace until the machine's has caught up."""

    def __init__(self) -> None:
        self._last_us = 0
        self._last_monotonic_us = time.monotonic_ns() // 1_000
        self._lock = threading.Lock()

    def now_us(self) -> int:
        with self._lock:
            monotonic_us = time.monotonic_ns() // 1_000
            slowed_us = self._last_us + (monotonic_us - self._last_monotonic_us) // 2
            wall_us = time.time_ns() // 1_000
            if wall_us >= slowed_us or monotonic_us - self._last_monotonic_us > 1:
                self._last_us = max(wall_us, slowed_us)
                self._last_monotonic_us = monotonic_us
            return self._last_us


class _Randomness:
    """Random bytes for identifiers, taken from the kernel many at a time: one call for each costs more than a read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pieces: list[bytes] = []
        os.register_at_fork(after_in_child=self._pieces.clear)

    def take(self) -> bytes:
        with self._lock:
            if not self._pieces:
                raw = os.urandom(RANDOM_BYTES * _PIECES)
                self._pieces += [raw[at : at + RANDOM_BYTES] for at in range(0, len(raw), RANDOM_BYTES)]
            return self._pieces.pop()


_PIECES: Final = 256
_randomness: Final = _Randomness()


class _Sequence:
    """Identifiers of one millisecond count up from a random number, so that they sort in the order they were made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._time_ms = -1
        self._number = 0
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A forked child would go on counting from its parent's number."""
        self._time_ms = -1

    def next(self, time_ms: int) -> bytes:
        with self._lock:
            if time_ms == self._time_ms:
                self._number += 1
            else:
                self._time_ms = time_ms
                self._number = int.from_bytes(_randomness.take(), "big") >> 1  # room to count
            return self._number.to_bytes(RANDOM_BYTES, "big")


_sequence: Final = _Sequence()


def new_id(prefix: str, now_us: int) -> str:
    """A fresh identifier: `prefix`, an underscore, and 26 characters that sort by time. Not for secrets."""
    time_ms = now_us // 1_000
    return f"{prefix}_{ulid(time_ms, _sequence.next(time_ms))}"
