"""A child ends with a result or with a reason, takes no more than it may, and never outlives its gateway."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from net import children
from net.children import LIMITS
from reelway.net import process
from support.waiting import came_true

Value = TypeVar("Value")
MB = 1024 * 1024
WITHIN_S = 60.0


def ran(coroutine: Coroutine[Any, Any, Value]) -> Value:
    return asyncio.run(asyncio.wait_for(coroutine, 120))


def is_running(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


async def pid_in(path: Path) -> int:
    while not (path.exists() and path.read_text()):  # noqa: ASYNC110, ASYNC240 - another process writes it
        await asyncio.sleep(0.005)
    return int(path.read_text())  # noqa: ASYNC240


def test_the_result_comes_back() -> None:
    assert ran(process.run(children.add, (2, 3), LIMITS)) == 5


def test_many_at_once_get_their_own_results() -> None:
    async def scenario() -> list[int]:
        return await asyncio.gather(*(process.run(children.add, (number, 1), LIMITS) for number in range(30)))

    assert ran(scenario()) == list(range(1, 31))


def test_progress_only_rises_and_stays_between_0_and_1(tmp_path: Path) -> None:
    async def scenario() -> None:
        go_on = tmp_path / "go"
        child = await process.ChildProcess.start(children.tell_progress, (str(go_on),), LIMITS)
        seen = [child.progress]
        while child.progress < 1.0:
            await asyncio.sleep(0.001)
            seen.append(child.progress)
        assert seen == sorted(seen)
        assert max(seen) == 1.0
        assert not child.is_done

        go_on.touch()
        assert await child.result() == "done"
        assert child.is_done

    ran(scenario())


def test_what_the_function_raises_is_told_with_its_type() -> None:
    with pytest.raises(process.ProcessRaisedError, match=r"^LookupError: nothing here$"):
        ran(process.run(children.fail, ("nothing here",), LIMITS))


def test_a_long_complaint_is_cut() -> None:
    with pytest.raises(process.ProcessRaisedError) as caught:
        ran(process.run(children.fail, ("x" * 5 * MB,), LIMITS))

    assert len(str(caught.value)) == process.ERROR_CHARACTERS_MAX


def test_a_result_that_cannot_be_sent_is_an_error_and_not_a_crash() -> None:
    with pytest.raises(process.ProcessRaisedError, match="cannot pickle"):
        ran(process.run(children.give_what_cannot_be_sent, (), LIMITS))


def test_a_crash_in_native_code_stays_in_the_child() -> None:
    with pytest.raises(process.ProcessCrashedError) as caught:
        ran(process.run(children.crash, (), LIMITS))

    assert caught.value.exit_code == -signal.SIGSEGV


def test_an_exit_without_a_result_is_a_crash() -> None:
    with pytest.raises(process.ProcessCrashedError) as caught:
        ran(process.run(children.exit_at_once, (), LIMITS))

    assert caught.value.exit_code == 7


def test_crashes_at_the_same_time_keep_their_exit_codes() -> None:
    async def scenario() -> list[BaseException | None]:
        crashing = [process.run(children.exit_at_once, (), LIMITS) for _ in range(40)]
        return await asyncio.gather(*crashing, return_exceptions=True)

    assert [getattr(outcome, "exit_code", None) for outcome in ran(scenario())] == [7] * 40


def test_a_child_past_its_deadline_is_killed(tmp_path: Path) -> None:
    async def scenario() -> int:
        limits = process.Limits(deadline_s=1.0, memory_bytes_max=LIMITS.memory_bytes_max)
        with pytest.raises(process.ProcessTimeoutError):
            await process.run(children.sleep, (str(tmp_path / "pid"),), limits)
        return await pid_in(tmp_path / "pid")

    pid = ran(scenario())
    assert came_true(lambda: not is_running(pid), WITHIN_S)


def test_kill_ends_the_child(tmp_path: Path) -> None:
    async def scenario() -> int:
        child = await process.ChildProcess.start(children.sleep, (str(tmp_path / "pid"),), LIMITS)
        pid = await pid_in(tmp_path / "pid")
        child.kill()
        child.kill()
        with pytest.raises(process.ProcessCancelledError):
            await child.result()
        child.kill()
        return pid

    pid = ran(scenario())
    assert came_true(lambda: not is_running(pid), WITHIN_S)


def test_a_cancelled_caller_kills_the_child(tmp_path: Path) -> None:
    async def scenario() -> int:
        task = asyncio.create_task(process.run(children.sleep, (str(tmp_path / "pid"),), LIMITS))
        pid = await pid_in(tmp_path / "pid")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pid

    pid = ran(scenario())
    assert came_true(lambda: not is_running(pid), WITHIN_S)


def test_a_caller_cancelled_while_the_child_starts_leaves_none_behind(tmp_path: Path) -> None:
    async def scenario() -> None:
        await process.run(children.add, (1, 1), LIMITS)  # the fork server runs
        for _ in range(10):
            task = asyncio.create_task(process.run(children.sleep, (str(tmp_path / "pid"),), LIMITS))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    others = children_of_fork_servers()  # of gateways that other tests of this session keep running
    ran(scenario())
    assert came_true(lambda: not children_of_fork_servers() - others, WITHIN_S)


def children_of_fork_servers() -> set[int]:
    found = set()
    for candidate in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if candidate.ppid() != os.getpid() and candidate.status() != psutil.STATUS_ZOMBIE:
                found.add(candidate.pid)
    return found


def test_a_child_that_answers_and_does_not_exit_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "EXIT_GRACE_S", 0.2)

    async def scenario() -> int:
        assert await process.run(children.return_and_linger, (str(tmp_path / "pid"),), LIMITS) == 1
        pid = await pid_in(tmp_path / "pid")
        while is_running(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return pid

    ran(scenario())


def test_memory_over_the_limit_fails_in_the_child_alone() -> None:
    with pytest.raises(process.ProcessRaisedError, match="Cannot allocate memory"):
        ran(process.run(children.hold, (LIMITS.memory_bytes_max + MB,), LIMITS))

    assert ran(process.run(children.hold, (LIMITS.memory_bytes_max // 2,), LIMITS)) == LIMITS.memory_bytes_max // 2


def test_a_child_has_its_priority_and_none_of_our_sockets_and_threads() -> None:
    async def scenario() -> dict[str, object]:
        listener = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
        async with listener:
            limits = process.Limits(10.0, LIMITS.memory_bytes_max, nice=5)
            return await process.run(children.tell_surroundings, (), limits)

    surroundings = ran(scenario())
    assert surroundings["nice"] == min(19, os.nice(0) + 5)
    assert surroundings["sockets"] == []
    assert surroundings["threads"] == 1


def test_no_descriptor_stays_open_in_the_gateway() -> None:
    async def scenario() -> tuple[int, int]:
        await process.run(children.add, (1, 1), LIMITS)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            await process.run(children.add, (1, 1), LIMITS)
            with pytest.raises(process.ProcessCrashedError):
                await process.run(children.exit_at_once, (), LIMITS)
        while len(os.listdir("/proc/self/fd")) > before + 4:  # noqa: ASYNC110 - the last ones are being reaped
            await asyncio.sleep(0.01)
        return before, len(os.listdir("/proc/self/fd"))

    ran(scenario())


@contextlib.contextmanager
def gateway(pid_file: Path, mode: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A program with a child of its own, in a process group of its own; and the child's pid."""
    command = [sys.executable, children.__file__, str(pid_file), mode]
    paths = [str(Path(children.__file__).parents[1]), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with subprocess.Popen(command, env=environment, start_new_session=True) as program:
        try:
            assert came_true(lambda: pid_file.exists() and pid_file.read_text() != "", 20.0)
            yield program, int(pid_file.read_text())
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)


def test_a_child_dies_with_a_gateway_that_is_killed(tmp_path: Path) -> None:
    with gateway(tmp_path / "pid", "wait") as (program, pid):
        assert is_running(pid)
        program.kill()
        assert came_true(lambda: not is_running(pid), 5.0)


def test_a_child_dies_with_a_gateway_that_ends(tmp_path: Path) -> None:
    with gateway(tmp_path / "pid", "leave") as (program, pid):
        assert program.wait(10) == 0
        assert came_true(lambda: not is_running(pid), 5.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_to_the_whole_group_leaves_children_to_the_gateway(tmp_path: Path, number: int) -> None:
    with gateway(tmp_path / "pid", "wait") as (program, pid):
        family = [psutil.Process(pid), psutil.Process(pid).parent()]
        for member in family:
            assert member is not None
            member.send_signal(number)
        assert not came_true(lambda: not is_running(pid), 0.5)
        assert program.poll() is None
