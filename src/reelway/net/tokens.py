"""Tokens that callers sign themselves: JSON Web Tokens (RFC 7519) with HS256. Source: Kling contract, section 3."""

import base64
import hmac
import json
import re
from typing import Any, Final

import jwt

from reelway.domain.errors import KeyFault

LEEWAY_S: Final = 10
AHEAD_S_MAX: Final = 24 * 3600
_TOKEN_LENGTH_MAX: Final = 4096
_TOKEN_S: Final = 1800
_SKEW_S: Final = 5
_ALGORITHM: Final = "HS256"
_TYPE: Final = "JWT"
_ACCESS_KEY: Final = re.compile(r"[!-~]{1,128}")
_UNCHECKED: Final[Any] = {"verify_signature": False}
_TIMES_ARE_OURS: Final[Any] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
"""Times are judged here, by our clock; other claims are ignored."""


def signed(access_key: str, secret: str, now_s: int) -> str:
    """A token of ours for a server that checks such ones. Source: Kling contract, section 3: what vendor clients send.

    Made by hand: the library warns of every secret that is shorter than it likes, and the vendor chooses the secret.
    """
    claims = {"iss": access_key, "exp": now_s + _TOKEN_S, "nbf": now_s - _SKEW_S}
    parts = ({"alg": _ALGORITHM, "typ": _TYPE}, claims)
    text = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{text}.{_encoded(hmac.digest(secret.encode(), text.encode(), 'sha256'))}"


def looks_signed(token: str) -> bool:
    """Whether this is a JWT: three parts, the first a JSON object with `alg`. Nothing is checked."""
    return token.count(".") == 2 and len(token) <= _TOKEN_LENGTH_MAX and "alg" in _header(token)


def issuer(token: str) -> str | None:
    """Who claims to have signed it; None where that cannot be an access key. Nothing is checked."""
    try:
        claimed = jwt.decode(token, options=_UNCHECKED).get("iss")
    except jwt.InvalidTokenError:
        return None
    return claimed if isinstance(claimed, str) and _ACCESS_KEY.fullmatch(claimed) else None


def fault_of(token: str, secret: str, now_s: float) -> KeyFault | None:
    """What is wrong with a token, judged at `now_s` (unix seconds); None for one that holds."""
    if _header(token).get("typ", _TYPE) != _TYPE:
        return KeyFault.TOKEN_INVALID
    try:
        claims = jwt.decode(token, secret.encode(), algorithms=[_ALGORITHM], options=_TIMES_ARE_OURS)
    except jwt.InvalidTokenError:
        return KeyFault.TOKEN_INVALID
    expires_at_s, begins_at_s = claims.get("exp"), claims.get("nbf", 0)
    if type(expires_at_s) is not int or type(begins_at_s) is not int or expires_at_s > now_s + AHEAD_S_MAX + LEEWAY_S:
        return KeyFault.TOKEN_INVALID
    if begins_at_s > now_s + LEEWAY_S:
        return KeyFault.TOKEN_NOT_YET
    if expires_at_s <= now_s - LEEWAY_S:
        return KeyFault.TOKEN_EXPIRED
    return None


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _header(token: str) -> dict[str, Any]:
    """The first part; empty where it is no JSON object."""
    part = token.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
