"""Providers, for operators: how each does now and did lately, and what it costs beside what it brings in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from reelway.console.plots import Curves, Plot, curved, stacked
from reelway.console.visit import CONSOLE, Page, Visit
from reelway.domain.activity import Activity, Span
from reelway.domain.decide import US
from reelway.domain.records import Scope
from reelway.gateway.activity import DAY, HOUR, activity_of, jobs_now
from reelway.gateway.costs import provider_costs
from reelway.gateway.health import ProviderHealth, provider_health

PATH: Final = f"{CONSOLE}/providers"
SPANS: Final = {"hour": HOUR, "day": DAY}
COSTS_DAYS: Final = (1, 7, 30)
_DAY_US: Final = 86_400 * US


@dataclass(frozen=True, slots=True)
class Shown:
    """One provider. `jobs` are under way now, at most `health.slots`; `stranded` None: not known in this process."""

    health: ProviderHealth
    jobs: int
    stranded: int | None
    ended: Plot
    took: Curves


async def providers_page(visit: Visit) -> Response:
    name = visit.query.text("span")
    name = name if name in SPANS else "hour"
    days = visit.query.number("days")
    days = days if days in COSTS_DAYS else COSTS_DAYS[1]
    span, seen = await activity_of(visit.core, *SPANS[name])
    jobs, now_us = await jobs_now(visit.core), visit.core.clock.now_us()
    found = []
    for health in await provider_health(visit.core):
        own = [activity for activity in seen if activity.provider == health.provider]
        stranded = None if jobs.stranded is None else jobs.stranded.get(health.provider, 0)
        running = jobs.running.get(health.provider, 0)
        found.append(Shown(health, running, stranded, _ended(span, own), _took(span, own)))
    return visit.render(
        "providers.html",
        providers=found,
        queued=jobs.queued,
        running=sum(jobs.running.values()),
        slots=sum(each.health.slots for each in found),
        span=span,
        span_name=name,
        span_names=tuple(SPANS),
        totals=await provider_costs(visit.core, now_us - days * _DAY_US, now_us + 1),
        days=days,
        costs_days=COSTS_DAYS,
    )


def _ended(span: Span, seen: Sequence[Activity]) -> Plot:
    """By whether there is a video; the names are those of texts."""
    values = [(each.step, "made" if each.is_video else "failed", each.count) for each in seen]
    return stacked(range(span.steps), values)


def _took(span: Span, seen: Sequence[Activity]) -> Curves:
    """Seconds, of attempts with a video."""
    made = [each for each in seen if each.is_video]
    values = [(each.step, "p50", each.p50_us / US) for each in made]
    return curved(span.steps, values + [(each.step, "p90", each.p90_us / US) for each in made])


PAGES: Final = (Page("/providers", providers_page, Scope.ADMIN),)
