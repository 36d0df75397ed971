"""Sessions: sign in to the console with an API key or with the link of the gateway's start, come back, sign out."""

import base64
import hashlib
import os
from dataclasses import dataclass, field
from typing import Final

import structlog

from reelway.domain.decide import US
from reelway.domain.errors import ApiKeyError, KeyFault, UnavailableError
from reelway.domain.ids import KeyId
from reelway.domain.intents import Caller
from reelway.domain.records import ApiKey, Scope
from reelway.domain.sessions import Session
from reelway.gateway.account import authenticate
from reelway.gateway.core import Core

log = structlog.get_logger(__name__)

TICKET_S: Final = 600
"""How long the link of the gateway's start is good."""
_SECRET_BYTES: Final = 32
_SECRET_LENGTH_MAX: Final = 128
_SEEN_EVERY_US: Final = 60 * US
_HOUR_US: Final = 3_600 * US


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is there. `caller` has the scopes of the key as it is now."""

    session: Session
    key: ApiKey
    caller: Caller

    @property
    def is_operator(self) -> bool:
        return Scope.ADMIN in self.caller.scopes


@dataclass(slots=True)
class Tickets:
    """One-time links that this process has shown, by the hash of their secret: whose key, and until when (unix us)."""

    open: dict[str, tuple[KeyId, int]] = field(default_factory=dict)


def new_secret() -> str:
    """256 random bits as text for a cookie or an address."""
    return base64.urlsafe_b64encode(os.urandom(_SECRET_BYTES)).rstrip(b"=").decode()


async def sign_in(core: Core, token: str) -> tuple[SignedIn, str]:
    """A new session of a key, and the secret that names it, which is kept nowhere.

    Raises:
        ApiKeyError: no such key, or it is revoked or has expired.
    """
    caller = await authenticate(core, token.strip())
    return await _begin(core, caller.key_id, is_operator=False)


async def make_ticket(core: Core, tickets: Tickets) -> str | None:
    """The secret of a link that signs in once, as the first account and as the operator; None without a valid key."""
    now_us = core.clock.now_us()
    accounts = await core.store.accounts()
    if not accounts:
        return None
    for key in await core.store.keys(accounts[0].id):
        if _is_valid(key, now_us):
            secret = new_secret()
            tickets.open[_hash(secret)] = (key.id, now_us + TICKET_S * US)
            return secret
    return None


async def redeem_ticket(core: Core, tickets: Tickets, secret: str) -> tuple[SignedIn, str]:
    """Raises: ApiKeyError: the link was used, its time is over, we never gave it out, or its key is not valid."""
    key_id, until_us = tickets.open.pop(_hash(secret), (None, 0))
    if key_id is None or core.clock.now_us() >= until_us:
        raise ApiKeyError(KeyFault.INVALID)
    return await _begin(core, key_id, is_operator=True)


async def _begin(core: Core, key_id: KeyId, *, is_operator: bool) -> tuple[SignedIn, str]:
    now_us = core.clock.now_us()
    secret = new_secret()
    found = await core.store.key(key_id)
    if found is None:
        raise ApiKeyError(KeyFault.INVALID)
    found.require_valid(now_us)
    session = Session(
        id_hash=_hash(secret),
        key_id=key_id,
        account_id=found.account_id,
        form_token=new_secret(),
        is_operator=is_operator,
        created_at_us=now_us,
        seen_at_us=now_us,
        expires_at_us=now_us + round(core.settings.console_session_hours * _HOUR_US),
    )
    await core.store.sessions.add(session)
    return _signed_in(session, found), secret


async def come_back(core: Core, secret: str) -> SignedIn | None:
    """Who the secret names; None where the session is over or its key was revoked or has expired meanwhile."""
    if not secret or len(secret) > _SECRET_LENGTH_MAX:
        return None
    found = await core.store.sessions.find(_hash(secret))
    if found is None:
        return None
    session, key = found
    now_us = core.clock.now_us()
    if not session.is_live(now_us, round(core.settings.console_idle_hours * _HOUR_US)) or not _is_valid(key, now_us):
        await core.store.sessions.end(session.id_hash)
        return None
    if now_us - session.seen_at_us > _SEEN_EVERY_US:
        try:
            await core.store.sessions.note_seen(session.id_hash, now_us)
        except UnavailableError as exc:
            log.warning("a session could not be noted as seen", account=session.account_id, reason=str(exc))
    return _signed_in(session, key)


async def sign_out(core: Core, session: Session) -> None:
    await core.store.sessions.end(session.id_hash)


async def sign_out_everywhere(core: Core, session: Session) -> int:
    """End every session of the account, this one too; returns how many there were."""
    return await core.store.sessions.end_all(session.account_id)


def _signed_in(session: Session, key: ApiKey) -> SignedIn:
    return SignedIn(session, key, Caller(session.account_id, key.id, session.scopes(key)))


def _is_valid(key: ApiKey, now_us: int) -> bool:
    try:
        key.require_valid(now_us)
    except ApiKeyError:
        return False
    return True


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
