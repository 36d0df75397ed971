"""Paths to endpoints, found by walking a tree of segments: the same time for the first path and the hundredth.

A list of patterns, as Starlette's router keeps it, is tried one by one; with four dialects the last ones would pay for
all before them.
"""

from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_REST: Final = "/{rest:path}"


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    name: str = ""
    app: ASGIApp | None = None
    below: ASGIApp | None = None
    """For every path below this node that nothing else fits."""


class Paths:
    """An ASGI application. A segment `{name}` takes any text but the empty one; a literal segment goes before it.

    `{rest:path}` as the last segment takes whatever is left, where nothing else fits. What no path fits goes to
    `others`.
    """

    def __init__(self, others: ASGIApp) -> None:
        self._root = _Node()
        self._others = others

    def add(self, path: str, app: ASGIApp, *, unless_there: bool = False) -> None:
        """`path` begins with a slash; one that ends with a slash is another path than without."""
        node, slot = self._node(path.removesuffix(_REST)), "below" if path.endswith(_REST) else "app"
        is_there = getattr(node, slot) is not None
        assert unless_there or not is_there, f"{path} stands twice"
        if not is_there:
            setattr(node, slot, app)

    def _node(self, path: str) -> _Node:
        node = self._root
        for segment in path.split("/")[1:]:
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node(name=segment[1:-1])
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        return node

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        params: dict[str, str] = {}
        app = _walk(self._root, scope["path"].split("/"), 1, params)
        if app is None:
            app = self._others
        else:
            scope["path_params"] = params
        await app(scope, receive, send)


def _walk(node: _Node, segments: list[str], at: int, params: dict[str, str]) -> ASGIApp | None:
    """The application of a path; fills `params`. Where a literal leads nowhere, the parameter beside it is tried."""
    if at == len(segments):
        return node.app
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None:
        app = _walk(literal, segments, at + 1, params)
        if app is not None:
            return app
    if node.parameter is not None and segment:
        app = _walk(node.parameter, segments, at + 1, params)
        if app is not None:
            params[node.parameter.name] = segment
            return app
    return node.below
