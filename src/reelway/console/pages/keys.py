"""API keys: made with what they may do (shown once), listed, revoked."""

from dataclasses import dataclass, field
from typing import Final

from starlette.responses import Response

from reelway.console.visit import CONSOLE, Page, Visit
from reelway.domain.errors import NotFoundError, Problem, ValidationFailedError
from reelway.domain.ids import AccountId, KeyId, is_key_id
from reelway.domain.records import ALL_SCOPES, ApiKey, Scope
from reelway.gateway.account import FreshKey
from reelway.gateway.keys import DAYS_MAX, NewKey, create_key, list_keys, manages_keys, revoke_key
from reelway.gateway.operator import all_accounts, seen_account

PATH: Final = f"{CONSOLE}/keys"
_IDLE_SCOPES: Final = frozenset({Scope.CHAT_CREATE, Scope.CHAT_READ})
"""They belong to the contract and have no effect here, so a form need not offer them."""
_MAKES: Final = tuple(scope for scope in Scope if scope in ALL_SCOPES - _IDLE_SCOPES)


@dataclass(frozen=True, slots=True)
class _Filled:
    """What a form was sent with, to be shown again with its problems."""

    name: str = ""
    scopes: frozenset[str] = frozenset(scope.value for scope in _MAKES)
    days: str = ""
    signs_tokens: bool = False
    problems: dict[str, Problem] = field(default_factory=dict)


async def keys_page(visit: Visit) -> Response:
    return await _page(visit, AccountId(visit.query.text("account") or visit.caller.account_id), _Filled())


async def _page(
    visit: Visit, account_id: AccountId, filled: _Filled, *, status: int = 200, fresh: FreshKey | None = None
) -> Response:
    account = await seen_account(visit.core, visit.caller, account_id)
    return visit.render(
        "keys.html",
        status,
        account=account,
        accounts=await all_accounts(visit.core, visit.caller) if visit.is_operator else (),
        keys=await list_keys(visit.core, visit.caller, account.id),
        manages=manages_keys(visit.caller),
        scopes=[*_MAKES, *((Scope.ADMIN,) if visit.is_operator else ())],
        filled=filled,
        fresh=fresh,
        state_of=lambda key: _state(key, visit.core.clock.now_us()),
        days_max=DAYS_MAX,
    )


def _state(key: ApiKey, now_us: int) -> str:
    if key.revoked_at_us is not None:
        return "revoked"
    return "expired" if key.expires_at_us is not None and now_us >= key.expires_at_us else "active"


async def make(visit: Visit) -> Response:
    form = visit.form
    account_id = AccountId(form.text("account") or visit.caller.account_id)
    chosen = frozenset(scope for scope in Scope if scope.value in form.texts("scope"))
    if set(_MAKES) <= chosen:
        chosen |= ALL_SCOPES & visit.caller.scopes  # a key for everything: also for what has no effect yet
    days_text = form.text("days")
    days = form.number("days")
    new = NewKey(
        account_id, form.text("name"), chosen, 0 if days_text and days is None else days, bool(form.text("signs"))
    )
    try:
        fresh = await create_key(visit.core, visit.caller, new)
    except ValidationFailedError as error:
        problems = {problem.field: problem for problem in error.problems}
        filled = _Filled(new.name, frozenset(form.texts("scope")), days_text, new.signs_tokens, problems)
        return await _page(visit, account_id, filled, status=422)
    return await _page(visit, account_id, _Filled(), fresh=fresh)


async def revoke(visit: Visit) -> Response:
    key_id = visit.part("key_id")
    if not is_key_id(key_id):
        raise NotFoundError("key")
    key = await revoke_key(visit.core, visit.caller, KeyId(key_id))
    own = key.account_id == visit.caller.account_id
    return visit.redirect(PATH, account=None if own else key.account_id, notice="key_revoked")


PAGES: Final = (
    Page("/keys", keys_page, None, signed_in=True),
    Page("/keys", make, None, "POST", signed_in=True),
    Page("/keys/{key_id}/revoke", revoke, None, "POST", signed_in=True),
)
