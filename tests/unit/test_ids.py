"""Identifiers: their form, their order, and the clock behind them."""

import re
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelway.clock import SystemClock, new_id
from reelway.domain.ids import RANDOM_BYTES, is_file_id, is_task_id, ulid

TIMES = st.integers(0, 2**48 - 1)
RANDOM = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


def test_a_ulid_is_the_one_of_the_specification() -> None:
    """Source: the ULID specification's example, 01ARYZ6S41TSV4RRFFQ69G5FAV's time part, and the two ends."""
    assert ulid(1_469_918_176_385, bytes(10))[:10] == "01ARYZ6S41"
    assert ulid(0, bytes(10)) == "0" * 26
    assert ulid(2**48 - 1, b"\xff" * 10) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


@given(TIMES, RANDOM)
def test_every_ulid_makes_a_valid_id(time_ms: int, randomness: bytes) -> None:
    text = ulid(time_ms, randomness)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", text)
    assert is_task_id(f"task_{text}")
    assert is_file_id(f"file_{text}")


@given(TIMES, TIMES, RANDOM, RANDOM)
def test_ids_sort_by_their_time(first_ms: int, second_ms: int, first: bytes, second: bytes) -> None:
    if first_ms != second_ms:
        assert (ulid(first_ms, first) < ulid(second_ms, second)) == (first_ms < second_ms)


@given(TIMES, RANDOM, RANDOM)
def test_different_randomness_gives_different_ids(time_ms: int, first: bytes, second: bytes) -> None:
    assert (ulid(time_ms, first) == ulid(time_ms, second)) == (first == second)


@pytest.mark.parametrize(("time_ms", "size"), [(-1, 10), (2**48, 10), (0, 9), (0, 11)])
def test_a_time_or_randomness_out_of_range_is_our_mistake(time_ms: int, size: int) -> None:
    with pytest.raises(AssertionError):
        ulid(time_ms, bytes(size))


GOOD = "01KB2R8T4NQ6V0X3Z5A7C9E1G3"


@pytest.mark.parametrize(
    "rest",
    [
        "",
        f"_{GOOD}X",
        f"_{GOOD[:-1]}",
        f"_{GOOD.lower()}",
        f"_{GOOD}\n",
        f"__{GOOD}",
        f"_{GOOD[:-1]}I",
        f"_{GOOD[:-1]}L",
        f"_{GOOD[:-1]}O",
        f"_{GOOD[:-1]}U",
        f"_{GOOD[:-1]}\u0663",
        f"_{GOOD[:-1]}/",
    ],
)
def test_what_only_looks_like_an_id_is_none(rest: str) -> None:
    assert not is_task_id(f"task{rest}")
    assert not is_file_id(f"file{rest}")


@pytest.mark.parametrize("prefix", ["file_", "Task_", " task_", "", "acct_"])
def test_an_id_of_another_kind_is_no_task_id(prefix: str) -> None:
    assert not is_task_id(f"{prefix}{GOOD}")


@pytest.mark.parametrize("prefix", ["task_", "File_", " file_", "", "acct_"])
def test_an_id_of_another_kind_is_no_file_id(prefix: str) -> None:
    assert not is_file_id(f"{prefix}{GOOD}")


def test_the_contracts_ids_are_valid() -> None:
    assert is_task_id(f"task_{GOOD}")
    assert is_file_id(f"file_{GOOD}")


def test_fresh_ids_differ_and_carry_their_time() -> None:
    now_us = 1_795_251_600_123_456
    ids = {new_id("task", now_us) for _ in range(1_000)}
    assert len(ids) == 1_000
    assert {text[:15] for text in ids} == {"task_" + ulid(now_us // 1_000, bytes(10))[:10]}


def test_the_systems_clock_gives_microseconds_since_1970() -> None:
    assert abs(SystemClock().now_us() - time.time_ns() // 1_000) < 5_000_000


class Machine:
    """The operating system's two clocks, which are not ours to turn, so their readings are replaced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall_us, self.monotonic_us = 1_000_000_000, 5_000_000
        monkeypatch.setattr(time, "time_ns", lambda: self.wall_us * 1_000)
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.monotonic_us * 1_000)

    def passes(self, us: int, *, set_by: int = 0) -> None:
        self.monotonic_us += us
        self.wall_us += us + set_by


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_a_clock_that_is_set_back_goes_on_more_slowly_until_the_machines_has_caught_up(machine: Machine) -> None:
    clock = SystemClock()
    assert clock.now_us() == 1_000_000_000
    machine.passes(0, set_by=-100)
    readings = []
    for _ in range(30):
        machine.passes(10)
        readings.append(clock.now_us())
    assert readings == sorted(set(readings)), "it never stands still for long and never runs backwards"
    assert readings[9] == 1_000_000_050
    assert readings[-1] == machine.wall_us == 1_000_000_200


def test_a_clock_that_is_read_faster_than_it_ticks_loses_no_time(machine: Machine) -> None:
    clock = SystemClock()
    clock.now_us()
    machine.passes(0, set_by=-1_000_000)
    for _ in range(1_000):
        machine.passes(1)
        clock.now_us()
    assert clock.now_us() == pytest.approx(1_000_000_500, abs=2)


def test_a_clock_that_is_set_ahead_follows_at_once(machine: Machine) -> None:
    clock = SystemClock()
    clock.now_us()
    machine.passes(10, set_by=3_600_000_000)
    assert clock.now_us() == machine.wall_us


def test_ids_of_one_millisecond_sort_in_the_order_in_which_they_were_made() -> None:
    made = [new_id("task", 1_795_251_600_123_000 + number // 10) for number in range(5_000)]
    assert made == sorted(made)
    assert len(set(made)) == 5_000


_FORKER = """
import os
from reelway.clock import new_id
new_id("task", 0)  # random bytes are taken in advance: a child must not go on with its parent's
child = os.fork()
if child:
    os.waitpid(child, 0)
print("\\n".join(new_id("task", 0) for _ in range(300)), flush=True)
"""


def test_processes_that_were_forked_do_not_make_the_same_ids() -> None:
    made = subprocess.run([sys.executable, "-c", _FORKER], capture_output=True, text=True, check=True).stdout.split()
    assert len(made) == len(set(made)) == 600


def test_ids_made_by_many_threads_at_once_differ() -> None:
    made: list[str] = []

    def make() -> None:
        made.extend([new_id("task", 0) for _ in range(2_000)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8_000
