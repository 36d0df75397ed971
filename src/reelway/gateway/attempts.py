"""A task's attempts at providers, with what they cost us: for operators, never for a dialect to show."""

from dataclasses import dataclass

from reelway.domain.attempts import Attempt, ProviderCost
from reelway.domain.ids import TaskId
from reelway.domain.intents import Caller
from reelway.domain.routing import Tier
from reelway.gateway.core import Core
from reelway.gateway.read import own_task


@dataclass(frozen=True, slots=True)
class TaskAttempts:
    """All attempts in their order, and the costs that were booked for them; an attempt has at most one."""

    attempts: tuple[Attempt, ...]
    costs: tuple[ProviderCost, ...]


def tier_of(core: Core, provider: str) -> Tier | None:
    """All that an account may know of who made its video; None where the provider is not configured any more."""
    return next((offer.tier for offer in core.offers if offer.provider == provider), None)


async def attempts_of(core: Core, caller: Caller | None, task_id: TaskId) -> TaskAttempts:
    """`caller` None is an operator, who may look at every task; a deleted one too.

    Raises:
        NotFoundError: the caller has no such task.
    """
    if caller is not None:
        await own_task(core, caller, task_id)
    store = core.store.attempts
    return TaskAttempts(tuple(await store.of_task(task_id)), tuple(await store.costs_of_task(task_id)))
