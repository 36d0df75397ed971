"""The render farm: processes, slots, and what is left in the folder."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from animatic.screening import spec_of
from reelway.net import process
from reelway.providers.animatic.farm import (
    PRELOAD,
    FarmFullError,
    Rendered,
    RenderFailed,
    RenderFarm,
    Rendering,
)
from reelway.providers.animatic.output import BESIDE_NAMES, WATERMARK_NAME
from reelway.providers.animatic.spec import RenderSpec

process.preload(PRELOAD)

ONE, TWO, THREE = (f"task_{number:026d}" for number in (1, 2, 3))
SHORT = spec_of("hills", width=160, height=90)
LONG = spec_of("a lake in the mountains", duration_s=15, width=1280, height=720)  # takes far longer than any test waits
MEMORY_BYTES = 4 << 30


@asynccontextmanager
async def open_farm(
    folder: Path, *, slots: int = 2, deadline_s: float = 60.0, memory_bytes: int = MEMORY_BYTES
) -> AsyncIterator[RenderFarm]:
    farm = RenderFarm(folder, slots=slots, deadline_s=deadline_s, memory_bytes_max=memory_bytes, nice=0)
    try:
        yield farm
    finally:
        await farm.aclose()


def renders() -> set[int]:
    """The processes of this test run's renders: the children of the fork server. Other children of ours have children
    too, a gateway that serves other tests for one."""
    server: Any = forkserver._forkserver  # type: ignore[attr-defined]
    if server._forkserver_pid is None:
        return set()
    found = psutil.Process(server._forkserver_pid).children()
    return {child.pid for child in found if child.status() != psutil.STATUS_ZOMBIE}


async def start_alone(farm: RenderFarm, job_id: str, spec: RenderSpec) -> int:
    """Start a job and give the number of its process."""
    before = renders()
    await farm.start(job_id, spec)
    (pid,) = renders() - before
    return pid


async def until(fact: Callable[[], bool], farm: RenderFarm, job_id: str) -> None:
    """Wait, a tenth of a second at a time, until something is so."""
    async with asyncio.timeout(30):
        while not fact():
            await farm.wait(job_id, 0.1)


async def one_turn() -> None:
    """Let everything that is ready run once."""
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned


def in_a_loop(test: Callable[[Path], Awaitable[None]]) -> Callable[[Path], None]:
    """Run an asynchronous test in a loop of its own."""

    def run(tmp_path: Path) -> None:
        asyncio.run(test(tmp_path))

    run.__name__ = test.__name__  # type: ignore[attr-defined]
    return run


@in_a_loop
async def test_a_job_ends_with_its_video_in_its_folder(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        assert farm.state(ONE) is None
        await farm.start(ONE, SHORT)
        assert isinstance(farm.state(ONE), Rendering)
        assert farm.free_slots == 1
        await farm.wait(ONE, 30)
        state = farm.state(ONE)
        assert isinstance(state, Rendered)
        assert state.folder == tmp_path / ONE
        assert (state.folder / "video.mp4").stat().st_size == state.video.size_bytes
        assert farm.free_slots == 2


@in_a_loop
async def test_progress_grows(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        await farm.start(ONE, LONG)

        def progress() -> float:
            state = farm.state(ONE)
            assert isinstance(state, Rendering)
            return state.progress

        await until(lambda: progress() > 0, farm, ONE)
        first = progress()
        await until(lambda: progress() > first, farm, ONE)
        assert progress() < 1


@in_a_loop
async def test_waiting_ends_when_the_time_is_over(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        await farm.start(ONE, LONG)
        started = asyncio.get_running_loop().time()
        await farm.wait(ONE, 0.2)
        assert 0.15 < asyncio.get_running_loop().time() - started < 2
        assert isinstance(farm.state(ONE), Rendering)
        await farm.wait(TWO, 10)  # nobody knows this one: returns at once
        assert asyncio.get_running_loop().time() - started < 5


@in_a_loop
async def test_a_full_farm_takes_no_more(tmp_path: Path) -> None:
    async with open_farm(tmp_path, slots=1) as farm:
        await farm.start(ONE, LONG)
        with pytest.raises(FarmFullError):
            await farm.start(TWO, SHORT)
        assert farm.state(TWO) is None
        assert await farm.cancel(ONE)
        await farm.start(TWO, SHORT)
        await farm.wait(TWO, 30)
        assert isinstance(farm.state(TWO), Rendered)


@in_a_loop
async def test_two_jobs_started_at_once_do_not_share_the_last_slot(tmp_path: Path) -> None:
    async with open_farm(tmp_path, slots=1) as farm:
        results = await asyncio.gather(farm.start(ONE, LONG), farm.start(TWO, LONG), return_exceptions=True)
        assert [type(result) for result in results] == [type(None), FarmFullError]


@in_a_loop
async def test_cancelling_kills_the_process_and_removes_the_folder(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        pid = await start_alone(farm, ONE, LONG)
        await until((tmp_path / ONE / "video.mp4.partial").exists, farm, ONE)
        assert psutil.pid_exists(pid)
        assert await farm.cancel(ONE)
        assert pid not in renders()
        assert not (tmp_path / ONE).exists()
        assert farm.state(ONE) is None
        assert farm.free_slots == 2
        assert not await farm.cancel(ONE)


@in_a_loop
async def test_a_job_can_be_cancelled_while_it_is_being_started(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        starting = asyncio.create_task(farm.start(ONE, LONG))
        await one_turn()
        assert await farm.cancel(ONE)
        await starting
        assert farm.free_slots == 2
        assert not renders()
        assert not (tmp_path / ONE).exists()


@in_a_loop
async def test_a_caller_who_gives_up_leaves_a_job_that_can_be_cancelled(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        starting = asyncio.create_task(farm.start(ONE, LONG))
        await one_turn()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert isinstance(farm.state(ONE), Rendering)
        assert await farm.cancel(ONE)
        assert not renders()


@in_a_loop
async def test_a_killed_process_is_a_crash_and_frees_its_slot(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        os.kill(await start_alone(farm, ONE, LONG), signal.SIGKILL)
        await farm.wait(ONE, 30)
        state = farm.state(ONE)
        assert isinstance(state, RenderFailed)
        assert state.is_crash
        assert farm.free_slots == 2


@in_a_loop
async def test_running_out_of_memory_is_a_crash_and_the_farm_goes_on(tmp_path: Path) -> None:
    huge = spec_of("a lake in the mountains", width=3840, height=2160)
    async with open_farm(tmp_path, memory_bytes=700 << 20) as farm:
        await farm.start(ONE, huge)
        await farm.wait(ONE, 60)
        state = farm.state(ONE)
        assert isinstance(state, RenderFailed)
        assert state.is_crash
        await farm.start(TWO, SHORT)
        await farm.wait(TWO, 30)
        assert isinstance(farm.state(TWO), Rendered)


@in_a_loop
async def test_a_job_past_its_deadline_is_killed(tmp_path: Path) -> None:
    async with open_farm(tmp_path, deadline_s=0.3) as farm:
        pid = await start_alone(farm, ONE, LONG)
        await farm.wait(ONE, 30)
        state = farm.state(ONE)
        assert isinstance(state, RenderFailed)
        assert not state.is_crash
        assert "longer than 0.3 s" in state.reason
        await until(lambda: pid not in renders(), farm, ONE)


@in_a_loop
async def test_an_image_that_cannot_be_read_is_a_failure_and_no_crash(tmp_path: Path) -> None:
    text = tmp_path / "image.png"
    text.write_text("this is no image")
    async with open_farm(tmp_path / "farm") as farm:
        await farm.start(ONE, spec_of("", start_frame=text))
        await farm.wait(ONE, 30)
        state = farm.state(ONE)
        assert isinstance(state, RenderFailed)
        assert not state.is_crash
        assert "UnidentifiedImageError" in state.reason


@in_a_loop
async def test_a_failed_job_can_be_started_again(tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    image.write_text("not yet")
    async with open_farm(tmp_path / "farm") as farm:
        await farm.start(ONE, spec_of("", start_frame=image))
        await farm.wait(ONE, 30)
        assert isinstance(farm.state(ONE), RenderFailed)
        Image.new("RGB", (64, 36), "teal").save(image)
        await farm.start(ONE, spec_of("", start_frame=image))
        await farm.wait(ONE, 30)
        assert isinstance(farm.state(ONE), Rendered)


@in_a_loop
async def test_starting_a_job_again_does_nothing_while_it_runs_and_after_it_is_done(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        pid = await start_alone(farm, ONE, LONG)
        await farm.start(ONE, LONG)
        assert renders() == {pid}
        await farm.start(TWO, SHORT)
        await farm.wait(TWO, 30)
        made_at = (tmp_path / TWO / "video.mp4").stat().st_mtime_ns
        await farm.start(TWO, SHORT)
        assert isinstance(farm.state(TWO), Rendered)
        assert (tmp_path / TWO / "video.mp4").stat().st_mtime_ns == made_at


@in_a_loop
async def test_a_new_farm_finds_what_an_earlier_one_finished_and_begins_anew_what_it_did_not(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        await farm.start(ONE, SHORT)
        await farm.start(TWO, LONG)
        await farm.wait(ONE, 30)
        before = farm.state(ONE)
        await until((tmp_path / TWO / "video.mp4.partial").exists, farm, TWO)
    assert not renders()
    async with open_farm(tmp_path) as farm:
        assert farm.state(ONE) == before
        assert farm.state(TWO) is None
        await farm.start(TWO, SHORT)
        await farm.wait(TWO, 30)
        assert isinstance(farm.state(TWO), Rendered)
        beside = set(BESIDE_NAMES) - {WATERMARK_NAME}
        assert {path.name for path in (tmp_path / TWO).iterdir()} == {"poster.jpg", "video.json", "video.mp4", *beside}


@in_a_loop
async def test_a_discarded_job_is_forgotten(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        await farm.start(ONE, SHORT)
        await farm.wait(ONE, 30)
        await farm.discard(ONE)
        assert farm.state(ONE) is None
        assert not (tmp_path / ONE).exists()
        await farm.discard(ONE)  # again does no harm


@in_a_loop
async def test_discarding_a_job_that_runs_ends_it(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        pid = await start_alone(farm, ONE, LONG)
        await farm.discard(ONE)
        assert pid not in renders()
        assert farm.state(ONE) is None
        assert farm.free_slots == 2


@in_a_loop
async def test_a_damaged_folder_counts_as_unknown(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        await farm.start(ONE, SHORT)
        await farm.wait(ONE, 30)
        (tmp_path / ONE / "video.json").write_text("{")
        assert farm.state(ONE) is None


@in_a_loop
async def test_a_closed_farm_has_killed_its_renders_and_takes_no_more(tmp_path: Path) -> None:
    farm = RenderFarm(tmp_path, slots=2, deadline_s=60, memory_bytes_max=MEMORY_BYTES)
    await farm.start(ONE, LONG)
    await farm.start(TWO, LONG)
    await farm.aclose()
    assert not renders()
    with pytest.raises(FarmFullError):
        await farm.start(THREE, SHORT)


@in_a_loop
async def test_a_name_that_is_no_task_id_never_becomes_a_path(tmp_path: Path) -> None:
    async with open_farm(tmp_path) as farm:
        for name in ("../../etc", "task_../../../../../../../../etc", "task_short", ONE + "/x"):
            with pytest.raises(AssertionError):
                await farm.start(name, SHORT)
