"""Reference media that were fetched for a task: kept until it ends, then deleted by whoever ended it."""

import structlog

from reelway.domain.task import Task, input_objects
from reelway.net.objects import Objects, ObjectsError

log = structlog.get_logger(__name__)


async def drop_inputs(objects: Objects, task: Task) -> None:
    """The task has ended. What cannot be deleted now is found by the sweep."""
    try:
        await objects.delete(input_objects(task))
    except ObjectsError as exc:
        log.warning("inputs could not be deleted", task=task.id, reason=str(exc))
