"""When to look at a job again: from how long such jobs took, so that few looks bring the news soon after it happened.

A look is one question about one job, or its place in a list of many. Before the first jobs of a kind have ended, the
provider's own pace and pause decide.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

JobKind = tuple[str, str, str, int]
"""Jobs that take about equally long: provider, model, mode, seconds of video."""

TIMES_MAX: Final = 128
"""Of a kind, this many of the newest times count."""
TIMES_MIN: Final = 8
"""With fewer nothing is concluded."""
KINDS_MAX: Final = 1_000

GAP_S: Final = 4.0
"""Between two looks while a job may end at any moment: its news is two seconds old on average."""
LISTED_GAP_S: Final = 2.0
"""The same where a list shows many jobs at the price of one."""
GAP_S_MAX: Final = 60.0
_LOOKS_MAX: Final = 9
"""Between the first look and the 90th percentile, for a job of `_LOOKS_FOR_S` or less; longer ones may have more."""
_LOOKS_FOR_S: Final = 45.0
_EARLY: Final = 0.85
"""The first look comes at this part of the 10th percentile. As nobody sees an end before it looks, a kind of jobs that
becomes faster is noticed by this much a time."""
_LATE: Final = 10.0
"""A job that is late is looked at after that part of its lateness more."""
_SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds from submit to end, at three percentiles of what was seen."""

    p10_s: float
    p50_s: float
    p90_s: float

    @property
    def first_s(self) -> float:
        """The age at which a job is looked at first."""
        return max(0.0, self.p10_s * _EARLY)


class JobTimes:
    """How long jobs took, by kind: the newest times of each, and of no more kinds than `KINDS_MAX`."""

    def __init__(self) -> None:
        self._times: OrderedDict[JobKind, deque[float]] = OrderedDict()
        self._paces: dict[JobKind, Pace] = {}

    def add(self, kind: JobKind, seconds: float) -> None:
        times = self._times.get(kind)
        if times is None:
            times = self._times[kind] = deque(maxlen=TIMES_MAX)
            if len(self._times) > KINDS_MAX:
                oldest, _ = self._times.popitem(last=False)
                self._paces.pop(oldest, None)
        self._times.move_to_end(kind)
        times.append(max(0.0, seconds))
        self._paces.pop(kind, None)

    def pace_of(self, kind: JobKind) -> Pace | None:
        """None while too few of the kind have ended."""
        pace = self._paces.get(kind)
        if pace is not None:
            return pace
        times = self._times.get(kind)
        if times is None or len(times) < TIMES_MIN:
            return None
        ordered = sorted(times)
        last = len(ordered) - 1
        pace = Pace(ordered[last // 10], ordered[last // 2], ordered[last * 9 // 10])
        self._paces[kind] = pace
        return pace


def next_look_s(
    age_s: float, pace: Pace | None, *, floor_s: float, expected_s: float, is_listed: bool, spread: float
) -> float:
    """Seconds until a job of this age is looked at again.

    `floor_s`: the pause that the provider, or its entry, asks for between two questions about a job; a list asks once
    for all, so it does not count there (`is_listed`). `expected_s`: what such a job is said to take, where nothing was
    seen. `spread` from 0 to 1, of the job's own, keeps what began together from being looked at together.
    """
    if pace is None:
        gap_s = LISTED_GAP_S if is_listed else max(floor_s, min(expected_s / 30, 3 * floor_s))
        return gap_s * (1 + _SPREAD * spread)
    gap_s, floor_s = _gap_s(pace, is_listed=is_listed), 0.0 if is_listed else floor_s
    if age_s < pace.first_s:
        return max(floor_s, pace.first_s - age_s) + gap_s * spread / 2
    gap_s = min(GAP_S_MAX, gap_s + max(0.0, age_s - pace.p90_s) / _LATE)
    return max(floor_s, gap_s) * (1 + _SPREAD * spread)


def meeting_us(now_us: int, delay_s: float) -> int:
    """When to look at a job that is one of many of a provider that lists: at a time at which the others are due too."""
    grid_us = round(LISTED_GAP_S * 1e6)
    earliest_us = now_us + round(max(LISTED_GAP_S / 4, delay_s - LISTED_GAP_S * 3 / 4) * 1e6)
    return -(-earliest_us // grid_us) * grid_us


def _gap_s(pace: Pace, *, is_listed: bool) -> float:
    """Between two looks from the first one to the 90th percentile."""
    if is_listed:
        return min(LISTED_GAP_S, pace.p50_s * LISTED_GAP_S / _LOOKS_FOR_S)
    looks = _LOOKS_MAX * max(1.0, pace.p50_s / _LOOKS_FOR_S)
    gap_s = min(GAP_S, pace.p50_s * GAP_S / _LOOKS_FOR_S)
    return max(gap_s, (pace.p90_s - pace.first_s) / looks)
