"""On what terms a job is asked for: what it is expected to cost us, and the credential that it is tied to."""

from fractions import Fraction

import structlog

from reelway.domain.attempts import Terms
from reelway.domain.catalog import Catalog
from reelway.domain.generation import Generation
from reelway.domain.pricing import units_of
from reelway.domain.task import Task
from reelway.providers.base import Provider

log = structlog.get_logger(__name__)


def terms_of(catalog: Catalog, provider: Provider, generation: Generation) -> Terms:
    """What the provider's price list and credential say now; kept with the attempt, whatever they say later."""
    card = catalog.get(generation.model)
    has_rates = card is not None and generation.mode in card.units_per_second
    units = units_of(card, generation) if card is not None and has_rates else Fraction(0)
    return Terms(provider.credential, provider.offer.cost_microdollars(generation.model, units))


def is_pinned_elsewhere(credential: str | None, provider: Provider) -> bool:
    """Whether a job was submitted with another credential than the provider has now; one of None is not known."""
    return credential is not None and credential != provider.credential


class Pins:
    """Whether a task's job may be asked for. With another credential a provider may know nothing of it, and would say
    that it is not there."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str, str]] = set()

    def allow(self, task: Task, provider: Provider) -> bool:
        """False: its job belongs to another credential. The first time that is told to the operator."""
        if not is_pinned_elsewhere(task.credential, provider):
            return True
        name = provider.offer.provider
        pair = (name, str(task.credential), provider.credential)
        if pair not in self._told:
            self._told.add(pair)
            log.warning(
                "jobs wait for the credential that they were submitted with; put it back, or they expire",
                provider=name,
                task=task.id,
                submitted_with=task.credential,
                configured=provider.credential,
            )
        return False
