"""Credits: the balance, the ledger page by page, spend as plots, the whole as CSV; for operators also grants."""

import csv
import hashlib
import hmac
import io
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from reelway.console.plots import Plot, stacked
from reelway.console.templating import iso_time
from reelway.console.visit import CONSOLE, Page, Visit
from reelway.domain.decide import US
from reelway.domain.errors import Problem
from reelway.domain.ids import AccountId, KeyId, TransferId
from reelway.domain.ledger import Balance, Transfer, TransferKind
from reelway.domain.lookups import LedgerFilter, LedgerPlace, LedgerRow, SpendRow
from reelway.domain.records import Account, Scope
from reelway.gateway.account import give_credits
from reelway.gateway.books import LedgerPage, ledger_page, spend, whole_ledger
from reelway.gateway.keys import list_keys
from reelway.gateway.operator import all_accounts, seen_account

PATH: Final = f"{CONSOLE}/credits"
PAGE_SIZE: Final = 50
SPANS_DAYS: Final = (7, 30, 90)
NO_KEY: Final = "—"
_AMOUNT_MAX: Final = 10**12
_REASON_LENGTH_MAX: Final = 200
_DAY_US: Final = 86_400 * US
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
"""With the full-width signs, which some spreadsheets read as the others."""
_SIGNATURE_LENGTH: Final = 32


async def credits_page(visit: Visit) -> Response:
    return await _page(visit, await _account(visit, visit.query.text("account")))


async def _account(visit: Visit, account_id: str) -> Account:
    """The visitor's own account, or the one that an operator asks for. Raises: NotFoundError"""
    own = visit.caller.account_id
    return await seen_account(visit.core, visit.caller, AccountId(account_id) if account_id else own)


async def _page(
    visit: Visit, account: Account, *, status: int = 200, problems: tuple[Problem, ...] = (), given: Any = None
) -> Response:
    days = visit.query.number("days")
    days = days if days in SPANS_DAYS else SPANS_DAYS[1]
    place, balance = _place(visit, account)
    wanted = LedgerFilter(account.id, PAGE_SIZE, place)
    page = await ledger_page(visit.core, visit.caller, wanted, balance)
    rows = await spend(visit.core, visit.caller, account.id, days)
    keys = {key.id: f"{key.name} ({key.prefix}…)" for key in await list_keys(visit.core, visit.caller, account.id)}
    return visit.render(
        "credits.html",
        status,
        account=account,
        accounts=await all_accounts(visit.core, visit.caller) if visit.is_operator else (),
        page=page,
        next_address=_next_address(visit, account, page, days),
        is_first=place is None,
        days=days,
        spans=SPANS_DAYS,
        plots=_plots(visit, rows, days, keys),
        problems={problem.field: problem for problem in problems},
        given=given or {},
        effect_of=effect_of,
        DAY_US=_DAY_US,
    )


def _plots(
    visit: Visit, rows: tuple[SpendRow, ...], days: int, keys: Mapping[KeyId, str]
) -> tuple[tuple[str, Plot], ...]:
    today = visit.core.clock.now_us() // _DAY_US
    axis = range(today - days + 1, today + 1)
    by_model = stacked(axis, [(row.day, row.model, row.credits) for row in rows])
    by_key = stacked(axis, [(row.day, keys.get(row.key_id or KeyId(""), NO_KEY), row.credits) for row in rows])
    return (("model", by_model), ("key", by_key))


def effect_of(transfer: Transfer) -> int:
    """What a row does to the credits that may be spent. A charge does nothing to them: its hold has taken them."""
    match transfer.kind:
        case TransferKind.RESERVE:
            return -transfer.amount_credits
        case TransferKind.RELEASE:
            return transfer.amount_credits
        case TransferKind.SETTLE:
            return 0
        case TransferKind.GRANT | TransferKind.ADJUST:
            is_gain = transfer.credit_account_id == transfer.account_id
            return transfer.amount_credits if is_gain else -transfer.amount_credits


# --- from page to page ------------------------------------------------------------------------------------------------


def _next_address(visit: Visit, account: Account, page: LedgerPage, days: int) -> str | None:
    """The balance goes along, so that a page far down costs no more than the first; signed, so that it is ours."""
    if page.next_place is None or page.next_balance is None:
        return None
    place, balance = page.next_place, page.next_balance
    query = {
        "at": place.created_at_us,
        "id": place.id,
        "posted": balance.posted_credits,
        "pending": balance.pending_credits,
    }
    signature = _signature(visit, account, *query.values())
    own = account.id == visit.caller.account_id
    return visit.path(PATH, account=None if own else account.id, days=days, **query, sig=signature) + "#ledger"


def _place(visit: Visit, account: Account) -> tuple[LedgerPlace | None, Balance | None]:
    """Where the page begins by its address, and with what balance, which is not believed without its signature."""
    query = visit.query
    at_us, transfer_id = query.number("at"), query.text("id")
    if at_us is None or not transfer_id:
        return None, None
    place = LedgerPlace(at_us, TransferId(transfer_id))
    posted, pending = query.number("posted"), query.number("pending")
    if posted is None or pending is None:
        return place, None
    expected = _signature(visit, account, at_us, transfer_id, posted, pending)
    is_ours = hmac.compare_digest(expected.encode(), query.text("sig").encode())
    return place, Balance(posted, pending) if is_ours else None


def _signature(visit: Visit, account: Account, *parts: object) -> str:
    text = "\n".join(map(str, (account.id, *parts)))
    return hmac.new(visit.form_token.encode(), text.encode(), hashlib.sha256).hexdigest()[:_SIGNATURE_LENGTH]


# --- export -----------------------------------------------------------------------------------------------------------


async def credits_csv(visit: Visit) -> Response:
    account = await _account(visit, visit.query.text("account"))
    name = f"reelway-credits-{account.id}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return visit.answer(StreamingResponse(_csv(visit, account), headers=headers, media_type="text/csv; charset=utf-8"))


async def _csv(visit: Visit, account: Account) -> AsyncIterator[str]:
    yield _csv_lines(
        [
            (
                "time",
                "kind",
                "task",
                "reason",
                "amount_credits",
                "effect_credits",
                "available_credits",
                "held_credits",
                "id",
            )
        ]
    )
    async for rows in whole_ledger(visit.core, visit.caller, account.id):
        yield _csv_lines([_csv_row(row) for row in rows])


def _csv_row(row: LedgerRow) -> tuple[object, ...]:
    transfer = row.transfer
    return (
        iso_time(transfer.created_at_us),
        transfer.kind.value,
        transfer.task_id or "",
        _no_formula(transfer.reason),
        transfer.amount_credits,
        effect_of(transfer),
        row.after.available_credits,
        row.after.pending_credits,
        transfer.id,
    )


def _csv_lines(rows: list[tuple[object, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _no_formula(text: str) -> str:
    """A spreadsheet would carry out a text that begins like a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


# --- operators --------------------------------------------------------------------------------------------------------


async def give(visit: Visit) -> Response:
    """Grant credits, or take some back, with a reason that the account reads."""
    account = await _account(visit, visit.form.text("account"))
    amount, reason = visit.form.number("amount"), visit.form.text("reason")
    problems = []
    if not amount or abs(amount) > _AMOUNT_MAX:
        problems.append(Problem("amount", "credits.problem_amount"))
    if not 1 <= len(reason) <= _REASON_LENGTH_MAX:
        problems.append(Problem("reason", "credits.problem_reason"))
    if not problems:
        assert amount
        if await give_credits(visit.core, account.id, amount, reason) is not None:
            return visit.redirect(PATH, account=account.id, notice="credits_given" if amount > 0 else "credits_taken")
        problems.append(Problem("amount", "credits.problem_floor"))
    given = {"amount": visit.form.text("amount"), "reason": reason}
    return await _page(visit, account, status=422, problems=tuple(problems), given=given)


PAGES: Final = (
    Page("/credits", credits_page, Scope.CREDITS_READ),
    Page("/credits", give, Scope.ADMIN, "POST"),
    Page("/credits.csv", credits_csv, Scope.CREDITS_READ),
)
