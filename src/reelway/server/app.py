"""The application: every path and who serves it."""

from collections.abc import Mapping, Sequence

from starlette.responses import JSONResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from reelway.dialects.base import Dialect
from reelway.server.delivery import FileEndpoint, MediaEndpoint
from reelway.server.endpoint import PathEndpoint, UnknownPathEndpoint, by_path
from reelway.server.health import Readiness, healthz, metrics_page
from reelway.server.hooks import ProviderHookEndpoint
from reelway.server.links import FILES_PATH, HOOKS_PATH, MEDIA_PATH
from reelway.server.paths import Paths
from reelway.server.shell import Shell


def make_app(shell: Shell, dialects: Sequence[Dialect], pages: Mapping[str, ASGIApp]) -> ASGIApp:
    """The ASGI application. `pages`: by a path, who serves it and everything below."""
    paths = Paths(others=_operators_pages(shell))
    for dialect in dialects:
        unsupported = UnknownPathEndpoint(shell, dialect, "endpoint")
        for path in dialect.unsupported_paths:
            paths.add(path, unsupported)
        for path, operations in by_path(dialect.operations).items():
            endpoint = PathEndpoint(shell, dialect, operations)
            paths.add(path, endpoint)
            if dialect.takes_trailing_slash:
                paths.add(f"{path}/", endpoint)
    for dialect in dialects:
        unknown = UnknownPathEndpoint(shell, dialect)
        for prefix in dialect.prefixes:
            paths.add(prefix, unknown, unless_there=True)
            paths.add(f"{prefix}/{{rest:path}}", unknown, unless_there=True)
    paths.add(f"{MEDIA_PATH}/{{task_id}}/{{token}}/{{name}}", MediaEndpoint(shell))
    paths.add(f"{FILES_PATH}/{{file_id}}/{{token}}", FileEndpoint(shell))
    paths.add(f"{HOOKS_PATH}/{{provider}}/{{task_id}}/{{token}}", ProviderHookEndpoint(shell))
    for path, page in pages.items():
        paths.add(path, page)
        paths.add(f"{path}/{{rest:path}}", page)
    return paths


def _operators_pages(shell: Shell) -> ASGIApp:
    """Pages for those who run the gateway."""
    routes = [
        Route("/healthz", healthz),
        Route("/readyz", Readiness(shell.core).page),
        Route("/metrics", metrics_page),
    ]
    return Router(routes, redirect_slashes=False, default=JSONResponse({"error": "not found"}, 404))
