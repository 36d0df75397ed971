"""What a video shows of its request: also of a task that another dialect made. Source: contract 6.1, 6.3 and 8.1."""

import json
from functools import lru_cache
from typing import Final

from reelway.dialects.openai_videos.models import size_of
from reelway.domain.generation import Generation
from reelway.domain.task import Task
from reelway.wire import strict_json

NAME: Final = "openai_videos"


@lru_cache(maxsize=64)
def kept_wire(size: str) -> str:
    """What is kept on a task to show it again: the size as the caller wrote it, of which two may mean the same."""
    return strict_json.encode({"size": size}).decode()


def size_wanted(task: Task, generation: Generation) -> str:
    """The requested size, or the one that stands for what another dialect asked for."""
    if task.dialect != NAME or task.wire is None:
        return size_of(generation)
    return str(json.loads(task.wire)["size"])


def model_of(task: Task) -> str:
    """The name that the caller sent; the catalogue's id of a task that another dialect made."""
    return task.wire_model if task.dialect == NAME else task.model
