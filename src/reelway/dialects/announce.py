"""What callers are told of a task that has moved on, rendered in the moment of the change.

Webhook endpoints are told in the one dialect that words webhooks, a task's own callback in the dialect of the task.
"""

from collections.abc import Sequence

from reelway.dialects.base import Dialect, RenderContext
from reelway.domain.delivery import POLICIES
from reelway.domain.events import SILENCE, Announcement, Event
from reelway.domain.task import Task


class Announcing:
    """Fulfils `domain.events.Announcer`. `context` belongs to no request."""

    def __init__(self, dialects: Sequence[Dialect], context: RenderContext) -> None:
        self._context = context
        self._webhook = next((d.render_webhook for d in dialects if d.render_webhook is not None), None)
        self._callbacks = {d.name: d.render_callback for d in dialects if d.render_callback is not None}

    def __call__(self, event: Event, task: Task) -> Announcement:
        webhook = callback = None
        if event.type is not None and self._webhook is not None:
            webhook = self._webhook(event, task, self._context)
        if task.callback_policy is not None and POLICIES[task.callback_policy].tells(event.status):
            render = self._callbacks.get(task.dialect)  # None: a dialect that is not served any more
            callback = render(task, self._context) if render is not None else None
        return SILENCE if webhook is None and callback is None else Announcement(webhook, callback)
