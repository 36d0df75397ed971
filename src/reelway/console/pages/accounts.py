"""All accounts, for operators: balances and what is under way; and making a new one."""

from typing import Final

from starlette.responses import Response

from reelway.console.visit import CONSOLE, Page, Visit
from reelway.domain.errors import Problem
from reelway.domain.records import Scope
from reelway.gateway.account import FreshKey, create_account
from reelway.gateway.keys import NAME_LENGTH_MAX
from reelway.gateway.operator import all_accounts

PATH: Final = f"{CONSOLE}/accounts"
_CREDITS_MAX: Final = 10**12


async def accounts_page(visit: Visit) -> Response:
    return await _page(visit)


async def _page(
    visit: Visit, *, status: int = 200, problems: tuple[Problem, ...] = (), fresh: FreshKey | None = None
) -> Response:
    return visit.render(
        "accounts.html",
        status,
        accounts=await all_accounts(visit.core, visit.caller),
        problems={problem.field: problem for problem in problems},
        given={"name": visit.form.text("name"), "credits": visit.form.text("credits")} if problems else {},
        fresh=fresh,
    )


async def make_account(visit: Visit) -> Response:
    """A new account with a first key, which is shown once, and its first credits."""
    name, credits = visit.form.text("name"), visit.form.number("credits")
    problems = []
    if not 1 <= len(name) <= NAME_LENGTH_MAX:
        problems.append(Problem("name", "accounts.problem_name"))
    if credits is None or not 0 <= credits <= _CREDITS_MAX:
        problems.append(Problem("credits", "accounts.problem_credits"))
    if problems or credits is None:
        return await _page(visit, status=422, problems=tuple(problems))
    return await _page(visit, fresh=await create_account(visit.core, name, credits))


PAGES: Final = (
    Page("/accounts", accounts_page, Scope.ADMIN),
    Page("/accounts", make_account, Scope.ADMIN, "POST"),
)
