"""How long videos take, by what was seen of tasks that have succeeded."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reelway.domain.generation import Generation, Mode

SEEN_MIN: Final = 5
"""Fewer tasks than this say nothing of the next one."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One task that succeeded. `total_s`: from create to result; `run_s`: from the job's beginning to the result."""

    model: str
    provider: str
    mode: Mode
    duration_s: int
    total_s: float
    run_s: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Half of what was seen took at most `p50_s` seconds, nine in ten at most `p90_s`."""

    p50_s: float
    p90_s: float
    count: int


def spread_of(seconds: Iterable[float]) -> Spread | None:
    """None where too few were seen."""
    ordered = sorted(seconds)
    if len(ordered) < SEEN_MIN:
        return None
    return Spread(_at(ordered, 0.5), _at(ordered, 0.9), len(ordered))


def alike(timings: Sequence[Timing], generation: Generation) -> tuple[Timing, ...]:
    """Those of the same model, mode and duration."""
    wanted = (generation.model, generation.mode, generation.duration_s)
    return tuple(timing for timing in timings if (timing.model, timing.mode, timing.duration_s) == wanted)


def _at(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
