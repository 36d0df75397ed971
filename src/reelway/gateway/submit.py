"""Submit: a valid request becomes a durable task with its price held."""

import asyncio
from collections.abc import Sequence
from typing import assert_never

from reelway.clock import new_id
from reelway.domain import decide, records
from reelway.domain.catalog import Card
from reelway.domain.decide import US
from reelway.domain.errors import (
    ContentRefusedError,
    ExternalIdTakenError,
    IdempotencyConflictError,
    InsufficientCreditsError,
    TooManyUnfinishedError,
    UnavailableError,
)
from reelway.domain.generation import Generation, Route, generation_text
from reelway.domain.ids import TaskId
from reelway.domain.intents import Caller, PriceRule, ReplayView, Submission, Submit, TaskView
from reelway.domain.pricing import expected_units, fixed_price_credits, unit_price_credits
from reelway.domain.records import IdempotencyClaim, NewTask
from reelway.domain.routing import Offer, candidates
from reelway.domain.sandbox import all_texts, directives_of
from reelway.domain.task import Task, queued_task
from reelway.gateway import upload
from reelway.gateway.core import Core
from reelway.telemetry import metrics


def price_of(card: Card, submission: Submission) -> int:
    match submission.price_rule:
        case PriceRule.FIXED:
            return fixed_price_credits(card)
        case PriceRule.UNITS:
            return unit_price_credits(card, submission.generation)
        case PriceRule.FREE:
            return 0


def route_of(core: Core, caller: Caller, submission: Submission) -> Route:
    """The route that the request asks for, else that of the caller's key, else that of the setting."""
    return submission.route or caller.default_route or core.settings.default_route


def servers_of(core: Core, generation: Generation, route: Route) -> Sequence[Offer]:
    """The providers that can serve it, in their order. Raises: UnsupportedError: none can."""
    units = expected_units(core.catalog.get(generation.model), generation)
    return candidates(core.offers, generation, route, units)


async def require_allowed(core: Core, submission: Submission) -> None:
    """Raises: ContentRefusedError: the block list refuses a text of the request."""
    if core.block_list is None:
        return
    generation = submission.generation
    texts = (generation.prompt, generation.negative_prompt, *(shot.prompt for shot in generation.shots))
    reason = await asyncio.to_thread(core.block_list.refusal, texts)
    if reason is not None:
        metrics.content_refused.labels(submission.dialect, reason).inc()
        raise ContentRefusedError


async def submit(core: Core, caller: Caller, intent: Submit, claim: IdempotencyClaim | None) -> TaskView | ReplayView:
    """Create the task, hold its price and keep the answer for repeats, in one commit.

    Raises:
        UnsupportedError: no configured provider can do it.
        TooManyUnfinishedError, InsufficientCreditsError: the account's limits; nothing was made.
        IdempotencyConflictError: another process has just used the key for another request.
        ExternalIdTakenError: the caller's own task id is in use.
        SandboxDirectiveError: the prompt holds a directive that there is not.
        ContentRefusedError: the block list refuses it, and the dialect does not want that told by a task.
        UnavailableError: nothing can be written at present; nothing was made.
    """
    submission = intent.submission
    if core.is_sandbox:
        directives_of(all_texts(submission.generation))
    route = route_of(core, caller, submission)
    servers_of(core, submission.generation, route)
    task = _new_task(core, caller, submission, route)
    try:
        await require_allowed(core, submission)
    except ContentRefusedError:
        if not submission.refuses_by_task:
            raise
        task = decide.refused_at_once(task)
    new = NewTask(
        task=task,
        unfinished_tasks_max=core.settings.unfinished_tasks_max,
        claim=claim,
        answer=intent.answer_of(task) if claim is not None else None,
        checks_credits_first=submission.checks_credits_first,
    )
    try:
        for attachment in submission.attachments:
            await upload.keep(core, caller, attachment)
        outcome = await core.store.create_task(new)
    except UnavailableError as exc:
        if exc.is_fate_known:  # otherwise the task may be there and need its images; if not, they go with retention
            await upload.drop(core, submission.attachments)
        raise
    if not isinstance(outcome, records.Created):
        await upload.drop(core, submission.attachments)
    match outcome:
        case records.Created(created):
            return TaskView(created, is_new=True, ignored=submission.ignored)
        case records.Replayed(answer):
            return ReplayView(answer)
        case records.ClaimMismatch():
            raise IdempotencyConflictError(is_in_progress=False)
        case records.TooManyUnfinished():
            raise TooManyUnfinishedError(core.settings.unfinished_tasks_max)
        case records.TooFewCredits(available_credits):
            raise InsufficientCreditsError(task.price_credits, available_credits)
        case records.ExternalIdTaken():
            raise ExternalIdTakenError
        case _:
            assert_never(outcome)


def _new_task(core: Core, caller: Caller, submission: Submission, route: Route) -> Task:
    now_us = core.clock.now_us()
    generation, callback = submission.generation, submission.callback
    return queued_task(
        TaskId(new_id("task", now_us)),
        caller.account_id,
        dialect=submission.dialect,
        model=generation.model,
        generation=generation_text(generation),
        price_credits=price_of(core.catalog[generation.model], submission),
        created_at_us=now_us,
        deadline_at_us=now_us + core.settings.task_deadline_seconds * US,
        result_ttl_s=submission.result_ttl_s or round(core.settings.result_retention_days * 86_400),
        key_id=caller.key_id,
        wire_model=submission.wire_model,
        route=route.value,
        client_request_id=submission.client_request_id,
        external_task_id=submission.external_task_id,
        product=generation.product,
        wire=submission.wire,
        callback_url=callback.url if callback else None,
        callback_policy=callback.policy if callback else None,
        remixed_from=submission.remixed_from,
    )
