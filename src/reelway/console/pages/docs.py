"""The public contract pages below /docs, and each dialect's OpenAPI document. Nobody need be signed in.

A page is the same for everybody who reads it in the same language and look, so each is made once and kept.
"""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from reelway.console import faults
from reelway.console.contracts import guides, models
from reelway.console.contracts.blocks import Words
from reelway.console.language import CODES
from reelway.console.security import ConsoleError
from reelway.console.visit import DOCS, Page, Visit
from reelway.domain.errors import NotFoundError, ReelwayError

_JSON: Final = "application/json"
_HTML: Final = "text/html; charset=utf-8"
_KEPT_MAX: Final = 1_000
"""Answers that are kept; with the built-in cards there are fewer than a hundred."""
GUIDES: Final = (("start", "guide.start"), ("webhooks", "guide.webhooks"), ("sandbox", "guide.sandbox"))
"""The last part of a guide's address, and the text that is its title."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer as it is sent, plain and packed."""

    content: bytes
    packed: bytes
    media_type: str
    tag: str


def _answer(visit: Visit, key: str, media_type: str, make: Callable[[], bytes]) -> Response:
    """What `make` gives, made once and kept; browsers and proxies may keep it for a few minutes."""
    kept = visit.site.kept.get(key)
    if kept is None:
        content = make()
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        kept = _Kept(content, gzip.compress(content, 6, mtime=0), media_type, tag)
        if len(visit.site.kept) < _KEPT_MAX:
            visit.site.kept[key] = kept
    headers = {
        "cache-control": "public, max-age=300",
        "vary": "cookie, accept-language, accept-encoding",
        "etag": kept.tag,
    }
    asked = visit.request.headers
    if kept.tag in asked.get("if-none-match", ""):
        return visit.answer(Response(status_code=304, headers=headers))
    if "gzip" in asked.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return visit.answer(Response(kept.packed, headers=headers, media_type=kept.media_type))
    return visit.answer(Response(kept.content, headers=headers, media_type=kept.media_type))


def _page(visit: Visit, here: str, template: str, values: Callable[[Words], dict[str, Any]]) -> Response:
    """A page at the address `here`. A language in the query goes before what the browser asks for."""
    frame = _frame(visit, here)
    asked = frame["asked"]

    def make() -> bytes:
        words = Words(visit.language, visit.site.languages[CODES[0]])
        return bytes(visit.render(template, **frame, **values(words)).body)

    return _answer(visit, f"{here} {visit.language.code} {visit.theme} {asked}", _HTML, make)


def _frame(visit: Visit, here: str) -> dict[str, Any]:
    """What is around every page; the visit goes on in the language of the query."""
    languages = visit.site.languages
    asked = visit.query.text("lang")
    asked = asked if asked in languages else ""
    visit.language = languages.get(asked, visit.language)
    return {"here": here, "asked": asked, "guides": GUIDES, "cards": tuple(visit.core.catalog)}


def fault_page(visit: Visit, error: ReelwayError | ConsoleError) -> Response:
    """The page of an error: it has no form, so it sets no cookie either."""
    return faults.page_of(visit, error, "docs_fault.html", **_frame(visit, visit.request.url.path))


async def docs_elsewhere(visit: Visit) -> Response:
    """A path with a slash too many leads to the page; there is nothing else. Raises: NotFoundError"""
    path = f"{DOCS}/{visit.part('path').rstrip('/')}"
    if not path.isascii() or not path.isprintable() or not visit.part("path").endswith("/"):
        raise NotFoundError("page")
    return visit.redirect(path, lang=visit.query.text("lang"))


async def docs_index(visit: Visit) -> Response:
    """Every guide, every model, every OpenAPI document."""
    around = visit.site.around
    return _page(visit, DOCS, "docs_index.html", lambda _: models.index_values(around.core, around.dialects))


async def docs_model(visit: Visit) -> Response:
    around = visit.site.around
    card = around.core.catalog.get(visit.part("model"))
    if card is None:
        raise NotFoundError("page")
    values = lambda words: models.model_values(around.core, around.dialects, around.base_url, card, words)  # noqa: E731
    return _page(visit, f"{DOCS}/models/{card.id}", "docs_model.html", values)


async def docs_guide(visit: Visit) -> Response:
    name = visit.part("guide")
    if name not in dict(GUIDES):
        raise NotFoundError("page")
    around = visit.site.around

    def values(words: Words) -> dict[str, Any]:
        return {"guide": guides.make(name, models.ground(around.core, around.base_url, words))}

    return _page(visit, f"{DOCS}/{name}", "docs_guide.html", values)


async def docs_openapi(visit: Visit) -> Response:
    """The OpenAPI document of a dialect that is served."""
    name = visit.part("dialect")
    make = next((found.make_spec for found in visit.site.around.dialects if found.name == name), None)
    if make is None:
        raise NotFoundError("page")
    return _answer(visit, f"openapi {name}", _JSON, lambda: make(visit.core.catalog))


PAGES: Final = tuple(
    Page(path, handler, None, mount=DOCS, is_shared=True)
    for path, handler in (
        ("", docs_index),
        ("/", docs_index),
        ("/openapi/{dialect}.json", docs_openapi),
        ("/models/{model}", docs_model),
        ("/{guide}", docs_guide),
        ("/{path:path}", docs_elsewhere),
    )
)
