"""What keeps a page safe in a browser: its headers, its cookies, and where a form may come from."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlsplit

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Results are served by the gateway itself wherever they lie, so no other origin is ever needed."""

HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
FORM_FIELD: Final = "form_token"
FORM_HEADER: Final = "x-form-token"


class ConsoleError(Exception):
    """Something that only the console's visitors are told; `code` as that of a `ReelwayError`."""

    code: ClassVar[str]


class FormTokenError(ConsoleError):
    """A form came from elsewhere, or from a page of a session that is over."""

    code = "form_token"


class NotSignedInError(ConsoleError):
    code = "not_signed_in"


@dataclass(frozen=True, slots=True)
class CookieNames:
    """A cookie whose name begins with `__Host-` is taken from this very host over https only."""

    session: str
    form: str
    language: str = "reelway_language"
    theme: str = "reelway_theme"


def cookie_names(is_https: bool, has_prefix: bool) -> CookieNames:
    lead = "__Host-" if is_https and not has_prefix else ""
    return CookieNames(f"{lead}reelway_session", f"{lead}reelway_form")


def is_same(expected: str, given: str) -> bool:
    return bool(expected) and hmac.compare_digest(expected.encode(), given.encode())


def comes_from_us(headers: Mapping[str, str], base_url: str) -> bool:
    """Whether a form was sent by a page of ours, as far as the browser tells.

    A browser names the origin with every POST. One that does not is judged by what else it says; a program that says
    nothing at all is let through to the form token, which no other site can know.
    """
    own = {headers.get("host", ""), urlsplit(base_url).netloc}
    origin = headers.get("origin")
    if origin is not None:
        return _host_of(origin) in own and origin != "null"
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    referrer = headers.get("referer")
    return referrer is None or _host_of(referrer) in own


def _host_of(address: str) -> str | None:
    """Host and port of an address; None where it is none."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return None


def local_path(text: str, fallback: str) -> str:
    """A path of our own to go to; `fallback` for an address that would lead elsewhere."""
    is_plain = text.startswith("/") and not text.startswith("//") and text.isascii() and text.isprintable()
    return text if is_plain and "\\" not in text else fallback
