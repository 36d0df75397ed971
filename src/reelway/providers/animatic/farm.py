"""The render farm: runs renders in processes of their own, a few at a time, and keeps what they made until fetched.

Whatever a render does to itself, endless work, a fault in native code, too much memory, ends with its process: the
gateway sees a failed job and a free slot.
"""

import asyncio
import logging
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from reelway.net import process
from reelway.net.process import ChildProcess, Limits
from reelway.providers.animatic.child import OUT_OF_MEMORY, render_or_die
from reelway.providers.animatic.output import FACTS_NAME, POSTER_NAME, VIDEO_NAME, read_rendered
from reelway.providers.animatic.spec import RenderedVideo, RenderSpec

__all__ = [
    "FACTS_NAME",
    "POSTER_NAME",
    "PRELOAD",
    "VIDEO_NAME",
    "FarmFullError",
    "RenderFailed",
    "RenderFarm",
    "Rendered",
    "Rendering",
]

PRELOAD = ("reelway.providers.animatic.engine",)  # for `process.preload`: a render then starts in some 20 ms

_JOB_ID = re.compile(r"task_[0-9A-Za-z]{26}")
_FAILURES_MAX = 1000  # failed jobs remembered; each is asked for within seconds, the limit only stops a leak

log = logging.getLogger(__name__)


class FarmFullError(Exception):
    """Every slot is taken."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """The job runs; `progress` is 0 to 1."""

    progress: float


@dataclass(frozen=True, slots=True)
class Rendered:
    """The job is done; `folder` holds `video.mp4` and `poster.jpg`."""

    folder: Path
    video: RenderedVideo


@dataclass(frozen=True, slots=True)
class RenderFailed:
    """The job ended without a video; `is_crash` when its process died rather than reported an error."""

    reason: str
    is_crash: bool


State = Rendering | Rendered | RenderFailed


@dataclass(slots=True, eq=False)
class _Job:
    """A job that occupies a slot. `started` is done when its process runs; `task` ends when the process has ended."""

    started: "asyncio.Future[None]"
    child: ChildProcess[RenderedVideo] | None = None
    task: "asyncio.Task[None] | None" = None
    is_cancelled: bool = False


class RenderFarm:
    """At most `slots` renders at a time, each in `folder`/job id. For one event loop; one process owns the folder."""

    def __init__(self, folder: Path, *, slots: int, deadline_s: float, memory_bytes_max: int, nice: int = 5) -> None:
        self._folder = folder
        self._slots = slots
        self._limits = Limits(deadline_s=deadline_s, memory_bytes_max=memory_bytes_max, nice=nice)
        self._jobs: dict[str, _Job] = {}
        self._failed: dict[str, RenderFailed] = {}
        self._is_closed = False

    @property
    def free_slots(self) -> int:
        return 0 if self._is_closed else self._slots - len(self._jobs)

    async def start(self, job_id: str, spec: RenderSpec) -> None:
        """Begin a render. Does nothing while the job runs or its finished video lies there; a failed job runs anew.

        Raises:
            FarmFullError: no slot is free, or the farm is closed.
            OSError: the folder cannot be made, or no process can be started.
        """
        folder = self._folder_of(job_id)
        if job_id in self._jobs or _finished(folder) is not None:
            return
        if self.free_slots < 1:
            raise FarmFullError(f"all {self._slots} slots are taken")
        self._failed.pop(job_id, None)
        job = self._jobs[job_id] = _Job(asyncio.get_running_loop().create_future())
        job.started.add_done_callback(lambda started: started.cancelled() or started.exception())
        job.task = asyncio.create_task(self._run(job_id, job, spec), name=f"render {job_id}")
        # Shielded: a caller that gives up leaves a job that runs, not a process without an owner.
        await asyncio.shield(job.started)

    def state(self, job_id: str) -> State | None:
        """How a job stands; None when this farm knows nothing of it."""
        job = self._jobs.get(job_id)
        if job is not None:
            return Rendering(job.child.progress if job.child is not None else 0.0)
        failed = self._failed.get(job_id)
        if failed is not None:
            return failed
        folder = self._folder_of(job_id)
        video = _finished(folder)
        return Rendered(folder, video) if video is not None else None

    async def wait(self, job_id: str, timeout_s: float) -> None:
        """Return when the job has ended or the time is over, whichever is first."""
        job = self._jobs.get(job_id)
        if job is not None and job.task is not None:
            await asyncio.wait({job.task}, timeout=timeout_s)

    async def cancel(self, job_id: str) -> bool:
        """Kill the job's process and remove what it made; returns False when the job is unknown.

        The slot is free, and the process gone, when this returns.
        """
        is_known = self.state(job_id) is not None
        await self.discard(job_id)
        return is_known

    async def discard(self, job_id: str) -> None:
        """Forget a job, running or not, known or not, and remove its folder."""
        await self._end(job_id)
        self._failed.pop(job_id, None)
        await asyncio.to_thread(shutil.rmtree, self._folder_of(job_id), ignore_errors=True)

    async def aclose(self) -> None:
        """Kill every render; what is finished stays in its folder."""
        self._is_closed = True
        for job_id in list(self._jobs):
            await self._end(job_id)

    async def _end(self, job_id: str) -> None:
        """Kill a job's process, if it runs, and wait until it is gone."""
        job = self._jobs.get(job_id)
        if job is None or job.task is None:
            return
        job.is_cancelled = True
        if job.child is not None:
            job.child.kill()
        await asyncio.wait({job.task})

    async def _run(self, job_id: str, job: _Job, spec: RenderSpec) -> None:
        """One job's life: start its process, wait for its end, free the slot, keep the reason of a failure."""
        folder = self._folder_of(job_id)
        try:
            await asyncio.to_thread(_empty, folder)
            job.child = await ChildProcess.start(render_or_die, (spec, folder), self._limits)
        except (OSError, EOFError) as exc:
            del self._jobs[job_id]
            job.started.set_exception(exc)
            return
        job.started.set_result(None)
        if job.is_cancelled:
            job.child.kill()
        failure = await self._failure(job.child)
        del self._jobs[job_id]
        if failure is not None:
            log.warning("render %s failed: %s", job_id, failure.reason)
            self._remember(job_id, failure)

    async def _failure(self, child: ChildProcess[RenderedVideo]) -> RenderFailed | None:
        """Wait for a process; how it failed, or None when it did not or was cancelled."""
        try:
            await child.result()
        except process.ProcessCancelledError:
            return None
        except process.ProcessCrashedError as exc:
            reason = "the render ran out of memory" if exc.exit_code == OUT_OF_MEMORY else str(exc)
            return RenderFailed(reason, is_crash=True)
        except process.ProcessTimeoutError:
            return RenderFailed(f"the render took longer than {self._limits.deadline_s:g} s", is_crash=False)
        except process.ProcessFailedError as exc:
            return RenderFailed(str(exc), is_crash=False)
        return None

    def _remember(self, job_id: str, failure: RenderFailed) -> None:
        self._failed[job_id] = failure
        while len(self._failed) > _FAILURES_MAX:
            self._failed.pop(next(iter(self._failed)))

    def _folder_of(self, job_id: str) -> Path:
        assert _JOB_ID.fullmatch(job_id), f"not a task id: {job_id!r}"
        return self._folder / job_id


def _finished(folder: Path) -> RenderedVideo | None:
    """What lies finished in a folder; a folder that somebody has damaged counts as empty."""
    try:
        return read_rendered(folder)
    except (OSError, ValueError, TypeError):
        return None


def _empty(folder: Path) -> None:
    """Make the folder, without what an interrupted render left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
