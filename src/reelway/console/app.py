"""The console as one application: every page with its checks, and the static files."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

import jinja2
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from reelway.console import assets, faults, templating
from reelway.console.forms import read_fields
from reelway.console.language import chosen, load_languages
from reelway.console.pages import (
    accounts,
    credits,
    docs,
    keys,
    overview,
    playground,
    preferences,
    providers,
    runs,
    signing,
    storyboard,
    task,
    tasks,
    webhooks,
)
from reelway.console.security import (
    FORM_FIELD,
    ConsoleError,
    FormTokenError,
    NotSignedInError,
    comes_from_us,
    cookie_names,
)
from reelway.console.surroundings import Surroundings
from reelway.console.visit import CONSOLE, DOCS, THEMES, Page, Site, Visit
from reelway.domain.errors import InternalError, MethodNotAllowedError, NotFoundError, ReelwayError, ScopeDeniedError
from reelway.gateway.sessions import come_back, new_secret
from reelway.telemetry import metrics

log = structlog.get_logger(__name__)

PAGES: Final[Sequence[Page]] = (
    *overview.PAGES,
    *playground.PAGES,
    *storyboard.PAGES,
    *runs.PAGES,
    *tasks.PAGES,
    *task.PAGES,
    *credits.PAGES,
    *keys.PAGES,
    *webhooks.PAGES,
    *providers.PAGES,
    *accounts.PAGES,
    *signing.PAGES,
    *preferences.PAGES,
    *docs.PAGES,
)
MOUNTS: Final = (CONSOLE, DOCS)
"""Every path below these is ours."""


def make_console(around: Surroundings) -> ASGIApp:
    """The ASGI application for the paths below `MOUNTS`."""
    site = make_site(around)
    routes: list[BaseRoute] = [_Endpoint(site, pages).route() for pages in _by_path(PAGES)]
    routes.append(Route(f"{CONSOLE}{assets.PATH}/{{version}}/{{name:path}}", site.assets.serve))
    missing = _Endpoint(site, (Page("", _missing, None),))
    return Router(routes, redirect_slashes=False, default=missing)


def make_site(around: Surroundings) -> Site:
    parts = urlsplit(around.base_url)
    is_https = parts.scheme == "https"
    loader = jinja2.FileSystemLoader(Path(__file__).with_name("templates"))
    return Site(
        around=around,
        languages=load_languages(),
        templates=templating.make_environment(loader),
        assets=assets.Assets(),
        cookies=cookie_names(is_https, bool(parts.path)),
        prefix=parts.path,
        is_https=is_https,
    )


def _by_path(pages: Iterable[Page]) -> list[tuple[Page, ...]]:
    """The pages of one path together, in the order of the table: literal paths before those with parameters."""
    found: dict[str, tuple[Page, ...]] = {}
    for page in pages:
        path = page.mount + page.path
        found[path] = (*found.get(path, ()), page)
    return list(found.values())


def _levels_to_page(path: str) -> int:
    """How many parts at its end a path has more than the page that can be loaded, itself or the next above it."""
    pages = {page.mount + page.path for page in PAGES if page.method == "GET"}
    levels = 0
    while path and path not in pages:
        path, levels = path.rpartition("/")[0], levels + 1
    return levels


async def _missing(_visit: Visit) -> Response:
    raise NotFoundError("page")


class _Endpoint:
    """One path: the checks in their order, the handler, and words for what went wrong."""

    def __init__(self, site: Site, pages: tuple[Page, ...]) -> None:
        self._site = site
        self._pages = {page.method: page for page in pages}
        self._path = pages[0].mount + pages[0].path
        self._above = _levels_to_page(self._path)
        self._is_shared = pages[0].is_shared

    def route(self) -> Route:
        return Route(self._path, self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        started_s = time.perf_counter()
        page = self._pages.get("GET" if request.method == "HEAD" else request.method)
        visit = self._begin(request)
        name = page.name if page is not None else "none"
        tell = docs.fault_page if self._is_shared else faults.page_of
        try:
            response = await self._serve(visit, page)
        except (ReelwayError, ConsoleError) as error:
            response = tell(visit, error)
        except Exception:  # the edge of a request
            log.exception("a page failed", page=name)
            response = tell(visit, InternalError())
        await response(scope, receive, send)
        metrics.requests.labels("console", name, response.status_code).inc()
        metrics.request_seconds.labels("console", name).observe(time.perf_counter() - started_s)

    def _begin(self, request: Request) -> Visit:
        cookies, names = request.cookies, self._site.cookies
        theme = cookies.get(names.theme, "")
        language = chosen(self._site.languages, cookies.get(names.language), request.headers.get("accept-language", ""))
        visit = Visit(self._site, request, language, theme if theme in THEMES else THEMES[0], "")
        visit.levels_to_page = self._above
        return visit

    async def _serve(self, visit: Visit, page: Page | None) -> Response:
        """The session comes first: also the page of an error is one for this very visitor, with forms that work."""
        around = self._site.around
        if not self._is_shared:
            secret = visit.request.cookies.get(self._site.cookies.session, "")
            visit.signed_in = await come_back(around.core, secret)
            self._give_form_token(visit)
        self._count(visit)
        if page is None:
            self._refuse(visit)
        if page.method != "GET" and not comes_from_us(visit.request.headers, around.base_url):
            raise FormTokenError
        if visit.signed_in is None and (page.signed_in or page.scope is not None):
            raise NotSignedInError
        if page.scope is not None and not visit.may(page.scope):
            raise ScopeDeniedError(page.scope.value)
        if page.method != "GET" and page.checks_form:
            settings = around.core.settings
            visit.form = await read_fields(visit.request, settings.console_form_bytes_max, settings.body_seconds_max)
            visit.require_form_token(visit.form.text(FORM_FIELD))
        return await page.handler(visit)

    def _refuse(self, visit: Visit) -> NoReturn:
        """Raises: MethodNotAllowedError: the console knows no such method; NotFoundError: nothing is there by it."""
        if visit.request.method in ("GET", "HEAD", "POST"):
            raise NotFoundError("page")
        raise MethodNotAllowedError(tuple(sorted({*self._pages, *(["HEAD"] if "GET" in self._pages else [])})))

    def _count(self, visit: Visit) -> None:
        """Raises: RateLimitedError"""
        client = visit.request.client
        address = self._site.around.address_key(client.host if client else "unknown")
        self._site.around.requests.count(visit.signed_in.session.account_id if visit.signed_in is not None else address)

    def _give_form_token(self, visit: Visit) -> None:
        """In a session the session's; for others one of a cookie that only our own pages are sent with."""
        if visit.signed_in is not None:
            visit.form_token = visit.signed_in.session.form_token
            return
        name = self._site.cookies.form
        visit.form_token = visit.request.cookies.get(name, "")
        if not visit.form_token:
            visit.form_token = new_secret()
            visit.keep(name, visit.form_token, is_secret=True, same_site="strict", seconds=86_400)
