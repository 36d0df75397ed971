"""A service that speaks the APIXO API as a provider; another Reelway is one. Source: APIXO contract.

It takes images by address only: those of callers as they came, uploaded files by our own signed address. It has no
cancel and no list; a job whose answer was lost is found by the same create once more, where the service keeps to
`Idempotency-Key`, which is our task id.
"""

import json
from pathlib import Path
from typing import Any, Final

from reelway.domain import outcomes
from reelway.domain.catalog import Card, Catalog, Control
from reelway.domain.generation import CFG_SCALE_NEUTRAL, Generation, Mode
from reelway.domain.ids import JobId
from reelway.domain.routing import Offer
from reelway.domain.task import FailureCode
from reelway.net.guard import Guard
from reelway.providers.base import FetchedVideo, Order
from reelway.providers.cards import card_capability, within
from reelway.providers.config import ProviderConfig
from reelway.providers.http import Answered, HttpUpstream
from reelway.providers.remote import (
    ACCOUNT,
    FULL_S,
    NOT_SERVED,
    SERVER_FAULT,
    THROTTLED_S,
    UNREADABLE,
    RemoteProvider,
    Surroundings,
    bearer,
    failure_of,
    found_again,
    is_content_refusal,
    job_failed,
    not_polled,
    offer_of,
    poll_throttled,
    refused,
    submitted,
)
from reelway.wire.apixo import FAILURES

GENERATE: Final = "/api/v1/generateTask"
STATUS: Final = "/api/v1/statusTask"
FAILURE_HEADER: Final = "x-reelway-failure"
"""An extension of Reelway: the core's own failure code. Source: contract 4.1."""
NO_ADDRESS: Final = "its image has no public https address, which this provider needs"
_TAKES: Final = frozenset({"negative_prompt", "last_frame", "cfg_scale"})
_INSUFFICIENT_CREDITS: Final = "Insufficient credits"
_UNAVAILABLE: Final = "Service temporarily unavailable"
_TASK_NOT_FOUND: Final = "Task not found"
_FAIL_CODES: Final = {
    "CONTENT_VIOLATION": FailureCode.CONTENT_REJECTED,
    "INVALID_IMAGE_URL": FailureCode.INVALID_REFERENCE,
    "IMAGE_TOO_LARGE": FailureCode.REFERENCE_TOO_LARGE,
    "UNSUPPORTED_FORMAT": FailureCode.REFERENCE_UNSUPPORTED,
    "PROCESSING_TIMEOUT": FailureCode.TIMEOUT,
    "MODEL_UNAVAILABLE": FailureCode.PROVIDER_UNAVAILABLE,
    "GENERATION_FAILED": FailureCode.GENERATION_FAILED,
}
"""Source: contract 8.1."""


def apixo_offer(config: ProviderConfig, catalog: Catalog) -> Offer:
    """The cards that have a name here, each in the modes that its names stand for. Source: contract 6.2."""
    usual = {}
    for card in catalog:
        name = config.upstream_name(card.id)
        modes = set(card.names.apixo.values()) if name is None else {card.names.apixo.get(name, card.default_mode)}
        if modes:
            usual[card.id] = (within(card_capability(card), takes=_TAKES, modes=modes),)
    return offer_of(config, usual, own_shots=False)


class ApixoProvider(RemoteProvider):
    """Fulfils `providers.base.Provider`."""

    def __init__(self, config: ProviderConfig, guard: Guard, around: Surroundings) -> None:
        upstream = HttpUpstream(config, guard, bearer(config))
        super().__init__(config, apixo_offer(config, around.catalog), upstream, around)

    async def submit(self, order: Order) -> outcomes.SubmitOutcome:
        if not self._take_slot(order):
            return outcomes.Throttled(FULL_S, is_ours=True)
        return self._note_submit(order, await self._create(order))

    async def find(self, order: Order) -> outcomes.FindOutcome:
        if not self._config.idempotent or order.is_over:
            return outcomes.FindUnknown("the provider cannot be asked for a job by our reference")
        found = found_again(await self._create(order))
        if isinstance(found, outcomes.Accepted):
            self._note_submit(order, found)
        return found

    async def poll(self, order: Order, job_id: JobId) -> outcomes.PollOutcome:
        answer = await self._status(order, job_id)
        return self._note_poll(job_id, answer if not isinstance(answer, Answered) else self._read(order, answer))

    async def cancel(self, order: Order, job_id: JobId | None) -> outcomes.CancelOutcome:
        return self._note_cancel(order, job_id, outcomes.CancelImpossible())

    async def fetch(self, order: Order, job_id: JobId, folder: Path) -> FetchedVideo | outcomes.StoreFailed:
        """The address is asked for anew: it may have ended since the poll."""
        answer = await self._status(order, job_id)
        url = result_url(answer) if isinstance(answer, Answered) else None
        if url is None:
            is_away = not isinstance(answer, Answered) or answer.is_server_fault
            reason = "the provider does not tell where the video is"
            is_ours = isinstance(answer, outcomes.InProgress)  # held back by our own pace
            return outcomes.StoreFailed(reason, is_final=False, is_away=is_away, is_ours=is_ours)
        return await self._downloaded(url, folder)

    async def _create(self, order: Order) -> outcomes.SubmitOutcome:
        urls = image_urls(order, self._around)
        if urls is None:
            return outcomes.Refused(FailureCode.PROVIDER_REJECTED, NO_ADDRESS)
        card = self._around.catalog[order.generation.model]
        reply = await self._upstream.post_json(
            f"{GENERATE}/{self._path_name(order)}",
            create_body(order.generation, card, urls),
            headers={"Idempotency-Key": order.task_id},
            deadline_s=self._config.submit_seconds,
        )
        outcome = submitted(reply, lambda answer: read_create(answer, self._config.poll_seconds))
        if isinstance(reply, Answered) and not isinstance(outcome, outcomes.Accepted):
            self._log_refusal(order, reply)
        return outcome

    async def _status(self, order: Order, job_id: JobId) -> Answered | outcomes.PollOutcome:
        reply = await self._upstream.get_json(f"{STATUS}/{self._path_name(order)}", params={"taskId": job_id})
        return reply if isinstance(reply, Answered) else not_polled(reply)

    def _read(self, order: Order, answer: Answered) -> outcomes.PollOutcome:
        if _code(answer) == 404 and _message(answer) == _TASK_NOT_FOUND:
            return self._missing_job(order)
        return read_status(answer, self._config.poll_seconds)

    def _path_name(self, order: Order) -> str:
        """The name of the model in the wanted mode: this dialect has no field for it."""
        card = self._around.catalog[order.generation.model]
        return self._name_of(order, name_in_mode(card, order.generation.mode) or card.id)


# --- our words in theirs ----------------------------------------------------------------------------------------------


def name_in_mode(card: Card, mode: Mode) -> str | None:
    return next((name for name, meant in card.names.apixo.items() if meant is mode), None)


def create_body(generation: Generation, card: Card, urls: tuple[str, ...]) -> dict[str, Any]:
    """The body of a create. Source: contract 6.1 and 6.2."""
    values: dict[str, Any] = {
        "mode": generation.product.value,
        "prompt": generation.prompt,
        "duration": generation.duration_s,
        "aspect_ratio": generation.aspect_ratio,
    }
    if urls:
        values["image_urls"] = list(urls)
    if generation.negative_prompt:
        values["negative_prompt"] = generation.negative_prompt
    if card.control(Control.CFG_SCALE) is not None and generation.cfg_scale != CFG_SCALE_NEUTRAL:
        values["cfg_scale"] = generation.cfg_scale
    return {"request_type": "async", "input": values}


def image_urls(order: Order, around: Surroundings) -> tuple[str, ...] | None:
    """Where the provider can fetch the images; None where one of them has no public https address."""
    urls = []
    for reference in order.generation.references:
        if reference.url is not None:
            urls.append(reference.url)
        elif reference.file_id is not None and around.public_url.startswith("https://"):
            urls.append(f"{around.public_url}/files/{reference.file_id}/{around.file_token(reference.file_id)}")
        else:
            return None
    return tuple(urls)


# --- their words in ours ----------------------------------------------------------------------------------------------


def read_create(answer: Answered, poll_after_s: float) -> outcomes.SubmitOutcome:
    """Source: contract 5.2 and 6.4."""
    code, message, body = _code(answer), _message(answer), answer.json_object()
    if code == 200:
        data = (body or {}).get("data")
        job_id = data.get("taskId") if isinstance(data, dict) else None
        if isinstance(job_id, str) and job_id:
            return outcomes.Accepted(JobId(job_id), poll_after_s)
        return outcomes.SubmitUnknown(UNREADABLE)
    if code == 429:
        return outcomes.Throttled(answer.retry_after_s(THROTTLED_S))
    if code in (401, 402, 403) or message == _INSUFFICIENT_CREDITS:
        return outcomes.Unavailable(ACCOUNT, opens_circuit=True)
    if code in (400, 413, 422) and body is not None:
        problem = _problem(body)
        return refused(_field_in(problem), message, problem)
    if code == 503 and message == _UNAVAILABLE:
        return outcomes.Unavailable(NOT_SERVED)
    if code in (408, 409) or code >= 500:
        # 409: a create with our key is known there already, an earlier one of ours.
        return outcomes.SubmitUnknown(SERVER_FAULT)
    return outcomes.Unavailable(NOT_SERVED)


def read_status(answer: Answered, poll_after_s: float) -> outcomes.PollOutcome:
    """Source: contract 7.2 and 7.3."""
    if _code(answer) == 429:
        return poll_throttled(answer)
    data = _data(answer)
    match data.get("state"):
        case "pending" | "processing":
            return outcomes.InProgress(None, poll_after_s)
        case "success":
            return outcomes.Finished()
        case "failed":
            return job_failed(_failure(answer, data))
        case _:
            return outcomes.PollUnknown(UNREADABLE)


def _failure(answer: Answered, data: dict[str, Any]) -> FailureCode:
    told = failure_of(answer.headers.get(FAILURE_HEADER))
    if told is not None:
        return told
    code, message = data.get("failCode"), data.get("failMsg")
    if is_content_refusal(code, message):
        return FailureCode.CONTENT_REJECTED
    if message == FAILURES[FailureCode.CANCELLED][1]:
        return FailureCode.CANCELLED
    return _FAIL_CODES.get(code, FailureCode.GENERATION_FAILED) if isinstance(code, str) else FailureCode.INTERNAL_ERROR


def result_url(answer: Answered) -> str | None:
    """Where the finished video is: `resultJson` is a text that holds JSON. Source: contract 7.2."""
    text = _data(answer).get("resultJson")
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    urls = found.get("resultUrls") if isinstance(found, dict) else None
    url = urls[0] if isinstance(urls, list) and urls else None
    return url if isinstance(url, str) else None


def _code(answer: Answered) -> int:
    """`code` of the body, which equals the status by contract 5.1; where they differ, a fault counts."""
    code = (answer.json_object() or {}).get("code")
    return code if isinstance(code, int) and answer.status == 200 else answer.status


def _message(answer: Answered) -> object:
    return (answer.json_object() or {}).get("message")


def _data(answer: Answered) -> dict[str, Any]:
    """`data` of a good answer; nothing in it where it is none."""
    data = (answer.json_object() or {}).get("data") if _code(answer) == 200 else None
    return data if isinstance(data, dict) else {}


def _problem(body: dict[str, Any]) -> object:
    data = body.get("data")
    return data.get("error") if isinstance(data, dict) else None


def _field_in(problem: object) -> str | None:
    """The field in a text such as `Invalid value for input.duration: must be 5 or 10`. Source: contract 6.3."""
    for opening in ("Invalid value for ", "Missing required field: ", "Unknown field: "):
        if isinstance(problem, str) and problem.startswith(opening):
            return problem.removeprefix(opening).partition(":")[0].partition(";")[0]
    return None
