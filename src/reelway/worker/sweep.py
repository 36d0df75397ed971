"""Sweep: what nobody else looks after. Lost leases, passed deadlines, ended retentions."""

from typing import Final

import structlog

from reelway.domain import decide
from reelway.domain.decide import US
from reelway.domain.errors import UnavailableError
from reelway.domain.ids import JobId, TaskId, WorkerId
from reelway.domain.task import INPUTS_PREFIX, State, result_objects
from reelway.gateway.inputs import drop_inputs
from reelway.net.objects import ObjectsError
from reelway.store.files import Deletion, Purge
from reelway.telemetry import metrics
from reelway.worker.identity import forget_dead, is_dead
from reelway.worker.surroundings import Surroundings

log = structlog.get_logger(__name__)

_BATCH: Final = 500
_DAY_US: Final = 86_400 * US
_LANES_EVERY_US: Final = 3_600 * US
_INPUTS_EVERY_S: Final = 3_600


class Sweeper:
    """One round at a time; any number of workers may sweep at once."""

    def __init__(self, around: Surroundings, workers_folder: str, worker: WorkerId) -> None:
        self._around = around
        self._workers_folder = around.work_folder(workers_folder)
        self._lanes_swept_at_us = 0
        self._worker = worker
        self._inputs_due_us = 0

    async def begin(self) -> None:
        """At the start: take back what dead workers of this machine held, and drop what their jobs left behind."""
        for owner in await self._around.store.lease_owners():
            if is_dead(self._workers_folder, owner):
                await self._free(owner)
        forget_dead(self._workers_folder)
        for provider in self._around.providers.values():
            await provider.forget_ended(self._is_needed)

    async def _free(self, owner: WorkerId) -> None:
        freed = await self._around.store.end_leases_of(owner, self._around.clock.now_us())
        metrics.leases_lost.inc(len(freed))
        log.warning("a worker of this machine died; its tasks are taken over", worker=owner, tasks=len(freed))

    async def _is_needed(self, job_id: JobId) -> bool:
        task = await self._around.store.task(TaskId(job_id))
        return task is not None and not task.is_final

    async def free_lost(self, under_way: tuple[TaskId, ...]) -> None:
        """Free the tasks of workers that fell silent.

        `under_way`: what the worker that sweeps is at work on. A clock that was set, or a machine that slept, does not
        make it lose its own.
        """
        lost = await self._around.store.end_lost_leases(self._around.clock.now_us(), (self._worker, under_way))
        if lost:
            metrics.leases_lost.inc(len(lost))
            log.warning("workers fell silent; their tasks are taken over", tasks=len(lost))

    async def end_overdue(self) -> None:
        """End queued tasks whose deadline passed while nobody held them."""
        now_us = self._around.clock.now_us()
        for task_id in await self._around.store.overdue_tasks(now_us, _BATCH):
            task = await self._around.store.task(task_id)
            if task is None or task.state is not State.QUEUED or task.lease_owner is not None:
                continue
            if await self._around.store.apply(decide.expired(task, self._around.clock.now_us())):
                await drop_inputs(self._around.objects, task)

    async def sweep_retention(self) -> None:
        """Delete results and files whose time is over, then forget old rows."""
        store, now_us = self._around.store, self._around.clock.now_us()
        results = await store.expired_results(now_us, _BATCH)
        files = await store.expired_files(now_us, _BATCH)
        try:
            for task_id in results:
                await self._around.objects.delete(result_objects(task_id))
            await self._around.objects.delete(file.object_name for file in files)
        except ObjectsError as exc:
            log.warning("ended results could not be deleted", reason=str(exc))
            return
        if results or files:
            await store.note_deletions(Deletion(tuple(file.id for file in files), tuple(results), now_us))
        settings = self._around.settings
        await store.purge(
            Purge(
                now_us=now_us,
                events_before_us=now_us - round(settings.event_retention_days * _DAY_US),
                tasks_before_us=now_us - round(settings.task_retention_days * _DAY_US),
                limit=_BATCH,
            )
        )
        if now_us - self._lanes_swept_at_us > _LANES_EVERY_US:
            self._lanes_swept_at_us = now_us
            await store.outbox.purge_receivers(now_us - _DAY_US, _BATCH)

    async def sweep_inputs(self) -> None:
        """Delete references of tasks that have ended: whoever ended them died before it could, or had no storage."""
        now_us = self._around.clock.now_us()
        if now_us < self._inputs_due_us:
            return
        objects = self._around.objects
        try:
            for name in await objects.folders(INPUTS_PREFIX):
                task = await self._around.store.task(TaskId(name))
                if task is None or task.is_final:
                    await objects.delete_folder(f"{INPUTS_PREFIX}/{name}")
        except ObjectsError as exc:
            log.warning("left references could not be looked for", reason=str(exc))
        self._inputs_due_us = now_us + _INPUTS_EVERY_S * US

    async def sweep(self) -> None:
        """What can wait; a fault of the database or the storage is logged and left to the next round."""
        try:
            await self.end_overdue()
            await self.sweep_retention()
            await self.sweep_inputs()
        except UnavailableError as exc:
            log.warning("a sweep was interrupted", reason=str(exc))
