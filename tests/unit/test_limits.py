"""The request limit: so many a minute, told in whole seconds. Source: Rivya contract, sections 4.1 and 4.2."""

import pytest

from reelway.domain.errors import RateLimitedError
from reelway.server.limits import WINDOW_S, RequestLimiter, address_key
from support.clock import START_US, FakeClock

US = 1_000_000
MINUTE_US = START_US - START_US % (WINDOW_S * US)


def limiter(limit: int, at_s: float = 0.0) -> tuple[RequestLimiter, FakeClock]:
    clock = FakeClock(MINUTE_US + round(at_s * US) - 1)
    return RequestLimiter(clock, limit), clock


def test_so_many_requests_pass_and_the_next_does_not() -> None:
    counted, _ = limiter(3)
    assert [counted.count("a").remaining for _ in range(3)] == [2, 1, 0]
    with pytest.raises(RateLimitedError):
        counted.count("a")


def test_everyone_is_counted_apart() -> None:
    counted, _ = limiter(1)
    counted.count("a")
    counted.count("b")
    with pytest.raises(RateLimitedError):
        counted.count("a")


def test_a_refused_request_does_not_count() -> None:
    counted, clock = limiter(1)
    counted.count("a")
    for _ in range(10):
        with pytest.raises(RateLimitedError):
            counted.count("a")
    clock.advance(60)
    assert counted.count("a").remaining == 0


def test_a_look_does_not_count() -> None:
    counted, _ = limiter(2)
    assert [counted.peek("a").remaining for _ in range(5)] == [2] * 5
    counted.count("a")
    assert counted.peek("a").remaining == 1


def test_a_new_minute_gives_everything_back() -> None:
    counted, clock = limiter(1, at_s=59.9)
    counted.count("a")
    clock.advance(0.2)
    assert counted.count("a").remaining == 0


def test_a_window_is_a_minute_of_the_clock_and_not_of_the_first_request() -> None:
    counted, clock = limiter(1, at_s=1)
    counted.count("a")
    clock.advance(58)
    with pytest.raises(RateLimitedError):
        counted.count("a")
    clock.advance(1.5)
    counted.count("a")


@pytest.mark.parametrize("at_s", [0, 0.001, 0.5, 1, 29.999, 30, 58, 58.5, 59, 59.5, 59.999])
def test_whoever_waits_as_long_as_we_say_gets_in(at_s: float) -> None:
    counted, clock = limiter(1, at_s=at_s)
    counted.count("a")
    with pytest.raises(RateLimitedError) as refused:
        counted.count("a")
    clock.advance(refused.value.retry_after_s)
    counted.count("a")


@pytest.mark.parametrize("at_s", [0, 0.5, 30, 58.5, 59.999])
def test_the_time_to_wait_is_from_1_to_60_whole_seconds(at_s: float) -> None:
    counted, _ = limiter(1, at_s=at_s)
    reset_s = counted.count("a").reset_s
    assert type(reset_s) is int
    assert 1 <= reset_s <= 60


def test_a_clock_that_jumps_back_locks_nobody_out_for_longer_than_a_minute() -> None:
    counted, clock = limiter(1)
    counted.count("a")
    clock.advance(-3_600)
    counted.peek("a")
    clock.advance(60)
    counted.count("a")


def test_the_headers_are_those_of_the_contract() -> None:
    counted, _ = limiter(10_000, at_s=12)
    headers = dict(counted.count("a").headers())
    assert headers == {b"ratelimit-limit": b"10000", b"ratelimit-remaining": b"9999", b"ratelimit-reset": b"48"}


def test_a_flood_of_addresses_is_counted_in_bounded_memory() -> None:
    counted, _ = limiter(5)
    for number in range(200_000):
        counted.count(f"address:{number}")
    for _ in range(5):
        counted.count("address:one more")
    with pytest.raises(RateLimitedError):
        counted.count("address:yet another")
    assert counted.count("address:7").remaining == 3


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8:0:0:1::", "2001:DB8::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("unknown", "unknown", True),
        ("unknown", "other", False),
    ],
)
def test_an_address_is_counted_as_whoever_commands_it(one: str, other: str, is_same: bool) -> None:
    assert (address_key(one) == address_key(other)) == is_same


def test_an_address_of_absurd_length_is_cut() -> None:
    assert len(address_key("x" * 10_000)) < 100


# --- counts that processes share --------------------------------------------------------------------------------------


def test_a_request_that_was_refused_for_another_limit_is_given_back() -> None:
    counted, _ = limiter(2)
    counted.count("a")
    counted.count("a")
    assert counted.take_back("a").remaining == 1
    assert counted.count("a").remaining == 0
    assert counted.take_back("nobody").remaining == 2


def test_what_another_process_counted_counts_here_too() -> None:
    counted, _ = limiter(10)
    for _ in range(3):
        counted.count("account")
    window, fresh = counted.untold()
    assert fresh == {"account": 3}
    counted.learn(window, {"account": 3 + 6})
    assert counted.peek("account").remaining == 1
    counted.count("account")
    with pytest.raises(RateLimitedError):
        counted.count("account")


def test_what_was_told_is_not_told_again() -> None:
    counted, _ = limiter(10)
    counted.count("account")
    assert counted.untold()[1] == {"account": 1}
    assert counted.untold()[1] == {}
    counted.count("account")
    assert counted.untold()[1] == {"account": 1}


def test_addresses_are_nobody_elses_business() -> None:
    counted, _ = limiter(10)
    counted.count(address_key("192.0.2.1"))
    assert counted.untold()[1] == {}


def test_counts_of_a_window_that_is_over_are_not_taken_over() -> None:
    counted, clock = limiter(10)
    counted.count("account")
    window, _ = counted.untold()
    clock.advance(60)
    counted.learn(window, {"account": 9})
    assert counted.peek("account").remaining == 10
