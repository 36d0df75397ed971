"""What the adapters of HTTP providers share: slots, the reading of transport faults, the copy of a video, refusals."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, assert_never

import structlog

from reelway.clock import Clock
from reelway.domain import outcomes
from reelway.domain.catalog import Catalog
from reelway.domain.decide import US
from reelway.domain.ids import JobId, TaskId
from reelway.domain.routing import Capability, Offer
from reelway.domain.task import FailureCode, PreparedReference
from reelway.net.fetch import FetchedFile
from reelway.net.objects import ObjectMissingError, Objects, ObjectsError
from reelway.providers.base import FetchedVideo, Order
from reelway.providers.cards import boxes_of
from reelway.providers.config import ModelConfig, ProviderConfig
from reelway.providers.http import Answered, Authorize, FileReply, HttpUpstream, Lost, NotSent, Reply, TooLarge

log = structlog.get_logger(__name__)

FETCHED_NAME: Final = "fetched.mp4"
FULL_S: Final = 1.0
"""When to come again where all slots are taken by our own jobs."""
THROTTLED_S: Final = 5.0
"""When to come again where a provider that throttles does not say."""
POLL_S_MAX: Final = 60.0
"""The longest pause between two polls, whatever a provider wishes."""
_HELD_S_MAX: Final = 600
"""Longer than the longest pause between two polls, or two searches for a lost job."""
_LOGGED_CHARACTERS_MAX: Final = 300
_GONE: Final = 410

UNREADABLE: Final = "the answer could not be read"
SERVER_FAULT: Final = "the provider had an internal fault"
ACCOUNT: Final = "the provider does not serve our account at present"
TOO_LATE: Final = "the images took too long"
NOT_SERVED: Final = "the provider does not serve this model at present"

_SIGNED_TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_CONTENT_WORDS: Final = re.compile(
    r"moderat|content[_ -]?(policy|violation|filter|reject|refus)|violat\w* the (safety|content)"
    r"|safety (rule|system|polic)|sensitive|nsfw|prohibited content|inappropriate|risk[_ -]control",
    re.IGNORECASE,
)
"""How providers call a refusal of the content, in codes and in messages; beside the words of the contracts."""

_JOB_FAILURES: Final[Mapping[FailureCode, tuple[FailureCode, str]]] = {
    FailureCode.CONTENT_REJECTED: (FailureCode.CONTENT_REJECTED, ""),
    FailureCode.INVALID_REFERENCE: (FailureCode.INVALID_REFERENCE, "it could not be read"),
    FailureCode.REFERENCE_TOO_LARGE: (FailureCode.REFERENCE_TOO_LARGE, ""),
    FailureCode.REFERENCE_UNSUPPORTED: (FailureCode.REFERENCE_UNSUPPORTED, ""),
    FailureCode.PROVIDER_REJECTED: (FailureCode.PROVIDER_REJECTED, "it was not accepted"),
    FailureCode.PROVIDER_UNAVAILABLE: (FailureCode.PROVIDER_UNAVAILABLE, "the provider could not make it"),
    FailureCode.GENERATION_FAILED: (FailureCode.GENERATION_FAILED, ""),
    FailureCode.STORAGE_FAILED: (FailureCode.GENERATION_FAILED, ""),
    FailureCode.TIMEOUT: (FailureCode.GENERATION_FAILED, ""),
    FailureCode.CANCELLED: (FailureCode.GENERATION_FAILED, ""),
    FailureCode.INTERNAL_ERROR: (FailureCode.GENERATION_FAILED, ""),
}
"""What a failure at the provider is for us. That its time was over, or that somebody stopped the job there, is nothing
that our caller did: to him the generation failed."""

_REASONS: Final[Mapping[str, str]] = {
    "prompt": "its prompt was not accepted",
    "negative_prompt": "its negative prompt was not accepted",
    "duration": "its duration was not accepted",
    "seconds": "its duration was not accepted",
    "aspect_ratio": "its aspect ratio was not accepted",
    "size": "its frame size was not accepted",
    "mode": "its mode was not accepted",
    "sound": "sound was not accepted",
    "multi_shots": "several shots were not accepted",
    "cfg_scale": "its cfg_scale was not accepted",
    "image_urls": "its images were not accepted",
    "referenceMediaItems": "its images were not accepted",
    "input_reference": "its image was not accepted",
    "last_frame": "its last frame was not accepted",
}
"""Our own words for what a provider refused, by the field that it named: its text may name itself."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an adapter works with, beside its own configuration. `public_url` is our base URL as others see it;
    `file_token` signs the address of an uploaded file. `hook_url`: where a provider, by its name, may tell us of a
    task's job; None: we cannot be called from outside."""

    catalog: Catalog
    objects: Objects
    clock: Clock
    result_bytes_max: int
    public_url: str
    file_token: Callable[[str], str]
    hook_url: Callable[[str, TaskId], str] | None = None


class RemoteProvider:
    """The part of `providers.base.Provider` that is the same for every adapter of this kind.

    A job takes a slot from its submit until it has ended as far as we know; after a restart the polls count it again.
    One that this process has not asked for in a while is looked after by another process, which counts it.
    """

    is_local = False

    def __init__(self, config: ProviderConfig, offer: Offer, upstream: HttpUpstream, around: Surroundings) -> None:
        self.offer = offer
        self._config = config
        self._upstream = upstream
        self._around = around
        self._held: dict[str, int] = {}
        """By job id, or by task id while there is none: when we last heard or asked (unix microseconds)."""

    @property
    def free_slots(self) -> int:
        if len(self._held) >= self._config.concurrency_max:
            left_us = self._around.clock.now_us() - _HELD_S_MAX * US
            self._held = {job: seen_us for job, seen_us in self._held.items() if seen_us > left_us}
        return max(0, self._config.concurrency_max - len(self._held))

    @property
    def unknown_window_s(self) -> float:
        return self._config.unknown_window_seconds

    @property
    def credential(self) -> str:
        return self._config.credentials.fingerprint

    async def discard(self, job_id: JobId) -> None:
        self._held.pop(job_id, None)

    async def forget_ended(self, is_needed: Callable[[JobId], Awaitable[bool]]) -> None:
        """Nothing of a job lies here."""

    async def aclose(self) -> None:
        await self._upstream.aclose()

    # --- what adapters build their answers from -----------------------------------------------------------------------

    def _name_of(self, order: Order, default: str) -> str:
        return self._config.upstream_name(order.generation.model) or default

    def _take_slot(self, order: Order) -> bool:
        """Whether there was room for one more: submits may come side by side."""
        if self.free_slots <= 0:
            return False
        self._hold(order.task_id)
        return True

    def _hold(self, name: str) -> None:
        self._held[name] = self._around.clock.now_us()

    def _age_s(self, order: Order) -> float:
        """How long the task has been in its present state."""
        return (self._around.clock.now_us() - order.since_us) / US

    def _is_too_late(self, order: Order) -> bool:
        """Whether a submit that is sent now might end after a search may already call its job absent."""
        return self._age_s(order) > self._config.absent_after_seconds - self._config.submit_seconds

    def _note_submit(self, order: Order, outcome: outcomes.SubmitOutcome) -> outcomes.SubmitOutcome:
        """Keep account of slots, and tell the operator what a caller must not hear."""
        self._held.pop(order.task_id, None)
        match outcome:
            case outcomes.Accepted(job_id):
                self._hold(job_id)
            case outcomes.SubmitUnknown():
                self._hold(order.task_id)
            case _:
                pass
        return outcome

    def _note_poll(self, job_id: JobId, outcome: outcomes.PollOutcome) -> outcomes.PollOutcome:
        if isinstance(outcome, outcomes.Finished | outcomes.JobFailed):
            self._held.pop(job_id, None)
        else:
            self._hold(job_id)
        return outcome

    def _note_cancel(
        self, order: Order, job_id: JobId | None, outcome: outcomes.CancelOutcome
    ) -> outcomes.CancelOutcome:
        """A task that ends without a job id, or whose job was stopped, holds nothing any more."""
        self._held.pop(order.task_id, None)
        if job_id is not None and isinstance(outcome, outcomes.CancelConfirmed):
            self._held.pop(job_id, None)
        return outcome

    def _missing_job(self, order: Order) -> outcomes.PollOutcome:
        """The provider says that it has no such job. Soon after the submit that may be a copy that lags behind."""
        if self._age_s(order) < self._config.absent_after_seconds:
            return outcomes.PollUnknown("the provider does not know the job")
        return outcomes.JobFailed(FailureCode.GENERATION_FAILED, "")

    def _log_refusal(self, order: Order, answer: Answered) -> None:
        """What the provider said to a request that it did not take: for the operator alone."""
        text = self._masked(answer.body.decode(errors="replace"))[:_LOGGED_CHARACTERS_MAX]
        log.warning(
            "a provider did not take a submit",
            provider=self.offer.provider,
            task=order.task_id,
            status=answer.status,
            said=text,
        )

    def _masked(self, text: str) -> str:
        """A provider's own words without our credentials, should it repeat them: nor any token signed with them."""
        given = self._config.credentials
        for secret in (given.secret_key, given.api_key, given.access_key):
            if secret is not None:
                text = text.replace(secret.get_secret_value(), "***")
        return _SIGNED_TOKEN.sub("***", text)

    async def _image(self, image: PreparedReference) -> bytes:
        """Raises: ObjectsError, ObjectMissingError"""
        size_bytes = (await self._around.objects.head(image.object_name)).size_bytes
        pieces = [piece async for piece in self._around.objects.stream(image.object_name, 0, size_bytes)]
        return b"".join(pieces)

    async def _images(self, order: Order) -> tuple[bytes, ...] | outcomes.Unavailable:
        """The reference images, start frame first."""
        try:
            return tuple([await self._image(image) for image in order.inputs])
        except (ObjectsError, ObjectMissingError) as exc:
            log.warning("a reference could not be read", task=order.task_id, reason=str(exc))
            return outcomes.Unavailable("a reference could not be read from the storage", is_ours=True)

    async def _downloaded(
        self, url: str, folder: Path, *, authorized: bool = False
    ) -> FetchedVideo | outcomes.StoreFailed:
        path = folder / FETCHED_NAME
        path.unlink(missing_ok=True)
        reply = await self._upstream.stream_to_file(url, path, self._around.result_bytes_max, authorized=authorized)
        return fetched(reply)


def bearer(config: ProviderConfig) -> Authorize:
    """The API key as a bearer token; nothing for a server that asks for none."""
    key = config.credentials.api_key
    headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
    return lambda: headers


# --- transport faults as outcomes -------------------------------------------------------------------------------------


def submitted(reply: Reply, read: Callable[[Answered], outcomes.SubmitOutcome]) -> outcomes.SubmitOutcome:
    match reply:
        case NotSent(_, is_ours=True):
            return outcomes.Throttled(FULL_S, is_ours=True)
        case NotSent(reason):
            return outcomes.Unavailable(reason)
        case Lost(reason):
            return outcomes.SubmitUnknown(reason)
        case Answered():
            return read(reply)
        case _:
            assert_never(reply)


def polled(reply: Reply, read: Callable[[Answered], outcomes.PollOutcome]) -> outcomes.PollOutcome:
    match reply:
        case NotSent() | Lost():
            return not_polled(reply)
        case Answered():
            return read(reply)
        case _:
            assert_never(reply)


def not_polled(reply: NotSent | Lost) -> outcomes.PollOutcome:
    """A poll that has no answer. One for which there was no turn says nothing of the provider, nor of the job."""
    return outcomes.InProgress(None, FULL_S) if is_held_back(reply) else outcomes.PollUnknown(reply.reason)


def is_held_back(reply: Reply) -> bool:
    """Whether the provider was not even asked, because of our own pace."""
    return isinstance(reply, NotSent) and reply.is_ours


def poll_throttled(answer: Answered) -> outcomes.InProgress:
    """A poll that came too early says nothing of the job."""
    return outcomes.InProgress(None, min(answer.retry_after_s(THROTTLED_S), POLL_S_MAX))


def fetched(reply: FileReply) -> FetchedVideo | outcomes.StoreFailed:
    match reply:
        case FetchedFile(path=path):
            return FetchedVideo(path)
        case Answered(status=status):
            return outcomes.StoreFailed(f"the provider answered {status}", is_final=status == _GONE)
        case NotSent(reason) | Lost(reason):
            return outcomes.StoreFailed(reason, is_final=False)
        case TooLarge(size_bytes_max=limit):
            return outcomes.StoreFailed(f"the video is larger than {limit} bytes", is_final=True, is_ours=True)
        case _:
            assert_never(reply)


def unnamed(reply: Reply) -> outcomes.StoreFailed:
    """The provider did not tell where a job's video is."""
    match reply:
        case Answered(status):
            return outcomes.StoreFailed(
                f"the job's video is not named: {UNREADABLE}, with status {status}",
                is_final=False,
                is_away=reply.is_server_fault,
            )
        case NotSent(reason) | Lost(reason):
            reason = f"the job's video is not named: {reason}"
            return outcomes.StoreFailed(reason, is_final=False, is_away=True, is_ours=is_held_back(reply))
        case _:
            assert_never(reply)


def found_again(outcome: outcomes.SubmitOutcome) -> outcomes.FindOutcome:
    """What a repeated create with the same idempotency key tells of the first one.

    A provider that honours the key would have answered with the job if there were one: a refusal of the request itself
    means that there is none. All other answers may be given before the key is looked at.
    """
    match outcome:
        case outcomes.Accepted():
            return outcome
        case outcomes.Refused():
            return outcomes.Absent()
        case outcomes.Unavailable(reason) | outcomes.SubmitUnknown(reason):
            return outcomes.FindUnknown(reason)
        case outcomes.Throttled():
            return outcomes.FindUnknown("the provider is busy")
        case _:
            assert_never(outcome)


# --- refusals ---------------------------------------------------------------------------------------------------------


def is_content_refusal(*texts: object) -> bool:
    """Whether a provider's code or message says that it refuses the content, rather than the request."""
    return any(isinstance(text, str) and _CONTENT_WORDS.search(text) is not None for text in texts)


def refused(field: object, *texts: object) -> outcomes.Refused:
    """The provider will never take this request. `field`: what it named, in its own words; `texts`: code, message."""
    if is_content_refusal(*texts):
        return outcomes.Refused(FailureCode.CONTENT_REJECTED, "")
    name = re.split(r"[.\[]", field.removeprefix("params.").removeprefix("input."))[0] if isinstance(field, str) else ""
    return outcomes.Refused(FailureCode.PROVIDER_REJECTED, _REASONS.get(name, "it was not accepted"))


def job_failed(code: FailureCode) -> outcomes.JobFailed:
    """A failure at the provider, as it is one of our task."""
    ours, reason = _JOB_FAILURES[code]
    return outcomes.JobFailed(ours, reason)


def failure_of(text: object) -> FailureCode | None:
    """A core failure code in the header of another Reelway; None for anything else."""
    return FailureCode(text) if isinstance(text, str) and text in tuple(FailureCode) else None


# --- offers -----------------------------------------------------------------------------------------------------------


def offer_of(
    config: ProviderConfig,
    capabilities: Mapping[str, tuple[Capability, ...]],
    *,
    can_cancel: bool = False,
    own_shots: bool = True,
) -> Offer:
    """What routing knows of the provider. `capabilities`: what its kind can usually make of each card; its entry's own
    words go before that, and the models in its entry, where there are any, are the only ones. `own_shots`: its kind
    takes shots of the caller's own, where the entry says that it makes several."""
    served = {card: config.model(card) for card in (config.models or capabilities)}
    return Offer(
        provider=config.name,
        tier=config.route_tier,
        can_cancel=can_cancel,
        slots=config.concurrency_max,
        pace={},
        capabilities={card: _told(model, own_shots) or capabilities.get(card, ()) for card, model in served.items()},
        unit_microdollars=config.unit_microdollars,
        job_microdollars=config.job_microdollars,
        prices={card: config.price_of(card) for card, model in served.items() if model is not None},
    )


def _told(model: ModelConfig | None, own_shots: bool) -> tuple[Capability, ...]:
    """What the entry says of a model itself; nothing where it does not."""
    if model is None or model.capability is None:
        return ()
    return boxes_of(replace(model.capability.capability, own_shots=own_shots))
