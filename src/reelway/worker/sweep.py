"""Sweep: what nobody else looks after. Lost leases, passed deadlines, ended retentions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from reelway.domain import decide
from reelway.domain.decide import US
from reelway.domain.errors import UnavailableError
from reelway.domain.ids import FileId, JobId, TaskId, WorkerId
from reelway.domain.task import INPUTS_PREFIX, State, result_objects
from reelway.gateway.inputs import drop_inputs
from reelway.net.objects import Objects, ObjectsError
from reelway.store.files import Deletion, Purge
from reelway.telemetry import metrics
from reelway.worker.identity import forget_dead, is_dead
from reelway.worker.surroundings import Surroundings

_Id = TypeVar("_Id", TaskId, FileId)

log = structlog.get_logger(__name__)

_BATCH: Final = 500
_FAULTS_MAX: Final = 3
"""A storage that is away lets each request wait for long: after so many faults the rest is left to the next round."""
_DAY_US: Final = 86_400 * US
_LANES_EVERY_US: Final = 3_600 * US
_INPUTS_EVERY_S: Final = 3_600


@dataclass(slots=True)
class _Deleting:
    """One kind of expired objects. `passed`: so many of the oldest could not be deleted, and others have their turn."""

    passed: int = 0

    async def deleted(self, objects: Objects, expired: Sequence[tuple[_Id, Iterable[str]]]) -> tuple[_Id, ...]:
        """Delete what can be; whose objects are gone then."""
        gone: list[_Id] = []
        faults: list[ObjectsError] = []
        for id_, names in expired:
            try:
                await objects.delete(names)
            except ObjectsError as exc:
                faults.append(exc)
                if len(faults) == _FAULTS_MAX:
                    break
            else:
                gone.append(id_)
        if faults:
            log.warning("expired objects could not be deleted", count=len(faults), reason=str(faults[0]))
        is_end = len(expired) < _BATCH and len(gone) + len(faults) == len(expired)
        self.passed = 0 if is_end else self.passed + len(faults)
        return tuple(gone)


class Sweeper:
    """One round at a time; any number of workers may sweep at once."""

    def __init__(self, around: Surroundings, workers_folder: str, worker: WorkerId) -> None:
        self._around = around
        self._workers_folder = around.work_folder(workers_folder)
        self._lanes_swept_at_us = 0
        self._worker = worker
        self._inputs_due_us = 0
        self._results, self._files = _Deleting(), _Deleting()

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

    async def free_lost(self, under_way: tuple[TaskId, ...], now_us: int) -> None:
        """Free the tasks of workers that fell silent.

        `under_way`: what the worker that sweeps is at work on. A clock that was set, or a machine that slept, does not
        make it lose its own. `now_us`: from before it prolonged its leases, for the same reason.
        """
        lost = await self._around.store.end_lost_leases(now_us, (self._worker, under_way))
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
        objects = self._around.objects
        over = await store.expired_results(now_us, _BATCH, self._results.passed)
        results = await self._results.deleted(objects, [(task_id, result_objects(task_id)) for task_id in over])
        old = await store.expired_files(now_us, _BATCH, self._files.passed)
        files = await self._files.deleted(objects, [(file.id, (file.object_name,)) for file in old])
        if results or files:
            await store.note_deletions(Deletion(files, results, now_us))
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
