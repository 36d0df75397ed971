"""What providers do now and did lately, for those who run the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reelway.domain.activity import Activity, Span
from reelway.domain.decide import US
from reelway.gateway.core import Core

HOUR: Final = (3_600, 300)
DAY: Final = (86_400, 3_600)
"""Seconds of a span, and of one of its steps."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """`queued` tasks wait for any provider. `running`: jobs by provider. `stranded`: those that only the credential
    can ask for that submitted them, which is not the provider's any more; None where no worker runs in this process,
    so that nobody here knows."""

    queued: int
    running: Mapping[str, int]
    stranded: Mapping[str, int] | None


async def jobs_now(core: Core) -> Jobs:
    """Raises: UnavailableError: the database is away."""
    queued, running = await core.store.queued_tasks(), await core.store.attempts.jobs()
    if not core.credentials:
        return Jobs(queued, running, None)
    stranded: dict[str, int] = {}
    for (provider, credential), count in (await core.store.attempts.pinned_tasks()).items():
        if core.credentials.get(provider, credential) != credential:
            stranded[provider] = stranded.get(provider, 0) + count
    return Jobs(queued, running, stranded)


async def activity_of(core: Core, span_s: int, step_s: int) -> tuple[Span, tuple[Activity, ...]]:
    """What ended in the last `span_s` seconds, the step that is under way included; steps begin at round times."""
    now_us, step_us = core.clock.now_us(), step_s * US
    until_us = (now_us // step_us + 1) * step_us
    span = Span(until_us - span_s * US, until_us, step_us)
    return span, tuple(await core.store.attempts.activity(span))
