"""Account: who calls, what they own, what they may use; and the operator's side of accounts, keys and credits."""

import asyncio
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from reelway.clock import new_id
from reelway.domain.decide import US
from reelway.domain.errors import ApiKeyError, KeyFault, UnavailableError
from reelway.domain.generation import Route
from reelway.domain.ids import AccountId, KeyId, TransferId
from reelway.domain.intents import AccountView, Caller, CreditsView, ModelsView, ModelView, ReadAccount
from reelway.domain.ledger import Transfer, adjust, grant
from reelway.domain.records import ALL_SCOPES, Account, ApiKey, NewAccount, Scope
from reelway.domain.routing import serves_any
from reelway.gateway.core import Core
from reelway.net import tokens
from reelway.net.sealing import Sealer, SealError
from reelway.net.signing import key_hash

log = structlog.get_logger(__name__)

KEY_PREFIX: Final = "rw_sk_"
_KEY_ALPHABET: Final = string.ascii_letters + string.digits
_KEY_RANDOM_LENGTH: Final = 43
_ACCESS_KEY_LENGTH: Final = 32
_VISIBLE_LENGTH_MAX: Final = 12
_KEY_LENGTH_MAX: Final = 256
_USE_NOTED_EVERY_US: Final = 60 * US

_background: set[asyncio.Task[None]] = set()


async def authenticate(core: Core, token: str) -> Caller:
    """The caller behind a bearer token. Looked up on every request, so that a revocation holds from the next one on.

    Raises:
        ApiKeyError: unknown, revoked or expired.
    """
    if not token:
        raise ApiKeyError(KeyFault.MISSING)
    if len(token) > _KEY_LENGTH_MAX or not token.isascii():
        raise ApiKeyError(KeyFault.INVALID)
    key = await core.store.key_by_hash(key_hash(token))
    if key is None:
        raise ApiKeyError(KeyFault.INVALID)
    now_us = core.clock.now_us()
    key.require_valid(now_us)
    if key.last_used_at_us is None or now_us - key.last_used_at_us > _USE_NOTED_EVERY_US:
        _note_use(core, key.id, now_us)
    return Caller(key.account_id, key.id, key.scopes, key.default_route)


def is_signed_token(token: str) -> bool:
    """Whether a bearer token is a JWT, not one of our keys."""
    return tokens.looks_signed(token)


async def authenticate_token(core: Core, token: str) -> Caller:
    """The caller behind a token that they signed with the secret of an access key (a JWT).

    Raises:
        ApiKeyError: the token is forged, malformed, not yet or no longer valid; or the key behind it is not.
    """
    access_key = tokens.issuer(token)
    key = await core.store.key_by_access_key(access_key) if access_key else None
    if key is None or key.sealed_secret is None:
        raise ApiKeyError(KeyFault.TOKEN_INVALID)
    now_us = core.clock.now_us()
    try:
        secret = core.sealer.opened(key.sealed_secret)
    except SealError as exc:
        log.warning("a secret key cannot be read, so its tokens are refused", key=key.id, reason=str(exc))
        raise ApiKeyError(KeyFault.TOKEN_INVALID) from exc
    fault = tokens.fault_of(token, secret, now_us / US)
    if fault is not None:
        raise ApiKeyError(fault)
    key.require_valid(now_us)
    if key.last_used_at_us is None or now_us - key.last_used_at_us > _USE_NOTED_EVERY_US:
        _note_use(core, key.id, now_us)
    return Caller(key.account_id, key.id, key.scopes, key.default_route)


def _note_use(core: Core, key_id: KeyId, now_us: int) -> None:
    """In the background: the caller does not wait for it, and nothing is lost when it fails."""
    task = asyncio.create_task(_write_use(core, key_id, now_us))
    _background.add(task)
    task.add_done_callback(_background.discard)


async def _write_use(core: Core, key_id: KeyId, now_us: int) -> None:
    try:
        await core.store.note_key_use(key_id, now_us)
    except UnavailableError as exc:
        log.warning("the use of a key could not be noted", key=key_id, reason=str(exc))


async def own_account(core: Core, caller: Caller) -> Account:
    account = await core.store.account(caller.account_id)
    assert account is not None, "a key without its account"
    return account


async def read_credits(core: Core, caller: Caller) -> CreditsView:
    account = await own_account(core, caller)
    return CreditsView(account.balance.available_credits)


async def read_account(core: Core, caller: Caller, intent: ReadAccount) -> AccountView:
    account = await own_account(core, caller)
    return AccountView(
        account_id=account.id,
        created_at_us=account.created_at_us,
        granted_credits=await core.store.granted_credits(account.id),
        available_credits=account.balance.available_credits,
        wire=intent.wire,
    )


def list_models(core: Core) -> ModelsView:
    return ModelsView(tuple(ModelView(card, serves_any(core.offers, card.id)) for card in core.catalog))


# --- the operator's side ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A new key with its secret, which is shown once and kept nowhere.

    `token_secret`: the secret key with which callers sign tokens, where the key has an access key.
    """

    key: ApiKey
    secret: str
    token_secret: str | None = None


def make_key(
    account_id: AccountId,
    name: str,
    now_us: int,
    *,
    scopes: frozenset[Scope] = ALL_SCOPES,
    expires_at_us: int | None = None,
    secret: str | None = None,
    sealer: Sealer | None = None,
    default_route: Route | None = None,
) -> FreshKey:
    """A key that is not yet written. `secret`: the operator's own, instead of a random one.

    With a `sealer` the key also gets an access key and a secret key, with which callers sign tokens of their own.
    `default_route`: that of requests with this key which name none.
    """
    secret = secret or KEY_PREFIX + _random_text(_KEY_RANDOM_LENGTH)
    token_secret = _random_text(_KEY_RANDOM_LENGTH) if sealer is not None else None
    key = ApiKey(
        id=KeyId(new_id("key", now_us)),
        account_id=account_id,
        name=name,
        key_hash=key_hash(secret),
        prefix=secret[: min(_VISIBLE_LENGTH_MAX, len(secret) // 2)],
        scopes=scopes,
        created_at_us=now_us,
        expires_at_us=expires_at_us,
        revoked_at_us=None,
        last_used_at_us=None,
        access_key=_random_text(_ACCESS_KEY_LENGTH) if sealer is not None else None,
        sealed_secret=sealer.sealed(token_secret) if sealer is not None and token_secret is not None else None,
        default_route=default_route,
    )
    return FreshKey(key, secret, token_secret)


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_KEY_ALPHABET) for _ in range(length))


async def create_account(
    core: Core,
    name: str,
    credits: int,
    *,
    key_name: str | None = None,
    secret: str | None = None,
    scopes: frozenset[Scope] = ALL_SCOPES,
    expires_at_us: int | None = None,
    only_first: bool = False,
    sealer: Sealer | None = None,
    default_route: Route | None = None,
) -> FreshKey | None:
    """An account with a first key and its first credits; None when `only_first` and an account exists already.

    `key_name` None: the key is called as the account.
    `sealer`, `default_route`: as in `make_key`.
    """
    now_us = core.clock.now_us()
    account_id = AccountId(new_id("acct", now_us))
    fresh = make_key(
        account_id,
        key_name or name,
        now_us,
        scopes=scopes,
        expires_at_us=expires_at_us,
        secret=secret,
        sealer=sealer,
        default_route=default_route,
    )
    first = None
    if credits:
        first = grant(TransferId(new_id("tr", now_us)), account_id, credits, "first credits", now_us)
    new = NewAccount(account_id, name, fresh.key, first, now_us, only_if_first=only_first)
    return fresh if await core.store.create_account(new) else None


async def give_credits(core: Core, account_id: AccountId, amount_credits: int, reason: str) -> Transfer | None:
    """Grant (positive) or take back (negative) credits; None when the balance would fall below its floor."""
    now_us = core.clock.now_us()
    transfer_id = TransferId(new_id("tr", now_us))
    make = grant if amount_credits > 0 else adjust
    transfer = make(transfer_id, account_id, amount_credits, reason, now_us)
    return transfer if await core.store.move_credits(transfer) else None


async def transfers(core: Core, account_id: AccountId, limit: int) -> Sequence[Transfer]:
    return await core.store.transfers(account_id, limit)
