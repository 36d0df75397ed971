"""The gateway under test with one remote provider, configured by a file as an operator would write it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from providers.second import KEY, PATIENCE_S
from reelway.domain.ids import TaskId
from reelway.domain.task import State, Task
from reelway.net.guard import Guard
from reelway.wiring import Parts
from support.gateway import TestGateway, running_gateway

MODELS = 'models = { "kling-3-0" = "kling-3-0", "kling-v2-5-turbo-pro" = "kling-v2-5-turbo-pro" }'
EVERYTHING = 'takes = ["last_frame", "negative_prompt", "cfg_scale", "sound", "multi_shots"]'
OPTIONS = {
    "rivya": ("rivya", ["idempotent = true", "can_cancel = true"]),
    "apixo": ("apixo", ["idempotent = true"]),
    "openai multipart": ("openai_videos", ["idempotent = true", "can_cancel = true", MODELS, EVERYTHING]),
    "openai json": ("openai_videos", ["idempotent = true", "can_cancel = true", 'form = "json"', MODELS, EVERYTHING]),
}
"""Each dialect of a Reelway, with all that it offers as a provider."""
VARIABLE = "UPSTREAM_KEY"


def configured(folder: Path, kind: str, url: str, *options: str) -> Path:
    """A file with one provider, as an operator would write it."""
    lines = [
        "[[providers]]",
        'name = "upstream"',
        f'kind = "{kind}"',
        f'base_url = "{url}"',
        f'api_key_env = "{VARIABLE}"',
        "allow_private = true",
        "poll_seconds = 0.2",
        "requests_per_second_max = 1000",
        *options,
    ]
    path = folder / "reelway.toml"
    path.write_text("\n".join(lines))
    return path


@asynccontextmanager
async def front_of(
    folder: Path, config_file: Path, guard: Guard | None = None, key: str = KEY, **changes: Any
) -> AsyncIterator[TestGateway]:
    """A gateway whose only providers are those of the file."""
    parts = Parts() if guard is None else Parts(guard=guard)
    given = {"config_file": config_file, "animatic_enabled": False, "database_threads": 1} | changes
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = key
    try:
        async with running_gateway(folder, scripted=False, parts=parts, **given) as gateway:
            yield gateway
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


async def until(gateway: TestGateway, task_id: TaskId, is_there: Callable[[Task], bool], step_s: float = 0.05) -> Task:
    """Let time pass here as the second Reelway works, until the task is as wanted."""
    ends_at = time.monotonic() + PATIENCE_S
    while not is_there(task := await gateway.task(task_id)):
        assert not task.is_final, f"ended as {task.state}: {task.failure_code} {task.failure_reason}"
        assert time.monotonic() < ends_at, f"{task.state} {task.failure_reason}"
        if not gateway.is_at_work:
            gateway.clock.advance(step_s)
        await asyncio.sleep(0.02)
    return task


async def ended(gateway: TestGateway, task_id: TaskId, step_s: float = 0.05) -> Task:
    return await until(gateway, task_id, lambda task: task.is_final, step_s)


async def running(gateway: TestGateway, task_id: TaskId) -> Task:
    return await until(gateway, task_id, lambda task: task.state is State.RUNNING)
