"""Everything that is served over HTTP, put together: the dialects, results and files, and the console beside them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from reelway.clock import new_id
from reelway.console.app import MOUNTS, make_console
from reelway.console.surroundings import Surroundings
from reelway.dialects.base import Dialect, Form
from reelway.gateway.sessions import Tickets
from reelway.server.app import make_app
from reelway.server.exchange import Exchange
from reelway.server.limits import RequestLimiter, address_key
from reelway.server.shell import Shell, run_seconds
from reelway.settings import Settings

_DRAIN_S: Final = 10
"""Time for answers under way when the server stops; long polls and streams end at once."""
BACKLOG: Final = 2_048


def make_front(shell: Shell, dialects: Sequence[Dialect], base_url: str, tickets: Tickets) -> ASGIApp:
    """The ASGI application. `tickets` are those of the console's one-time links."""
    if not shell.core.settings.console_enabled:
        return make_app(shell, dialects, {})
    console = make_console(_surroundings(shell, dialects, base_url, tickets))
    return make_app(shell, dialects, dict.fromkeys(MOUNTS, console))


def _surroundings(shell: Shell, dialects: Sequence[Dialect], base_url: str, tickets: Tickets) -> Surroundings:
    core = shell.core

    def read_multipart(
        scope: Scope, receive: Receive, send: Send, file_bytes_max: Callable[[Mapping[str, str]], int]
    ) -> AbstractAsyncContextManager[Form]:
        exchange = Exchange.begin(scope, receive, send, new_id("req", core.clock.now_us()))
        return shell.read_form(exchange, file_bytes_max)

    return Surroundings(
        core=core,
        dialects=dialects,
        links=shell.links,
        base_url=base_url,
        requests=shell.limiter,
        sign_ins=RequestLimiter(core.clock, core.settings.console_sign_ins_per_minute_max),
        address_key=address_key,
        read_multipart=read_multipart,
        parsing=shell.plain_context,
        run_s=lambda generation: run_seconds(core.offers, generation),
        tickets=tickets,
    )


class HttpServer(uvicorn.Server):
    """uvicorn without signal handlers of its own: the gateway decides when to stop, and in which order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_server(app: ASGIApp, settings: Settings) -> HttpServer:
    return HttpServer(
        uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            backlog=BACKLOG,
            timeout_graceful_shutdown=_DRAIN_S,
        )
    )
