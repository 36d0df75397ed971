"""Choose: which provider a task goes to now, or how long it waits for one."""

from collections.abc import Callable
from typing import Final

from reelway.domain.decide import US
from reelway.domain.generation import Route, generation_of
from reelway.domain.pricing import expected_units
from reelway.domain.routing import Offer, candidates, in_turn
from reelway.domain.task import Task
from reelway.providers.base import Provider
from reelway.worker.surroundings import Surroundings

NO_SLOT_S: Final = 1.0
"""Where only slots are missing."""
_AGAIN_S_MIN: Final = 0.05
_AGAIN_S_MAX: Final = 10.0
"""A circuit may be closed before its time: elsewhere, or by an operator."""


def choose(around: Surroundings, task: Task, is_full: Callable[[Provider], bool]) -> Provider | float:
    """The first provider that may be asked and has a free slot; or the seconds until it is worth to look again.

    `is_full` knows of slots that other workers have taken.

    Raises:
        UnsupportedError: no provider is configured for it any more.
    """
    offers = _candidates(around, task)
    now_us = around.clock.now_us()
    may = in_turn(offers, task.attempt, task.provider, lambda offer: around.health.standing(offer, task.model), now_us)
    providers = (around.providers[offer.provider] for offer in may)
    found = next((provider for provider in providers if provider.free_slots > 0 and not is_full(provider)), None)
    if found is not None:
        return found
    return NO_SLOT_S if may else min(_AGAIN_S_MAX, max(_AGAIN_S_MIN, _free_in_s(around, task, offers)))


def sooner_s(around: Surroundings, task: Task, retry_after_s: float) -> float:
    """When a task that a provider throttles is looked at again: at once where another provider may be asked."""
    return min(retry_after_s, max(_AGAIN_S_MIN, _free_in_s(around, task, _candidates(around, task))))


def goes_elsewhere(around: Surroundings, task: Task) -> bool:
    """Whether a task that its provider could not take may go at once to one that has not seen it yet."""
    offers = _candidates(around, task)
    now_us = around.clock.now_us()
    others = (offer for offer in offers if offer.provider != task.provider)
    return task.attempt < len(offers) and any(
        around.health.standing(offer, task.model).free_at_us <= now_us for offer in others
    )


def _candidates(around: Surroundings, task: Task) -> tuple[Offer, ...]:
    generation = generation_of(task.generation)
    units = expected_units(around.catalog.get(task.model), generation)
    return candidates(around.offers, generation, Route(task.route), units)


def _free_in_s(around: Surroundings, task: Task, offers: tuple[Offer, ...]) -> float:
    """Seconds until the first of them may be asked."""
    free_at_us = min(around.health.standing(offer, task.model).free_at_us for offer in offers)
    return max(0.0, (free_at_us - around.clock.now_us()) / US)
