"""Who gets in, how long they stay, and what their key lets them do there."""

import httpx
import pytest

from console.client import Visitor, visiting
from reelway.domain.records import ALL_SCOPES, Scope
from reelway.gateway.account import make_key
from reelway.gateway.sessions import TICKET_S, make_ticket
from support.gateway import TestGateway

pytestmark = pytest.mark.anyio
_MINUTE_S = 60
PAGES = ("/", "/tasks", "/credits", "/keys", "/webhooks")


def is_signed_in(page: httpx.Response) -> bool:
    return "/console/sign-in" not in str(page.url) and page.status_code == 200


async def test_a_key_opens_every_page_and_its_cookie_is_out_of_scripts_reach(
    gateway: TestGateway, visitor: Visitor
) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    for path in PAGES:
        assert is_signed_in(await visitor.get(f"/console{path}")), path
    await visitor.get("/console/sign-in")
    login = await visitor.http.post("/console/sign-in", data={"form_token": "x", "key": account.key})
    assert login.status_code == 403
    async with visiting(str(gateway.http.base_url)) as other:
        page = await other.sign_in(account.key)
        cookie = page.history[0].headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert account.key not in cookie


async def test_without_a_session_every_page_leads_to_the_sign_in_and_back(
    gateway: TestGateway, visitor: Visitor
) -> None:
    account = await gateway.account()
    page = await visitor.get("/console/tasks?status=failed")
    assert page.url.path == "/console/sign-in"
    page = await visitor.post("/console/sign-in", {"key": account.key, "next": page.url.params["next"]})
    assert page.url.path == "/console/tasks"
    assert page.url.params["status"] == "failed"


@pytest.mark.parametrize(
    "target", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
async def test_the_way_back_leads_to_no_other_site(gateway: TestGateway, visitor: Visitor, target: str) -> None:
    account = await gateway.account()
    await visitor.get("/console/sign-in")
    page = await visitor.post("/console/sign-in", {"key": account.key, "next": target})
    assert page.url.host == "127.0.0.1"
    assert page.url.path == "/console/"


@pytest.mark.parametrize("key", ["", "rw_sk_wrong", "x" * 300, "ключ"])
async def test_a_wrong_key_is_refused(visitor: Visitor, key: str) -> None:
    page = await visitor.sign_in(key)
    assert page.status_code == 401
    assert 'role="alert"' in page.text


async def test_attempts_to_sign_in_are_limited_by_address(gateway: TestGateway, visitor: Visitor) -> None:
    for _ in range(gateway.settings.console_sign_ins_per_minute_max):
        assert (await visitor.sign_in("rw_sk_wrong")).status_code == 401
    page = await visitor.sign_in((await gateway.account()).key)
    assert page.status_code == 429
    assert int(page.headers["retry-after"]) > 0
    gateway.clock.advance(2 * _MINUTE_S)
    assert is_signed_in(await visitor.sign_in((await gateway.account()).key))


async def test_a_key_that_is_revoked_in_mid_session_ends_it_at_the_next_request(
    gateway: TestGateway, visitor: Visitor
) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    for key in await gateway.core.store.keys(account.id):
        await gateway.core.store.revoke_key(key.id, gateway.clock.now_us())
    assert not is_signed_in(await visitor.get("/console/tasks"))


async def test_a_key_that_expires_in_mid_session_ends_it(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    short = await gateway.key(account, expires_at_us=gateway.clock.now_us() + 60_000_000)
    await visitor.sign_in(short.key)
    gateway.clock.advance(61)
    assert not is_signed_in(await visitor.get("/console/"))


@pytest.mark.parametrize("setting", ["console_session_hours", "console_idle_hours"])
async def test_a_session_ends_with_its_time_and_when_it_is_not_used(
    gateway: TestGateway, visitor: Visitor, setting: str
) -> None:
    await visitor.sign_in((await gateway.account()).key)
    gateway.clock.advance(getattr(gateway.settings, setting) * 3_600 + 1)
    assert not is_signed_in(await visitor.get("/console/"))


async def test_signing_out_everywhere_ends_the_sessions_of_the_account_and_of_no_other(
    gateway: TestGateway, visitor: Visitor
) -> None:
    account, stranger = await gateway.account(), await gateway.account()
    base_url = str(gateway.http.base_url)
    async with visiting(base_url) as second, visiting(base_url) as other:
        await visitor.sign_in(account.key)
        await second.sign_in(account.key)
        await other.sign_in(stranger.key)
        await visitor.get("/console/")
        page = await visitor.post("/console/sign-out", {"everywhere": "yes"})
        assert "You are signed out." in page.text
        assert not is_signed_in(await second.get("/console/"))
        assert is_signed_in(await other.get("/console/"))


async def test_a_copied_cookie_is_worth_nothing_after_sign_out(gateway: TestGateway, visitor: Visitor) -> None:
    await visitor.sign_in((await gateway.account()).key)
    copied = dict(visitor.http.cookies)
    await visitor.get("/console/")
    await visitor.post("/console/sign-out")
    async with visiting(str(gateway.http.base_url)) as thief:
        thief.http.cookies.update(copied)
        assert not is_signed_in(await thief.get("/console/"))


# --- the one-time link ------------------------------------------------------------------------------------------------


async def test_the_link_of_the_start_signs_in_once_as_the_operator(gateway: TestGateway, visitor: Visitor) -> None:
    ticket = await make_ticket(gateway.core, gateway.gateway.tickets)
    page = await visitor.get(f"/console/enter?ticket={ticket}")
    assert is_signed_in(page)
    assert str(ticket) not in str(page.url)
    assert (await visitor.get("/console/accounts")).status_code == 200
    async with visiting(str(gateway.http.base_url)) as second:
        assert (await second.get(f"/console/enter?ticket={ticket}")).status_code == 401


async def test_a_look_at_the_link_does_not_use_it_up(gateway: TestGateway, visitor: Visitor) -> None:
    ticket = await make_ticket(gateway.core, gateway.gateway.tickets)
    answer = await visitor.http.head(f"/console/enter?ticket={ticket}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert is_signed_in(await visitor.get(f"/console/enter?ticket={ticket}"))


async def test_the_link_is_good_for_ten_minutes(gateway: TestGateway, visitor: Visitor) -> None:
    ticket = await make_ticket(gateway.core, gateway.gateway.tickets)
    gateway.clock.advance(TICKET_S)
    assert (await visitor.get(f"/console/enter?ticket={ticket}")).status_code == 401


async def test_there_is_no_link_where_the_first_account_has_no_valid_key(gateway: TestGateway) -> None:
    for key in await gateway.core.store.keys(None):
        await gateway.core.store.revoke_key(key.id, gateway.clock.now_us())
    assert await make_ticket(gateway.core, gateway.gateway.tickets) is None


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"referer": "https://evil.example/page"},
        {"origin": "http://["},
        {"referer": "http://["},
    ],
)
async def test_a_form_of_another_site_is_refused_even_with_the_token(
    gateway: TestGateway, visitor: Visitor, headers: dict[str, str]
) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    token = (await visitor.get("/console/keys")).text.split('name="form_token" value="')[1].split('"')[0]
    answer = await visitor.http.post("/console/sign-out", data={"form_token": token}, headers=headers)
    assert answer.status_code == 403
    assert is_signed_in(await visitor.get("/console/"))


async def test_a_page_that_refuses_a_form_is_still_one_of_the_session(gateway: TestGateway, visitor: Visitor) -> None:
    await visitor.sign_in((await gateway.account()).key)
    token = (await visitor.get("/console/keys")).text.split('name="form_token" value="')[1].split('"')[0]
    answer = await visitor.http.post("/console/keys", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert f'name="form_token" value="{token}"' in answer.text
    assert 'action="/console/sign-out"' in answer.text


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(("path", "allowed"), [("/console/keys", "GET, HEAD, POST"), ("/docs", "GET, HEAD")])
async def test_a_method_that_browsers_do_not_send_is_not_allowed(
    visitor: Visitor, method: str, path: str, allowed: str
) -> None:
    answer = await visitor.http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("token", ["", "wrong", "é"])
async def test_a_form_without_the_sessions_token_changes_nothing(
    gateway: TestGateway, visitor: Visitor, token: str
) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    before = await gateway.core.store.keys(account.id)
    answer = await visitor.http.post("/console/keys", data={"form_token": token, "name": "mine", "scope": "files:read"})
    assert answer.status_code == 403
    assert await gateway.core.store.keys(account.id) == before


async def test_the_token_of_another_session_is_worth_nothing(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    async with visiting(str(gateway.http.base_url)) as other:
        await other.sign_in(account.key)
        token = (await other.get("/console/keys")).text.split('name="form_token" value="')[1].split('"')[0]
    answer = await visitor.http.post("/console/sign-out", data={"form_token": token})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"x" * 300_000, "application/x-www-form-urlencoded", 413),
        (b"{}", "application/json", 400),
        (b"&".join(b"a=1" for _ in range(501)), "application/x-www-form-urlencoded", 400),
        (b"a=\xff", "application/x-www-form-urlencoded", 400),
    ],
)
async def test_a_body_that_is_no_form_of_ours_is_refused(
    gateway: TestGateway, visitor: Visitor, content: bytes, content_type: str, status: int
) -> None:
    await visitor.sign_in((await gateway.account()).key)
    answer = await visitor.http.post("/console/keys", content=content, headers={"content-type": content_type})
    assert answer.status_code == status


# --- what every answer carries ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/sign-in", "/", "/tasks", "/tasks/nothing", "/nowhere", "/credits.csv"])
async def test_every_answer_carries_the_headers_that_keep_it_safe(
    gateway: TestGateway, visitor: Visitor, path: str
) -> None:
    await visitor.sign_in((await gateway.account()).key)
    answer = await visitor.get(f"/console{path}")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_page_that_breaks_is_told_without_any_detail(gateway: TestGateway, visitor: Visitor) -> None:
    await visitor.sign_in((await gateway.account()).key)
    store = gateway.core.store

    async def broken(_wanted: object) -> object:
        raise RuntimeError("the secret inside")

    store.lookups.tasks = broken  # type: ignore[method-assign]
    answer = await visitor.get("/console/tasks")
    assert answer.status_code == 500
    assert "the secret inside" not in answer.text
    assert "Something went wrong" in answer.text


# --- scopes -----------------------------------------------------------------------------------------------------------


async def test_a_key_that_only_reads_cannot_spend_or_manage(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    reader = await gateway.key(account, frozenset({Scope.GENERATIONS_READ}))
    await visitor.sign_in(reader.key)
    page = await visitor.get("/console/")
    assert "/console/first-video" not in page.text
    assert (await visitor.post("/console/first-video")).status_code == 403
    for path in ("/credits", "/webhooks", "/accounts"):
        assert (await visitor.get(f"/console{path}")).status_code == 403
    await visitor.get("/console/keys")
    page = await visitor.post("/console/keys", {"name": "more", "scope": ["generations:create"]})
    assert page.status_code == 403
    assert len(await gateway.core.store.keys(account.id)) == 2


async def test_a_key_makes_no_key_that_may_more_than_itself(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    await visitor.sign_in(account.key)
    await visitor.get("/console/keys")
    page = await visitor.post("/console/keys", {"name": "boss", "scope": [Scope.ADMIN.value]})
    assert page.status_code == 422
    assert all(Scope.ADMIN not in key.scopes for key in await gateway.core.store.keys(account.id))


async def test_an_operator_sees_all_accounts_and_others_only_their_own(gateway: TestGateway, visitor: Visitor) -> None:
    mine, theirs = await gateway.account(), await gateway.account()
    task_id = await gateway.created(theirs)
    await visitor.sign_in(mine.key)
    assert task_id not in (await visitor.get("/console/tasks")).text
    for path in (f"/tasks/{task_id}", f"/tasks/{task_id}/events", f"/credits?account={theirs.id}"):
        assert (await visitor.get(f"/console{path}")).status_code == 404, path
    assert (await visitor.get(f"/console/keys?account={theirs.id}")).status_code == 404
    fresh = make_key(mine.id, "operator", gateway.clock.now_us(), scopes=ALL_SCOPES | {Scope.ADMIN})
    await gateway.core.store.create_key(fresh.key)
    async with visiting(str(gateway.http.base_url)) as operator:
        await operator.sign_in(fresh.secret)
        assert task_id in (await operator.get("/console/tasks")).text
        assert (await operator.get(f"/console/tasks/{task_id}")).status_code == 200
        assert theirs.id in (await operator.get("/console/accounts")).text
