"""What providers cost us, beside what their tasks bring in."""

from reelway.domain.attempts import ProviderTotal
from reelway.gateway.core import Core


async def provider_costs(core: Core, since_us: int, until_us: int) -> tuple[ProviderTotal, ...]:
    """By provider, in the order of their names, from `since_us` until before `until_us` (unix microseconds).

    Costs are kept for ever; revenue comes from the records of tasks, and so reaches back as far as these are kept.
    """
    return tuple(await core.store.attempts.totals(since_us, until_us))
