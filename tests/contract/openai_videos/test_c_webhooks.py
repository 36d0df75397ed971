"""Webhooks of the OpenAI Videos dialect: statement 55 of its contract."""

import time

import openai
import pytest

from contract.openai_videos.conformance import error_of, sdk
from reelway.net.signing import webhook_headers
from support.callbacks import signature
from support.gateway import Account, TestGateway

pytestmark = pytest.mark.anyio

SECRET = "whsec_cmVlbHdheS1jb250cmFjdC10ZXN0LXNlY3JldC0zMmI="
EVENT_ID = "evt_01KB2R8T4NQ6V0X3Z5A7C9E1G4"
BODY = (
    '{"id":"evt_01KB2R8T4NQ6V0X3Z5A7C9E1G4","object":"event","created_at":1795251672,"type":"video.completed",'
    '"data":{"id":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3"}}'
)
PATHS = [
    ("POST", "/v1/webhook_endpoints"),
    ("GET", "/v1/webhook_endpoints"),
    ("GET", "/v1/webhook_endpoints/whend_01KB2R8T4NQ6V0X3Z5A7C9E1G7"),
    ("DELETE", "/v1/webhook_endpoints/whend_01KB2R8T4NQ6V0X3Z5A7C9E1G7"),
    ("POST", "/v1/webhook_endpoints/whend_01KB2R8T4NQ6V0X3Z5A7C9E1G7/rotate_secret"),
    ("POST", "/v1/webhook_endpoints/whend_01KB2R8T4NQ6V0X3Z5A7C9E1G7/test"),
    ("GET", "/v1/webhook_event_types"),
]


def test_c55_the_contracts_vector_holds() -> None:
    expected = "v1,IlC3SpGjHK0ZGHVhopCafKF1eLQb1EAXEIzb2DIw/n0="
    assert signature(SECRET, EVENT_ID, "1795251672", BODY) == expected
    headers = webhook_headers([SECRET], EVENT_ID, 1_795_251_672, BODY.encode())
    assert dict(headers)["webhook-signature"] == expected


async def test_c55_our_signature_passes_the_sdks_own_check(shared: TestGateway, account: Account) -> None:
    now_s = int(time.time())
    headers = dict(webhook_headers([SECRET], EVENT_ID, now_s, BODY.encode()))
    async with sdk(shared, account) as own:
        own.client.webhooks.verify_signature(BODY, headers, secret=SECRET)
        with pytest.raises(openai.InvalidWebhookSignatureError):
            own.client.webhooks.verify_signature(BODY + " ", headers, secret=SECRET)
        late = dict(webhook_headers([SECRET], EVENT_ID, now_s - 301, BODY.encode()))
        with pytest.raises(openai.InvalidWebhookSignatureError):
            own.client.webhooks.verify_signature(BODY, late, secret=SECRET)


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_c55_endpoint_management_is_not_offered(
    shared: TestGateway, account: Account, method: str, path: str
) -> None:
    """Section 13.3 is optional; where it is not built, its paths say so."""
    answer = await shared.http.request(method, path, headers=account.headers)
    error_of(answer, 404, "unsupported_endpoint")
