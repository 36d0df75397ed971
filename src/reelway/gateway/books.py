"""Books: an account's ledger page by page, and what it was charged by day."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reelway.domain.decide import US
from reelway.domain.ids import AccountId
from reelway.domain.intents import Caller
from reelway.domain.ledger import Balance
from reelway.domain.lookups import LedgerFilter, LedgerPlace, LedgerRow, SpendRow
from reelway.gateway.core import Core
from reelway.gateway.operator import seen_account

_DAY_US: Final = 86_400 * US
_SETTLED_AFTER_US: Final = 3_600 * US
"""A day's charges are all written so long after its end: what is charged is charged with the time of its commit."""
_EXPORT_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """`next_balance` is that with which the page after this one begins; both are None at the end."""

    rows: tuple[LedgerRow, ...]
    next_place: LedgerPlace | None
    next_balance: Balance | None


async def ledger_page(core: Core, viewer: Caller, wanted: LedgerFilter, balance: Balance | None) -> LedgerPage:
    """`balance`: the `next_balance` of the page before, None where it is not known.

    Raises: NotFoundError: an account that the viewer does not see.
    """
    await seen_account(core, viewer, wanted.account_id)
    found = tuple(await core.store.lookups.ledger(wanted, balance))
    rows = found[: wanted.limit]
    if len(found) <= wanted.limit:
        return LedgerPage(rows, None, None)
    last = rows[-1].transfer
    return LedgerPage(rows, LedgerPlace(last.created_at_us, last.id), found[wanted.limit].after)


async def whole_ledger(core: Core, viewer: Caller, account_id: AccountId) -> AsyncGenerator[tuple[LedgerRow, ...]]:
    """Every row of an account, newest first, many at a time.

    Raises: NotFoundError: an account that the viewer does not see.
    """
    wanted, balance = LedgerFilter(account_id, _EXPORT_PAGE), None
    while True:
        page = await ledger_page(core, viewer, wanted, balance)
        yield page.rows
        if page.next_place is None:
            return
        wanted, balance = replace(wanted, before=page.next_place), page.next_balance


async def spend(core: Core, viewer: Caller, account_id: AccountId, days: int) -> tuple[SpendRow, ...]:
    """What the account was charged in the last `days` days, today included.

    The ledger never changes, so a day that is over is added up once and kept.

    Raises: NotFoundError: an account that the viewer does not see.
    """
    await seen_account(core, viewer, account_id)
    now_us = core.clock.now_us()
    today = now_us // _DAY_US
    first, settled = today - days + 1, (now_us - _SETTLED_AFTER_US) // _DAY_US
    kept = core.spend_by_day
    missing = [day for day in range(first, settled) if (account_id, day) not in kept]
    rows: list[SpendRow] = [row for day in range(first, settled) for row in kept.get((account_id, day), ())]
    start = missing[0] if missing else max(first, settled)
    found = await core.store.lookups.spend(account_id, start * _DAY_US, now_us + 1)
    known = set(range(first, settled)) - set(missing)
    rows += [row for row in found if row.day not in known]
    _keep(core, account_id, missing, found)
    return tuple(sorted(rows, key=lambda row: (row.day, row.model, row.key_id or "")))


def _keep(core: Core, account_id: AccountId, days: list[int], found: Sequence[SpendRow]) -> None:
    kept = core.spend_by_day
    if len(kept) + len(days) > core.settings.console_spend_days_max:
        kept.clear()
    for day in days:
        kept[account_id, day] = tuple(row for row in found if row.day == day)
