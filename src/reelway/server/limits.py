"""The request limit: so many requests an account in each fixed window of a minute; others are counted by address."""

import asyncio
import functools
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from reelway.clock import Clock
from reelway.domain.decide import US
from reelway.domain.errors import RateLimitedError, UnavailableError

log = structlog.get_logger(__name__)

WINDOW_S: Final = 60
_COUNTED_MAX: Final = 200_000
"""Accounts and addresses counted at once; a flood of addresses beyond it is counted together."""
_ADDRESS: Final = "address:"
_OVERFLOW: Final = f"{_ADDRESS}others"
_SHARE_S: Final = 1.0
"""How often processes tell each other their counts; a limit may be passed by what comes in that time."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the caller has left in this window."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_s),
        ]


class RequestLimiter:
    """Counts of the current window. All windows begin with a minute of the clock, so that all counts end together."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._window = 0
        self._counts: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._elsewhere: dict[str, int] = {}

    def count(self, who: str) -> Allowance:
        """Count one request. Raises: RateLimitedError: the window is used up; the request is not counted."""
        reset_s = self._turn()
        if who not in self._counts and len(self._counts) >= _COUNTED_MAX:
            who = _OVERFLOW
        own = self._counts.get(who, 0)
        count = own + self._elsewhere.get(who, 0)
        if count >= self._limit:
            raise RateLimitedError(reset_s)
        self._counts[who] = own + 1
        return Allowance(self._limit, self._limit - count - 1, reset_s)

    def take_back(self, who: str) -> Allowance:
        """The request was refused for another limit, so it does not count."""
        if self._counts.get(who):
            self._counts[who] -= 1
        return self.peek(who)

    def peek(self, who: str) -> Allowance:
        """What is left, without counting."""
        reset_s = self._turn()
        count = self._counts.get(who, 0) + self._elsewhere.get(who, 0)
        return Allowance(self._limit, max(0, self._limit - count), reset_s)

    def untold(self) -> tuple[int, Mapping[str, int]]:
        """The window, and what its accounts have asked since this was last called."""
        self._turn()
        fresh = {
            who: count - self._told.get(who, 0)
            for who, count in self._counts.items()
            if count != self._told.get(who, 0) and not who.startswith(_ADDRESS)
        }
        for who, count in fresh.items():
            self._told[who] = self._told.get(who, 0) + count
        return self._window, fresh

    def learn(self, window: int, totals: Mapping[str, int]) -> None:
        """Take over the counts of all processes together."""
        if window == self._window:
            self._elsewhere |= {who: max(0, total - self._told.get(who, 0)) for who, total in totals.items()}

    def _turn(self) -> int:
        """Begin a new window when its time has come; returns the seconds until its end, rounded up to whole ones."""
        now_us = self._clock.now_us()
        window = now_us // (WINDOW_S * US)
        if window != self._window:
            self._window = window
            self._counts.clear()
            self._told.clear()
            self._elsewhere.clear()
        left_us = (window + 1) * WINDOW_S * US - now_us
        return -(-left_us // US)


class Pacer:
    """Lets each name through once a second of the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._passed_at_us: dict[str, int] = {}

    def pass_through(self, name: str) -> None:
        """Raises: RateLimitedError: the name passed less than a second ago."""
        now_us = self._clock.now_us()
        if now_us - self._passed_at_us.get(name, -US) < US:
            raise RateLimitedError(1)
        if len(self._passed_at_us) >= _COUNTED_MAX:
            self._passed_at_us = {who: at for who, at in self._passed_at_us.items() if now_us - at < US}
        self._passed_at_us[name] = now_us


@functools.lru_cache(maxsize=4096)
def address_key(address: str) -> str:
    """Under which name an address is counted: an IPv6 caller commands a whole /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return f"{_ADDRESS}{address[:64]}"
    if parsed.version == 6:
        return f"{_ADDRESS}{ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"{_ADDRESS}{parsed}"


class SharedCounts(Protocol):
    async def add_requests(self, window: int, by_account: Mapping[str, int]) -> Mapping[str, int]: ...


async def share_counts(limiter: RequestLimiter, store: SharedCounts) -> None:
    """Tell and learn counts for ever; a fault of the database leaves each process with its own."""
    while True:
        await asyncio.sleep(_SHARE_S)
        window, fresh = limiter.untold()
        try:
            limiter.learn(window, await store.add_requests(window, fresh))
        except UnavailableError as exc:
            log.warning("request counts could not be shared", reason=str(exc))
