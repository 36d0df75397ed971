"""Bring a task into any core state and keep it there, with a scripted provider and a clock to turn."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from reelway.domain import outcomes
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, State
from support.gateway import Account, TestGateway
from support.provider import ScriptedProvider

TASK_DEADLINE_S = 3_600
LATER_S = 7_200.0
"""A delay that passes only when the test turns the clock."""


def provider_of(stage: TestGateway) -> ScriptedProvider:
    assert stage.provider is not None
    return stage.provider


class Gate:
    """Holds the provider's calls until it is opened."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self.reached = asyncio.Event()

    async def __call__(self, _order: object) -> None:
        self.reached.set()
        await self._opened.wait()

    def open(self) -> None:
        self._opened.set()


async def until_state(stage: TestGateway, task_id: TaskId, state: State) -> None:
    async def holds() -> bool:
        return (await stage.task(task_id)).state is state

    await stage.until(holds)


async def rests(stage: TestGateway, task_id: TaskId) -> bool:
    """Whether nothing happens to the task before its next time has come: nobody holds it, or only to look later."""
    if (await stage.task(task_id)).lease_owner is None:
        return True
    return task_id in stage.watched and not stage.is_at_work


async def resting(stage: TestGateway, task_id: TaskId) -> None:
    """Wait until the task rests."""

    async def holds() -> bool:
        return await rests(stage, task_id)

    await stage.until(holds)


def script(stage: TestGateway, state: State) -> None:
    """Tell the provider what brings the next task into this state."""
    provider = provider_of(stage)
    match state:
        case State.QUEUED:
            provider.free_slots = 0
        case State.SUBMITTING:
            provider.submits.append(outcomes.SubmitUnknown("the answer was lost"))
        case State.RUNNING | State.EXPIRED | State.CANCELLED:
            provider.polls.append(outcomes.InProgress(0.25, poll_after_s=LATER_S))
        case State.STORING:
            provider.fetches.append(outcomes.StoreFailed("the host is away", is_final=False))
        case State.FAILED:
            provider.polls.append(outcomes.JobFailed(FailureCode.GENERATION_FAILED, ""))
        case State.SUCCEEDED:
            pass


async def reach(stage: TestGateway, owner: Account, task_id: TaskId, state: State) -> None:
    """Do the rest to bring a scripted task into its state, and wait until it rests there."""
    if state in (State.RUNNING, State.EXPIRED, State.CANCELLED):
        await stage.until(lambda: not provider_of(stage).polls)
        await until_state(stage, task_id, State.RUNNING)
        await resting(stage, task_id)
    if state is State.STORING:
        await stage.until(lambda: not provider_of(stage).fetches)
    if state is State.EXPIRED:
        stage.clock.advance(TASK_DEADLINE_S + LATER_S)
    elif state is State.CANCELLED:
        answer = await stage.http.post(f"/api/v1/generations/{task_id}/cancel", headers=owner.headers)
        assert answer.status_code == 200, answer.text
    await until_state(stage, task_id, state)
    await resting(stage, task_id)


async def in_state(stage: TestGateway, owner: Account, state: State, **create: Any) -> TaskId:
    """A new task that is in this state and stays there by itself, made through the Rivya dialect."""
    return await brought_into(stage, owner, state, lambda: stage.created(owner, **create))


async def brought_into(
    stage: TestGateway, owner: Account, state: State, make: Callable[[], Awaitable[TaskId]]
) -> TaskId:
    """The task that `make` makes, when it is in this state, where it stays by itself."""
    script(stage, state)
    task_id = await make()
    await reach(stage, owner, task_id, state)
    return task_id
