"""For those who run the gateway: is it alive, is it ready, and its figures."""

import asyncio
from collections.abc import Mapping
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reelway import __version__
from reelway.domain.errors import UnavailableError
from reelway.gateway.core import Core
from reelway.net.objects import ObjectsError
from reelway.telemetry import metrics

_CHECK_S: Final = 5.0


async def healthz(_request: Request) -> Response:
    """The process answers. Says nothing of what it depends on."""
    return JSONResponse({"status": "ok", "version": __version__})


async def metrics_page(_request: Request) -> Response:
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


class Readiness:
    """`/readyz`: 200 when the database and the object storage work and we are not stopping, 503 otherwise."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def page(self, _request: Request) -> Response:
        checks = await self._checks()
        is_ready = all(state == "ok" for state in checks.values())
        body = {"status": "ready" if is_ready else "not ready", "checks": dict(checks)}
        return JSONResponse(body, 200 if is_ready else 503)

    async def _checks(self) -> Mapping[str, str]:
        database, storage = await asyncio.gather(self._database(), self._storage())
        stopping = "the gateway is stopping" if self._core.stopping.is_set() else "ok"
        return {"database": database, "storage": storage, "process": stopping}

    async def _database(self) -> str:
        try:
            async with asyncio.timeout(_CHECK_S):
                await self._core.store.queued_tasks()
        except (UnavailableError, TimeoutError) as exc:
            return str(exc) or "no answer"
        return "ok"

    async def _storage(self) -> str:
        try:
            async with asyncio.timeout(_CHECK_S):
                await self._core.objects.check()
        except (ObjectsError, TimeoutError) as exc:
            return "is full" if isinstance(exc, ObjectsError) and exc.is_full else "cannot be used"
        return "ok"
