"""A task that a first provider puts back while it is being created, and a second one takes: what its caller sees."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.ids import TaskId
from reelway.domain.routing import Tier
from reelway.domain.task import State
from support.gateway import Account, TestGateway, parts_of, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from support.staging import Gate

Make = Callable[[TestGateway, Account], Awaitable[TaskId]]
Read = Callable[[TestGateway, Account, TaskId], Awaitable[str]]


async def statuses_seen(folder: Path, make: Make, read: Read) -> list[str]:
    """The wire statuses of such a task from its creation to its end, in the order in which they were read."""
    first_call, at_work = Gate(), Gate()
    value, official = two_providers()
    value.default_submit = outcomes.Unavailable("full")
    value.before_submit, official.before_poll = first_call, at_work
    async with running_gateway(folder, scripted=False, parts=parts_of(value, official)) as gateway:
        owner = await gateway.account()
        task_id = await make(gateway, owner)
        seen = [await read(gateway, owner, task_id)]

        async def is_in(state: State) -> bool:
            gateway.clock.advance(0.1)  # what waits for another try comes due
            seen.append(await read(gateway, owner, task_id))
            return (await gateway.task(task_id)).state is state

        await gateway.until(first_call.reached.is_set)
        seen.append(await read(gateway, owner, task_id))
        first_call.open()
        await gateway.until(lambda: is_in(State.RUNNING))
        seen.append(await read(gateway, owner, task_id))
        at_work.open()
        await gateway.until(lambda: is_in(State.SUCCEEDED))
        seen.append(await read(gateway, owner, task_id))
        assert (len(value.orders), official.jobs) == (1, {task_id: 1})
        assert not await gateway.core.store.unbalanced_accounts()
    return seen


def two_providers() -> tuple[ScriptedProvider, ScriptedProvider]:
    """One of each tier; the gateway tries the first one first."""
    catalog, video = load_catalog(), video_bytes()
    value = ScriptedProvider(scripted_offer(catalog, name="value"), video)
    return value, ScriptedProvider(scripted_offer(catalog, name="official", tier=Tier.OFFICIAL), video)


def assert_never_back(seen: list[str], order: list[str]) -> None:
    """The statuses came in this order, each at least once."""
    assert sorted(seen, key=order.index) == seen
    assert set(seen) == set(order)
