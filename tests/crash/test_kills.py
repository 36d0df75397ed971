"""Kills and stops at moments of nobody's choosing, with several tasks under way."""

import random
import signal
import time
from pathlib import Path

import pytest

from crash.command import Running, assert_in_order, assert_video, running, stopped

ROUNDS = 5
TASKS_A_ROUND = 2


@pytest.mark.parametrize("seed", [7])
def test_everything_ends_right_after_five_kills_at_random_moments(seed: int, tmp_path: Path) -> None:
    data, chance = tmp_path / "data", random.Random(seed)
    keys: list[str] = []
    for number in range(ROUNDS):
        with running(data) as gateway:
            for place in range(TASKS_A_ROUND):
                keys.append(f"order-{number}-{place}")
                gateway.create(keys[-1])
            time.sleep(chance.uniform(0.0, 2.5))  # the moment itself is what is tried
            gateway.kill()
    with running(data) as gateway:
        answers = [gateway.create(key) for key in keys]
        made = [answer.json()["id"] for answer in answers if answer is not None]
        assert len(set(made)) == ROUNDS * TASKS_A_ROUND
        assert all(answer.headers["idempotent-replayed"] == "true" for answer in answers if answer is not None)
        for task_id in made:
            assert_video(gateway, gateway.ended(task_id), tmp_path)
        stopped(gateway)
    assert_in_order(data, made)


def test_a_kill_in_the_middle_of_many_creates_loses_none_that_was_answered(tmp_path: Path) -> None:
    """Nothing is rendered here: what counts is what was answered before the end."""
    data = tmp_path / "data"
    answered: dict[str, str] = {}
    with running(data, REELWAY_ROLES="api") as gateway:
        for number in range(60):
            answer = gateway.create(f"order-{number}")
            assert answer is not None
            answered[f"order-{number}"] = answer.json()["id"]
        gateway.kill()
    with running(data, REELWAY_ROLES="api") as gateway:
        for key, task_id in answered.items():
            again = gateway.create(key)
            assert again is not None
            assert (again.json()["id"], again.headers["idempotent-replayed"]) == (task_id, "true")
        credits = gateway.http.get("/api/v1/credits").json()["current_credits"]
        assert credits == 100_000 - 90 * len(answered)
        stopped(gateway)


def test_workers_that_died_leave_no_locks_lying_about_for_ever(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for _ in range(2):
        with running(data) as gateway:
            gateway.until_ready()
            gateway.kill()
    with running(data) as gateway:
        gateway.until_ready()
        stopped(gateway)
    assert list((data / "workers").iterdir()) == []


# --- stops ------------------------------------------------------------------------------------------------------------


def rendering(gateway: Running) -> list[str]:
    """Two tasks: one is being rendered, one waits."""
    made = []
    for key in ("first", "second"):
        answer = gateway.create(key, "6")
        assert answer is not None
        made.append(answer.json()["id"])
    gateway.until(made[0], "running")
    return made


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_the_render_end_and_leaves_the_queue_to_the_next(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "data"
    with running(data, REELWAY_ANIMATIC_SLOTS="1") as gateway:
        made = rendering(gateway)
        gateway.signal(number)
        assert gateway.exit_code() == 0
    went_on(data, made, tmp_path)


def test_a_stop_without_grace_breaks_the_render_off_and_the_next_makes_it_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, REELWAY_ANIMATIC_SLOTS="1", REELWAY_SHUTDOWN_GRACE_SECONDS="0") as gateway:
        made = rendering(gateway)
        gateway.signal(signal.SIGTERM)
        started = time.monotonic()
        assert gateway.exit_code() == 0
        assert time.monotonic() - started < 10
    went_on(data, made, tmp_path)


def test_a_second_signal_ends_the_process_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, REELWAY_ANIMATIC_SLOTS="1") as gateway:
        made = rendering(gateway)
        gateway.signal(signal.SIGTERM)
        gateway.until_stopping()
        gateway.signal(signal.SIGTERM)
        assert gateway.exit_code() == -signal.SIGTERM
    went_on(data, made, tmp_path)


def went_on(data: Path, made: list[str], folder: Path) -> None:
    with running(data, REELWAY_ANIMATIC_SLOTS="1") as gateway:
        for task_id in made:
            assert_video(gateway, gateway.ended(task_id), folder, "6")
        stopped(gateway)
    assert_in_order(data, made)
