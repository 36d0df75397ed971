"""One request of a browser: who is there, in which language, and how an answer is made for them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import Response

from reelway.clock import new_id
from reelway.console.assets import Assets
from reelway.console.forms import Fields, fields_of
from reelway.console.language import Language
from reelway.console.navigation import ITEMS, Item
from reelway.console.problem_words import worded
from reelway.console.security import FORM_HEADER, HEADERS, CookieNames, FormTokenError, is_same
from reelway.console.surroundings import Surroundings
from reelway.dialects.base import RenderContext
from reelway.domain.errors import MalformedBodyError
from reelway.domain.intents import Caller
from reelway.domain.records import Scope
from reelway.gateway.core import Core
from reelway.gateway.sessions import SignedIn

CONSOLE: Final = "/console"
DOCS: Final = "/docs"
THEMES: Final = ("system", "light", "dark")
_YEAR_S: Final = 365 * 86_400
_HTML: Final = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """One path of the console. `path` is Starlette's pattern below `mount`, and may have `{name}` in it.

    `scope`: what the session must be allowed; None: nothing, and without `signed_in` nobody has to be there.
    `checks_form` False: the handler reads the body itself, and calls `Visit.require_form_token` with the token in it.
    `is_shared`: the page is the same for everybody, so no session is looked up and no cookie is set.
    """

    path: str
    handler: "Handler"
    scope: Scope | None
    method: str = "GET"
    mount: str = CONSOLE
    checks_form: bool = True
    signed_in: bool = False
    is_shared: bool = False

    @property
    def name(self) -> str:
        return self.handler.__name__


@dataclass(frozen=True, slots=True)
class Site:
    """What all visits share. `prefix`: the path of the public base URL, under which a proxy serves us; mostly empty.

    `kept` has answers that are the same for everybody, made once: see `pages/docs.py`, which bounds their number.
    """

    around: Surroundings
    languages: Mapping[str, Language]
    templates: jinja2.Environment
    assets: Assets
    cookies: CookieNames
    prefix: str
    is_https: bool
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Visit:
    """`form` has the fields of a POST. `here` is the path that the browser asked for, with its query.

    `levels_to_page`: how many parts at its end the path has more than a page that can be loaded again.
    """

    site: Site
    request: Request
    language: Language
    theme: str
    form_token: str
    signed_in: SignedIn | None = None
    form: Fields = field(default_factory=Fields)
    levels_to_page: int = 0
    _cookies: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    # --- who and what -------------------------------------------------------------------------------------------------

    @property
    def core(self) -> Core:
        return self.site.around.core

    @property
    def caller(self) -> Caller:
        """Who is signed in; for pages with a scope."""
        assert self.signed_in is not None, "a page without a scope may have no caller"
        return self.signed_in.caller

    @property
    def is_operator(self) -> bool:
        return self.signed_in is not None and self.signed_in.is_operator

    def may(self, scope: Scope) -> bool:
        return self.signed_in is not None and scope in self.signed_in.caller.scopes

    @property
    def may_create(self) -> bool:
        return self.may(Scope.GENERATIONS_CREATE)

    @property
    def query(self) -> Fields:
        """The fields of the address; none where it cannot be read."""
        try:
            return fields_of(self.request.url.query)
        except MalformedBodyError:
            return Fields()

    @property
    def navigation(self) -> tuple[Item, ...]:
        if self.signed_in is None:
            return ()
        return tuple(item for item in ITEMS if item.scope is None or self.may(item.scope))

    def is_in(self, item: Item) -> bool:
        return item.holds(self.request.url.path)

    @property
    def notice(self) -> str:
        """What has just been done, by the name of its text; nothing where the address names no text of ours."""
        name = self.query.text("notice")
        return name if self.language.has(f"notice.{name}") else ""

    def part(self, name: str) -> str:
        """A part of the path that the page's pattern names."""
        return str(self.request.path_params[name])

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a piece of the page, not for a whole one."""
        return "hx-request" in self.request.headers and "hx-boosted" not in self.request.headers

    @property
    def here(self) -> str:
        url = self.request.url
        return self.site.prefix + url.path + (f"?{url.query}" if url.query else "")

    @property
    def back(self) -> str:
        """Where a form on this page leads back to: the page itself, or the next above that can be loaded."""
        if not self.levels_to_page:
            return self.here
        return self.site.prefix + "/".join(self.request.url.path.split("/")[: -self.levels_to_page])

    def require_form_token(self, given: str) -> None:
        """Raises: FormTokenError: neither the form nor the header of a script has the token of this session."""
        if not is_same(self.form_token, given or self.request.headers.get(FORM_HEADER, "")):
            raise FormTokenError

    def render_context(self) -> RenderContext:
        """For words of a dialect: how a task looks there."""
        around = self.site.around
        return RenderContext(
            catalog=around.core.catalog,
            links=around.links,
            request_id=new_id("req", around.core.clock.now_us()),
            spec=bytes,
            run_s=around.run_s,
        )

    def worded(self, message: str) -> str:
        """What a dialect says of a wrong value, in the visitor's language."""
        return worded(self.language, message)

    # --- addresses ----------------------------------------------------------------------------------------------------

    def path(self, path: str, **query: object) -> str:
        """An address of ours, `/console/tasks`; of the query what is empty or None is left out."""
        kept = {name: value for name, value in query.items() if value not in (None, "")}
        return self.site.prefix + path + (f"?{urlencode(kept)}" if kept else "")

    def asset(self, name: str) -> str:
        return self.site.prefix + CONSOLE + self.site.assets.path(name)

    def own(self, url: str) -> str:
        """An address that the gateway gives out (a video's), without its host: the browser may know us by another."""
        parts = urlsplit(url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    # --- answers ------------------------------------------------------------------------------------------------------

    def render(self, template: str, status: int = 200, **values: object) -> Response:
        """A page, or a piece of one. Templates see `visit`, `t` and `tn` beside the values."""
        return self.answer(Response(self.piece(template, **values), status, media_type=_HTML))

    def piece(self, template: str, **values: object) -> str:
        """The text of a template, for an answer that is made of several."""
        language = self.language
        found = self.site.templates.get_template(template)
        return found.render(visit=self, t=language.text, tn=language.count, lang=language, **values)

    def redirect(self, path: str, **query: object) -> Response:
        """Go on to another page of ours; `notice` in the query names a text `notice.<name>` that it shows."""
        return self.redirect_here(self.path(path, **query))

    def redirect_here(self, target: str) -> Response:
        """Go on to an address that is complete, prefix and query."""
        if self.is_fragment:
            return self.answer(Response(status_code=204, headers={"hx-redirect": target}))
        return self.answer(Response(status_code=303, headers={"location": target}))

    def answer(self, response: Response) -> Response:
        """The response with the headers and cookies that every answer carries."""
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("cache-control", "no-store")
        for name, value, options in self._cookies:
            response.set_cookie(name, value, **options)
        self._cookies.clear()
        return response

    # --- cookies ------------------------------------------------------------------------------------------------------

    def keep(self, name: str, value: str, *, is_secret: bool, same_site: str = "lax", seconds: int = _YEAR_S) -> None:
        """Set a cookie with the answer. `is_secret`: no script may read it. No seconds: it is deleted."""
        # A name that begins with `__Host-` is only taken with the path `/`.
        path = "/" if name.startswith("__Host-") else f"{self.site.prefix}/"
        options = {"max_age": seconds, "path": path, "secure": self.site.is_https, "httponly": is_secret}
        self._cookies.append((name, value, options | {"samesite": same_site}))

    def drop(self, name: str) -> None:
        self.keep(name, "", is_secret=True, seconds=0)


Handler = Callable[[Visit], Awaitable[Response]]
