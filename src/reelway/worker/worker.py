"""The worker: claims due tasks, advances them side by side, keeps its leases, sweeps, and stops without losing any."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from reelway.domain.decide import US
from reelway.domain.errors import UnavailableError
from reelway.domain.ids import TaskId
from reelway.domain.routing import routes_taken
from reelway.domain.task import Task
from reelway.providers.base import Provider
from reelway.store.leases import ClaimRunning
from reelway.telemetry import metrics
from reelway.telemetry.failpoints import Failpoint, hit
from reelway.worker.advance import Advancer
from reelway.worker.deliver import Deliverer
from reelway.worker.identity import WORKERS_FOLDER, WorkerIdentity
from reelway.worker.reconcile import Reconciler
from reelway.worker.surroundings import Surroundings
from reelway.worker.sweep import Sweeper
from reelway.worker.watch import Watcher

log = structlog.get_logger(__name__)

_GATHER_S: Final = 0.005
"""After a wake-up, wait this long before claiming, so that what arrives together is claimed together."""
_FAULT_S: Final = 1.0
_TAKEN_OVER_MAX: Final = 2_000
"""Running jobs that one claim brings."""
_PROLONGED_MAX: Final = 1_000
"""Leases that one write prolongs: other writes should not wait long behind it."""


class Worker:
    """`run` works until `stop` is called; then steps under way may end, and every lease is given back."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._identity = WorkerIdentity(around.work_folder(WORKERS_FOLDER))
        self._advancer = Advancer(around, self._identity.id, self._hold)
        self._watcher = Watcher(around, self._advancer, self._identity.id, self)
        self._deliverer = Deliverer(around, self._identity.id)
        self._sweeper = Sweeper(around, WORKERS_FOLDER, self._identity.id)
        self._reconciler = Reconciler(around)
        self._steps: dict[TaskId, asyncio.Task[None]] = {}
        self._again: dict[TaskId, tuple[Task, str | None]] = {}
        self._leasing = asyncio.Lock()
        """Held while tasks are claimed and while leases are judged, so that whatever we hold is in `_steps` by then."""
        self._keeping = asyncio.Lock()
        self._starting: Counter[str] = Counter()
        self._reserved = 0
        """Steps for which room is kept."""
        self._kept_at_us = 0
        """When the leases of held jobs were prolonged last: there may be many of them."""
        self._step_ended = asyncio.Event()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until stopped. Providers are left open: whoever made them closes them."""
        settings = self._around.settings
        await self._sweeper.begin()
        await self._around.health.share()
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self._every(settings.lease_seconds / 3, self._keep_leases))
            sweeping = group.create_task(self._every(settings.sweep_seconds, self._sweep))
            reconciling = group.create_task(self._every(settings.sweep_seconds, self._reconciler.reconcile))
            sharing = group.create_task(self._every(settings.health_share_seconds, self._share_health))
            delivering = group.create_task(self._deliverer.run())
            watching = group.create_task(self._watcher.run())
            await self._claim_until_stopped()
            sweeping.cancel()
            reconciling.cancel()
            sharing.cancel()
            await delivering
            await asyncio.wait([watching], timeout=settings.shutdown_grace_seconds)
            watching.cancel()  # where a read hangs: what it would have told, the next holder asks
            ending = group.create_task(self._deliverer.end(settings.shutdown_grace_seconds))
            await self._end_steps(settings.shutdown_grace_seconds, ending)
            keeping.cancel()
        self._identity.close()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the steps under way have ended or the grace time is over."""
        self._stopping.set()
        self._step_ended.set()
        self._watcher.stop()
        self._deliverer.stop()

    # --- claiming -----------------------------------------------------------------------------------------------------

    async def _claim_until_stopped(self) -> None:
        async with self._around.store.watch(None) as changed:
            while not self._stopping.is_set():
                changed.clear()
                self._step_ended.clear()
                count = await self._claim_or_wait()
                if not count:
                    await self._until_any(changed, self._step_ended, self._around.settings.worker_poll_seconds)
                await asyncio.sleep(_GATHER_S)

    async def _claim_or_wait(self) -> int:
        try:
            return await self._claim()
        except UnavailableError as exc:
            log.warning("the queue cannot be read", reason=str(exc))
        except Exception:
            log.exception("claiming failed")
        await asyncio.sleep(_FAULT_S)
        return 0

    @staticmethod
    async def _until_any(changed: asyncio.Event, ended: asyncio.Event, timeout_s: float) -> None:
        waits = [asyncio.create_task(changed.wait()), asyncio.create_task(ended.wait())]
        try:
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _claim(self) -> int:
        """Lease what can be worked on now: first tasks under way, then queued ones for which a slot is free.

        What a claim brings is taken in at once: were the next one to fail, nobody would look after it.
        """
        async with self._leasing:
            found = await asyncio.gather(self._take_over(), self._take_started(), return_exceptions=True)
            count = 0
            for one in found:
                if isinstance(one, BaseException):
                    raise one
                count += one
            for provider in self._around.providers.values():
                count += await self._take_queued(provider)
        return count

    async def _take_over(self) -> int:
        running = await self._lease_running()
        if running:
            hit(Failpoint.CLAIMED)
        self._watcher.take_over(running)
        return len(running)

    async def _take_started(self) -> int:
        return self._begin_all(await self._lease(None, self._room), None)

    async def _take_queued(self, provider: Provider) -> int:
        name = provider.offer.provider
        free = min(self._room, provider.free_slots - self._starting[name])
        if not provider.is_local:
            free = min(free, self._watcher.room - self._starting.total())
        models = self._around.health.models_served(provider.offer)
        if free <= 0 or not models or self._stopping.is_set():
            return 0
        return self._begin_all(await self._lease(provider, free, models), name)

    def _begin_all(self, claimed: Sequence[Task], lane: str | None) -> int:
        if claimed:
            hit(Failpoint.CLAIMED)
        for task in claimed:
            self._begin(task, lane)
        return len(claimed)

    async def _lease_running(self) -> Sequence[Task]:
        """Jobs at providers that nobody looks after: a worker stopped or died, or was turned away."""
        limit = min(self._watcher.room, _TAKEN_OVER_MAX)
        if limit <= 0 or not self._watcher.providers:
            return ()
        now_us, until_us = self._lease_times_us()
        claim = ClaimRunning(self._identity.id, self._watcher.providers, now_us, until_us, limit)
        return await self._around.store.claim_running(claim)

    async def _lease(
        self, provider: Provider | None, limit: int, models: tuple[str, ...] | None = None
    ) -> Sequence[Task]:
        """Queued tasks that the provider may take, or, with None, started ones that need a step."""
        if limit <= 0:
            return ()
        now_us, until_us = self._lease_times_us()
        return await self._around.store.claim(
            self._identity.id,
            models=models,
            now_us=now_us,
            until_us=until_us,
            limit=limit,
            watched=self._watcher.providers,
            provider=None if provider is None else provider.offer.provider,
            slots_max=None if provider is None or provider.is_local else provider.offer.slots,
            routes=None if provider is None else routes_taken(provider.offer, self._around.offers),
        )

    def _lease_times_us(self) -> tuple[int, int]:
        """Now, and when a lease that begins now runs out."""
        now_us = self._around.clock.now_us()
        return now_us, now_us + round(self._around.settings.lease_seconds * US)

    # --- room for steps -----------------------------------------------------------------------------------------------

    @property
    def _room(self) -> int:
        return max(0, self._around.settings.worker_steps_max - len(self._steps) - self._reserved)

    def reserve(self, *, is_urgent: bool = False) -> bool:
        """Keep room for a step with a task that we hold; see `leaving.Steps`.

        What is urgent may take as much again: steps that keep results can all be waiting for each other's turn.
        """
        taken, most = len(self._steps) + self._reserved, self._around.settings.worker_steps_max
        if taken >= (2 * most if is_urgent else most):
            return False
        self._reserved += 1
        return True

    def _hold(self, task: Task) -> None:
        self._watcher.hold(task)

    def begin_reserved(self, task: Task | None) -> None:
        self._reserved -= 1
        if task is not None:
            self._begin(task, None)
        else:
            self._step_ended.set()

    # --- steps --------------------------------------------------------------------------------------------------------

    def _begin(self, task: Task, lane: str | None) -> None:
        """`lane`: the provider whose slot the task was claimed for; it counts as taken until the first step ends.

        A task is never in two steps at once: the one that let go of it, or lost it, has to end first.
        """
        if task.id in self._steps:
            self._again[task.id] = (task, lane)
            return
        if lane is not None:
            self._starting[lane] += 1
        self._steps[task.id] = asyncio.create_task(self._advance(task, lane))
        metrics.steps_running.set(len(self._steps))

    async def _advance(self, task: Task, lane: str | None) -> None:
        waiting = [lane] if lane is not None else []

        def on_started() -> None:
            if waiting:
                self._starting[waiting.pop()] -= 1

        try:
            await self._advancer.advance(task, on_started)
        except UnavailableError as exc:
            log.warning("a step could not be written; the task is taken up again", task=task.id, reason=str(exc))
        except Exception:
            log.exception("a step failed; the task is taken up again", task=task.id)
            await self._give_up_step(task.id)
        finally:
            on_started()
            self._end(task.id)

    def _end(self, task_id: TaskId) -> None:
        del self._steps[task_id]
        metrics.steps_running.set(len(self._steps))
        again = self._again.pop(task_id, None)
        if again is not None and not self._stopping.is_set():
            self._begin(*again)
        self._step_ended.set()

    async def _give_up_step(self, task_id: TaskId) -> None:
        try:
            await self._advancer.give_up_step(task_id)
        except UnavailableError as exc:
            log.warning("a task could not be let go; its lease runs out", task=task_id, reason=str(exc))

    async def _end_steps(self, grace_s: float, deliveries: asyncio.Task[None]) -> None:
        """Let steps end; what has not ended by then is broken off, and its task is free for the next worker. The same
        goes for deliveries, and for questions about jobs, whose answers may begin a step."""
        ends_at_s = asyncio.get_running_loop().time() + grace_s
        await self._watcher.end(grace_s)
        steps = list(self._steps.values())
        if steps:
            await asyncio.wait(steps, timeout=max(0.0, ends_at_s - asyncio.get_running_loop().time()))
            for step in steps:
                step.cancel()
            await asyncio.gather(*steps, return_exceptions=True)
        await deliveries
        try:
            freed = await self._around.store.end_leases_of(self._identity.id, self._around.clock.now_us())
        except UnavailableError as exc:
            log.warning("leases could not be given back; they run out by themselves", reason=str(exc))
        else:
            log.info("the worker has stopped", given_back=len(freed))

    # --- loops --------------------------------------------------------------------------------------------------------

    @property
    def _under_way(self) -> tuple[TaskId, ...]:
        return tuple(self._steps) + self._watcher.leaving

    async def _keep_leases(self) -> None:
        async with self._keeping:  # rounds that began before and after a clock was set must not overtake each other
            await self._prolong_leases()
        await self._deliverer.keep_leases()

    async def _prolong_leases(self) -> None:
        held = self._under_way
        now_us, _ = self._lease_times_us()
        # A clock that was set back looks like a long time too.
        is_long = not 0 <= now_us - self._kept_at_us < self._around.settings.lease_seconds * US / 4
        if is_long:
            held += self._watcher.task_ids
        for start in range(0, len(held), _PROLONGED_MAX):
            _, until_us = self._lease_times_us()
            await self._around.store.prolong_leases(self._identity.id, held[start : start + _PROLONGED_MAX], until_us)
        if is_long:
            self._kept_at_us = now_us

    async def _sweep(self) -> None:
        async with self._leasing:
            now_us, _ = self._lease_times_us()
            await self._keep_leases()
            await self._sweeper.free_lost(self._under_way, now_us)
        await self._sweeper.sweep()

    async def _share_health(self) -> None:
        await self._around.health.share()
        await self._around.health.tell(self._identity.id)

    async def _every(self, interval_s: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(interval_s)
            try:
                await work()
            except UnavailableError as exc:
                log.warning("a round could not be finished", work=work.__name__, reason=str(exc))
            except Exception:
                log.exception("a round failed", work=work.__name__)
