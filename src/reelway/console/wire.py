"""The dialects as the console uses them: to check what a form says by the server's own rules, and to show a task."""

import json
from collections.abc import Mapping
from typing import Any, Final

from reelway.console.visit import Visit
from reelway.dialects.base import Dialect, Operation, WireRequest
from reelway.domain.intents import Intent, TaskView
from reelway.domain.task import Task

MAIN: Final = "rivya"
"""The dialect whose rules the console's own forms follow: the one that has webhooks, quotes and problems by field."""


def dialect_named(visit: Visit, name: str) -> Dialect | None:
    return next((dialect for dialect in visit.site.around.dialects if dialect.name == name), None)


def intent_of(
    visit: Visit, operation: str, path: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
) -> Intent:
    """What a request of the main dialect would ask for.

    Raises:
        ReelwayError: what the dialect says of the request; of wrong values a `ValidationFailedError` with all problems.
    """
    dialect = dialect_named(visit, MAIN)
    assert dialect is not None, "the console needs the dialect whose rules its forms follow"
    found = next(each for each in dialect.operations if each.name == operation)
    return found.parse(WireRequest(path or {}, {}, {}, body), visit.site.around.parsing)


def shown_in(visit: Visit, task: Task) -> tuple[tuple[Dialect, str], ...]:
    """How each dialect shows the task: the body of its answer, laid out to be read."""
    context = visit.render_context()
    found = []
    for dialect in visit.site.around.dialects:
        operation = _reading(dialect, task)
        if operation is not None:
            found.append((dialect, pretty(operation.render(TaskView(task), context).body)))
    return tuple(found)


def _reading(dialect: Dialect, task: Task) -> Operation | None:
    """The operation that reads one task; a dialect may have one for each product."""
    product = f"read_{task.product.value.replace('-to-', '2')}"
    return next((each for each in dialect.operations if each.name in ("read", "status", product)), None)


def pretty(body: bytes) -> str:
    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
