"""Watch: jobs at providers are looked at when news is likely, many with one question, and only news is written.

The worker that submitted a job, or took it over, keeps its lease and a small object in memory (`held.Held`). Each round
takes what is due and what others changed, reads a few columns of those rows with one query, and asks: by a list where
the provider has one and enough is due, otherwise each by itself. Cancels and hints come with the commit that wrote it,
at the latest with the next question. What ends a job, or wants it stopped, goes the way of every step (`advance`).
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, assert_never

import structlog

from reelway.domain import decide, outcomes
from reelway.domain.cadence import JobTimes, meeting_us, next_look_s
from reelway.domain.decide import US
from reelway.domain.errors import UnavailableError
from reelway.domain.ids import TaskId, WorkerId
from reelway.domain.task import State, Task
from reelway.store.changes import Feed
from reelway.store.leases import Mark, Watched
from reelway.telemetry import metrics
from reelway.worker.advance import Advancer
from reelway.worker.ask import SINGLES_MAX, Asker
from reelway.worker.held import DueQueue, Held, Place, held_of
from reelway.worker.leaving import LOOK_FOR_ROOM_S, Leaving, Steps
from reelway.worker.progress import ProgressWrites, guessed
from reelway.worker.surroundings import Surroundings

log = structlog.get_logger(__name__)

_MARKS_MAX: Final = 1_000
"""Rows that one query reads."""
_TAKEN_OVER_SPREAD_S: Final = 2.0
_FAULT_S: Final = 1.0
_SET_BACK_S: Final = 1.0
"""A clock that goes back by less is only being adjusted."""
_OVERDUE_S: Final = 1.0
_GATHER_S: Final = 0.005
"""What is heard, or comes due, within this time is looked at together."""


class Watcher:
    """Holds the running jobs of one worker. `hold` takes them in; `run` looks after them until `stop`."""

    def __init__(self, around: Surroundings, advancer: Advancer, worker: WorkerId, steps: Steps) -> None:
        self._around = around
        self._advancer = advancer
        self._worker = worker
        self._steps = steps
        self._held: dict[TaskId, Held] = {}
        self._places = {name: Place(provider) for name, provider in around.providers.items() if not provider.is_local}
        self._queue = DueQueue()
        self._heard: set[TaskId] = set()
        self._leaving = Leaving(steps, self._row_of, self._begin)
        self._times = JobTimes()
        self._wake = asyncio.Event()
        self._stopping = False
        self._seen_us = 0
        """The clock at the last round."""
        self._overdue_at_s = 0.0
        self._work: set[asyncio.Task[None]] = set()
        self._progress = ProgressWrites()
        self._asker = Asker(self._answered, self._give_up, self._begin, self._wake)

    # --- what the worker asks -----------------------------------------------------------------------------------------

    @property
    def providers(self) -> tuple[Watched, ...]:
        """Those whose jobs are watched."""
        return tuple(Watched(name, place.provider.credential) for name, place in self._places.items())

    @property
    def task_ids(self) -> tuple[TaskId, ...]:
        return tuple(self._held)

    @property
    def leaving(self) -> tuple[TaskId, ...]:
        """On their way to a step: nobody looks at their jobs any more, but their leases are still ours to keep."""
        return self._leaving.task_ids

    @property
    def room(self) -> int:
        """How many more jobs may be taken in."""
        return max(0, self._around.settings.jobs_held_max - len(self._held) - len(self.leaving))

    @property
    def is_at_work(self) -> bool:
        """A question is under way or about to be asked, or its answer is being written."""
        next_us = self._queue.next_us
        is_due = bool(self._heard) or self._leaving.are_waiting or (next_us is not None and next_us <= self._now_us())
        return bool(self._work) or (is_due and not self._stopping)

    def hold(self, task: Task) -> None:
        """Take in a job that was submitted just now; its lease is ours."""
        self._take_in(task, 0.0)

    def take_over(self, tasks: Sequence[Task]) -> None:
        """Take in jobs that other workers, or an earlier run, left; many at once do not all ask at once."""
        spread_s = _TAKEN_OVER_SPREAD_S if len(tasks) > SINGLES_MAX else 0.0
        for task in tasks:
            self._take_in(task, spread_s * decide.spread_of(task.id, task.tries))

    def _take_in(self, task: Task, later_s: float) -> None:
        held = held_of(task)
        known = self._held.get(task.id)
        if known is not None:
            self._drop(known)
        self._held[task.id] = held
        self._heard.add(task.id)  # what was written between its last read and this moment was told to nobody
        self._places[held.provider].put(held)
        pace, now_us = self._times.pace_of(held.kind), self._now_us()
        due_us = task.due_at_us or now_us
        if pace is not None and due_us > held.order.since_us and held.age_s(now_us) < pace.first_s:
            due_us = now_us + _us(pace.first_s - held.age_s(now_us))
        self._queue.put(held, min(max(due_us, now_us + _us(later_s)), held.deadline_us))
        metrics.jobs_held.set(len(self._held))
        self._wake.set()

    # --- the loop -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        async with self._around.store.follow(self._held, self._wake) as feed:
            while not self._stopping:
                self._wake.clear()
                await self._round_or_wait(feed)
                await self._rest()
                await asyncio.sleep(_GATHER_S)

    def stop(self) -> None:
        """Ask nothing more; what was asked goes on until `end`."""
        self._stopping = True
        self._wake.set()

    async def end(self, grace_s: float) -> None:
        """Let answers come and be written; what has not ended by then is broken off."""
        ends_at_s = _now_s() + grace_s
        while self._work and _now_s() < ends_at_s:
            await asyncio.wait(set(self._work), timeout=ends_at_s - _now_s())
        left = list(self._work)
        for work in left:
            work.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _round_or_wait(self, feed: Feed) -> None:
        try:
            await self._round(feed)
        except UnavailableError as exc:
            log.warning("the rows of held jobs cannot be read", reason=str(exc))
            await asyncio.sleep(_FAULT_S)
        except Exception:
            log.exception("a round of looking after jobs failed")
            await asyncio.sleep(_FAULT_S)

    async def _rest(self) -> None:
        """Until something is due, or heard; a clock that is set is noticed after a moment."""
        wait_s = self._around.settings.worker_poll_seconds
        next_us = self._queue.next_us
        if next_us is not None:
            wait_s = min(wait_s, max(0.005, (next_us - self._now_us()) / US))
        if self._leaving.are_waiting:
            wait_s = min(wait_s, LOOK_FOR_ROOM_S)
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _mind_the_clock(self) -> None:
        """A clock that was set back has taken the due times of all jobs far away: each is looked at soon."""
        now_us = self._now_us()
        if now_us < self._seen_us - _us(_SET_BACK_S):
            log.warning("the clock was set back; all jobs are looked at", seconds=(self._seen_us - now_us) / US)
            for held in self._held.values():
                held.progress_at_us = min(held.progress_at_us, now_us)
            self._queue.hurry(self._held.values(), now_us)
        self._seen_us = now_us

    def _overdue(self) -> list[TaskId]:
        """Jobs past their deadline that are asked for, or wait for a list, and so have left the queue; they are looked
        for now and then."""
        if _now_s() < self._overdue_at_s:
            return []
        self._overdue_at_s, now_us = _now_s() + _OVERDUE_S, self._now_us()
        return [held.task_id for held in self._held.values() if held.deadline_us <= now_us and not held.is_told]

    async def _round(self, feed: Feed) -> None:
        self._mind_the_clock()
        fresh = [held.task_id for held in self._queue.take(self._now_us()) if self._come_due(held)]
        fresh += self._overdue()
        self._heard.update(TaskId(task_id) for task_id in feed.take())
        for some in _chunks(list(dict.fromkeys([*self._heard, *fresh])), _MARKS_MAX):
            marks = await self._around.store.marks(some)
            self._heard.difference_update(some)
            for task_id in some:
                held = self._held.get(task_id)
                if held is not None:
                    self._judge(held, marks.get(task_id))
        self._leaving.hand_over()
        for place in self._places.values():
            self._asker.ask_due(place)

    def _come_due(self, held: Held) -> bool:
        if held.is_asked or self._held.get(held.task_id) is not held:
            return False
        self._places[held.provider].come_due(held)
        return True

    def _judge(self, held: Held, mark: Mark | None) -> None:
        """What the row says of a job that is due, or that was heard of. Its loss or its end waits for no answer to a
        question, which may take long, but for one that is being written."""
        now_us = self._now_us()
        is_lost = mark is None or mark.lease_owner != self._worker or not mark.is_running
        is_over = mark is None or mark.is_unwanted or now_us >= held.deadline_us
        is_hint = mark is not None and mark.due_at_us != held.row_due_at_us
        if mark is not None:
            held.row_due_at_us = mark.due_at_us
        if held.is_told:
            held.is_hurried |= is_lost or is_over
        elif is_lost:
            self._drop(held)
        elif is_over:
            self._drop(held)
            self._leaving.put(held)
        elif held.is_asked:
            held.is_hurried |= is_hint
        elif is_hint:
            self._hear_hint(held, now_us)

    def _hear_hint(self, held: Held, now_us: int) -> None:
        """The row says when to look: at once, or a moment after the last hint."""
        if held.row_due_at_us is None or held.row_due_at_us <= now_us:
            self._come_due(held)
        else:
            self._queue.put(held, min(held.due_us, held.row_due_at_us))

    # --- answers ------------------------------------------------------------------------------------------------------

    def _answered(self, held: Held, outcome: outcomes.PollOutcome, is_listed: bool) -> None:
        held.is_asked, held.misses = False, 0
        if self._held.get(held.task_id) is not held:
            return
        place = self._places[held.provider]
        if isinstance(outcome, outcomes.PollUnknown):  # an end of the job is noted when it is written
            model, tries = held.order.generation.model, held.tries
            self._begin(self._around.health.polled(place.provider, model, held.task_id, outcome, tries))
        place.due.pop(held.task_id, None)
        place.unlisted.pop(held.task_id, None)
        match outcome:
            case outcomes.InProgress(_, poll_after_s):
                held.tries = 0
                self._plan(held, self._next_look_s(held, poll_after_s, is_listed=is_listed), meets=place.may_list)
                self._consider_progress(held, outcome)
            case outcomes.PollUnknown(reason):
                log.info("a job was asked for in vain", task=held.task_id, reason=reason, tries=held.tries + 1)
                self._plan(held, decide.backoff_s(held.task_id, held.tries, self._around.policy))
                held.tries += 1
            case outcomes.Finished() | outcomes.JobFailed():
                held.is_asked = held.is_told = True
                self._begin(self._tell(held, outcome))
            case _:
                assert_never(outcome)

    def _plan(self, held: Held, delay_s: float, *, meets: bool = False) -> None:
        """`meets`: together with others of its provider."""
        now_us = self._now_us()
        due_us = meeting_us(now_us, delay_s) if meets else now_us + _us(delay_s)
        if held.is_hurried:
            due_us = min(due_us, max(now_us, held.row_due_at_us or 0))
        due_us = min(due_us, held.deadline_us)
        held.is_hurried = False
        self._queue.put(held, due_us)

    def _next_look_s(self, held: Held, floor_s: float, *, is_listed: bool) -> float:
        held.looks += 1
        return next_look_s(
            held.age_s(self._now_us()),
            self._times.pace_of(held.kind),
            floor_s=floor_s,
            expected_s=self._places[held.provider].provider.offer.run_s(held.order.generation),
            is_listed=is_listed,
            spread=decide.spread_of(held.task_id, held.looks),
        )

    # --- news ---------------------------------------------------------------------------------------------------------

    async def _tell(self, held: Held, outcome: outcomes.Finished | outcomes.JobFailed) -> None:
        """Write how a job ended. Its result is ours to store if there is room for the step, else anybody's."""
        answered_s, provider = _now_s(), self._places[held.provider].provider
        is_finished = isinstance(outcome, outcomes.Finished)
        if is_finished:
            self._times.add(held.kind, held.age_s(self._now_us()))
        has_room = is_finished and self._steps.reserve()
        written: Task | None = None
        try:
            row = await self._row_of(held)
            if row is not None:
                written = await self._advancer.polled(row, provider, outcome, held.tries, lets_go=not has_room)
            self._drop(held)
        except UnavailableError as exc:
            log.warning("news of a job could not be written; it is asked for again", task=held.task_id, reason=str(exc))
            held.is_asked = held.is_told = False
            self._plan(held, _FAULT_S)
        except Exception:
            log.exception("news of a job could not be written; the task is taken up again", task=held.task_id)
            await self._give_up(held)
        finally:
            if has_room:
                self._steps.begin_reserved(written if self._is_ours(written, State.STORING) else None)
        metrics.news_seconds.observe(_now_s() - answered_s)

    def _consider_progress(self, held: Held, outcome: outcomes.InProgress) -> None:
        now_us = self._now_us()
        offer = self._places[held.provider].provider.offer
        guess = guessed(held, offer, self._times.pace_of(held.kind), now_us)
        progress = self._progress.worth(held, outcome, guess, now_us)
        if progress is not None:
            self._begin(self._note_progress(held, replace(outcome, progress=progress)))

    async def _note_progress(self, held: Held, outcome: outcomes.InProgress) -> None:
        try:
            row = await self._row_of(held)
            if row is not None:
                await self._advancer.progressed(row, outcome)
        except UnavailableError as exc:
            log.warning("progress of a job could not be written", task=held.task_id, reason=str(exc))

    # --- the end of holding -------------------------------------------------------------------------------------------

    async def _give_up(self, held: Held) -> None:
        """A fault of ours: written down as one of a step, and counted, unless somebody else has the task by now."""
        if self._held.get(held.task_id) is not held:
            return
        self._drop(held)
        try:
            await self._advancer.give_up_step(held.task_id)
        except UnavailableError as exc:
            log.warning("a task could not be let go; its lease runs out", task=held.task_id, reason=str(exc))

    def _drop(self, held: Held) -> None:
        if self._held.get(held.task_id) is held:
            del self._held[held.task_id]
        self._places[held.provider].drop(held)
        metrics.jobs_held.set(len(self._held))

    async def _row_of(self, held: Held) -> Task | None:
        """The row, if it is still ours."""
        row = await self._around.store.task(held.task_id)
        return row if self._is_ours(row, State.RUNNING) else None

    def _is_ours(self, row: Task | None, state: State) -> bool:
        return row is not None and row.lease_owner == self._worker and row.state is state

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            log.error("looking after a job failed", exc_info=fault)

    def _now_us(self) -> int:
        return self._around.clock.now_us()


def _now_s() -> float:
    """Of a clock that only goes on: for pauses and deadlines of our own."""
    return asyncio.get_running_loop().time()


def _us(seconds: float) -> int:
    return round(seconds * US)


def _chunks(ids: Sequence[TaskId], size: int) -> Iterator[Sequence[TaskId]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
