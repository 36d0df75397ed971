"""Following a task through a gateway under test, with the clock turned as far as the task needs it."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from reelway.domain.ids import TaskId
from reelway.domain.ledger import TransferKind
from reelway.domain.task import State, Task
from reelway.store.store import Store
from support.gateway import WAIT_S, Account, TestGateway

STEP_S = 0.05
PRICE = 42


async def _turn(gateway: TestGateway, step_s: float) -> None:
    """Turn the clock on, but only while the worker is at rest: a slow machine must not look like time passing."""
    if not gateway.is_at_work:
        gateway.clock.advance(step_s)
    await asyncio.sleep(0.005)


async def until_state(gateway: TestGateway, task_id: TaskId, *states: State, step_s: float = STEP_S) -> Task:
    """Turn the clock on in small steps, so that what waits becomes due, until the task is in one of the states."""
    async with asyncio.timeout(WAIT_S):
        while True:
            task = await gateway.task(task_id)
            if task.state in states:
                return task
            assert not task.is_final, f"ended as {task.state}: {task.failure_code} {task.failure_reason}"
            await _turn(gateway, step_s)


async def until_end(gateway: TestGateway, task_id: TaskId, step_s: float = STEP_S) -> Task:
    async with asyncio.timeout(WAIT_S):
        while not (task := await gateway.task(task_id)).is_final:
            await _turn(gateway, step_s)
        return task


async def settled(gateway: TestGateway) -> None:
    """All that the worker has begun is done: nothing is held any more but jobs that are only looked at now and then."""
    assert isinstance(gateway.core.store, Store)
    store = gateway.core.store

    async def is_idle() -> bool:
        return not gateway.is_at_work and (
            not await store.lease_owners() or await asyncio.to_thread(leased, store) == (gateway.watched, 0)
        )

    await gateway.until(is_idle)


def leased(store: Store) -> tuple[set[TaskId], int]:
    """The tasks that are leased, and how many receivers are."""
    with store.engines.read.connect() as connection:
        tasks = connection.execute(text("SELECT id FROM tasks WHERE lease_owner IS NOT NULL"))
        receivers = connection.execute(text("SELECT count(*) FROM receivers WHERE lease_owner IS NOT NULL"))
        return {TaskId(task_id) for (task_id,) in tasks}, int(receivers.scalar_one())


@dataclass(frozen=True)
class Money:
    """What an account's ledger says of one task, and of the account as a whole."""

    kinds: list[str]
    available: int
    pending: int
    unfinished: int


async def money_of(gateway: TestGateway, account: Account, task_id: TaskId) -> Money:
    store = gateway.core.store
    assert isinstance(store, Store)
    assert await store.unbalanced_accounts() == []
    found = await store.account(account.id)
    assert found is not None
    listed = await store.transfers(account.id, 1_000)
    kinds = sorted(transfer.kind.value for transfer in listed if transfer.task_id == task_id)
    return Money(kinds, found.balance.available_credits, found.balance.pending_credits, found.unfinished_tasks)


async def assert_charged(gateway: TestGateway, account: Account, task_id: TaskId, of: int) -> None:
    """The account had `of` credits and this one task, which succeeded."""
    charged = Money([TransferKind.RESERVE, TransferKind.SETTLE], of - PRICE, 0, 0)
    assert await money_of(gateway, account, task_id) == charged


async def assert_released(gateway: TestGateway, account: Account, task_id: TaskId, of: int) -> None:
    """The account had `of` credits and this one task, which ended without a result."""
    released = Money([TransferKind.RELEASE, TransferKind.RESERVE], of, 0, 0)
    assert await money_of(gateway, account, task_id) == released


async def assert_held(gateway: TestGateway, account: Account, task_id: TaskId, of: int) -> None:
    assert await money_of(gateway, account, task_id) == Money([TransferKind.RESERVE], of - PRICE, PRICE, 1)


def objects_under(folder: Path, prefix: str = "") -> list[str]:
    """Names of the objects in a gateway's own storage folder; folders may go while we look."""
    root = folder / "data" / "objects"
    found = [Path(where) / name for where, _, names in os.walk(root / prefix) for name in names]
    return sorted(str(path.relative_to(root)) for path in found)


def work_files(folder: Path) -> list[str]:
    """What lies in the folders for files under way."""
    names = ("results", "fetched", "uploads")
    return sorted(str(path) for name in names for path in (folder / "data" / name).glob("*"))


async def status(gateway: TestGateway, account: Account, task_id: TaskId) -> dict[str, Any]:
    answer = await gateway.http.get(f"/api/v1/generations/{task_id}", headers=account.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found | {"headers": answer.headers}


async def cancel(gateway: TestGateway, account: Account, task_id: TaskId) -> Any:
    return await gateway.http.post(f"/api/v1/generations/{task_id}/cancel", headers=account.headers)


class Door:
    """Something that a provider's call waits at until the test opens it."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, _order: Any) -> None:
        self.reached.set()
        await self.opened.wait()

    async def until_reached(self) -> None:
        async with asyncio.timeout(10):
            await self.reached.wait()
