"""Keys, tokens and scopes of the Kling dialect: statements 6 to 10 of its contract."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from contract.kling.conformance import COSTS, IMAGE, TEXT, UNKNOWN_TASK, body_of, data_of, error_of, post, signed
from reelway.domain.records import Scope
from reelway.gateway.account import FreshKey, make_key
from support.clock import START_US
from support.exchange import revoke
from support.gateway import Account, TestGateway

pytestmark = pytest.mark.anyio

DAY_S = 86_400
VECTOR = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJBS19URVNUIiwiZXhwIjoxNzAwMDAxODAwLCJuYmYiOjE2OTk5OTk5OTV9."
    "6L4y5-2k74trk6jmaKXDAvqPATo_9aKYSk-HhIQYesk"
)


async def signing_key(gateway: TestGateway, account: Account, **changes: Any) -> FreshKey:
    """Another key of the account, with an access key and a secret key."""
    fresh = make_key(account.id, "signs", gateway.clock.now_us(), sealer=gateway.core.sealer, **changes)
    await gateway.core.store.create_key(fresh.key)
    return fresh


def claims_of(gateway: TestGateway, fresh: FreshKey, **changes: Any) -> dict[str, Any]:
    """What vendor clients claim: valid from 5 s ago for half an hour. `...` leaves a claim out."""
    now_s = gateway.clock.now_us() // 1_000_000
    found = {"iss": fresh.key.access_key, "exp": now_s + 1800, "nbf": now_s - 5} | changes
    return {key: value for key, value in found.items() if value is not ...}


async def asked(gateway: TestGateway, token: str) -> httpx.Response:
    """A create with this token."""
    return await gateway.http.post(TEXT, json=body_of(), headers={"Authorization": f"Bearer {token}"})


async def test_c06_no_credential_is_1001_an_unknown_key_1002_and_another_scheme_1000(shared: TestGateway) -> None:
    cases: list[tuple[dict[str, str], int]] = [
        ({}, 1001),
        ({"Authorization": ""}, 1001),
        ({"Authorization": "Bearer"}, 1001),
        ({"Authorization": "Basic dXNlcjp3b3Jk"}, 1000),
        ({"Authorization": "Token abc"}, 1000),
        ({"Authorization": "Bearer wrong"}, 1002),
        ({"Authorization": "Bearer " + "x" * 257}, 1002),
        ({"Authorization": "Bearer a.b.c"}, 1002),
    ]
    for headers, code in cases:
        for answer in (
            await shared.http.post(TEXT, json=body_of(), headers=headers),
            await shared.http.post(IMAGE, json=body_of(), headers=headers),
            await shared.http.get(f"{TEXT}/{UNKNOWN_TASK}", headers=headers),
            await shared.http.get(TEXT, headers=headers),
            await shared.http.get(COSTS, headers=headers),
        ):
            error_of(answer, 401, code)


async def test_3_a_revoked_key_is_unknown_and_one_past_its_time_has_expired(stage: TestGateway, owner: Account) -> None:
    spare = await stage.key(owner, expires_at_us=stage.clock.now_us() + 60_000_000)
    data_of(await post(stage, spare, body_of()))
    stage.clock.advance(61)
    error_of(await post(stage, spare, body_of()), 401, 1004)
    gone = await stage.key(owner)
    await revoke(stage, gone)
    error_of(await post(stage, gone, body_of()), 401, 1002)


async def test_c07_a_token_signed_with_the_secret_key_is_accepted(shared: TestGateway, account: Account) -> None:
    fresh = await signing_key(shared, account)
    assert fresh.token_secret is not None
    claims = claims_of(shared, fresh)
    made = data_of(await asked(shared, signed(claims, fresh.token_secret)))
    assert (await shared.task(made["task_id"])).account_id == account.id
    for secret in ("SK_TEST", fresh.token_secret + "x", fresh.secret, ""):
        error_of(await asked(shared, signed(claims, secret)), 401, 1002)
    token = signed(claims, fresh.token_secret)
    error_of(await asked(shared, token[:-6] + "AAAAAA"), 401, 1002)
    data_of(await asked(shared, signed(claims | {"aud": "x", "iat": 1, "sub": 5}, fresh.token_secret)))
    data_of(await asked(shared, signed(claims_of(shared, fresh, nbf=...), fresh.token_secret)))
    data_of(await asked(shared, signed(claims, fresh.token_secret, {"alg": "HS256"})))


async def test_c08_times_and_algorithms_of_a_token(shared: TestGateway, account: Account) -> None:
    fresh = await signing_key(shared, account)
    assert fresh.token_secret is not None
    now_s = shared.clock.now_us() // 1_000_000
    cases: list[tuple[dict[str, Any], int]] = [
        ({"exp": now_s - 60}, 1004),
        ({"exp": now_s - 11}, 1004),
        ({"nbf": now_s + 60}, 1003),
        ({"nbf": now_s + 12}, 1003),
        ({"exp": now_s + 2 * DAY_S}, 1002),
        ({"exp": ...}, 1002),
        ({"exp": str(now_s + 1800)}, 1002),
        ({"exp": True}, 1002),
        ({"iss": ...}, 1002),
        ({"iss": "AK_UNKNOWN"}, 1002),
        ({"iss": 5}, 1002),
    ]
    for changes, code in cases:
        token = signed(claims_of(shared, fresh, **changes), fresh.token_secret)
        error_of(await asked(shared, token), 401, code)
    claims = claims_of(shared, fresh)
    for algorithm in ("none", "HS384", "hs256", "RS256"):
        token = signed(claims, fresh.token_secret, {"alg": algorithm, "typ": "JWT"})
        error_of(await asked(shared, token), 401, 1002)
    for changes in ({"exp": now_s - 8}, {"nbf": now_s + 9}, {"exp": now_s + DAY_S}):  # 10 s leeway
        data_of(await asked(shared, signed(claims_of(shared, fresh, **changes), fresh.token_secret)))


@pytest.mark.filterwarnings("ignore:The HMAC key is 7 bytes long")  # the contract's vector has a short secret
async def test_c09_the_contracts_token_holds_at_its_time(stage: TestGateway, owner: Account) -> None:
    assert signed({"iss": "AK_TEST", "exp": 1_700_001_800, "nbf": 1_699_999_995}, "SK_TEST") == VECTOR
    stage.clock.advance(1_700_000_000 - START_US / 1_000_000)
    fresh = make_key(owner.id, "vector", stage.clock.now_us(), sealer=stage.core.sealer)
    sealed = stage.core.sealer.sealed("SK_TEST")
    await stage.core.store.create_key(replace(fresh.key, access_key="AK_TEST", sealed_secret=sealed))
    data_of(await asked(stage, VECTOR))
    stage.clock.advance(1_900)
    error_of(await asked(stage, VECTOR), 401, 1004)


async def test_c10_a_key_without_create_cannot_create(shared: TestGateway, account: Account) -> None:
    reader = await shared.key(account, frozenset(Scope) - {Scope.GENERATIONS_CREATE})
    for path in (TEXT, IMAGE):
        error_of(await post(shared, reader, body_of(), path), 403, 1103)
    assert data_of(await shared.http.get(TEXT, headers=reader.headers)) == []
    writer = await shared.key(account, frozenset({Scope.GENERATIONS_CREATE}))
    made = data_of(await post(shared, writer, body_of()))
    for path in (TEXT, f"{TEXT}/{made['task_id']}", COSTS):
        error_of(await shared.http.get(path, headers=writer.headers), 403, 1103)
    fresh = await signing_key(shared, account, scopes=frozenset({Scope.GENERATIONS_READ}))
    assert fresh.token_secret is not None
    error_of(await asked(shared, signed(claims_of(shared, fresh), fresh.token_secret)), 403, 1103)
