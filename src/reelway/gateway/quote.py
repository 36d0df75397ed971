"""Quote: what a request would cost, who would serve it and how long it would take. Changes nothing."""

import math
from collections.abc import Sequence

from reelway.domain.errors import ContentRefusedError, SandboxDirectiveError
from reelway.domain.generation import Generation
from reelway.domain.intents import Caller, Estimate, Quote, QuoteView
from reelway.domain.routing import BUILT_IN, Offer, UnsupportedError, in_turn
from reelway.domain.sandbox import all_texts, directives_of
from reelway.domain.timings import alike, spread_of
from reelway.gateway.account import own_account
from reelway.gateway.core import Core
from reelway.gateway.health import standing_of
from reelway.gateway.submit import price_of, require_allowed, route_of, servers_of


async def quote(core: Core, caller: Caller, intent: Quote) -> QuoteView:
    """Every fault of the request is part of the answer. Only the built-in engine is told by its name."""
    account = await own_account(core, caller)
    available_credits = account.balance.available_credits - account.floor_credits
    if intent.submission is None:
        return QuoteView(intent.model, None, None, available_credits, None, None, None, intent.problems)
    generation = intent.submission.generation
    try:
        if core.is_sandbox:
            directives_of(all_texts(generation))
        servers = servers_of(core, generation, route_of(core, caller, intent.submission))
        await require_allowed(core, intent.submission)
    except (UnsupportedError, SandboxDirectiveError, ContentRefusedError) as error:
        return QuoteView(intent.model, intent.submission, None, available_credits, None, None, None, (), error)
    offer = await _next_server(core, generation, servers)
    return QuoteView(
        model=intent.model,
        submission=intent.submission,
        price_credits=price_of(core.catalog[generation.model], intent.submission),
        available_credits=available_credits,
        provider=offer.provider if offer.provider == BUILT_IN else offer.tier.value,
        route=offer.tier.value,
        estimate=await _estimate(core, offer, generation),
        problems=(),
    )


async def _next_server(core: Core, generation: Generation, servers: Sequence[Offer]) -> Offer:
    """Who would be asked now; where all circuits are open, who will be asked first."""
    circuits, model = await core.recent.circuits(), generation.model
    may = in_turn(servers, 0, None, lambda offer: standing_of(circuits, offer, model), core.clock.now_us())
    return (may or servers)[0]


async def _estimate(core: Core, offer: Offer, generation: Generation) -> Estimate:
    """What was seen of such tasks; where too few were, what the provider is expected to take."""
    seen = alike(await core.recent.timings(), generation)
    total, run = spread_of(timing.total_s for timing in seen), spread_of(timing.run_s for timing in seen)
    run_s = run.p50_s if run is not None else offer.run_s(generation)
    queued = await core.store.queued_tasks()
    return Estimate(
        queue_s=round(queued * run_s / offer.slots),
        run_s=math.ceil(run_s),
        p50_s=math.ceil(total.p50_s if total is not None else run_s),
        p90_s=math.ceil(total.p90_s if total is not None else run_s),
    )
