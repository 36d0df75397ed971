"""Remix: a new task that begins with the first frame of a finished one."""

import asyncio
from typing import Final

from reelway.clock import new_id
from reelway.domain.ids import FileId
from reelway.domain.intents import Attachment, Caller, Remix, ReplayView, Submit, TaskView
from reelway.domain.records import IdempotencyClaim
from reelway.gateway.content import derived, live_result
from reelway.gateway.core import Core
from reelway.gateway.read import own_task
from reelway.gateway.submit import require_allowed, route_of, servers_of, submit
from reelway.net.media_derive import Picture

_FRAME_TYPE: Final = "image/jpeg"


async def remix_task(
    core: Core, caller: Caller, intent: Remix, claim: IdempotencyClaim | None
) -> TaskView | ReplayView:
    """Create the task. What can be refused is refused before a frame is decoded.

    Raises:
        NotFoundError: no such task, another account's, or deleted.
        ResultNotReadyError, ResultMissingError, ResultExpiredError: it has no video yet, never, or not any more.
        ReelwayError: what `submission_of` and `submit` raise.
    """
    source = await own_task(core, caller, intent.task_id)
    result = live_result(core, source)
    wanted = intent.submission_of(source, None)
    servers_of(core, wanted.generation, route_of(core, caller, wanted))
    await require_allowed(core, wanted)
    async with derived(core, result, Picture.FIRST_FRAME) as (path, facts):
        frame = Attachment(
            file_id=FileId(new_id("file", core.clock.now_us())),
            path=str(path),
            name=f"{source.id}.jpg",
            mime_type=_FRAME_TYPE,
            size_bytes=(await asyncio.to_thread(path.stat)).st_size,
            width=facts.width,
            height=facts.height,
        )
        return await submit(core, caller, Submit(intent.submission_of(source, frame), intent.answer_of), claim)
