"""Accounts, tasks and files in a real store, and looks into the tables that the store itself would not allow."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, text, update

from reelway.clock import new_id
from reelway.domain import decide, outcomes
from reelway.domain.decide import Transition
from reelway.domain.ids import AccountId, FileId, JobId, KeyId, TaskId, TransferId, WorkerId
from reelway.domain.ledger import grant
from reelway.domain.media import MediaKind
from reelway.domain.records import (
    ALL_SCOPES,
    ApiKey,
    Created,
    IdempotencyClaim,
    KeptAnswer,
    NewAccount,
    NewTask,
    StoredFile,
)
from reelway.domain.task import FailureCode, State, Task
from reelway.store.engine import Engines
from reelway.store.schema import accounts, metadata
from reelway.store.store import Store
from support.clock import FakeClock
from unit.builders import POLICY, RESULT, US, task_in

WORKER = WorkerId("worker-1")
LEASE_S = 30
PRICE = 90


def url_of(store: Store) -> str:
    return store.engines.write.url.render_as_string(hide_password=False)


def emptied(engines: Engines) -> None:
    """All rows away but the system's accounts. Only a superuser may pass the ledger's triggers by in this way."""
    with engines.write.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in reversed(metadata.sorted_tables):
            connection.execute(
                delete(table) if table is not accounts else delete(table).where(table.c.kind == "customer")
            )
        connection.execute(update(accounts).values(posted_credits=0, pending_credits=0, unfinished_tasks=0))


class Rows:
    """Makes rows in a store and reads them back raw."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock

    # --- making -------------------------------------------------------------------------------------------------------

    async def account(self, credits: int = 10_000) -> AccountId:
        now_us = self.clock.now_us()
        account_id = AccountId(new_id("acct", now_us))
        first = grant(TransferId(new_id("tr", now_us)), account_id, credits, "first", now_us) if credits else None
        assert await self.store.create_account(NewAccount(account_id, "tester", None, first, now_us))
        return account_id

    def task(self, account_id: AccountId, **changes: Any) -> Task:
        """A new task of the account, not yet in the store."""
        now_us = self.clock.now_us()
        fresh = task_in(
            State.QUEUED,
            id=TaskId(new_id("task", now_us)),
            account_id=account_id,
            version=1,
            price_credits=PRICE,
            created_at_us=now_us,
            updated_at_us=now_us,
            state_at_us=now_us,
            due_at_us=now_us,
            deadline_at_us=now_us + 3_600 * US,
        )
        return replace(fresh, **changes)

    def new(
        self, account_id: AccountId, *, limit: int = 1_000, key: str | None = None, print_: str = "p", **changes: Any
    ) -> NewTask:
        """A create; `key` claims it under that id, for a day, with an answer that names the task."""
        task = self.task(account_id, **changes)
        if key is None:
            return NewTask(task, limit, None, None)
        claim = IdempotencyClaim(key, print_, task.created_at_us + 86_400 * US)
        answer = KeptAnswer(202, (("Location", f"/x/{task.id}"), ("X-Ü", "é")), f'{{"id":"{task.id}"}}'.encode())
        return NewTask(task, limit, claim, answer)

    async def created(self, account_id: AccountId, **changes: Any) -> Task:
        outcome = await self.store.create_task(self.new(account_id, **changes))
        assert isinstance(outcome, Created), outcome
        return outcome.task

    async def many(self, account_id: AccountId, number: int, **changes: Any) -> list[Task]:
        made = await asyncio.gather(*(self.created(account_id, **changes) for _ in range(number)))
        return list(made)

    async def claimed(self, task: Task, worker: WorkerId = WORKER) -> Task:
        """The task in the hands of a worker, by way of a transition of its own kind: only this one is leased."""
        leased = replace(
            task,
            version=task.version + 1,
            lease_owner=worker,
            lease_until_us=self.clock.now_us() + LEASE_S * US,
        )
        assert await self.store.apply(Transition(leased, task.version, None, None))
        return leased

    async def moved(self, transition: Transition) -> Task:
        assert await self.store.apply(transition)
        return transition.task

    async def in_state(self, account_id: AccountId, state: State, **changes: Any) -> Task:
        """A task that has lived up to the state, one committed step after another, as a worker does it."""
        task = await self.created(account_id, **changes)
        now_us = self.clock.now_us
        match state:
            case State.QUEUED:
                return task
            case State.CANCELLED:
                return await self.moved(decide.cancelled(task, now_us()))
            case State.EXPIRED:
                return await self.moved(decide.expired(task, now_us()))
            case State.FAILED:
                return await self.moved(decide.failed(task, FailureCode.GENERATION_FAILED, "no", now_us()))
            case _:
                pass
        task = await self.moved(decide.started(await self.claimed(task), "scripted", (), now_us()))
        if state is State.SUBMITTING:
            return task
        accepted = outcomes.Accepted(JobId(f"job-{task.id}"), 0.0)
        task = await self.moved(decide.submitted(task, accepted, POLICY, now_us(), keep_lease=True))
        if state is State.RUNNING:
            return task
        task = await self.moved(decide.polled(task, outcomes.Finished(), POLICY, now_us()))
        if state is State.STORING:
            return task
        return await self.moved(decide.stored(task, outcomes.Stored(RESULT), POLICY, now_us()))

    def key(self, account_id: AccountId, key_hash: str, **changes: Any) -> ApiKey:
        now_us = self.clock.now_us()
        fresh = ApiKey(
            KeyId(new_id("key", now_us)), account_id, "ci", key_hash, "rw_sk_ab", ALL_SCOPES, now_us, None, None, None
        )
        return replace(fresh, **changes)

    def file(self, account_id: AccountId, **changes: Any) -> StoredFile:
        now_us = self.clock.now_us()
        fresh = StoredFile(
            id=FileId(new_id("file", now_us)),
            account_id=account_id,
            kind=MediaKind.IMAGE,
            name="تصویر.png",
            mime_type="image/png",
            size_bytes=12_345,
            sha256="cd" * 32,
            width=640,
            height=480,
            duration_s=None,
            client_request_id="order-7",
            created_at_us=now_us,
            expires_at_us=now_us + 7 * 86_400 * US,
            deleted_at_us=None,
        )
        return replace(fresh, **changes)

    # --- looking ------------------------------------------------------------------------------------------------------

    def sql(self, statement: str, **values: Any) -> Sequence[Any]:
        """Rows of a plain query on a connection of its own."""
        with self.store.engines.read.connect() as connection:
            return connection.execute(text(statement), values).all()

    def change(self, statement: str, **values: Any) -> None:
        """A change behind the store's back."""
        with self.store.engines.write.begin() as connection:
            connection.execute(text(statement), values)

    def wallet(self, account_id: AccountId) -> tuple[int, int, int]:
        """Posted, pending, unfinished."""
        found = self.sql(
            "SELECT posted_credits, pending_credits, unfinished_tasks FROM accounts WHERE id = :id", id=account_id
        )
        return tuple(found[0])

    def kinds(self, task_id: TaskId) -> list[str]:
        found = self.sql("SELECT kind FROM transfers WHERE task_id = :id ORDER BY id DESC", id=task_id)
        return sorted(kind for (kind,) in found)

    def events(self, task_id: TaskId) -> list[int]:
        return [
            number for (number,) in self.sql("SELECT sequence FROM events WHERE task_id = :id ORDER BY 1", id=task_id)
        ]

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table: self.sql(f"SELECT count(*) FROM {table}")[0][0] for table in sorted(metadata.tables)}
