"""Finding an endpoint by its path."""

from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from reelway.server.paths import Paths

pytestmark = pytest.mark.anyio

PATHS = [
    *("/a", "/a/", "/a/{id}", "/a/{id}/b", "/a/quote", "/a/{id}/{name}/c", "/x/{model}", "/"),
    *("/y/{rest:path}", "/y/z", "/y/{id}/b"),
]


def app_named(name: str) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["found"] = name

    return app


async def found(path: str) -> tuple[str, dict[str, str]]:
    paths = Paths(others=app_named("others"))
    for known in PATHS:
        paths.add(known, app_named(known))
    scope: dict[str, Any] = {"path": path, "path_params": {}}

    async def never() -> Any:
        raise AssertionError

    await paths(scope, never, never)  # type: ignore[arg-type]
    return scope["found"], scope["path_params"]


@pytest.mark.parametrize(
    ("path", "expected", "params"),
    [
        ("/a", "/a", {}),
        ("/a/", "/a/", {}),
        ("/", "/", {}),
        ("/a/7", "/a/{id}", {"id": "7"}),
        ("/a/quote", "/a/quote", {}),
        ("/a/quote/b", "/a/{id}/b", {"id": "quote"}),
        ("/a/7/b", "/a/{id}/b", {"id": "7"}),
        ("/a/7/b/c", "/a/{id}/{name}/c", {"id": "7", "name": "b"}),
        ("/x/ایک", "/x/{model}", {"model": "ایک"}),
        ("/y/z", "/y/z", {}),
        ("/y/7/b", "/y/{id}/b", {"id": "7"}),
        ("/y/7/c", "/y/{rest:path}", {}),
        ("/y/", "/y/{rest:path}", {}),
        ("/y//b", "/y/{rest:path}", {}),
        ("/y", "others", {}),
        ("/a//b", "others", {}),
        ("/a/7/", "others", {}),
        ("/x/", "others", {}),
        ("/x", "others", {}),
        ("/A", "others", {}),
        ("//a", "others", {}),
        ("", "others", {}),
        ("/a/7/b/c/d", "others", {}),
    ],
)
async def test_a_path_leads_to_its_endpoint(path: str, expected: str, params: dict[str, str]) -> None:
    assert await found(path) == (expected, params)


def test_a_path_that_stands_twice_is_our_mistake() -> None:
    paths = Paths(others=app_named("others"))
    paths.add("/a/{id}", app_named("one"))
    with pytest.raises(AssertionError):
        paths.add("/a/{other}", app_named("two"))
