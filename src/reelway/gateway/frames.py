"""Frames: a picture out of a finished video becomes a file of its owner, so that the next video can begin with it."""

import asyncio
from typing import Final

from reelway.clock import new_id
from reelway.domain.ids import FileId, TaskId
from reelway.domain.intents import Attachment, Caller, FileView
from reelway.gateway import upload
from reelway.gateway.content import derived, live_result
from reelway.gateway.core import Core
from reelway.gateway.read import own_task
from reelway.net.media_derive import Picture

_FRAME_TYPE: Final = "image/jpeg"


async def keep_last_frame(core: Core, caller: Caller, task_id: TaskId) -> FileView:
    """The last frame of a video, in full size.

    Raises:
        NotFoundError: no such task, another account's, or deleted.
        ResultNotReadyError, ResultMissingError, ResultExpiredError: it has no video yet, never, or not any more.
        UnavailableError: the frame cannot be made or kept at present.
    """
    task = await own_task(core, caller, task_id)
    result = live_result(core, task)
    async with derived(core, result, Picture.LAST_FRAME) as (path, facts):
        frame = Attachment(
            file_id=FileId(new_id("file", core.clock.now_us())),
            path=str(path),
            name=f"{task.id}-last.jpg",
            mime_type=_FRAME_TYPE,
            size_bytes=(await asyncio.to_thread(path.stat)).st_size,
            width=facts.width,
            height=facts.height,
        )
        return FileView(await upload.keep(core, caller, frame), is_new=True)
