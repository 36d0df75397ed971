"""Each fact of seeds 000 to 003 stands on the contract page, in English and in Urdu."""

import json
from typing import Any

import pytest

from console import seed_facts as seeds
from console.page_text import PageText
from contract.rivya.test_create import SEED_000, SEED_001, SEED_002, with_seed_item
from support.gateway import TestGateway

pytestmark = pytest.mark.anyio
PAGES = [(model, code) for model in (seeds.TURBO, seeds.THREE) for code in ("en", "ur")]
IDS = [f"{model.id}-{code}" for model, code in PAGES]
REQUESTS: dict[tuple[str, str], dict[str, Any]] = {
    ("kling-v2-5-turbo-pro", "ur"): SEED_000,
    ("kling-v2-5-turbo-pro", "en"): SEED_001,
    ("kling-3-0", "ur"): SEED_002,
    ("kling-3-0", "en"): SEED_002,
}


async def page_of(gateway: TestGateway, model: str, code: str) -> PageText:
    answer = await gateway.http.get(f"/docs/models/{model}", params={"lang": code})
    assert answer.status_code == 200
    assert f'<html lang="{code}"' in answer.text
    return PageText(answer.text)


@pytest.mark.parametrize(("model", "code"), PAGES, ids=IDS)
async def test_the_page_says_every_sentence_of_the_seed(gateway: TestGateway, model: seeds.Model, code: str) -> None:
    page = await page_of(gateway, model.id, code)
    missing = [fact for fact, texts in seeds.sentences(model).items() if texts[code] not in page.text]
    assert not missing


@pytest.mark.parametrize(("model", "code"), PAGES, ids=IDS)
async def test_the_page_has_every_label_and_value_of_the_seed(
    gateway: TestGateway, model: seeds.Model, code: str
) -> None:
    page = await page_of(gateway, model.id, code)
    missing = [
        fact for fact, (label, value) in seeds.pairs(model).items() if (label[code], value[code]) not in page.pairs
    ]
    assert not missing, page.pairs


@pytest.mark.parametrize(("model", "code"), PAGES, ids=IDS)
async def test_the_page_has_every_row_of_the_seeds_tables(gateway: TestGateway, model: seeds.Model, code: str) -> None:
    page = await page_of(gateway, model.id, code)
    request = page.rows_in("rivya-request-contract")[1:]
    assert request == [
        (key, kind, required[code], default, text[code])
        for key, kind, required, default, text in seeds.request_rows(model)
    ]
    params = page.rows_in("rivya-model-parameters")[1:]
    assert [row[:6] for row in params] == [
        (key, kind, seeds.NO[code], default, limits, options) for key, kind, default, limits, options, _ in model.params
    ]
    for row, (*_, text) in zip(params, model.params, strict=True):
        assert text[code] in row[6]
    assert page.rows_in("rivya-upload-policy")[1:] == [seeds.UPLOAD_ROW]


@pytest.mark.parametrize(("model", "code"), PAGES, ids=IDS)
async def test_the_requests_and_the_answer_are_those_of_the_seed(
    gateway: TestGateway, model: seeds.Model, code: str
) -> None:
    page = await page_of(gateway, model.id, code)
    seed = REQUESTS[model.id, code]
    assert json.loads(page.listings["rivya-minimal-text"]) == seed
    assert list(json.loads(page.listings["rivya-minimal-text"])["params"]) == list(seed["params"])
    assert json.loads(page.listings["rivya-reference-text"]) == with_seed_item(seed)
    answer = json.loads(page.listings["rivya-created-text"])
    assert answer == seeds.created(model)
    assert list(answer) == list(seeds.created(model))


@pytest.mark.parametrize("code", ["en", "ur"])
async def test_the_apixo_side_says_every_sentence_of_seed_003(gateway: TestGateway, code: str) -> None:
    page = await page_of(gateway, "kling-v2-5-turbo-pro", code)
    missing = [fact for fact, texts in seeds.APIXO_SENTENCES.items() if texts[code] not in page.text]
    assert not missing


@pytest.mark.parametrize("code", ["en", "ur"])
async def test_the_apixo_side_has_every_row_of_seed_003(gateway: TestGateway, code: str) -> None:
    page = await page_of(gateway, "kling-v2-5-turbo-pro", code)
    for section, rows in seeds.APIXO_ROWS.items():
        found = page.rows_in(section)
        for row in rows:
            wanted = tuple(cell[code] for cell in row)
            assert any(
                len(cells) == len(wanted) and cells[:-1] == wanted[:-1] and cells[-1].startswith(wanted[-1])
                for cells in found
            ), (section, wanted, found)
    failures = {cells[0]: cells[-1] for cells in page.rows_in("apixo-fail-code")}
    for word, text in seeds.APIXO_FAILURES.items():
        assert failures[word] == text[code]


@pytest.mark.parametrize("code", ["en", "ur"])
async def test_the_apixo_side_shows_the_examples_that_seed_003_names(gateway: TestGateway, code: str) -> None:
    listings = (await page_of(gateway, "kling-v2-5-turbo-pro", code)).listings
    assert json.loads(listings["apixo-text-text"])["input"]["mode"] == "text-to-video"
    image = json.loads(listings["apixo-image-text"])
    assert image["input"]["mode"] == "image-to-video"
    assert len(image["input"]["image_urls"]) == 2
    assert image["callback_url"]
    assert set(json.loads(listings["apixo-created-text"])["data"]) == {"taskId"}
    assert json.loads(listings["apixo-refused-text"])["code"] == 400
    success = json.loads(listings["apixo-answer-succeeded-text"])["data"]
    assert success["state"] == "success"
    assert json.loads(success["resultJson"])["resultUrls"]
    assert success["costTime"] == success["completeTime"] - success["createTime"]
    failed = json.loads(listings["apixo-answer-failed-text"])["data"]
    assert (failed["state"], failed["failCode"]) == ("failed", "CONTENT_VIOLATION")
    assert (
        "POST /api/v1/generateTask/kling-2-5-turbo-pro" in (await page_of(gateway, "kling-v2-5-turbo-pro", code)).text
    )
