"""What is wrong is told in the visitor's language: forms refused at their fields, and pages of errors."""

import re
from html.parser import HTMLParser

import httpx
import pytest

from console.client import Visitor
from reelway.domain.webhooks import ENDPOINTS_MAX
from support.gateway import TestGateway
from support.webhooks import endpoint

pytestmark = pytest.mark.anyio
_SENTENCE = re.compile(r"[A-Za-z]+(?:[ ,]+[A-Za-z]+)+")
_NEW = "/console/webhooks"
_GOOD = {"url": "https://example.com/x", "name": "x", "type": ["generation.failed"]}


class _Spoken(HTMLParser):
    """What a page says of problems, and its headings with the sentence below."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.headings: list[str] = []
        self._into: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("p", "h1"):
            self._into = self.problems if dict(attrs).get("class") == "problem" else self.headings
            self._into.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("p", "h1"):
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data


def check_urdu(page: httpx.Response, problems_min: int) -> None:
    spoken = _Spoken(page.text)
    assert len(spoken.problems) >= problems_min
    for text in (*spoken.problems, *spoken.headings):
        assert not _SENTENCE.search(text), text
    for text in spoken.problems:
        assert re.search(r"[\u0600-\u06ff]", text), text


@pytest.fixture
async def reader(gateway: TestGateway, visitor: Visitor) -> Visitor:
    """Signed in, and reads Urdu."""
    visitor.http.cookies.set("reelway_language", "ur")
    await visitor.sign_in((await gateway.account()).key)
    await visitor.get(_NEW)
    return visitor


@pytest.mark.parametrize(
    "change",
    [{"url": "javascript:1"}, {"url": ""}, {"name": "x" * 101}, {"type": []}, {"type": ["generation.failed"] * 2}],
)
async def test_a_refused_webhook_is_told_in_urdu(reader: Visitor, change: dict[str, str | list[str]]) -> None:
    page = await reader.post(_NEW, _GOOD | change)
    assert page.status_code == 422
    check_urdu(page, 1)


async def test_a_webhook_too_many_is_told_in_urdu(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    for number in range(ENDPOINTS_MAX):
        await endpoint(gateway, account, f"https://example.com/{number}")
    visitor.http.cookies.set("reelway_language", "ur")
    await visitor.sign_in(account.key)
    await visitor.get(_NEW)
    page = await visitor.post(_NEW, _GOOD)
    assert page.status_code == 422
    check_urdu(page, 1)


async def test_a_page_of_an_error_tells_its_problems_in_urdu(reader: Visitor) -> None:
    page = await reader.post(_NEW, _GOOD)
    path = re.search(rf"{_NEW}/whend_\w+", page.text)
    assert path is not None
    await reader.get(path[0])
    page = await reader.post(f"{path[0]}/rotate", {"hours": "25"})
    assert page.status_code == 422
    check_urdu(page, 1)
    page = await reader.get("/console/nowhere")
    assert page.status_code == 404
    check_urdu(page, 0)


async def test_a_picture_that_is_empty_is_told_in_urdu(reader: Visitor) -> None:
    page = await reader.get("/console/playground?model=kling-3-0")
    token = page.text.split('name="form_token" value="')[1].split('"')[0]
    answer = await reader.http.post(
        "/console/playground/frames",
        data={"model": "kling-3-0"},
        files={"file": ("a.png", b"", "image/png")},
        headers={"x-form-token": token},
    )
    assert answer.status_code == 422
    assert not _SENTENCE.search(answer.json()["problem"])
