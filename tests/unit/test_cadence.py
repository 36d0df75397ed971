"""When a job is looked at: few looks, and news that is soon known."""

import pytest

from reelway.domain.cadence import (
    GAP_S_MAX,
    KINDS_MAX,
    LISTED_GAP_S,
    TIMES_MAX,
    TIMES_MIN,
    JobKind,
    JobTimes,
    Pace,
    meeting_us,
    next_look_s,
)

KIND: JobKind = ("kling", "kling-2-6", "pro", 5)
US = 1_000_000


def looks(ends_at_s: float, pace: Pace | None, *, floor_s: float = 5.0, is_listed: bool = False) -> list[float]:
    """The ages at which a job is looked at that ends at that age; the last look sees the end."""
    age_s = floor_s if pace is None else pace.first_s
    ages = [age_s]
    while age_s < ends_at_s:
        age_s += next_look_s(age_s, pace, floor_s=floor_s, expected_s=90, is_listed=is_listed, spread=0.5)
        ages.append(age_s)
    return ages


def seen(*times_s: float) -> JobTimes:
    times = JobTimes()
    for seconds in times_s:
        times.add(KIND, seconds)
    return times


def test_nothing_is_concluded_from_a_few_jobs() -> None:
    assert seen(*[40.0] * (TIMES_MIN - 1)).pace_of(KIND) is None
    assert seen(*[40.0] * TIMES_MIN).pace_of(KIND) == Pace(40.0, 40.0, 40.0)


def test_the_percentiles_are_those_of_the_newest_times() -> None:
    times = seen(*[500.0] * 50, *(float(number) for number in range(TIMES_MAX)))
    pace = times.pace_of(KIND)
    assert pace is not None
    assert (pace.p10_s, pace.p50_s, pace.p90_s) == (12.0, 63.0, 114.0)


def test_kinds_that_have_not_been_seen_for_long_are_forgotten() -> None:
    times = seen(*[40.0] * TIMES_MIN)
    for number in range(KINDS_MAX):
        times.add(("kling", f"model-{number}", "pro", 5), 1.0)
    assert times.pace_of(KIND) is None


@pytest.mark.parametrize("ends_at_s", [30.0, 37.0, 45.0, 53.0, 60.0])
@pytest.mark.parametrize("spread_s", [2.0, 8.0, 15.0, 30.0])
def test_a_job_of_45_s_is_looked_at_no_more_than_12_times(ends_at_s: float, spread_s: float) -> None:
    pace = Pace(45 - spread_s, 45, 45 + spread_s)
    assert len(looks(ends_at_s, pace, floor_s=1.0)) <= 12
    assert len(looks(ends_at_s, None)) <= 12


def test_news_of_a_usual_job_is_two_seconds_old_on_average_and_never_more_than_five() -> None:
    pace = Pace(35, 45, 55)
    late = [looks(end / 10, pace, floor_s=1.0)[-1] - end / 10 for end in range(350, 550)]
    assert sum(late) / len(late) < 2.2
    assert max(late) < 5


def test_the_first_look_comes_shortly_before_the_fastest_tenth_ends() -> None:
    assert 25 < looks(60, Pace(35, 45, 55))[0] < 35


def test_a_late_job_is_looked_at_less_and_less_often_and_never_forgotten() -> None:
    pace = Pace(35, 45, 55)
    gaps = [
        next_look_s(age_s, pace, floor_s=1.0, expected_s=90, is_listed=False, spread=0.0)
        for age_s in (60, 120, 600, 10_000)
    ]
    assert gaps == sorted(gaps)
    assert gaps[-1] == GAP_S_MAX


@pytest.mark.parametrize("pace", [None, Pace(35, 45, 55), Pace(0, 0, 0)], ids=["unknown", "known", "instant"])
@pytest.mark.parametrize("floor_s", [0.01, 10.0, 7_200.0])
@pytest.mark.parametrize("age_s", [0.0, 29.5, 40.0, 500.0])
def test_a_provider_is_never_asked_sooner_than_it_wants(pace: Pace | None, floor_s: float, age_s: float) -> None:
    assert next_look_s(age_s, pace, floor_s=floor_s, expected_s=90, is_listed=False, spread=0.0) >= floor_s


def test_a_list_is_not_held_up_by_the_pause_between_single_questions() -> None:
    assert next_look_s(40, Pace(35, 45, 55), floor_s=30, expected_s=90, is_listed=True, spread=0.0) <= LISTED_GAP_S


def test_jobs_that_are_listed_meet_at_the_same_moments() -> None:
    start_us = 1_795_251_600_000_000
    moments = {meeting_us(start_us + offset_us, 2.0) for offset_us in range(1_600_000, 3_400_000, 1_000)}
    assert moments == {start_us + 4 * US}
    assert all(moment % (LISTED_GAP_S * US) == 0 for moment in moments)


def test_jobs_that_begin_together_are_not_looked_at_together() -> None:
    pace = Pace(35, 45, 55)
    delays = {
        next_look_s(0, pace, floor_s=1.0, expected_s=90, is_listed=False, spread=number / 10) for number in range(10)
    }
    assert len(delays) == 10
    assert max(delays) - min(delays) < 2
