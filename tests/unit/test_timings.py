"""How long videos take, by what was seen."""

from dataclasses import replace

from reelway.domain.generation import Generation, Mode
from reelway.domain.timings import SEEN_MIN, Spread, Timing, alike, spread_of

WANTED = Generation("m", "x", 5, "16:9", Mode.PRO)
TIMING = Timing("m", "kling", Mode.PRO, 5, 40.0, 30.0)


def test_half_and_nine_in_ten_are_told() -> None:
    assert spread_of(range(1, 11)) == Spread(5, 9, 10)
    assert spread_of([7.0] * SEEN_MIN) == Spread(7.0, 7.0, SEEN_MIN)


def test_too_few_say_nothing() -> None:
    assert spread_of([1.0] * (SEEN_MIN - 1)) is None
    assert spread_of([]) is None


def test_only_the_same_model_mode_and_duration_count() -> None:
    others = [replace(TIMING, model="n"), replace(TIMING, mode=Mode.STD), replace(TIMING, duration_s=10)]
    assert alike([TIMING, *others, replace(TIMING, provider="other")], WANTED) == (
        TIMING,
        replace(TIMING, provider="other"),
    )
