"""Content: the bytes of a finished video, and small pictures of it, made when they are first asked for.

A picture is kept beside the video, under a name that deletion and retention know. Whoever makes it writes the whole
object under its name at once, so a crash leaves no half picture, and two who make the same write the same.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import structlog

from reelway.clock import new_id
from reelway.domain.decide import result_of
from reelway.domain.errors import (
    NotFoundError,
    ResultExpiredError,
    ResultMissingError,
    ResultNotReadyError,
    UnavailableError,
)
from reelway.domain.intents import Caller, ContentView, ReadContent, Variant
from reelway.domain.task import StoredResult, Task, result_object
from reelway.gateway.core import Core
from reelway.gateway.read import own_task
from reelway.net.media_derive import Picture, PictureFacts, make_picture
from reelway.net.objects import ObjectMissingError, ObjectsError

log = structlog.get_logger(__name__)

PICTURES_FOLDER: Final = "pictures"
"""Below DATA_DIR: where pictures, and videos that lie in no local folder, are while a picture is made."""
FRAME_BYTES_MAX: Final = 10 * 1024 * 1024
"""What a first frame may have, as any input image. Source: seeds 000 to 002."""
_PICTURE_BYTES_MAX: Final = 16 * 1024 * 1024
_VIDEO_TYPE: Final = "video/mp4"


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a picture is made, sent and kept."""

    picture: Picture
    object_name: str
    media_type: str
    ending: str


_KINDS: Final = {
    Variant.THUMBNAIL: _Kind(Picture.THUMBNAIL, "thumbnail.webp", "image/webp", "webp"),
    Variant.SPRITESHEET: _Kind(Picture.SPRITESHEET, "spritesheet.jpg", "image/jpeg", "jpg"),
}

_making: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
"""One lock for each picture that somebody waits for: the second of two requests finds what the first one made."""


async def read_content(core: Core, caller: Caller, intent: ReadContent) -> ContentView:
    """What is to be sent.

    Raises:
        NotFoundError: no such task, another account's, or deleted.
        ResultNotReadyError, ResultMissingError, ResultExpiredError: it has no video yet, never, or not any more.
        UnavailableError: the storage is away, or the picture cannot be made at present.
    """
    task = await own_task(core, caller, intent.task_id)
    result = live_result(core, task)
    if intent.variant is Variant.VIDEO:
        return ContentView(task, _VIDEO_TYPE, f"{task.id}.mp4", result.sha256, object_name=result.video_object)
    kind = _KINDS[intent.variant]
    data = await _picture(core, caller, task, result, kind)
    sha256 = hashlib.sha256(data).hexdigest()
    return ContentView(task, kind.media_type, f"{task.id}.{kind.ending}", sha256, data=data)


def live_result(core: Core, task: Task) -> StoredResult:
    """The task's result while its time is not over.

    Raises:
        ResultNotReadyError, ResultMissingError, ResultExpiredError
    """
    if not task.is_final:
        raise ResultNotReadyError
    result = result_of(task)
    if result is None or task.result_expires_at_us is None:
        raise ResultMissingError
    if core.clock.now_us() >= task.result_expires_at_us:
        raise ResultExpiredError
    return result


async def _picture(core: Core, caller: Caller, task: Task, result: StoredResult, kind: _Kind) -> bytes:
    """The picture as it is kept, or made now."""
    name = result_object(task.id, kind.object_name)
    kept = await _kept(core, name)
    if kept is not None:
        return kept
    lock = _making.setdefault(name, asyncio.Lock())
    async with lock:
        kept = await _kept(core, name)
        if kept is not None:
            return kept
        async with derived(core, result, kind.picture) as (path, _):
            data = await asyncio.to_thread(path.read_bytes)
            try:
                await core.objects.put_file(name, path, kind.media_type)
            except ObjectsError as exc:
                # It can be sent all the same; the next request makes it again.
                log.warning("a picture could not be kept", task=task.id, reason=str(exc))
                return data
        await _drop_if_gone(core, caller, task, name)
        return data


async def _kept(core: Core, name: str) -> bytes | None:
    """The object, None where there is none. Raises: UnavailableError: the storage cannot be read."""
    try:
        info = await core.objects.head(name)
        assert info.size_bytes <= _PICTURE_BYTES_MAX, f"{name} is no picture of ours"
        return b"".join([piece async for piece in core.objects.stream(name, 0, info.size_bytes)])
    except ObjectMissingError:
        return None
    except ObjectsError as exc:
        raise UnavailableError("the storage cannot be read") from exc


async def _drop_if_gone(core: Core, caller: Caller, task: Task, name: str) -> None:
    """Delete a picture whose video was deleted or expired while it was made: what deleted those has passed already.

    Raises:
        NotFoundError, ResultExpiredError
    """
    try:
        live_result(core, await own_task(core, caller, task.id))
    except (NotFoundError, ResultExpiredError):
        try:
            await core.objects.delete((name,))
        except ObjectsError as exc:
            log.warning("a picture of a deleted video could not be deleted", task=task.id, reason=str(exc))
        raise


@asynccontextmanager
async def derived(core: Core, result: StoredResult, picture: Picture) -> AsyncIterator[tuple[Path, PictureFacts]]:
    """A picture of a kept video in a local file, which is there while the context is open.

    Raises:
        ResultExpiredError: the video is gone.
        UnavailableError: the storage cannot be read, or the picture cannot be made at present.
    """
    folder = core.settings.data_dir / PICTURES_FOLDER
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    stem = new_id("picture", core.clock.now_us())
    target, copy = folder / stem, folder / f"{stem}.mp4"
    try:
        async with core.probes:
            video = await _local_video(core, result, copy)
            facts = await make_picture(picture, video, target, core.media_limits, FRAME_BYTES_MAX)
        if not isinstance(facts, PictureFacts):
            if not await asyncio.to_thread(video.exists):
                raise ResultExpiredError
            log.error("no picture could be made of a kept video", object=result.video_object, problem=facts.value)
            raise UnavailableError("the picture cannot be made")
        yield target, facts
    finally:
        target.unlink(missing_ok=True)
        copy.unlink(missing_ok=True)


async def _local_video(core: Core, result: StoredResult, copy: Path) -> Path:
    """The video in a local file: where it is kept, or copied to `copy`."""
    try:
        path = core.objects.local_path(result.video_object)
        if path is not None:
            await core.objects.head(result.video_object)
            return path
        await core.objects.copy_to(result.video_object, copy)
    except ObjectMissingError as exc:
        raise ResultExpiredError from exc
    except ObjectsError as exc:
        raise UnavailableError("the storage cannot be read") from exc
    return copy
