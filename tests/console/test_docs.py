"""The public contract pages: open to all, quick to fetch again, complete in both languages, true when pasted."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from console.page_text import PageText
from reelway.catalog import load_catalog
from reelway.console.markup import highlighted, marked
from reelway.dialects.base import Dialect
from reelway.domain.sandbox import FAILURES
from reelway.domain.task import FailureCode, State
from reelway.domain.webhooks import SendFault
from reelway.wiring import DIALECTS
from support.gateway import Account, TestGateway, running_gateway

pytestmark = pytest.mark.anyio
MODELS = [card.id for card in load_catalog()]
GUIDES = ["start", "webhooks", "sandbox"]
PATHS = ["/docs", "/docs/", *(f"/docs/{guide}" for guide in GUIDES), *(f"/docs/models/{model}" for model in MODELS)]
TABS = {"rivya": "rivya", "apixo": "apixo", "kling": "kling", "openai_videos": "openai-videos"}


async def read(gateway: TestGateway, path: str, code: str = "en") -> PageText:
    answer = await gateway.http.get(path, params={"lang": code})
    assert answer.status_code == 200, path
    return PageText(answer.text)


# --- how a page is served ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_needs_no_sign_in_and_sets_no_cookie(gateway: TestGateway, path: str) -> None:
    answer = await gateway.http.get(path)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert "form_token" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/docs/nowhere", "/docs/models/none", "/docs/a/b/c", "/docs/nowhere/", "/docs//"])
async def test_a_page_that_there_is_not_sets_no_cookie_either(gateway: TestGateway, path: str) -> None:
    answer = await gateway.http.get(path, params={"lang": "ur"}, follow_redirects=True)
    assert (answer.status_code, 'lang="ur"' in answer.text) == (404 if path != "/docs//" else 200, True)
    assert "set-cookie" not in answer.headers
    assert "form_token" not in answer.text


@pytest.mark.parametrize("path", PATHS[2:])
async def test_a_slash_too_many_leads_to_the_page(gateway: TestGateway, path: str) -> None:
    answer = await gateway.http.get(f"{path}/", params={"lang": "ur"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?lang=ur")
    assert "set-cookie" not in answer.headers


async def test_a_page_that_has_not_changed_is_not_sent_again(gateway: TestGateway) -> None:
    path = "/docs/models/kling-3-0"
    first = await gateway.http.get(path)
    again = await gateway.http.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await gateway.http.get(path, headers={"accept-language": "ur", "if-none-match": first.headers["etag"]})
    assert other.status_code == 200
    assert "accept-language" in other.headers["vary"]


async def test_a_page_is_packed_for_those_who_can_unpack_it(gateway: TestGateway) -> None:
    packed = await gateway.http.get(PATHS[-1], headers={"accept-encoding": "gzip"})
    plain = await gateway.http.get(PATHS[-1], headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content


async def test_the_language_is_that_of_the_address_then_of_the_cookie_then_of_the_browser(gateway: TestGateway) -> None:
    async def language(address: str, **headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await gateway.http.get(address, headers=named)).text.partition('<html lang="')[2][:2]

    assert await language("/docs") == "en"
    assert await language("/docs", accept_language="ur-PK") == "ur"
    assert await language("/docs", accept_language="ur-PK", cookie="reelway_language=en") == "en"
    assert await language("/docs?lang=ur", cookie="reelway_language=en") == "ur"
    assert await language("/docs?lang=../../x", accept_language="ur") == "ur"


@pytest.mark.parametrize(
    "path", ["/docs/nothing", "/docs/models/kling-9", "/docs/openapi/x.json", "/docs/models", "/docs/a/b"]
)
async def test_what_is_not_there_is_not_found(gateway: TestGateway, path: str) -> None:
    answer = await gateway.http.get(path)
    assert answer.status_code == 404


@pytest.mark.parametrize("code", ["en", "ur"])
async def test_every_link_of_the_pages_leads_somewhere(gateway: TestGateway, code: str) -> None:
    seen: dict[str, int] = {}
    for path in PATHS:
        page = await read(gateway, path, code)
        assert len(set(page.ids)) == len(page.ids), path
        for link in page.links:
            if link.startswith("#"):
                assert link[1:] in page.ids, (path, link)
            elif link not in seen:
                seen[link] = (await gateway.http.get(link, follow_redirects=True)).status_code
    assert set(seen.values()) == {200}, seen


# --- what a page says -------------------------------------------------------------------------------------------------


def serving(model: str) -> Iterator[Dialect]:
    card = load_catalog()[model]
    offered = {
        "rivya": True,
        "openai_videos": True,
        "apixo": bool(card.names.apixo),
        "kling": card.names.kling is not None,
    }
    return (dialect for dialect in DIALECTS if offered[dialect.name])


@pytest.mark.parametrize("model", MODELS)
async def test_a_model_has_a_tab_for_each_dialect_that_serves_it_and_no_other(gateway: TestGateway, model: str) -> None:
    page = await read(gateway, f"/docs/models/{model}")
    wanted = [TABS[dialect.name] for dialect in serving(model)]
    assert [found for found in TABS.values() if found in page.ids] == wanted
    assert [link[1:] for link in page.links if link[1:] in TABS.values()] == wanted


@pytest.mark.parametrize("model", MODELS)
async def test_the_urdu_page_has_all_that_the_english_page_has(gateway: TestGateway, model: str) -> None:
    english = await read(gateway, f"/docs/models/{model}", "en")
    urdu = await read(gateway, f"/docs/models/{model}", "ur")
    assert english.ids == urdu.ids
    assert [(section, len(cells)) for section, cells in english.rows] == [
        (section, len(cells)) for section, cells in urdu.rows
    ]
    assert english.listings.keys() == urdu.listings.keys()


@pytest.mark.parametrize("model", MODELS)
async def test_every_tab_tells_every_state_every_failure_and_the_limits(gateway: TestGateway, model: str) -> None:
    page = await read(gateway, f"/docs/models/{model}")
    for dialect in serving(model):
        tab = TABS[dialect.name]
        states = [cells[1] for cells in page.rows_in(f"{tab}-states") if len(cells) == 3]
        assert {state.value for state in State} <= set(states), tab
        failures = [cells[2] for name in ("failures", "fail-code") for cells in page.rows_in(f"{tab}-{name}")[1:]]
        assert failures == [code.value for code in FailureCode], tab
        assert ("Concurrent tasks", "1000") in page.rows_in(f"{tab}-limits")


async def test_the_limits_are_those_of_the_settings(gateway: TestGateway) -> None:
    page = await read(gateway, "/docs/models/kling-3-0")
    limits = dict(cells for cells in page.rows_in("apixo-limits") if len(cells) == 2)
    settings = gateway.settings
    assert limits["Requests"] == f"{settings.requests_per_minute_max} / minute"
    assert limits["Result URLs are valid for"] == f"{settings.result_retention_days:g} days"
    kling = dict(cells for cells in page.rows_in("kling-limits") if len(cells) == 2)
    assert kling["Result URLs are valid for"] == "30 days"


@pytest.mark.parametrize("code", ["en", "ur"])
async def test_the_guides_have_the_tables_of_the_code(gateway: TestGateway, code: str) -> None:
    hooks = await read(gateway, "/docs/webhooks", code)
    assert [cells[0] for cells in hooks.rows_in("webhooks-send-faults")[1:]] == [fault.value for fault in SendFault]
    retries = hooks.rows_in("webhooks-retries")[1:]
    assert [cells[4] for cells in retries] == ["8", "4", "4"]
    assert retries[0][5] == "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h"
    sandbox = await read(gateway, "/docs/sandbox", code)
    assert [cells[0] for cells in sandbox.rows_in("sandbox-failures")[1:]] == list(FAILURES)
    index = await read(gateway, "/docs", code)
    assert all(model in index.text for model in MODELS)


OWN_CARD = """
id = "own-model"
position = 5
display_name = "Own <Model>"
category = "video"
base_credits = 7
billing_type = "FIXED"
prompt_length_max = 300
fixed_mode = "pro"
example_prompt = { en = "It's a \\"test\\" of `marks`", ur = "ایک آزمائش" }

[names]
kling = "own-kling"
apixo = { "own-apixo" = "std" }

[units_per_second]
pro = { silent = "1", sound = "1", voice = "1" }

[references]
files_max = 0
takes_tail_frame = false
uploads = []
summary = { en = "No images", ur = "تصاویر نہیں" }
rule = { en = "No images", ur = "تصاویر نہیں" }

[[params]]
key = "seconds"
type = "select"
control = "duration_s"
default = "4"
options = ["4"]
label = { en = "Length", ur = "لمبائی" }
description = { en = "Length", ur = "لمبائی" }

[[params]]
key = "shape"
type = "select"
control = "aspect_ratio"
default = "1:1"
options = ["1:1"]
label = { en = "Shape", ur = "شکل" }
description = { en = "Shape", ur = "شکل" }
"""


@pytest.mark.parametrize("code", ["en", "ur"])
async def test_an_operators_own_card_gets_its_page(tmp_path: Path, code: str) -> None:
    folder = anyio.Path(tmp_path / "cards")
    await folder.mkdir()
    await (folder / "own-model.toml").write_text(OWN_CARD, encoding="utf-8")
    async with running_gateway(tmp_path, catalog_dir=tmp_path / "cards") as gateway:
        page = await read(gateway, "/docs/models/own-model", code)
        assert "Own <Model> API Integration" in page.text
        assert [found for found in TABS.values() if found in page.ids] == list(TABS.values())
        assert "rivya-upload-policy" not in page.ids
        assert json.loads(page.listings["rivya-minimal-text"])["params"] == {"seconds": "4", "shape": "1:1"}
        account = await gateway.account()
        answer = await pasted(gateway, account, page.listings["rivya-minimal-curl-text"])
        assert answer.status_code == 202, answer.text
        for dialect in DIALECTS:
            document = await gateway.http.get(f"/docs/openapi/{dialect.name}.json")
            OpenAPIV31SpecValidator(document.json()).validate()


async def test_the_page_of_what_is_not_there_can_change_the_language(gateway: TestGateway) -> None:
    path = "/docs/models/kling-9"
    answer = await gateway.http.get(path)
    assert f'href="{path}?lang=ur" lang="ur"' in answer.text
    answer = await gateway.http.get(path, params={"lang": "ur"})
    assert (answer.status_code, '<html lang="ur"' in answer.text) == (404, True)


# --- what can be copied works -----------------------------------------------------------------------------------------


async def pasted(gateway: TestGateway, account: Account, command: str) -> httpx.Response:
    """What a shell and curl would send."""
    words = shlex.split(command.replace("\\\n", " ").replace("$REELWAY_API_KEY", account.key))
    assert words[:2] == ["curl", "-sS"]
    headers, body, address = {}, None, ""
    rest = iter(words[2:])
    for word in rest:
        match word:
            case "-H":
                name, _, value = next(rest).partition(": ")
                headers[name] = value
            case "-d":
                body = next(rest)
            case _:
                address = word
    return await gateway.http.request("GET" if body is None else "POST", address, headers=headers, content=body)


@pytest.mark.parametrize("model", ["kling-v2-5-turbo-pro", "kling-3-0", "kling-2-6", "kling-v2-1"])
@pytest.mark.parametrize("code", ["en", "ur"])
async def test_the_commands_of_a_page_make_tasks_in_every_dialect(gateway: TestGateway, model: str, code: str) -> None:
    account = await gateway.account()
    page = await read(gateway, f"/docs/models/{model}", code)
    commands = {name: text for name, text in page.listings.items() if name.endswith("-curl-text")}
    assert len(commands) >= 1 + len(list(serving(model)))
    for name, command in commands.items():
        answer = await pasted(gateway, account, command)
        assert answer.status_code in (200, 202), (name, answer.text)


async def test_the_python_of_the_first_guide_makes_a_video(gateway: TestGateway) -> None:
    account = await gateway.account()
    page = await read(gateway, "/docs/start")
    with anyio.fail_after(60):
        done = await anyio.run_process(
            [sys.executable, "-c", page.listings["start-python-text"]],
            env={**os.environ, "REELWAY_API_KEY": account.key, "NO_PROXY": "*"},
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip().endswith("/video.mp4")


# --- OpenAPI ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
async def test_the_document_of_a_dialect_is_valid_and_has_every_operation(
    gateway: TestGateway, dialect: Dialect
) -> None:
    answer = await gateway.http.get(f"/docs/openapi/{dialect.name}.json")
    assert answer.headers["content-type"] == "application/json"
    document = json.loads(answer.content)
    OpenAPIV31SpecValidator(document).validate()
    found = {(method.upper(), shape(path)) for path, methods in document["paths"].items() for method in methods}
    names = [name for card in load_catalog() for name in card.names.apixo]
    wanted = {
        (operation.method, shape(operation.path.replace("{model}", name)))
        for operation in dialect.operations
        for name in (names if "{model}" in operation.path else [""])
    }
    assert found == wanted


def shape(path: str) -> str:
    """The path without the names of its parameters."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


# --- marks ------------------------------------------------------------------------------------------------------------


def test_marks_escape_everything_that_is_not_theirs() -> None:
    assert marked("<b> `<i>` & x") == '&lt;b&gt; <bdi class="code mono" dir="ltr">&lt;i&gt;</bdi> &amp; x'
    assert highlighted('{"a<": "</pre>", "n": -1.5, "t": true}') == (
        '{<span class="k">&#34;a&lt;&#34;</span>: <span class="s">&#34;&lt;/pre&gt;&#34;</span>, '
        '<span class="k">&#34;n&#34;</span>: <span class="n">-1.5</span>, '
        '<span class="k">&#34;t&#34;</span>: <span class="n">true</span>}'
    )
