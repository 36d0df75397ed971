"""Requests of the APIXO dialect become intents. Source: the contract's sections 4.3, 6 and 7.1."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from reelway.dialects.apixo import wording
from reelway.dialects.apixo.inputs import INPUT_KEYS, InputReader
from reelway.dialects.base import ParseContext, WireRequest
from reelway.domain.catalog import Card, Catalog
from reelway.domain.errors import NotFoundError, Problem, UnknownModelError, ValidationFailedError
from reelway.domain.generation import PUBLIC_ROUTES, Generation, Mode, Route
from reelway.domain.ids import TaskId, is_task_id
from reelway.domain.intents import Callback, PriceRule, ReadTask, Submission, Submit
from reelway.domain.public_url import is_callback_url

NAME: Final = "apixo"
CALLBACK_POLICY: Final = "exactly_200"
"""Only HTTP 200 counts as received. Source: contract 9."""
PROBLEMS_MAX: Final = 100
_BODY_KEYS: Final = ("request_type", "callback_url", "provider", "input", "source")
_REQUEST_TYPES: Final = ("async", "callback")
_ROUTES: Final = tuple(route.value for route in PUBLIC_ROUTES)


# --- the model in the path --------------------------------------------------------------------------------------------


def model_named(name: str, catalog: Catalog) -> tuple[Card, Mode]:
    """The card that is offered under this name, and the mode that the name stands for. Raises: UnknownModelError"""
    for card in catalog:
        if name in card.names.apixo:
            return card, card.names.apixo[name]
    raise UnknownModelError(name)


def check_known_model(path: Mapping[str, str], catalog: Catalog, _available: frozenset[str]) -> None:
    """For a status: tasks stay readable when nobody is configured for their model any more."""
    model_named(path["model"], catalog)


def check_served_model(path: Mapping[str, str], catalog: Catalog, available: frozenset[str]) -> None:
    card, _ = model_named(path["model"], catalog)
    if card.id not in available:
        raise UnknownModelError(path["model"])


# --- create -----------------------------------------------------------------------------------------------------------


def own_file_urls(request: WireRequest) -> tuple[str, ...]:
    """Every text in `input.image_urls`, whether or not the rest of the request is right."""
    values = (request.body or {}).get("input")
    urls = values.get("image_urls") if isinstance(values, dict) else None
    return tuple(url for url in urls[:10] if isinstance(url, str)) if isinstance(urls, list) else ()


def parse_create(request: WireRequest, context: ParseContext) -> Submit:
    """Raises: ValidationFailedError: every problem, in the order of contract 6.3."""
    body = request.body
    assert body is not None
    model = request.path["model"]
    card, mode = model_named(model, context.catalog)
    problems: list[Problem] = []
    callback_url = _callback_url(body, context, problems)
    route = _route(body.get("provider"), card, context, problems)
    if not isinstance(body.get("source", ""), str | None):
        problems.append(wording.invalid("source", "must be a string"))
    generation = _generation(body, card, mode, context, problems)
    problems += [wording.unknown(key) for key in sorted(body) if key not in _BODY_KEYS]
    if problems or generation is None:
        raise ValidationFailedError(_bounded(problems))
    submission = Submission(
        dialect=NAME,
        generation=generation,
        wire_model=model,
        price_rule=PriceRule.UNITS,
        route=route,
        callback=None if callback_url is None else Callback(callback_url, CALLBACK_POLICY),
        refuses_by_task=True,
    )
    return Submit(submission, context.answer_of)


def _callback_url(body: Mapping[str, Any], context: ParseContext, problems: list[Problem]) -> str | None:
    """Whom to call; None where the caller polls, although a URL that came along must be a good one."""
    request_type, url = body.get("request_type"), body.get("callback_url")
    if request_type is not None and request_type not in _REQUEST_TYPES:
        problems.append(wording.invalid("request_type", wording.one_of(_REQUEST_TYPES)))
    is_wanted = request_type == "callback"
    if url is None:
        if is_wanted:
            problems.append(wording.missing("callback_url"))
        return None
    if not isinstance(url, str) or not is_callback_url(url, context.allows_private_callbacks):
        problems.append(wording.invalid("callback_url", "must be a public https URL"))
        return None
    return url if is_wanted else None


def _route(value: Any, card: Card, context: ParseContext, problems: list[Problem]) -> Route | None:
    """None where the caller does not say."""
    if value is None:
        return None
    if value not in _ROUTES:
        problems.append(wording.invalid("provider", wording.one_of(_ROUTES)))
        return None
    route = Route(value)
    if not context.serves_route(card.id, route):
        problems.append(wording.no_route(route))
    return route


def _generation(
    body: Mapping[str, Any], card: Card, mode: Mode, context: ParseContext, problems: list[Problem]
) -> Generation | None:
    """None where `input` is not there or not an object; complete only where no problem was found."""
    if "input" not in body:
        problems.append(wording.missing("input"))
        return None
    values = body["input"]
    if not isinstance(values, dict):
        problems.append(wording.invalid("input", "must be an object"))
        return None
    generation = InputReader(values, card, mode, context, problems).read()
    problems += [wording.unknown(f"input.{key}") for key in sorted(values) if key not in INPUT_KEYS]
    return generation


def _bounded(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """A megabyte of unknown keys must not become an answer ten times as large."""
    rest = len(problems) - PROBLEMS_MAX
    if rest <= 0:
        return tuple(problems)
    return (*problems[:PROBLEMS_MAX], Problem("body", f"{rest} more problems are not listed"))


# --- status -----------------------------------------------------------------------------------------------------------


def parse_status(request: WireRequest, context: ParseContext) -> ReadTask:
    task_id = request.query.get("taskId", "")
    if not task_id:
        raise ValidationFailedError((wording.missing_parameter("taskId"),))
    if not is_task_id(task_id):
        raise NotFoundError("task")
    card, _ = model_named(request.path["model"], context.catalog)
    return ReadTask(TaskId(task_id), model=card.id)
