"""A clock that stands still until a test turns it."""

import threading

START_US = 1_795_251_600_000_000
"""2026-11-21T09:00:00Z, the moment of the contract's examples."""


class FakeClock:
    """Fulfils `reelway.clock.Clock`. Every reading is a microsecond later than the last, so times are distinct."""

    def __init__(self, now_us: int = START_US) -> None:
        self._now_us = now_us
        self._lock = threading.Lock()

    def now_us(self) -> int:
        with self._lock:
            self._now_us += 1
            return self._now_us

    def advance(self, seconds: float) -> None:
        """Turn forward, or back with a negative number."""
        with self._lock:
            self._now_us += round(seconds * 1_000_000)
