"""Understanding: how the built-in engine read a request, kept beside the video that it made."""

import json
from collections.abc import Mapping
from typing import Any, Final

from reelway.domain.errors import NotFoundError, UnavailableError
from reelway.domain.intents import Caller, ReadUnderstanding, UnderstandingView
from reelway.domain.task import State, Task, result_object
from reelway.gateway.core import Core
from reelway.gateway.read import own_task
from reelway.net.objects import ObjectMissingError, ObjectsError

_NAME: Final = "animatic.json"
_BYTES_MAX: Final = 4 << 20


async def read_understanding(core: Core, caller: Caller, intent: ReadUnderstanding) -> UnderstandingView:
    """How a task's request was understood.

    Raises:
        NotFoundError: no such task, another account's or deleted; or it has not been made, or by somebody else, or its
            result's time is over.
        UnavailableError: the storage cannot be read.
    """
    task = await own_task(core, caller, intent.task_id)
    content = await understanding_of(core, task)
    if content is None:
        raise NotFoundError("animatic")
    return UnderstandingView(task, content)


async def understanding_of(core: Core, task: Task) -> Mapping[str, Any] | None:
    """How the engine understood a task; None where it did not make it, or its result's time is over.

    Raises:
        UnavailableError: the storage cannot be read.
    """
    expires_at_us = task.result_expires_at_us
    if task.state is not State.SUCCEEDED or expires_at_us is None or core.clock.now_us() >= expires_at_us:
        return None
    name = result_object(task.id, _NAME)
    try:
        info = await core.objects.head(name)
        assert info.size_bytes <= _BYTES_MAX, f"{name} is not of our making"
        data = b"".join([piece async for piece in core.objects.stream(name, 0, info.size_bytes)])
    except ObjectMissingError:
        return None
    except ObjectsError as exc:
        raise UnavailableError("the storage cannot be read") from exc
    content: Mapping[str, Any] = json.loads(data)
    return content
