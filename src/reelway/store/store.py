"""The store as its users see it: one method a question or a change."""

import asyncio
from collections.abc import Container, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import make_url

from reelway.domain.decide import Transition
from reelway.domain.events import Announcement, Announcer, Event, event_of, say_nothing
from reelway.domain.health import Circuit, Observed
from reelway.domain.ids import AccountId, FileId, KeyId, TaskId, WorkerId
from reelway.domain.ledger import Transfer
from reelway.domain.records import (
    Account,
    ApiKey,
    CreateOutcome,
    IdempotencyRow,
    NewAccount,
    NewTask,
    Page,
    StoredFile,
    TaskFilter,
)
from reelway.domain.task import Task
from reelway.domain.timings import Timing
from reelway.store import accounts as account_rows
from reelway.store import circuits as circuit_rows
from reelway.store import counts as count_rows
from reelway.store import files as file_rows
from reelway.store import leases as lease_rows
from reelway.store import ledger as ledger_rows
from reelway.store import migrate
from reelway.store import slots as slot_rows
from reelway.store import tasks as task_rows
from reelway.store import timings as timing_rows
from reelway.store.attempts import Attempts
from reelway.store.changes import ChangeHub, Feed, PostgresListener
from reelway.store.commit import GroupCommit
from reelway.store.engine import Engines, make_engines
from reelway.store.lookups import Lookups
from reelway.store.outbox import Outbox
from reelway.store.reads import Reads
from reelway.store.sessions import Sessions
from reelway.telemetry import metrics
from reelway.telemetry.failpoints import Failpoint, hit


class Store:
    """Tasks, money, keys and files. Any event loop may call any method.

    `outbox` is its part for telling people, `attempts` the one for providers' jobs; `sessions` and `lookups` are those
    for the console.

    Every change of a task's public status passes through `create_task` or `apply`, so what is said of it is rendered
    there, by `announce`, and commits with it.

    Raises:
        UnavailableError: (any method) the database cannot be read or written; nothing was changed.
    """

    def __init__(
        self,
        database_url: str,
        *,
        threads: int = 2,
        batch_max: int = 256,
        queue_max: int = 20_000,
        read_batch_max: int = 256,
        announce: Announcer = say_nothing,
    ) -> None:
        self._announce = announce
        self.engines: Engines = make_engines(database_url, threads)
        self._hub = ChangeHub()
        self._commit = GroupCommit(
            self.engines.write,
            threads=1 if self.engines.is_sqlite else threads,
            batch_max=batch_max,
            queue_max=queue_max,
            on_commit=self._hub.publish,
        )
        self._reads = Reads(self.engines.read, query_threads=threads, batch_max=read_batch_max)
        self.outbox = Outbox(self._commit, self._reads, self._hub)
        self.attempts = Attempts(self._commit, self._reads)
        self.sessions = Sessions(self._commit, self._reads)
        self.lookups = Lookups(self._reads)
        self._listener = None if self.engines.is_sqlite else PostgresListener(make_url(database_url), self._hub)

    @classmethod
    def open(cls, database_url: str, **options: Any) -> "Store":
        """Bring the schema up to date and start; `options` are those of the class.

        Raises:
            DatabaseError: the database is broken, foreign, newer than this program, or out of reach.
        """
        engines = make_engines(database_url, 1)
        try:
            migrate.upgrade(engines)
        finally:
            engines.dispose()
        return cls(database_url, **options)

    def close(self) -> None:
        """Finish what waits, then let go of the database. Blocks."""
        self._commit.close()
        self._reads.close()
        if self._listener is not None:
            self._listener.close()
        self.engines.dispose()

    async def aclose(self) -> None:
        await asyncio.to_thread(self.close)

    def watch(self, task_id: TaskId | None) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event that is set by commits that change the task, or any task."""
        return self._hub.watch(task_id)

    def follow(self, wanted: Container[str], changed: asyncio.Event) -> AbstractAsyncContextManager[Feed]:
        """The ids of changed tasks among many that somebody holds."""
        return self._hub.follow(wanted, changed)

    # tasks
    async def create_task(self, new: NewTask) -> CreateOutcome:
        hit(Failpoint.CREATE_BEFORE_COMMIT)
        if new.task.callback_url is not None or new.task.is_final:
            new = replace(new, announcement=self._announce(event_of(new.task), new.task))
        outcome = await self._commit.run(task_rows.create_tasks, new, account_id=new.task.account_id)
        hit(Failpoint.CREATE_AFTER_COMMIT)
        return outcome

    async def apply(self, transition: Transition) -> bool:
        """Write a transition. False: the task has moved on since it was read, so nothing was written."""
        task = transition.task
        if transition.event is not None:
            transition = replace(transition, announcement=self._announce(transition.event, task))
        is_applied = await self._commit.run(task_rows.apply_transitions, transition, account_id=task.account_id)
        if is_applied and transition.transfer is not None:
            metrics.credits_moved.labels(transition.transfer.kind).inc(transition.transfer.amount_credits)
        if is_applied and transition.is_ending and task.final_at_us is not None:
            metrics.tasks_ended.labels(task.state, task.model).inc()
            metrics.task_seconds.labels(task.model).observe((task.final_at_us - task.created_at_us) / 1e6)
        return is_applied

    async def start(self, transition: Transition, slots_max: int | None) -> slot_rows.StartOutcome:
        """Write a transition into `submitting`, if the provider has a slot left among all workers; nobody is told."""
        assert transition.event is None
        start, task = slot_rows.Start(transition, slots_max), transition.task
        slots_of = None if slots_max is None else task.provider
        return await self._commit.run(slot_rows.start_tasks, start, account_id=task.account_id, slots_of=slots_of)

    async def task(self, task_id: TaskId) -> Task | None:
        return await self._reads.load(task_rows.load_tasks, task_id)

    async def task_by_external_id(self, account_id: AccountId, external_task_id: str) -> Task | None:
        return await self._reads.load(task_rows.load_external, (account_id, external_task_id))

    async def list_tasks(self, wanted: TaskFilter) -> Page:
        return await self._reads.query(lambda connection: task_rows.list_tasks(connection, wanted))

    async def claimed(self, claim_id: str) -> IdempotencyRow | None:
        return await self._reads.load(task_rows.load_claims, claim_id)

    async def queued_tasks(self) -> int:
        """How many tasks of all accounts wait to be started."""
        return await self._reads.query(task_rows.count_queued)

    def announcement(self, event: Event, task: Task) -> Announcement:
        """What is said of an event of the task; `task` is as it was after the event."""
        return self._announce(event, task)

    # leases
    async def claim(
        self,
        worker: WorkerId,
        *,
        models: tuple[str, ...] | None,
        now_us: int,
        until_us: int,
        limit: int,
        watched: tuple[lease_rows.Watched, ...] = (),
        provider: str | None = None,
        slots_max: int | None = None,
        routes: tuple[str, ...] | None = None,
    ) -> Sequence[Task]:
        """Lease due tasks, the longest due first: queued ones of `models`, or, when None, those already started; see
        `leases.Claim`."""
        claim = lease_rows.Claim(worker, models, now_us, until_us, limit, watched, provider, slots_max, routes)
        return await self._commit.run(lease_rows.claim_tasks, claim)

    async def claim_running(self, claim: lease_rows.ClaimRunning) -> Sequence[Task]:
        """Lease running tasks whose jobs are only looked at now and then."""
        return await self._commit.run(lease_rows.claim_running, claim)

    async def marks(self, task_ids: Sequence[TaskId]) -> Mapping[TaskId, lease_rows.Mark]:
        """What a holder wants to know of its rows now and then, with one query."""
        return await self._reads.query(lambda connection: lease_rows.load_marks(connection, task_ids))

    async def prolong_leases(self, worker: WorkerId, task_ids: tuple[TaskId, ...], until_us: int) -> None:
        await self._commit.run(lease_rows.prolong_leases, lease_rows.Heartbeat(worker, task_ids, until_us))

    async def end_lost_leases(
        self, now_us: int, under_way: tuple[WorkerId, tuple[TaskId, ...]] | None = None
    ) -> Sequence[TaskId]:
        """Free the tasks of workers that fell silent. `under_way`: the asking worker and what it works on, which stays
        its own even when the clock jumped past its leases."""
        return await self._commit.run(lease_rows.end_leases, lease_rows.LeaseEnd(now_us, under_way=under_way))

    async def end_leases_of(self, worker: WorkerId, now_us: int) -> Sequence[TaskId]:
        """Free the tasks of one worker, which has stopped."""
        return await self._commit.run(lease_rows.end_leases, lease_rows.LeaseEnd(now_us, worker))

    async def lease_owners(self) -> Sequence[WorkerId]:
        return await self._reads.query(lease_rows.lease_owners)

    async def overdue_tasks(self, now_us: int, limit: int) -> Sequence[TaskId]:
        """Unfinished tasks past their deadline that no worker holds."""
        return await self._reads.query(lambda connection: task_rows.overdue_task_ids(connection, now_us, limit))

    # accounts and money
    async def create_account(self, new: NewAccount) -> bool:
        return await self._commit.run(account_rows.create_accounts, new)

    async def account(self, account_id: AccountId) -> Account | None:
        return await self._reads.load(ledger_rows.load_accounts, account_id)

    async def accounts(self) -> Sequence[Account]:
        return await self._reads.query(ledger_rows.list_accounts)

    async def move_credits(self, transfer: Transfer) -> bool:
        """A grant or an adjustment. False: the balance would fall below the account's floor."""
        return await self._commit.run(ledger_rows.move_credits, transfer, account_id=transfer.account_id)

    async def granted_credits(self, account_id: AccountId) -> int:
        """All credits that the account was ever given."""
        return await self._reads.query(lambda connection: ledger_rows.granted_credits(connection, account_id))

    async def transfers(self, account_id: AccountId, limit: int) -> Sequence[Transfer]:
        return await self._reads.query(lambda connection: ledger_rows.list_transfers(connection, account_id, limit))

    async def unbalanced_accounts(self) -> Sequence[AccountId]:
        return await self._reads.query(ledger_rows.unbalanced_accounts)

    # keys
    async def create_key(self, key: ApiKey) -> None:
        await self._commit.run(account_rows.insert_keys, key)

    async def key(self, key_id: KeyId) -> ApiKey | None:
        return await self._reads.load(account_rows.load_keys_by_id, key_id)

    async def key_by_hash(self, key_hash: str) -> ApiKey | None:
        return await self._reads.load(account_rows.load_keys, key_hash)

    async def key_by_access_key(self, access_key: str) -> ApiKey | None:
        return await self._reads.load(account_rows.load_access_keys, access_key)

    async def keys(self, account_id: AccountId | None) -> Sequence[ApiKey]:
        return await self._reads.query(lambda connection: account_rows.list_keys(connection, account_id))

    async def revoke_key(self, key_id: KeyId, now_us: int) -> bool:
        return await self._commit.run(account_rows.revoke_keys, account_rows.KeyRevocation(key_id, now_us))

    async def note_key_use(self, key_id: KeyId, now_us: int) -> None:
        await self._commit.run(account_rows.note_key_uses, account_rows.KeyUse(key_id, now_us))

    @property
    def is_shared(self) -> bool:
        """Several processes may serve this database at once, each with counts of its own."""
        return not self.engines.is_sqlite

    async def add_requests(self, window: int, by_account: Mapping[str, int]) -> Mapping[str, int]:
        """Add this process's requests of a window; returns the totals over all processes."""
        return await self._commit.run(count_rows.add_requests, count_rows.Requests(window, by_account))

    # how providers are doing
    async def write_circuit(self, circuit: Circuit) -> None:
        """A change that is older than what stands there is left out."""
        await self._commit.run(circuit_rows.change_circuits, circuit)

    async def take_trial(self, trial: circuit_rows.Trial) -> bool:
        """Whether the task is the one that may be tried."""
        return await self._commit.run(circuit_rows.change_circuits, trial)

    async def circuits(self) -> Sequence[Circuit]:
        return await self._reads.query(circuit_rows.list_circuits)

    async def note_observations(self, observed: tuple[Observed, ...]) -> None:
        await self._commit.run(circuit_rows.note_observations, observed)

    async def observations(self, since_us: int) -> Sequence[Observed]:
        return await self._reads.query(lambda connection: circuit_rows.list_observations(connection, since_us))

    async def timings(self, limit: int) -> Sequence[Timing]:
        """Of the last tasks that have ended, those that succeeded; at most `limit`."""
        return await self._reads.query(lambda connection: timing_rows.list_timings(connection, limit))

    # files and retention
    async def add_file(self, file: StoredFile) -> None:
        await self._commit.run(file_rows.insert_files, file)

    async def file(self, file_id: FileId) -> StoredFile | None:
        return await self._reads.load(file_rows.load_files, file_id)

    async def expired_files(self, now_us: int, limit: int, passed: int = 0) -> Sequence[StoredFile]:
        return await self._reads.query(lambda connection: file_rows.expired_files(connection, now_us, limit, passed))

    async def expired_results(self, now_us: int, limit: int, passed: int = 0) -> Sequence[TaskId]:
        return await self._reads.query(lambda connection: file_rows.expired_results(connection, now_us, limit, passed))

    async def note_deletions(self, deletion: file_rows.Deletion) -> None:
        await self._commit.run(file_rows.note_deletions, deletion)

    async def purge(self, purge: file_rows.Purge) -> int:
        """Forget rows whose retention is over; returns how many."""
        return await self._commit.run(file_rows.purge_rows, purge)
