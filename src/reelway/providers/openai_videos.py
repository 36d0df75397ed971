"""Any server of `/v1/videos` as a provider: vLLM-Omni, SGLang-Diffusion, LocalAI, gateways, another Reelway.

Such servers agree on the vendor's fields and differ in the rest: `takes` in the provider's entry names the fields
beyond those that this one understands. Images go inside the request. A job whose answer was lost is found by the same
create once more, where the server keeps to `Idempotency-Key`, which is our task id. Source: OpenAI Videos contract.
"""

import base64
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from reelway.domain import outcomes
from reelway.domain.catalog import Catalog
from reelway.domain.generation import CFG_SCALE_NEUTRAL, Generation, Mode, Role
from reelway.domain.ids import JobId
from reelway.domain.routing import Offer
from reelway.domain.task import FailureCode
from reelway.net.guard import Guard
from reelway.providers.base import FetchedVideo, Order
from reelway.providers.cards import boxes_of, card_capability, within
from reelway.providers.config import Form, ProviderConfig
from reelway.providers.http import Answered, HttpUpstream, Lost, NotSent, Part
from reelway.providers.listing import Listing, NoPage, Page, asked_singly, entries_with_cursor, page_of
from reelway.providers.remote import (
    ACCOUNT,
    FULL_S,
    NOT_SERVED,
    POLL_S_MAX,
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
    offer_of,
    poll_throttled,
    polled,
    refused,
    submitted,
)
from reelway.wire.openai_videos import FAILURES, POLL_HEADER, usual_size

FAILURE_HEADER: Final = "x-reelway-failure"
"""An extension of Reelway: the core's own failure code. Source: contract 4.1."""
LIST_PAGE: Final = 100
"""The most that a page may have. Source: contract 9."""
_ACCOUNT_STATUSES: Final = frozenset({401, 402, 403})
_REFUSALS: Final = frozenset({400, 413, 415, 422})
_CANNOT_STOP: Final = frozenset({400, 404, 405, 409, 501})
_FIELDS: Final = {Role.START_FRAME: "input_reference", Role.LAST_FRAME: "last_frame"}
_WAITING: Final = frozenset({"queued", "in_progress", "pending", "processing", "running", "preprocessing"})
_DONE: Final = frozenset({"completed", "succeeded", "success"})
_ENDED: Final = frozenset({"failed", "cancelled", "canceled", "expired", "error", "rejected"})
"""The vendor has `queued`, `in_progress`, `completed` and `failed`; the others are words of servers that follow it."""


def openai_offer(config: ProviderConfig, catalog: Catalog) -> Offer:
    """Every card in std and pro, which the vendor's sizes can say, and in the other modes that the card offers."""
    usual = {
        card.id: boxes_of(within(card_capability(card), takes=config.takes, modes={Mode.STD, Mode.PRO, *card.modes}))
        for card in catalog
    }
    return offer_of(config, usual, can_cancel=config.can_cancel, own_shots=False)


def api_path(config: ProviderConfig, path: str) -> str:
    """A path of the API below the base URL, which may itself end in `/v1`, as clients of such servers write it."""
    return path if config.base_url.endswith("/v1") else f"/v1{path}"


class OpenAIVideosProvider(RemoteProvider):
    """Fulfils `providers.base.Provider`."""

    def __init__(self, config: ProviderConfig, guard: Guard, around: Surroundings) -> None:
        upstream = HttpUpstream(config, guard, bearer(config))
        super().__init__(config, openai_offer(config, around.catalog), upstream, around)
        self._listing = Listing(LIST_PAGE, is_wanted=config.lists is True)
        self._videos = api_path(config, "/videos")

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
        reply = await self._upstream.get_json(f"{self._videos}/{job_id}")
        return self._note_poll(job_id, polled(reply, lambda answer: self._read_status(order, answer)))

    @property
    def list_page_max(self) -> int:
        return self._listing.page_max

    async def poll_many(
        self, due: Collection[JobId], orders: Mapping[JobId, Order]
    ) -> Mapping[JobId, outcomes.PollOutcome]:
        """Why a job failed is asked for by itself. Source: contract 9."""

        async def ask(after: str | None) -> Page | NoPage:
            params = {"limit": str(LIST_PAGE), "order": "desc"} | ({} if after is None else {"after": after})
            reply = await self._upstream.get_json(self._videos, params=params)
            return page_of(reply, lambda answer: entries_with_cursor(answer, "last_id"))

        def read(entry: Any) -> tuple[JobId, outcomes.PollOutcome | None] | None:
            job_id = entry.get("id") if isinstance(entry, dict) else None
            if not isinstance(job_id, str) or JobId(job_id) not in orders:
                return None
            return JobId(job_id), video_meaning(entry, self._config.poll_seconds)

        found, unclear = await self._listing.by_cursor(ask, read, due, len(orders))
        for job_id, outcome in found.items():
            self._note_poll(job_id, outcome)
        return found | await asked_singly(unclear, orders, self.poll)

    async def cancel(self, order: Order, job_id: JobId | None) -> outcomes.CancelOutcome:
        return self._note_cancel(order, job_id, await self._cancelled(job_id))

    async def fetch(self, order: Order, job_id: JobId, folder: Path) -> FetchedVideo | outcomes.StoreFailed:
        return await self._downloaded(f"{self._videos}/{job_id}/content", folder, authorized=True)

    async def _create(self, order: Order) -> outcomes.SubmitOutcome:
        images = await self._images(order)
        if isinstance(images, outcomes.Unavailable):
            return images
        fields = create_fields(order.generation, self._name_of(order, order.generation.model), self._config)
        headers = {"Idempotency-Key": order.task_id}
        if self._config.form is Form.JSON:
            body = json_body(fields, order, images)
            reply = await self._upstream.post_json(
                self._videos, body, headers=headers, deadline_s=self._config.submit_seconds
            )
        else:
            parts = form_parts(fields, order, images)
            reply = await self._upstream.post_form(
                self._videos, parts, headers=headers, deadline_s=self._config.submit_seconds
            )
        outcome = submitted(reply, lambda answer: read_create(answer, self._config.poll_seconds))
        if isinstance(reply, Answered) and not isinstance(outcome, outcomes.Accepted):
            self._log_refusal(order, reply)
        return outcome

    async def _cancelled(self, job_id: JobId | None) -> outcomes.CancelOutcome:
        """The vendor's only way to stop a video is to delete it. Source: contract 10."""
        if not self._config.can_cancel:
            return outcomes.CancelImpossible()
        if job_id is None:
            return outcomes.CancelUnknown("the job is not known")
        reply = await self._upstream.delete(f"{self._videos}/{job_id}")
        return read_delete(reply)

    def _read_status(self, order: Order, answer: Answered) -> outcomes.PollOutcome:
        if answer.status == 404 and _error(answer):
            return self._missing_job(order)
        return read_status(answer, self._config.poll_seconds)


# --- our words in theirs ----------------------------------------------------------------------------------------------


def create_fields(generation: Generation, name: str, config: ProviderConfig) -> dict[str, Any]:
    """The plain fields of a create, as JSON values. Source: contract 7.1."""
    fields: dict[str, Any] = {
        "model": name,
        "prompt": generation.prompt,
        "seconds": str(generation.duration_s),
        "size": usual_size(generation.aspect_ratio, generation.mode),
    }
    if generation.negative_prompt:
        fields["negative_prompt"] = generation.negative_prompt
    if generation.cfg_scale != CFG_SCALE_NEUTRAL and "cfg_scale" in config.takes:
        fields["cfg_scale"] = generation.cfg_scale
    if generation.sound:
        fields["sound"] = True
    if generation.multi_shots:
        fields["multi_shots"] = True
    return fields


def json_body(fields: dict[str, Any], order: Order, images: tuple[bytes, ...]) -> dict[str, Any]:
    """Images as `data:` URLs. Source: contract 7.3."""
    body = dict(fields)
    for prepared, image in zip(order.inputs, images, strict=True):
        data = base64.b64encode(image).decode()
        body[_FIELDS[prepared.role]] = {"image_url": f"data:{prepared.mime_type};base64,{data}"}
    return body


def form_parts(fields: dict[str, Any], order: Order, images: tuple[bytes, ...]) -> list[Part]:
    """Images as file parts. Source: contract 7.2."""
    parts: list[Part] = [(name, _form_text(value), None, None) for name, value in fields.items()]
    for prepared, image in zip(order.inputs, images, strict=True):
        suffix = prepared.mime_type.rpartition("/")[2]
        parts.append((_FIELDS[prepared.role], image, f"image.{suffix}", prepared.mime_type))
    return parts


def _form_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- their words in ours ----------------------------------------------------------------------------------------------


def read_create(answer: Answered, poll_after_s: float) -> outcomes.SubmitOutcome:
    """Source: contract 5.2 and 8.1."""
    if 200 <= answer.status < 300:
        job_id = (answer.json_object() or {}).get("id")
        if isinstance(job_id, str) and job_id:
            return outcomes.Accepted(JobId(job_id), _pace_s(answer, poll_after_s))
        return outcomes.SubmitUnknown(UNREADABLE)
    error = _error(answer)
    code, kind = error.get("code"), error.get("type")
    if answer.status in _ACCOUNT_STATUSES or "insufficient_quota" in (code, kind):
        is_content = is_content_refusal(code, kind)
        return refused(None, code, kind) if is_content else outcomes.Unavailable(ACCOUNT, opens_circuit=True)
    if answer.status == 429:
        return outcomes.Throttled(answer.retry_after_s(THROTTLED_S))
    if answer.status in _REFUSALS:
        return refused(error.get("param"), code, kind, error.get("message"))
    if answer.status == 503 and code == "service_unavailable":
        return outcomes.Unavailable(NOT_SERVED)
    if answer.status in (408, 409) or answer.is_server_fault:
        # 409: a create with our key is known there already, an earlier one of ours.
        return outcomes.SubmitUnknown(SERVER_FAULT)
    return outcomes.Unavailable(NOT_SERVED)


def read_status(answer: Answered, poll_after_s: float) -> outcomes.PollOutcome:
    """Source: contract 8.1 to 8.4."""
    if answer.status == 429:
        return poll_throttled(answer)
    video = answer.json_object() if answer.status == 200 else None
    status = (video or {}).get("status")
    if video is None or not isinstance(status, str):
        return outcomes.PollUnknown(UNREADABLE)
    if status in _ENDED:
        return job_failed(_failure(answer, video))
    return video_meaning(video, _pace_s(answer, poll_after_s)) or outcomes.PollUnknown(UNREADABLE)


def video_meaning(video: dict[str, Any], poll_after_s: float) -> outcomes.PollOutcome | None:
    """What the object alone tells; None where it does not."""
    status = str(video.get("status"))
    if status in _WAITING:
        return outcomes.InProgress(_progress(video.get("progress")), poll_after_s)
    return outcomes.Finished() if status in _DONE else None


def _failure(answer: Answered, video: dict[str, Any]) -> FailureCode:
    told = failure_of(answer.headers.get(FAILURE_HEADER))
    if told is not None:
        return told
    error = video.get("error")
    error = error if isinstance(error, dict) else {"message": error}
    code, message = error.get("code"), error.get("message")
    if is_content_refusal(code, message):
        return FailureCode.CONTENT_REJECTED
    named = [failure for failure, (word, _) in FAILURES.items() if word == code]
    worded = [failure for failure in named if isinstance(message, str) and message.startswith(_opening(failure))]
    # Of failures that share a code the message tells which; without it the first one stands for all.
    return next(iter([*worded, *named]), FailureCode.GENERATION_FAILED)


def _opening(failure: FailureCode) -> str:
    return FAILURES[failure][1].partition("{")[0]


def read_delete(reply: Answered | NotSent | Lost) -> outcomes.CancelOutcome:
    """Source: contract 10."""
    if not isinstance(reply, Answered):
        return outcomes.CancelUnknown(reply.reason)
    error = _error(reply)
    is_gone = reply.status == 404 and "video" in f"{error.get('code')} {error.get('message')}".lower()
    if 200 <= reply.status < 300 or is_gone:
        return outcomes.CancelConfirmed()
    if reply.status in _CANNOT_STOP:
        return outcomes.CancelImpossible()
    return outcomes.CancelUnknown("the provider did not say whether the job was stopped")


def _progress(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(1.0, max(0.0, value / 100))


def _pace_s(answer: Answered, poll_after_s: float) -> float:
    """How the server wants to be polled, where it says so, but never faster than the entry wants. Source: 8.4."""
    text = answer.headers.get(POLL_HEADER, "")
    told_s = int(text) / 1_000 if text.isdecimal() and len(text) < 10 else 0.0
    return max(poll_after_s, min(POLL_S_MAX, told_s))


def _error(answer: Answered) -> dict[str, Any]:
    """The vendor's envelope; `detail` is how servers built on FastAPI word theirs."""
    body = answer.json_object() or {}
    error = body.get("error")
    if isinstance(error, dict):
        return error
    told = error if isinstance(error, str) else body.get("detail")
    return {"message": told if isinstance(told, str) else ""} if told is not None else {}
