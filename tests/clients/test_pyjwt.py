"""Tokens made by PyJWT as Kling's documentation shows open the native dialect. Source: Kling contract, section 3."""

from typing import Any

import httpx
import jwt
import pytest

from reelway.gateway.account import FreshKey, make_key
from support.gateway import Account, TestGateway

pytestmark = pytest.mark.anyio

TEXT = "/kling/v1/videos/text2video"


async def pair_for(stage: TestGateway, owner: Account) -> FreshKey:
    """An access key with its secret, as `reelway keys create --kling` makes it."""
    fresh = make_key(owner.id, "kling", stage.clock.now_us(), sealer=stage.core.sealer)
    await stage.core.store.create_key(fresh.key)
    return fresh


def encode_jwt_token(ak: str, sk: str, now_s: int) -> str:
    """The claims and the header of the vendor's own example."""
    payload = {"iss": ak, "exp": now_s + 1800, "nbf": now_s - 5}
    return jwt.encode(payload, sk, headers={"alg": "HS256", "typ": "JWT"})


def now_s(stage: TestGateway) -> int:
    return stage.clock.now_us() // 1_000_000


async def ask(stage: TestGateway, token: str, method: str, path: str, body: Any = None) -> httpx.Response:
    return await stage.http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})


async def test_a_video_is_made_and_read_with_tokens_of_an_access_key(stage: TestGateway, owner: Account) -> None:
    pair = await pair_for(stage, owner)
    assert pair.key.access_key is not None
    assert pair.token_secret is not None
    token = encode_jwt_token(pair.key.access_key, pair.token_secret, now_s(stage))
    created = await ask(stage, token, "POST", TEXT, {"model_name": "kling-v2-6", "prompt": "A lighthouse in fog"})
    assert (created.status_code, created.json()["code"]) == (200, 0), created.text
    task_id = created.json()["data"]["task_id"]
    await stage.ended(owner, task_id)
    stage.clock.advance(1_700)
    later = encode_jwt_token(pair.key.access_key, pair.token_secret, now_s(stage))
    for mine in (token, later):
        found = (await ask(stage, mine, "GET", f"{TEXT}/{task_id}")).json()["data"]
        assert found["task_status"] == "succeed"
    video = await stage.http.get(found["task_result"]["videos"][0]["url"])
    assert video.content[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("claims", "code"),
    [({"exp": -60}, 1004), ({"nbf": 60}, 1003), ({"iss": "AK_OF_NOBODY"}, 1002), ({"iss": None}, 1002)],
    ids=["expired", "future", "foreign", "nameless"],
)
async def test_a_token_with_a_faulty_claim_opens_nothing(
    stage: TestGateway, owner: Account, claims: dict[str, Any], code: int
) -> None:
    pair = await pair_for(stage, owner)
    at_s = now_s(stage)
    payload = {"iss": pair.key.access_key, "exp": at_s + 1800, "nbf": at_s - 5}
    for name, value in claims.items():
        payload[name] = at_s + value if isinstance(value, int) else value
    payload = {name: value for name, value in payload.items() if value is not None}
    token = jwt.encode(payload, pair.token_secret or "", algorithm="HS256")
    answer = await ask(stage, token, "GET", TEXT)
    assert (answer.status_code, answer.json()["code"]) == (401, code)


async def test_other_algorithms_and_other_secrets_open_nothing(stage: TestGateway, owner: Account) -> None:
    pair = await pair_for(stage, owner)
    at_s = now_s(stage)
    payload = {"iss": pair.key.access_key, "exp": at_s + 1800, "nbf": at_s - 5}
    secret = pair.token_secret or ""
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        longer = jwt.encode(payload, secret, algorithm="HS512")
    for token in (
        jwt.encode(payload, None, algorithm="none"),
        longer,
        jwt.encode(payload, "x" * len(secret), algorithm="HS256"),
        jwt.encode(payload, secret, algorithm="HS256")[:-2] + "AA",
    ):
        answer = await ask(stage, token, "GET", TEXT)
        assert (answer.status_code, answer.json()["code"]) == (401, 1002)
