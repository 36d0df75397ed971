"""Signed tokens, judged line by line as the Kling contract's section 3 says."""

import base64
import json
from typing import Any

import jwt
import pytest

from reelway.domain.errors import KeyFault
from reelway.net import tokens

NOW_S = 1_700_000_000
ACCESS, SECRET = "AK_TEST", "SK_TEST_" + "0123456789abcdef" * 2
VECTOR = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJBS19URVNUIiwiZXhwIjoxNzAwMDAxODAwLCJuYmYiOjE2OTk5OTk5OTV9."
    "6L4y5-2k74trk6jmaKXDAvqPATo_9aKYSk-HhIQYesk"
)


def signed(header: dict[str, Any] | None = None, secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token as vendor clients make it, with claims changed, added or (with `...`) removed."""
    given = {"iss": ACCESS, "exp": NOW_S + 1800, "nbf": NOW_S - 5} | claims
    payload = {name: value for name, value in given.items() if value is not ...}
    return jwt.encode(payload, secret, algorithm=algorithm, headers=header)


def fault(token: str, now_s: float = NOW_S) -> KeyFault | None:
    return tokens.fault_of(token, SECRET, now_s)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.filterwarnings("ignore:The HMAC key is")
def test_the_vector_of_the_contract_verifies() -> None:
    assert tokens.looks_signed(VECTOR)
    assert tokens.issuer(VECTOR) == "AK_TEST"
    assert tokens.fault_of(VECTOR, "SK_TEST", NOW_S) is None
    assert tokens.fault_of(VECTOR, "SK_TEXT", NOW_S) is KeyFault.TOKEN_INVALID
    assert tokens.fault_of(VECTOR, "SK_TEST", NOW_S + 1811) is KeyFault.TOKEN_EXPIRED


@pytest.mark.parametrize(
    "token",
    [
        signed(),
        signed(nbf=...),
        signed(nbf=NOW_S + 10),
        signed(exp=NOW_S - 9),
        signed(exp=NOW_S + 24 * 3600),
        signed(header={"typ": None}),
        signed(sub=7, aud=["x"], iat="yesterday", jti=1, more={"a": 1}),
    ],
    ids=["vendor", "no nbf", "nbf in leeway", "exp in leeway", "exp a day ahead", "no typ", "other claims"],
)
def test_a_token_that_holds(token: str) -> None:
    assert tokens.looks_signed(token)
    assert fault(token) is None


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (signed(exp=NOW_S - 10), KeyFault.TOKEN_EXPIRED),
        (signed(exp=1), KeyFault.TOKEN_EXPIRED),
        (signed(nbf=NOW_S + 11), KeyFault.TOKEN_NOT_YET),
        (signed(nbf=NOW_S + 60), KeyFault.TOKEN_NOT_YET),
        (signed(exp=...), KeyFault.TOKEN_INVALID),
        (signed(exp=NOW_S + 1800.5), KeyFault.TOKEN_INVALID),
        (signed(exp=str(NOW_S + 1800)), KeyFault.TOKEN_INVALID),
        (signed(exp=True), KeyFault.TOKEN_INVALID),
        (signed(nbf="now"), KeyFault.TOKEN_INVALID),
        (signed(exp=NOW_S + 24 * 3600 + 11), KeyFault.TOKEN_INVALID),
        (signed(exp=NOW_S + 48 * 3600), KeyFault.TOKEN_INVALID),
        (signed(secret="other" * 10), KeyFault.TOKEN_INVALID),
        (signed(header={"typ": "JWE"}), KeyFault.TOKEN_INVALID),
        (signed(algorithm="HS384", secret=SECRET * 2), KeyFault.TOKEN_INVALID),
        (f"{part({'alg': 'none', 'typ': 'JWT'})}.{signed().split('.')[1]}.", KeyFault.TOKEN_INVALID),
        (f"{part({'alg': 'HS256'})}.{part(['iss'])}.AAAA", KeyFault.TOKEN_INVALID),
        (signed()[:-3] + "###", KeyFault.TOKEN_INVALID),
    ],
)  # fmt: skip
def test_a_token_that_does_not_hold(token: str, expected: KeyFault) -> None:
    assert tokens.looks_signed(token)
    assert fault(token) is expected


@pytest.mark.parametrize(
    "token",
    ["rw_sk_abc", "a.b.c", f"{part('alg')}.b.c", f"{part({'typ': 'JWT'})}.b.c", "..", f"{part({'alg': 'HS256'})}.b",
     part({"alg": "HS256"}) + ".b.c.d", "ä.b.c", "x" * 5000 + ".b.c"],
)  # fmt: skip
def test_what_is_no_token_is_a_key(token: str) -> None:
    assert not tokens.looks_signed(token)


def test_a_bad_signature_does_not_make_it_a_key() -> None:
    """Only the first part decides; the rest is what is checked."""
    assert tokens.looks_signed(f"{part({'alg': 'HS256'})}.###.###")


@pytest.mark.parametrize("issuer", [..., 7, None, "", "a\0b", "x" * 129, "a b", "ключ"])
def test_what_cannot_be_an_access_key_is_no_issuer(issuer: object) -> None:
    assert tokens.issuer(signed(iss=issuer) if issuer not in (7, None) else f"e30.{part({'iss': issuer})}.AAAA") is None
