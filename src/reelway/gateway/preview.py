"""Preview: the built-in engine shows for nothing what a provider that costs money would be asked to make."""

from dataclasses import replace

from reelway.domain.generation import Route
from reelway.domain.intents import PriceRule, Submission
from reelway.domain.routing import BUILT_IN, serves_route
from reelway.domain.task import Task
from reelway.gateway.core import Core


def offers_preview(core: Core, model: str) -> bool:
    """Whether a preview is worth something: the engine serves the model, and so does somebody who costs money.

    Where the engine is alone, a generation is what a preview would be.
    """
    return serves_route(core.offers, model, Route.PREVIEW) and serves_route(core.offers, model, Route.PAID)


def as_preview(submission: Submission) -> Submission:
    """The same request for the engine only, without a price; nobody is called back and no id of the caller is used."""
    return replace(
        submission,
        route=Route.PREVIEW,
        price_rule=PriceRule.FREE,
        client_request_id=None,
        external_task_id=None,
        callback=None,
        wire=None,
    )


def as_paid(submission: Submission) -> Submission:
    """The same request for anybody but the engine."""
    return replace(submission, route=Route.PAID)


def is_preview(task: Task) -> bool:
    return task.route == Route.PREVIEW


def is_made_here(provider: str | None) -> bool:
    """Whether it is the built-in engine."""
    return provider == BUILT_IN
