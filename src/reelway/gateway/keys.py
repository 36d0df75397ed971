"""Keys: an account's API keys, made and revoked by one of them that may do everything."""

from dataclasses import dataclass
from typing import Final

from reelway.domain.errors import NotFoundError, Problem, ScopeDeniedError, ValidationFailedError
from reelway.domain.ids import AccountId, KeyId
from reelway.domain.intents import Caller
from reelway.domain.records import ALL_SCOPES, ApiKey, Scope
from reelway.gateway.account import FreshKey, make_key
from reelway.gateway.core import Core
from reelway.gateway.operator import is_operator, seen_account, sees

NAME_LENGTH_MAX: Final = 100
DAYS_MAX: Final = 3_650
_DAY_US: Final = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class NewKey:
    """`days`: how long it lives, None for ever. `signs_tokens`: with a key pair for clients that sign (Kling)."""

    account_id: AccountId
    name: str
    scopes: frozenset[Scope]
    days: int | None = None
    signs_tokens: bool = False


def manages_keys(viewer: Caller) -> bool:
    """Whoever may do everything with the account's things may say who else may. No key makes one that may more."""
    return is_operator(viewer) or viewer.scopes >= ALL_SCOPES


async def list_keys(core: Core, viewer: Caller, account_id: AccountId) -> tuple[ApiKey, ...]:
    """Newest first. Raises: NotFoundError: an account that the viewer does not see."""
    await seen_account(core, viewer, account_id)
    return tuple(reversed(await core.store.keys(account_id)))


async def create_key(core: Core, viewer: Caller, new: NewKey) -> FreshKey:
    """Raises:
    NotFoundError: an account that the viewer does not see.
    ScopeDeniedError: the viewer does not manage keys.
    ValidationFailedError: a value is wrong, or the key would be allowed more than the viewer is.
    """
    await seen_account(core, viewer, new.account_id)
    if not manages_keys(viewer):
        raise ScopeDeniedError("every scope")
    problems = _problems(viewer, new)
    if problems:
        raise ValidationFailedError(problems)
    now_us = core.clock.now_us()
    fresh = make_key(
        new.account_id,
        new.name,
        now_us,
        scopes=new.scopes,
        expires_at_us=None if new.days is None else now_us + new.days * _DAY_US,
        sealer=core.sealer if new.signs_tokens else None,
    )
    await core.store.create_key(fresh.key)
    return fresh


def _problems(viewer: Caller, new: NewKey) -> tuple[Problem, ...]:
    found = []
    if not 1 <= len(new.name) <= NAME_LENGTH_MAX:
        found.append(Problem("name", f"Must be 1 to {NAME_LENGTH_MAX} characters."))
    if not new.scopes:
        found.append(Problem("scopes", "At least one scope."))
    elif not is_operator(viewer) and not new.scopes <= viewer.scopes:
        found.append(Problem("scopes", "A key cannot be allowed more than the one that makes it."))
    if new.days is not None and not 1 <= new.days <= DAYS_MAX:
        found.append(Problem("days", f"Must be from 1 to {DAYS_MAX}."))
    return tuple(found)


async def revoke_key(core: Core, viewer: Caller, key_id: KeyId) -> ApiKey:
    """From the next request on it is refused. A key may always revoke itself.

    Raises:
        NotFoundError: no such key, or one of an account that the viewer does not see.
        ScopeDeniedError: the viewer does not manage keys.
    """
    key = await core.store.key(key_id)
    if key is None or not sees(viewer, key.account_id):
        raise NotFoundError("key")
    if not manages_keys(viewer) and key.id != viewer.key_id:
        raise ScopeDeniedError("every scope")
    await core.store.revoke_key(key.id, core.clock.now_us())
    return key
