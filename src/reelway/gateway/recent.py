"""What was seen lately of providers and tasks, read from the store at most every few seconds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from reelway.clock import Clock
from reelway.domain.decide import US
from reelway.domain.health import Circuit
from reelway.domain.timings import Timing

Found = TypeVar("Found")

_CIRCUITS_KEPT_S: Final = 2.0
_TIMINGS_KEPT_S: Final = 10.0
_TIMINGS_MAX: Final = 2_000
"""Tasks that are looked at, the newest; those of rare models may not be among them."""


class RecentStore(Protocol):
    async def circuits(self) -> Sequence[Circuit]: ...
    async def timings(self, limit: int) -> Sequence[Timing]: ...


class _Kept(Generic[Found]):
    """The last answer to a question, asked again when it is too old; of those who ask at once, one reads."""

    def __init__(self, read: Callable[[], Awaitable[Found]], clock: Clock, kept_s: float) -> None:
        self._read = read
        self._clock = clock
        self._kept_us = round(kept_s * US)
        self._found: tuple[int, Found] | None = None
        self._reading = asyncio.Lock()

    async def get(self) -> Found:
        """Raises: UnavailableError: the database is away."""
        async with self._reading:
            now_us = self._clock.now_us()
            if self._found is None or now_us - self._found[0] > self._kept_us:
                self._found = (now_us, await self._read())
            return self._found[1]


class Recent:
    """Belongs to a `Core`."""

    def __init__(self, store: RecentStore, clock: Clock) -> None:
        self._circuits = _Kept(store.circuits, clock, _CIRCUITS_KEPT_S)
        self._timings = _Kept(lambda: store.timings(_TIMINGS_MAX), clock, _TIMINGS_KEPT_S)

    async def circuits(self) -> Sequence[Circuit]:
        return await self._circuits.get()

    async def timings(self) -> Sequence[Timing]:
        return await self._timings.get()
