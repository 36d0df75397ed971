"""A browser without scripts, as bytes: cookies, forms with their tokens, links; for what needs no real one."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape

import httpx

_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass(slots=True)
class Visitor:
    """`page` is the last answer."""

    http: httpx.AsyncClient
    page: httpx.Response | None = None

    @property
    def text(self) -> str:
        assert self.page is not None
        return unescape(self.page.text)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        self.page = await self.http.get(path, headers=headers, follow_redirects=True)
        return self.page

    async def post(self, path: str, fields: Mapping[str, str | list[str]] | None = None) -> httpx.Response:
        """With the token of the page that was last looked at, as a form on it would."""
        assert self.page is not None, "a form stands on a page"
        found = _TOKEN.search(self.page.text)
        assert found is not None, "the page has no form"
        data = {"form_token": found[1]} | dict(fields or {})
        headers = {"origin": str(self.http.base_url).rstrip("/")}
        self.page = await self.http.post(path, data=data, headers=headers, follow_redirects=True)
        return self.page

    async def sign_in(self, key: str) -> httpx.Response:
        await self.get("/console/sign-in")
        return await self.post("/console/sign-in", {"key": key})


@asynccontextmanager
async def visiting(base_url: str) -> AsyncIterator[Visitor]:
    async with httpx.AsyncClient(base_url=base_url, timeout=60, trust_env=False) as http:
        yield Visitor(http)
