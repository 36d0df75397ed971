"""Keys and webhooks: made with their secrets shown once, changed, tested, ended."""

import pytest

from console.browser import Tab
from console.client import Visitor
from reelway.domain.ids import KeyId, is_key_id
from reelway.domain.records import ALL_SCOPES, ApiKey, Scope
from reelway.domain.webhooks import DeliveryFilter
from support.gateway import TestGateway
from support.receiver import receiving
from support.webhooks import endpoint

pytestmark = pytest.mark.anyio


async def test_a_key_is_made_shown_once_used_and_revoked(gateway: TestGateway, tab: Tab) -> None:
    account = await gateway.account()
    await tab.sign_in(account.key)
    await tab.go("/console/keys")
    page = tab.page
    await page.get_by_label("Name").fill("CI")
    await page.get_by_label("Days until it expires").fill("30")
    await page.get_by_label("Make, cancel and delete videos").uncheck()
    await page.get_by_role("button", name="Make the key").click()
    key = await page.locator("#fresh-key").inner_text()
    await tab.check_accessibility()
    headers = {"Authorization": f"Bearer {key}"}
    assert (await gateway.http.get("/api/v1/credits", headers=headers)).status_code == 200
    body = {"model": "kling-v2-5-turbo-pro", "prompt": "A fox"}
    assert (await gateway.http.post("/api/v1/generations", json=body, headers=headers)).status_code == 403
    await tab.go("/console/keys")
    assert key not in await page.content()
    await page.get_by_role("button", name="Revoke CI").click()
    await page.get_by_text("The key was revoked").wait_for()
    assert (await gateway.http.get("/api/v1/credits", headers=headers)).status_code == 401


async def test_a_key_for_everything_is_one_for_everything(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    page = await visitor.get("/console/keys")
    scopes = [scope.value for scope in Scope if f'value="{scope.value}"' in page.text]
    await visitor.post("/console/keys", {"name": "all", "scope": scopes, "signs": "yes"})
    made = next(key for key in await gateway.core.store.keys(account.id) if key.name == "all")
    own = next(key for key in await gateway.core.store.keys(account.id) if key.name != "all")
    assert made.scopes == own.scopes
    assert made.access_key is not None
    assert made.access_key in visitor.text


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "scope": ["files:read"]},
        {"name": "x" * 101, "scope": ["files:read"]},
        {"name": "x", "scope": []},
        {"name": "x", "scope": ["files:read"], "days": "0"},
        {"name": "x", "scope": ["files:read"], "days": "soon"},
    ],
)
async def test_a_key_that_cannot_be_is_told_at_its_field(
    gateway: TestGateway, visitor: Visitor, fields: dict[str, str | list[str]]
) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    await visitor.get("/console/keys")
    page = await visitor.post("/console/keys", fields)
    assert page.status_code == 422
    assert 'class="problem"' in page.text
    assert len(await gateway.core.store.keys(account.id)) == 1


async def test_a_key_revokes_itself_and_is_out(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    reader = await gateway.key(account, frozenset({Scope.CREDITS_READ}))
    own, other = await gateway.core.store.keys(account.id)
    if Scope.GENERATIONS_CREATE in other.scopes:
        own, other = other, own
    await visitor.sign_in(reader.key)
    await visitor.get("/console/keys")
    assert (await visitor.post(f"/console/keys/{own.id}/revoke")).status_code == 403
    await visitor.get("/console/keys")
    page = await visitor.post(f"/console/keys/{other.id}/revoke")
    assert page.url.path == "/console/sign-in"


@pytest.mark.parametrize("key_id", ["a%00b", "nothing", "key_01M7YNAYM0C0DEMBBMANX8PP2V"])
async def test_a_key_that_there_is_not_is_not_revoked(
    gateway: TestGateway, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, key_id: str
) -> None:
    """PostgreSQL refuses a text with NUL, so what is no key's id is not asked for."""
    await visitor.sign_in((await gateway.account()).key)
    await visitor.get("/console/keys")
    asked: list[str] = []
    found = gateway.core.store.key

    async def key(key_id: KeyId) -> ApiKey | None:
        asked.append(key_id)
        return await found(key_id)

    monkeypatch.setattr(gateway.core.store, "key", key)
    assert (await visitor.post(f"/console/keys/{key_id}/revoke")).status_code == 404
    assert all(is_key_id(text) for text in asked)


async def test_a_webhook_is_made_tested_changed_rotated_and_deleted(gateway: TestGateway, tab: Tab) -> None:
    account = await gateway.account()
    page = tab.page
    async with receiving() as receiver:
        await tab.sign_in(account.key)
        await tab.go("/console/webhooks")
        await page.get_by_label("URL").fill(receiver.url)
        await page.get_by_label("Name").fill("Orders")
        await page.get_by_role("button", name="Make the webhook").click()
        secret = await page.locator("#fresh-secret").inner_text()
        assert secret.startswith("whsec_")
        await page.get_by_role("link", name="Orders").click()
        assert secret not in await page.content()
        await page.get_by_role("button", name="Send a test event").click()
        await page.get_by_text("The test event was delivered.").wait_for()
        assert receiver.told[0].json["type"] == "generation.succeeded"
        receiver.status = 500
        await page.get_by_role("button", name="Send a test event").click()
        await page.get_by_text("The test event was not delivered").wait_for()
        await tab.check_accessibility()
        await page.get_by_role("button", name="New secret").click()
        assert await page.locator("#fresh-secret").inner_text() != secret
        await page.get_by_role("button", name="Disable").click()
        await page.locator(".badge", has_text="Disabled").wait_for()
        await page.get_by_role("button", name="Delete the webhook").click()
        await page.get_by_text("The webhook was deleted.").wait_for()


async def test_the_language_is_changed_where_an_answer_to_a_form_stands(gateway: TestGateway, visitor: Visitor) -> None:
    """Such a page cannot be loaded again, so the way back leads to the one above it."""
    account = await gateway.account()
    hook = await endpoint(gateway, account, "https://example.com/x")
    path = f"/console/webhooks/{hook['id']}"
    await visitor.sign_in(account.key)
    await visitor.get(path)
    page = await visitor.post(f"{path}/rotate", {"hours": "1"})
    assert page.url.path == f"{path}/rotate"
    back = page.text.split('name="back" value="')[1].split('"')[0]
    page = await visitor.post("/console/preferences", {"language": "ur", "back": back})
    assert (page.status_code, page.url.path) == (200, path)


async def test_a_wrong_url_is_told_at_its_field_by_the_servers_own_rule(gateway: TestGateway, visitor: Visitor) -> None:
    await visitor.sign_in((await gateway.account()).key)
    for url in ("", "javascript:alert(1)", "ftp://example.com/", "http://user:secret@example.com/"):
        await visitor.get("/console/webhooks")
        page = await visitor.post("/console/webhooks", {"url": url, "name": "x", "type": ["generation.failed"]})
        assert page.status_code == 422, url
        assert 'id="url-problem"' in page.text, url
    await visitor.get("/console/webhooks")
    page = await visitor.post("/console/webhooks", {"url": "https://example.com/x", "name": "x"})
    assert page.status_code == 422


async def test_a_strangers_webhook_is_not_found(gateway: TestGateway, visitor: Visitor) -> None:
    await visitor.sign_in((await gateway.account()).key)
    for endpoint_id in ("whend_01M7YNAYM0C0DEMBBMANX8PP2V", "nothing"):
        assert (await visitor.get(f"/console/webhooks/{endpoint_id}")).status_code == 404
        await visitor.get("/console/")
        for action in ("", "/test", "/rotate", "/delete"):
            await visitor.get("/console/")
            assert (await visitor.post(f"/console/webhooks/{endpoint_id}{action}")).status_code == 404


async def test_an_operator_sees_and_tests_the_webhooks_of_every_account(gateway: TestGateway, visitor: Visitor) -> None:
    account, other = await gateway.account(), await gateway.account()
    operator = await gateway.key(await gateway.account(), ALL_SCOPES | {Scope.ADMIN})
    hook = await endpoint(gateway, account, f"{gateway.base_url}/healthz", name="Orders of another")
    path = f"/console/webhooks/{hook['id']}"

    await visitor.sign_in(operator.key)
    assert "Orders of another" in (await visitor.get("/console/webhooks")).text
    assert (await visitor.get(path)).status_code == 200
    page = await visitor.post(f"{path}/test")
    assert page.status_code == 200
    assert account.id in page.text
    assert len((await gateway.core.store.outbox.deliveries(DeliveryFilter(hook["id"], 10))).deliveries) == 1

    await visitor.sign_in(other.key)
    assert "Orders of another" not in (await visitor.get("/console/webhooks")).text
    assert (await visitor.get(path)).status_code == 404
