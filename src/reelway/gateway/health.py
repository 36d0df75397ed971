"""Health: how each configured provider is doing, for those who run the gateway."""

from collections.abc import Sequence
from dataclasses import dataclass

from reelway.domain.decide import US
from reelway.domain.health import ALL_MODELS, Circuit, CircuitState, Counts, Standing
from reelway.domain.routing import Offer, Tier
from reelway.domain.timings import Spread, spread_of
from reelway.gateway.core import Core


@dataclass(frozen=True, slots=True)
class CircuitHealth:
    """A circuit that is not closed. `model` None: of the provider as a whole; `until_us`: when a trial may be made."""

    model: str | None
    state: CircuitState
    reason: str
    opened_at_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """`state` is the worst of its circuits, `reason` and `open_until_us` are that one's; None while all are closed.

    `slots` is how many jobs it takes at once. `job_s`: from a job's beginning to its result, over the latest tasks of
    all models; None where too few were seen. `seen`: what all workers have observed in their windows.
    """

    provider: str
    tier: Tier
    slots: int
    state: CircuitState
    reason: str | None
    open_until_us: int | None
    circuits: tuple[CircuitHealth, ...]
    job_s: Spread | None
    seen: Counts


async def provider_health(core: Core) -> tuple[ProviderHealth, ...]:
    """Every provider that is configured, in the order of the configuration.

    Raises:
        UnavailableError: the database is away.
    """
    now_us = core.clock.now_us()
    circuits = await core.store.circuits()
    timings = await core.recent.timings()
    observed = await core.store.observations(now_us - round(core.settings.health_window_seconds * US))
    return tuple(
        _health_of(
            offer,
            [circuit for circuit in circuits if circuit.provider == offer.provider and circuit.is_open],
            spread_of(timing.run_s for timing in timings if timing.provider == offer.provider),
            sum((item.counts for item in observed if item.provider == offer.provider), Counts()),
            now_us,
        )
        for offer in core.offers
    )


def _health_of(
    offer: Offer, circuits: Sequence[Circuit], job_s: Spread | None, seen: Counts, now_us: int
) -> ProviderHealth:
    # Open before half open, the provider as a whole before one of its models.
    worst_first = sorted(circuits, key=lambda found: (found.state(now_us) is not CircuitState.OPEN, found.model))
    shown = tuple(
        CircuitHealth(found.model or None, found.state(now_us), found.reason, found.opened_at_us, found.until_us)
        for found in worst_first
    )
    worst = shown[0] if shown else None
    return ProviderHealth(
        provider=offer.provider,
        tier=offer.tier,
        slots=offer.slots,
        state=worst.state if worst is not None else CircuitState.CLOSED,
        reason=worst.reason if worst is not None else None,
        open_until_us=worst.until_us if worst is not None else None,
        circuits=shown,
        job_s=job_s,
        seen=seen,
    )


def standing_of(circuits: Sequence[Circuit], offer: Offer, model: str) -> Standing:
    """How a provider does, as far as processes without a worker know."""
    found = [
        circuit.free_at_us()
        for circuit in circuits
        if circuit.provider == offer.provider and circuit.model in (ALL_MODELS, model)
    ]
    return Standing(max(found, default=0))
