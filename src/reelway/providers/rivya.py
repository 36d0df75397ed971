"""A service that speaks the Rivya API as a provider; another Reelway is one. Source: Rivya contract.

Images are uploaded through its Files API first. Our task id is `Idempotency-Key` and `client_request_id`, so a job
whose answer was lost is found by listing, where the service lists, or by the same create once more, where it keeps to
the key.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from reelway.domain import outcomes
from reelway.domain.catalog import REFERENCES_KEY, Card, Catalog
from reelway.domain.ids import JobId, TaskId
from reelway.domain.routing import Offer
from reelway.domain.task import FailureCode
from reelway.net.guard import Guard
from reelway.providers.base import FetchedVideo, Order
from reelway.providers.cards import boxes_of, card_capability
from reelway.providers.config import ProviderConfig
from reelway.providers.http import Answered, HttpUpstream, Lost, NotSent
from reelway.providers.listing import Listing, NoPage, Page, asked_singly, entries_with_cursor, page_of
from reelway.providers.remote import (
    ACCOUNT,
    FULL_S,
    NOT_SERVED,
    SERVER_FAULT,
    THROTTLED_S,
    TOO_LATE,
    UNREADABLE,
    RemoteProvider,
    Surroundings,
    bearer,
    failure_of,
    found_again,
    is_content_refusal,
    is_held_back,
    job_failed,
    offer_of,
    poll_throttled,
    polled,
    refused,
    submitted,
    unnamed,
)
from reelway.wire.rivya import FAILURE_MESSAGES, params_of

GENERATIONS: Final = "/api/v1/generations"
FILES: Final = "/api/v1/files"
FAILURE_HEADER: Final = "x-reelway-failure"
"""An extension of Reelway: the core's own failure code. Source: contract 4.1."""
LIST_PAGE: Final = 100
"""The most that a page may have. Source: contract 12.1."""
_UPLOADS_REMEMBERED_MAX: Final = 1_000
_ACCOUNT_STATUSES: Final = frozenset({401, 402, 403})
_NO_JOB_CODES: Final = frozenset({"public_api_disabled", "service_unavailable"})
"""A 503 with one of these was answered before anything was made. Source: contract 4.3."""
_REFUSALS: Final = frozenset({400, 413, 415, 422})
_NO_LIST: Final = frozenset({404, 405, 501})


def rivya_offer(config: ProviderConfig, catalog: Catalog) -> Offer:
    """Every card, as far as its parameters go."""
    usual = {card.id: boxes_of(card_capability(card)) for card in catalog}
    return offer_of(config, usual, can_cancel=config.can_cancel, own_shots=False)


class RivyaProvider(RemoteProvider):
    """Fulfils `providers.base.Provider`."""

    def __init__(self, config: ProviderConfig, guard: Guard, around: Surroundings) -> None:
        upstream = HttpUpstream(config, guard, bearer(config))
        super().__init__(config, rivya_offer(config, around.catalog), upstream, around)
        self._uploads: OrderedDict[TaskId, tuple[str, ...]] = OrderedDict()
        self._lists = True
        self._listing = Listing(LIST_PAGE, is_wanted=config.lists is not False)

    async def submit(self, order: Order) -> outcomes.SubmitOutcome:
        if not self._take_slot(order):
            return outcomes.Throttled(FULL_S, is_ours=True)
        return self._note_submit(order, await self._create(order, is_first=True))

    async def find(self, order: Order) -> outcomes.FindOutcome:
        listed = await self._listed(order) if self._lists else outcomes.FindUnknown("the provider lists no jobs")
        if isinstance(listed, outcomes.FindUnknown) and self._config.idempotent and not order.is_over:
            listed = found_again(await self._create(order))
        if isinstance(listed, outcomes.Accepted):
            self._note_submit(order, listed)
        return listed

    async def poll(self, order: Order, job_id: JobId) -> outcomes.PollOutcome:
        reply = await self._upstream.get_json(f"{GENERATIONS}/{job_id}")
        return self._note_poll(job_id, polled(reply, lambda answer: self._read_status(order, answer)))

    @property
    def list_page_max(self) -> int:
        return self._listing.page_max

    async def poll_many(
        self, due: Collection[JobId], orders: Mapping[JobId, Order]
    ) -> Mapping[JobId, outcomes.PollOutcome]:
        """Why a job failed is told in a header, which only an answer about that job alone has."""

        async def ask(cursor: str | None) -> Page | NoPage:
            params = {"limit": str(LIST_PAGE)} | ({} if cursor is None else {"cursor": cursor})
            reply = await self._upstream.get_json(GENERATIONS, params=params)
            return page_of(reply, lambda answer: entries_with_cursor(answer, "next_cursor"))

        def read(entry: Any) -> tuple[JobId, outcomes.PollOutcome | None] | None:
            job_id = entry.get("id") if isinstance(entry, dict) else None
            if not isinstance(job_id, str) or JobId(job_id) not in orders:
                return None
            outcome = status_meaning(entry.get("status"), self._config.poll_seconds)
            return JobId(job_id), outcome

        found, unclear = await self._listing.by_cursor(ask, read, due, len(orders))
        for job_id, outcome in found.items():
            self._note_poll(job_id, outcome)
        return found | await asked_singly(unclear, orders, self.poll)

    async def cancel(self, order: Order, job_id: JobId | None) -> outcomes.CancelOutcome:
        return self._note_cancel(order, job_id, await self._cancelled(order, job_id))

    async def fetch(self, order: Order, job_id: JobId, folder: Path) -> FetchedVideo | outcomes.StoreFailed:
        """The address is asked for anew: it may have ended since the poll."""
        reply = await self._upstream.get_json(f"{GENERATIONS}/{job_id}")
        url = result_url(reply) if isinstance(reply, Answered) else None
        if url is None:
            return unnamed(reply)
        return await self._downloaded(url, folder)

    # --- the steps ----------------------------------------------------------------------------------------------------

    async def _create(self, order: Order, *, is_first: bool = False) -> outcomes.SubmitOutcome:
        urls = await self._uploaded(order)
        if not isinstance(urls, tuple):
            return urls
        if is_first and self._is_too_late(order):  # nothing was sent, and the next try finds the images uploaded
            return outcomes.Unavailable(TOO_LATE)
        card = self._around.catalog[order.generation.model]
        reply = await self._upstream.post_json(
            GENERATIONS,
            create_body(order, card, self._name_of(order, card.id), urls),
            headers={"Idempotency-Key": order.task_id},
            deadline_s=self._config.submit_seconds,
        )
        outcome = submitted(reply, lambda answer: read_create(answer, self._config.poll_seconds))
        if isinstance(reply, Answered) and not isinstance(outcome, outcomes.Accepted):
            self._log_refusal(order, reply)
        if isinstance(outcome, outcomes.Accepted | outcomes.Refused):
            self._uploads.pop(order.task_id, None)
        return outcome

    async def _uploaded(self, order: Order) -> tuple[str, ...] | outcomes.SubmitOutcome:
        """The images' addresses at the provider. They are remembered, so that a repeated create has the same body."""
        known = self._uploads.get(order.task_id)
        if known is not None or not order.inputs:
            return known or ()
        images = await self._images(order)
        if isinstance(images, outcomes.Unavailable):
            return images
        card = self._around.catalog[order.generation.model]
        name, urls = self._name_of(order, card.id), []
        for image, prepared in zip(images, order.inputs, strict=True):
            suffix = prepared.mime_type.rpartition("/")[2]
            reply = await self._upstream.post_form(
                FILES,
                [
                    ("kind", "image", None, None),
                    ("model", name, None, None),
                    ("file", image, f"image.{suffix}", prepared.mime_type),
                ],
                deadline_s=self._config.submit_seconds,
            )
            url = read_upload(reply) if isinstance(reply, Answered) else _upload_lost(reply)
            if not isinstance(url, str):
                return url
            urls.append(url)
        self._uploads[order.task_id] = tuple(urls)
        while len(self._uploads) > _UPLOADS_REMEMBERED_MAX:
            self._uploads.popitem(last=False)
        return tuple(urls)

    async def _listed(self, order: Order) -> outcomes.FindOutcome:
        """The job that carries our task id, by the list of jobs: an extension that not every service has.

        That none is listed says little at first: the submit may still be under way to it.
        """
        reply = await self._upstream.get_json(GENERATIONS, params={"client_request_id": order.task_id, "limit": "1"})
        if not isinstance(reply, Answered):
            return outcomes.FindUnknown(reply.reason)
        found = listed_job(reply)
        if found is None:
            if reply.status in _NO_LIST:
                self._lists = False
            return outcomes.FindUnknown("the provider did not list its jobs")
        if found:
            return outcomes.Accepted(JobId(found), poll_after_s=0.0)
        asks_by_create = self._config.idempotent and not order.is_over
        if asks_by_create or self._age_s(order) < self._config.absent_after_seconds:
            return outcomes.FindUnknown("the provider does not list the job yet")
        return outcomes.Absent()

    async def _cancelled(self, order: Order, job_id: JobId | None) -> outcomes.CancelOutcome:
        if not self._config.can_cancel:
            return outcomes.CancelImpossible()
        if job_id is None:
            listed = await self._listed(order)
            if not isinstance(listed, outcomes.Accepted):
                return outcomes.CancelUnknown("the job is not known")
            job_id = listed.job_id
        reply = await self._upstream.post_json(
            f"{GENERATIONS}/{job_id}/cancel", {}, deadline_s=self._config.request_seconds
        )
        if not isinstance(reply, Answered):
            return outcomes.CancelUnknown(reply.reason)
        return read_cancel(reply)

    def _read_status(self, order: Order, answer: Answered) -> outcomes.PollOutcome:
        if answer.status == 404 and _code(answer) == "not_found":
            return self._missing_job(order)
        return read_status(answer, self._config.poll_seconds)


# --- our words in theirs ----------------------------------------------------------------------------------------------


def create_body(order: Order, card: Card, name: str, urls: tuple[str, ...]) -> dict[str, Any]:
    """The body of a create. Source: contract 7.1 to 7.3."""
    params = params_of(card, order.generation)
    if urls:
        params[REFERENCES_KEY] = [
            {"url": url, "kind": "image", "mimeType": image.mime_type}
            for url, image in zip(urls, order.inputs, strict=True)
        ]
    return {"model": name, "prompt": order.generation.prompt, "params": params, "client_request_id": order.task_id}


# --- their words in ours ----------------------------------------------------------------------------------------------


def read_create(answer: Answered, poll_after_s: float) -> outcomes.SubmitOutcome:
    """Source: contract 4.3, 5.2 and 7.6."""
    if 200 <= answer.status < 300:
        body = answer.json_object() or {}
        job_id = body.get("id")
        if isinstance(job_id, str) and job_id:
            return outcomes.Accepted(JobId(job_id), poll_after_s)
        return outcomes.SubmitUnknown(UNREADABLE)
    error = _error(answer)
    code, message = error.get("code"), error.get("message")
    if answer.status in _REFUSALS and "code" in error:
        field = _first_field(error)
        if field == "model":
            return outcomes.Unavailable(NOT_SERVED)
        return refused(field, code, message)
    return _other_fault(answer, code)


def _other_fault(answer: Answered, code: object) -> outcomes.SubmitOutcome:
    """An answer that is no word about the request itself."""
    if answer.status == 429:
        return outcomes.Throttled(answer.retry_after_s(THROTTLED_S))
    if answer.status in _ACCOUNT_STATUSES:
        return outcomes.Unavailable(ACCOUNT, opens_circuit=True)
    if answer.status == 503 and code in _NO_JOB_CODES:
        return outcomes.Unavailable(NOT_SERVED)
    if answer.status == 409 or answer.status == 408 or answer.is_server_fault:
        # 409: a create with our key is known there already, an earlier one of ours.
        return outcomes.SubmitUnknown(SERVER_FAULT)
    return outcomes.Unavailable(NOT_SERVED)


def read_upload(answer: Answered) -> str | outcomes.SubmitOutcome:
    """The file's address, or why there is none; an upload makes no job, whatever becomes of it. Source: contract 10."""
    if 200 <= answer.status < 300:
        url = (answer.json_object() or {}).get("url")
        return url if isinstance(url, str) and url else outcomes.Unavailable(UNREADABLE)
    error = _error(answer)
    if answer.status == 413:
        return outcomes.Refused(FailureCode.REFERENCE_TOO_LARGE, "")
    if answer.status in _REFUSALS and _first_field(error) == "file":
        return outcomes.Refused(FailureCode.REFERENCE_UNSUPPORTED, "")
    outcome = _other_fault(answer, error.get("code"))
    return outcomes.Unavailable(outcome.reason) if isinstance(outcome, outcomes.SubmitUnknown) else outcome


def _upload_lost(reply: NotSent | Lost) -> outcomes.SubmitOutcome:
    if is_held_back(reply):
        return outcomes.Throttled(FULL_S, is_ours=True)
    return outcomes.Unavailable(reply.reason)


def read_status(answer: Answered, poll_after_s: float) -> outcomes.PollOutcome:
    """Source: contract 8.1 and 8.3."""
    if answer.status == 429:
        return poll_throttled(answer)
    body = answer.json_object() if answer.status == 200 else None
    status = (body or {}).get("status")
    if status == "failed":
        return job_failed(_failure(answer))
    return status_meaning(status, poll_after_s) or outcomes.PollUnknown(UNREADABLE)


def status_meaning(status: object, poll_after_s: float) -> outcomes.PollOutcome | None:
    """What the word alone tells; None where it does not."""
    match status:
        case "queued" | "processing":
            return outcomes.InProgress(None, poll_after_s)
        case "succeeded":
            return outcomes.Finished()
        case _:
            return None


def _failure(answer: Answered) -> FailureCode:
    told = failure_of(answer.headers.get(FAILURE_HEADER))
    if told is not None:
        return told
    error = (answer.json_object() or {}).get("error")
    error = error if isinstance(error, dict) else {}
    code, message = error.get("code"), error.get("message")
    for failure, text in FAILURE_MESSAGES.items():
        if isinstance(message, str) and message.startswith(text.partition("{")[0]):
            return failure
    return FailureCode.CONTENT_REJECTED if is_content_refusal(code, message) else FailureCode.GENERATION_FAILED


def result_url(answer: Answered) -> str | None:
    """Where the finished video is. Source: contract 8.2."""
    result = (answer.json_object() or {}).get("result") if answer.status == 200 else None
    url = result.get("primary_url") if isinstance(result, dict) else None
    return url if isinstance(url, str) else None


def listed_job(answer: Answered) -> str | None:
    """The id of the job in a list of at most one, "" for an empty list, None where it is no list. Source: 12.1."""
    items = (answer.json_object() or {}).get("data") if answer.status == 200 else None
    if not isinstance(items, list):
        return None
    job_id = items[0].get("id") if items and isinstance(items[0], dict) else ""
    return job_id if isinstance(job_id, str) else None


def read_cancel(answer: Answered) -> outcomes.CancelOutcome:
    """A 200 whose status is not final only says that the job is being stopped. Source: contract 12.2."""
    match answer.status:
        case 200:
            is_over = (answer.json_object() or {}).get("status") == "failed"
            return outcomes.CancelConfirmed() if is_over else outcomes.CancelUnknown("the job is being stopped")
        case 409 | 404 | 405:
            return outcomes.CancelImpossible()
        case _:
            return outcomes.CancelUnknown("the provider did not say whether the job was stopped")


def _error(answer: Answered) -> dict[str, Any]:
    error = (answer.json_object() or {}).get("error")
    return error if isinstance(error, dict) else {}


def _code(answer: Answered) -> object:
    return _error(answer).get("code")


def _first_field(error: dict[str, Any]) -> object:
    details = error.get("details")
    first = details[0] if isinstance(details, list) and details else None
    return first.get("field") if isinstance(first, dict) else None
