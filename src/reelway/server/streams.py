"""Server-sent events: a task's changes as they happen. Source: Rivya contract, section 12.4."""

import asyncio
from contextlib import aclosing
from typing import Final

from starlette.types import Receive

from reelway.domain.intents import WatchTask
from reelway.gateway.read import open_stream, own_task, watch_task
from reelway.server.shell import Shell, Visit, task_headers

RETRY: Final = b"retry: 3000\n\n"
KEEP_ALIVE: Final = b": keep-alive\n\n"


async def stream_events(shell: Shell, visit: Visit, intent: WatchTask) -> None:
    """Answer with the stream; ends with the task, after a while, or when the caller goes away.

    Raises:
        NotFoundError, UnavailableError: before anything was sent.
    """
    assert visit.caller is not None
    with open_stream(shell.core):
        task = await own_task(shell.core, visit.caller, intent.task_id)
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), *shell.headers(visit), *task_headers(task)]
        visit.status = 200
        await visit.exchange.send({"type": "http.response.start", "status": 200, "headers": headers})
        if visit.exchange.method == "HEAD":
            await visit.exchange.send({"type": "http.response.body", "body": b""})
            return
        pump = asyncio.create_task(_pump(shell, visit, intent))
        gone = asyncio.create_task(_until_gone(visit.exchange.receive))
        try:
            await asyncio.wait((pump, gone), return_when=asyncio.FIRST_COMPLETED)
            if pump.done():
                pump.result()
        finally:
            pump.cancel()
            gone.cancel()
            await asyncio.gather(pump, gone, return_exceptions=True)


async def _pump(shell: Shell, visit: Visit, intent: WatchTask) -> None:
    """Send each change until there is none left."""
    render_event = visit.dialect.render_event
    assert visit.caller is not None
    assert render_event is not None, "a dialect without events has no operation that streams them"
    send = visit.exchange.send
    context = shell.render_context(visit)
    await send({"type": "http.response.body", "body": RETRY, "more_body": True})
    async with aclosing(watch_task(shell.core, visit.caller, intent)) as changes:
        async for task in changes:
            piece = KEEP_ALIVE if task is None else render_event(task, context)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
