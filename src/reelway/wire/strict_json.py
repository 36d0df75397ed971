"""JSON without surprises: what two readers could understand differently is refused."""

import hashlib
import json
import re
from typing import Any, Final, NoReturn

_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
DEPTH_MAX: Final = 64
_LARGE_BYTES: Final = 1024 * 1024
_LARGE_VALUES_MAX: Final = 20_000
"""What makes a body large is images in base64, which holds neither commas nor brackets. Millions of small values would
keep the decoder busy for seconds, and it lets nobody else run meanwhile."""


class StrictJsonError(ValueError):
    """The bytes are not JSON, or not JSON that has one meaning."""


def decode(raw: bytes) -> Any:
    """The value of a UTF-8 JSON text.

    Raises:
        StrictJsonError: bad UTF-8 or syntax, NaN or Infinity, a key that stands twice in an object, a lone surrogate, a
            number of absurd length, nesting deeper than `DEPTH_MAX`, or millions of values.
    """
    if len(raw) > _LARGE_BYTES and sum(raw.count(mark) for mark in (b",", b"[", b"{")) > _LARGE_VALUES_MAX:
        raise StrictJsonError("a body of this size may hold long texts, not many values")
    try:
        value = _DECODER.decode(raw.decode())
        if _SURROGATE_ESCAPE.search(raw):
            _require_unicode(value)
    except (ValueError, RecursionError) as exc:
        raise StrictJsonError(str(exc)) from exc
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX:
        _require_shallow(value, DEPTH_MAX)
    return value


def encode(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return _ENCODER.encode(value).encode()


def fingerprint(value: Any) -> str:
    """SHA-256, in hexadecimal, of the canonical form: equal for requests that mean the same.

    Source: Rivya contract, section 7.6.
    """
    return hashlib.sha256(canonical(value)).hexdigest()


def canonical(value: Any) -> bytes:
    """Keys sorted by code point, no spaces, UTF-8, a number with a zero fraction as an integer."""
    return _CANONICAL.encode(_with_plain_integers(value)).encode()


def _with_plain_integers(value: Any) -> Any:
    match value:
        case dict():
            return {key: _with_plain_integers(item) for key, item in value.items()}
        case list():
            return [_with_plain_integers(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise StrictJsonError("a key stands twice in an object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise StrictJsonError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise StrictJsonError("a number is too large")
    return number


def _require_unicode(value: Any) -> None:
    """Raises `UnicodeEncodeError`, a `ValueError`, for half a surrogate pair in any text."""
    json.dumps(value, ensure_ascii=False).encode()


def _require_shallow(value: Any, depth: int) -> None:
    if isinstance(value, dict | list):
        if depth == 0:
            raise StrictJsonError(f"nested deeper than {DEPTH_MAX}")
        for item in value.values() if isinstance(value, dict) else value:
            _require_shallow(item, depth - 1)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_without_repeats, parse_constant=_refuse_constant, parse_float=_finite
)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)
