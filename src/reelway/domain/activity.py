"""What providers did over a span of time, as those who run the gateway look at it."""

from dataclasses import dataclass
from typing import Final

from reelway.domain.attempts import Ending

VIDEO_ENDINGS: Final = frozenset({Ending.FINISHED, Ending.LATE})
"""The endings of attempts whose provider has made a video."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `since_us` until before `until_us`, unix microseconds, in steps of `step_us`, the last one cut short."""

    since_us: int
    until_us: int
    step_us: int

    @property
    def steps(self) -> int:
        return -(-(self.until_us - self.since_us) // self.step_us)


@dataclass(frozen=True, slots=True)
class Activity:
    """The attempts at one provider that ended in one step of a span, those with a video or those without.

    Half of them took at most `p50_us` from their start to their end, nine in ten at most `p90_us`.
    """

    provider: str
    step: int
    is_video: bool
    count: int
    p50_us: int
    p90_us: int
