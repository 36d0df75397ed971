"""Which progress of held jobs is worth a write: callers want to see it move, and news must not wait behind it."""

from typing import Final

from reelway.domain.cadence import Pace
from reelway.domain.decide import US
from reelway.domain.outcomes import InProgress
from reelway.domain.routing import Offer
from reelway.worker.held import Held

WRITES_PER_S_MAX: Final = 100
"""Of all jobs that a worker holds."""
_STEP: Final = 0.05
_GAP_S: Final = 5.0
_GUESS_STEP: Final = 0.2
_GUESS_GAP_S: Final = 10.0
"""What the provider does not tell is guessed from the time, and is worth fewer writes."""
_GUESS_MAX: Final = 0.95
"""As far as a guess goes, and written when it is reached."""


class ProgressWrites:
    """Chooses, and counts what was chosen lately."""

    def __init__(self) -> None:
        self._left = float(WRITES_PER_S_MAX)
        self._at_us = 0

    def worth(self, held: Held, outcome: InProgress, guess: float, now_us: int) -> float | None:
        """The progress to write, and noted as written; None where the row is good enough.

        A row that says that the job could not be asked for is written in any case, now that it could.
        """
        told, step, gap_s = outcome.progress, _STEP, _GAP_S
        if told is None:
            told, step, gap_s = guess, _GUESS_STEP, _GUESS_GAP_S
        is_top = outcome.progress is None and told >= _GUESS_MAX > held.progress
        has_moved = (is_top or told - held.progress >= step) and now_us - held.progress_at_us >= gap_s * US
        if not held.row_tries and not (has_moved and self._has_one_left(now_us)):
            return None
        held.row_tries, held.progress_at_us = 0, now_us
        held.progress = max(told, held.progress)
        return held.progress

    def _has_one_left(self, now_us: int) -> bool:
        passed_s = max(0.0, (now_us - self._at_us) / US)
        self._at_us = now_us
        self._left = min(WRITES_PER_S_MAX, self._left + passed_s * WRITES_PER_S_MAX)
        if self._left < 1:
            return False
        self._left -= 1
        return True


def guessed(held: Held, offer: Offer, pace: Pace | None, now_us: int) -> float:
    """The time since the submit over the time that such a job takes."""
    expected_s = offer.run_s(held.order.generation) if pace is None else pace.p50_s
    return min(_GUESS_MAX, max(0.0, held.age_s(now_us) / expected_s)) if expected_s > 0 else 0.0
