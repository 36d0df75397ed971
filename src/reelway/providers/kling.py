"""The official Kling API as a provider. Source: Kling contract; section 15 is what we promise of the requests."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, assert_never
from urllib.parse import quote

import structlog

from reelway.clock import Clock
from reelway.domain import outcomes
from reelway.domain.catalog import Catalog
from reelway.domain.decide import US
from reelway.domain.generation import Mode
from reelway.domain.ids import JobId
from reelway.domain.routing import Offer
from reelway.domain.task import FailureCode
from reelway.net.guard import Guard
from reelway.net.objects import ObjectMissingError, ObjectsError
from reelway.net.tokens import signed
from reelway.providers.base import FetchedVideo, Order
from reelway.providers.config import Credentials, ProviderConfig
from reelway.providers.http import Answered, Authorize, HttpUpstream, Lost, NotSent, Reply
from reelway.providers.kling_body import ImageTooLargeError, create_body, images_of, product_path, unfitting
from reelway.providers.kling_replies import (
    UNFINISHED,
    Read,
    ReadJob,
    Seen,
    Stage,
    Told,
    cost_of,
    listed,
    native_job,
    read_native,
    submit_meaning,
)
from reelway.providers.listing import Listing, NoPage, Page, page_of
from reelway.providers.remote import (
    TOO_LATE,
    UNREADABLE,
    RemoteProvider,
    Surroundings,
    is_content_refusal,
    is_held_back,
    offer_of,
    submitted,
    unnamed,
)
from reelway.wire import kling

log = structlog.get_logger(__name__)

_FULL_S: Final = 1.0
_PATH: Final = "/v1/videos/"
LIST_PAGE: Final = 500
"""The most that a page may have. Source: contract 11.5."""
LIST_WORTH: Final = 5
"""Fewer due jobs of a product are asked for one by one."""
_PACE: Final = {Mode.STD: 18.0, Mode.PRO: 30.0, Mode.UHD: 60.0}
"""Seconds that a second of video takes, until more is known from what was seen."""


def kling_offer(config: ProviderConfig, catalog: Catalog) -> Offer:
    """The models that the entry names, or all that the official API has; each with its capabilities."""
    known = kling.official_capabilities()
    offer = offer_of(config, {card.id: known[card.id] for card in catalog if card.id in known}, can_cancel=False)
    told = {card: config.model(card) for card in config.models}
    own = {card: (model.capability.capability,) for card, model in told.items() if model and model.capability}
    return replace(offer, pace=_PACE, capabilities={**offer.capabilities, **own})


def authorizer(credentials: Credentials, clock: Clock) -> Authorize:
    """A bearer token for each request: our API key, or a fresh JWT. Source: contract, section 3."""

    def authorize() -> Mapping[str, str]:
        if credentials.access_key is not None and credentials.secret_key is not None:
            token = signed(
                credentials.access_key.get_secret_value(),
                credentials.secret_key.get_secret_value(),
                clock.now_us() // US,
            )
        elif credentials.api_key is not None:
            token = credentials.api_key.get_secret_value()
        else:
            return {}
        return {"Authorization": f"Bearer {token}"}

    return authorize


class KlingProvider(RemoteProvider):
    """Fulfils `providers.base.Provider`. Our task id is the job's `external_task_id`, under which it is found again.

    `read` understands the answers; `prefix` is the path before `/v1/videos`, for gateways that have one.
    """

    def __init__(
        self,
        config: ProviderConfig,
        guard: Guard,
        around: Surroundings,
        *,
        read: Read = read_native,
        read_job: ReadJob = native_job,
        prefix: str = "",
        finds_by_reference: bool = True,
    ) -> None:
        authorize = authorizer(config.credentials, around.clock)
        offer = kling_offer(config, around.catalog)
        super().__init__(config, offer, HttpUpstream(config, guard, authorize), around)
        self._read = read
        self._read_job = read_job
        self._listing = Listing(LIST_PAGE, is_wanted=config.lists is not False)
        self._path = prefix + _PATH
        given = config.finds_by_reference
        self._finds_by_reference = finds_by_reference if given is None else given

    # --- submit and find ----------------------------------------------------------------------------------------------

    async def submit(self, order: Order) -> outcomes.SubmitOutcome:
        if self.free_slots <= 0:
            return outcomes.Throttled(_FULL_S, is_ours=True)
        self._hold(order.task_id)
        return self._note_submit(order, await self._submit(order))

    async def _submit(self, order: Order) -> outcomes.SubmitOutcome:
        code = unfitting(order.inputs)
        if code is not None:
            return outcomes.Refused(code, "")
        try:
            images = await images_of(order, self._around.objects)
        except ImageTooLargeError:
            return outcomes.Refused(FailureCode.REFERENCE_TOO_LARGE, "")
        except (ObjectsError, ObjectMissingError) as exc:
            log.warning("a job could not be submitted", task=order.task_id, reason=str(exc))
            return outcomes.Unavailable("a reference could not be read from the storage", is_ours=True)
        if self._finds_by_reference and self._is_too_late(order):
            return outcomes.Unavailable(TOO_LATE, is_ours=True)
        path = self._path + product_path(order.generation)
        body = create_body(order, self._model_name(order), images, self._hook_url(order))
        reply = await self._upstream.post_json(path, body, deadline_s=self._config.submit_seconds)
        return submitted(reply, lambda answer: self._read_create(order, answer))

    def _read_create(self, order: Order, answer: Answered) -> outcomes.SubmitOutcome:
        found = None if answer.is_server_fault else self._read(answer)
        match found:
            case Seen(job_id):
                return outcomes.Accepted(JobId(job_id), poll_after_s=self._config.poll_seconds)
            case Told():
                self._log_refusal(order, answer)
                return submit_meaning(found, answer)
            case None:
                return outcomes.SubmitUnknown(trouble(answer))
            case _:
                assert_never(found)

    async def find(self, order: Order) -> outcomes.FindOutcome:
        reply = await self._upstream.get_json(self._task_path(order, order.task_id))
        found = self._read_task(reply)
        match found:
            case Seen(job_id, reference=reference) if reference in (None, order.task_id):
                outcome = outcomes.Accepted(JobId(job_id), poll_after_s=0.0)
                self._note_submit(order, outcome)
                return outcome
            case Told(kling.Code.NOT_FOUND) if self._is_absent_for_certain(order):
                return outcomes.Absent()
            case Told(code):
                return outcomes.FindUnknown(f"the provider said {code}")
            case _:
                return outcomes.FindUnknown(trouble(reply))

    def _is_absent_for_certain(self, order: Order) -> bool:
        """A submit that is still under way there cannot be found yet."""
        return self._finds_by_reference and self._age_s(order) >= self._config.absent_after_seconds

    # --- poll ---------------------------------------------------------------------------------------------------------

    async def poll(self, order: Order, job_id: JobId) -> outcomes.PollOutcome:
        return self._note_poll(job_id, await self._poll(order, job_id))

    async def _poll(self, order: Order, job_id: JobId) -> outcomes.PollOutcome:
        reply = await self._upstream.get_json(self._task_path(order, job_id))
        found = self._read_task(reply)
        match found:
            case Seen() if found.job_id == job_id:
                return self._polled(order, found)
            case Told(kling.Code.TOO_FREQUENT) if isinstance(reply, Answered):
                return outcomes.InProgress(None, reply.retry_after_s(self._config.poll_seconds))
            case Told(code):
                return outcomes.PollUnknown(f"the provider said {code}")
            case _ if is_held_back(reply):
                return outcomes.InProgress(None, _FULL_S)
            case _:
                return outcomes.PollUnknown(trouble(reply))

    def _polled(self, order: Order, seen: Seen) -> outcomes.PollOutcome:
        cost = cost_of(seen, self.offer.price_of(order.generation.model).unit_microdollars)
        match seen.stage:
            case Stage.WAITING | Stage.AT_WORK:
                return outcomes.InProgress(None, poll_after_s=self._config.poll_seconds)
            case Stage.DONE:
                return outcomes.Finished(cost) if seen.url else outcomes.PollUnknown("a finished job has no video")
            case Stage.FAILED:
                said = self._masked(seen.message)
                log.info("a job failed", task=order.task_id, provider=self.offer.provider, said=said)
                is_refusal = is_content_refusal(seen.message)
                code = FailureCode.CONTENT_REJECTED if is_refusal else FailureCode.GENERATION_FAILED
                return outcomes.JobFailed(code, "", cost)
            case _:
                assert_never(seen.stage)

    @property
    def list_page_max(self) -> int:
        return self._listing.page_max

    async def poll_many(
        self, due: Collection[JobId], orders: Mapping[JobId, Order]
    ) -> Mapping[JobId, outcomes.PollOutcome]:
        """Each product has a list of its own. Source: contract 11.5."""
        by_product: dict[str, list[JobId]] = {}
        for job_id in due:
            if job_id in orders:
                by_product.setdefault(product_path(orders[job_id].generation), []).append(job_id)
        found: dict[JobId, outcomes.PollOutcome] = {}
        for product, wanted in by_product.items():
            if len(wanted) >= LIST_WORTH:
                found |= await self._list(product, wanted, orders)
        return found

    async def _list(
        self, product: str, due: Collection[JobId], orders: Mapping[JobId, Order]
    ) -> dict[JobId, outcomes.PollOutcome]:
        async def ask(number: int) -> Page | NoPage:
            params = {"pageNum": str(number), "pageSize": str(LIST_PAGE)}
            reply = await self._upstream.get_json(self._path + product, params=params)
            return page_of(reply, listed)

        def read(entry: Any) -> tuple[JobId, outcomes.PollOutcome | None] | None:
            job_id = JobId(str(entry.get("task_id"))) if isinstance(entry, dict) else JobId("")
            order = orders.get(job_id)
            if order is None:  # most entries of a long list are not ours, or not any more
                return None
            if str(entry.get("task_status")) in UNFINISHED:  # nearly all that are: nothing else in them is of use
                return job_id, at_work
            seen = self._read_job(entry)
            return None if seen is None else (JobId(seen.job_id), self._polled(order, seen))

        at_work = outcomes.InProgress(None, poll_after_s=self._config.poll_seconds)
        found, _ = await self._listing.by_number(ask, read, due, len(orders))
        for job_id, outcome in found.items():
            self._note_poll(job_id, outcome)
        return found

    # --- the end ------------------------------------------------------------------------------------------------------

    async def cancel(self, order: Order, job_id: JobId | None) -> outcomes.CancelOutcome:
        """The protocol has no cancel. Source: contract, section 2."""
        return self._note_cancel(order, job_id, outcomes.CancelImpossible())

    async def fetch(self, order: Order, job_id: JobId, folder: Path) -> FetchedVideo | outcomes.StoreFailed:
        """The video, from an address that is asked for anew each time: they expire."""
        reply = await self._upstream.get_json(self._task_path(order, job_id))
        seen = self._read_task(reply)
        if not isinstance(seen, Seen) or seen.url is None:
            return unnamed(reply)
        return await self._downloaded(seen.url, folder)

    def _read_task(self, reply: Reply) -> Seen | Told | None:
        return self._read(reply) if isinstance(reply, Answered) and not reply.is_server_fault else None

    def _model_name(self, order: Order) -> str:
        card = self._around.catalog[order.generation.model]
        return self._name_of(order, card.names.kling or card.id)

    def _task_path(self, order: Order, name: str) -> str:
        return f"{self._path}{product_path(order.generation)}/{quote(name, safe='')}"

    def _hook_url(self, order: Order) -> str | None:
        make = self._around.hook_url
        return None if make is None else make(self.offer.provider, order.task_id)


def trouble(reply: Reply) -> str:
    """Why a reply is of no use, for logs."""
    match reply:
        case Answered(status):
            return f"{UNREADABLE}, with status {status}"
        case NotSent(reason) | Lost(reason):
            return reason
        case _:
            assert_never(reply)
