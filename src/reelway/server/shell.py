"""What all endpoints share: who calls, how much they may, and how an answer goes out."""

import copy
import functools
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import Receive, Scope, Send

from reelway.clock import new_id
from reelway.dialects.base import (
    Dialect,
    Form,
    ModelAlias,
    Operation,
    ParseContext,
    RenderContext,
    RequestIds,
    WireAnswer,
    WireRequest,
    file_address,
)
from reelway.domain.decide import US
from reelway.domain.errors import (
    ApiDisabledError,
    ApiKeyError,
    InternalError,
    KeyFault,
    RateLimitedError,
    ReelwayError,
    ScopeDeniedError,
    TooManyUnfinishedError,
    UploadFault,
)
from reelway.domain.generation import Generation
from reelway.domain.ids import AccountId, FileId
from reelway.domain.intents import Attachment, Caller
from reelway.domain.records import KeptAnswer, StoredFile
from reelway.domain.routing import Offer, serves_any, serves_route
from reelway.domain.task import Task
from reelway.gateway import account
from reelway.gateway.core import Core
from reelway.gateway.idempotency import Idempotency
from reelway.server.exchange import NO_CONTENT, NO_STORE, Exchange, Headers, raw_headers
from reelway.server.limits import Allowance, Pacer, RequestLimiter, address_key
from reelway.server.links import FILES_PATH, SignedLinks
from reelway.server.multipart import FileLimit, read_form
from reelway.telemetry import metrics

log = structlog.get_logger(__name__)

_URLS_MAX: Final = 16
_RUN_S: Final = 30.0
UPLOADS_FOLDER: Final = "uploads"
"""Below DATA_DIR: where uploads lie while they are read and checked."""


@dataclass(slots=True)
class Visit:
    """One request under way: who it is (once known) and what they have left in the window."""

    exchange: Exchange
    dialect: Dialect
    operation: str
    allowance: Allowance
    caller: Caller | None = None
    counted_as: str | None = None
    rendering: RenderContext | None = None
    started_s: float = field(default_factory=time.perf_counter)
    status: int = 0


class Shell:
    """The shared parts of the HTTP server. `base_url` is the public one, without a slash at its end."""

    def __init__(self, core: Core, base_url: str) -> None:
        self.core = core
        self.limiter = RequestLimiter(core.clock, core.settings.requests_per_minute_max)
        self.pacer = Pacer(core.clock)
        self.idempotency = Idempotency(core)
        self.links = SignedLinks(base_url, core.signer)
        self.file_base_url = base_url + FILES_PATH
        self.model_aliases = {
            name: ModelAlias(str(alias["model"]), {key: value for key, value in alias.items() if key != "model"})
            for name, alias in core.settings.openai_model_aliases.items()
        }
        self.available_models = frozenset(card.id for card in core.catalog if serves_any(core.offers, card.id))
        self._specs: dict[str, bytes] = {}
        self.plain_context = self._make_plain_context()

    # --- admission ----------------------------------------------------------------------------------------------------

    def exchange(self, dialect: Dialect, scope: Scope, receive: Receive, send: Send) -> Exchange:
        """A request with an id in the dialect's form."""
        is_uuid = dialect.request_ids is RequestIds.UUID
        request_id = str(uuid.uuid4()) if is_uuid else new_id("req", self.core.clock.now_us())
        return Exchange.begin(scope, receive, send, request_id)

    def visit(self, exchange: Exchange, dialect: Dialect, operation: str) -> Visit:
        """A request that has just arrived; nothing is counted yet."""
        return Visit(exchange, dialect, operation, self.limiter.peek(address_key(exchange.client)))

    async def admit(self, visit: Visit, operation: Operation) -> None:
        """Let the request in: API switched on, key, request limit, scope, in this order. No scope: no key needed.

        Raises:
            ReelwayError: the first of these that does not hold.
        """
        if not self.core.settings.api_enabled:
            raise ApiDisabledError
        scope = operation.scope
        if scope is None:
            self._count(visit, address_key(visit.exchange.client))
            return
        try:
            visit.caller = await self._authenticate(visit)
        except ApiKeyError:
            self._count(visit, address_key(visit.exchange.client))
            raise
        self._count(visit, visit.caller.account_id)
        if scope not in visit.caller.scopes:
            raise ScopeDeniedError(scope.value)
        if operation.is_paced:
            self._pace(visit, visit.caller.account_id)

    async def _authenticate(self, visit: Visit) -> Caller:
        """Raises: ApiKeyError"""
        token = _bearer_token(visit.exchange.headers)
        if visit.dialect.takes_tokens and account.is_signed_token(token):
            return await account.authenticate_token(self.core, token)
        return await account.authenticate(self.core, token)

    def _pace(self, visit: Visit, account_id: AccountId) -> None:
        """Raises: RateLimitedError: the account's last call of this operation is less than a second ago."""
        try:
            self.pacer.pass_through(f"{visit.operation}:{account_id}")
        except RateLimitedError:
            visit.allowance = self.limiter.take_back(account_id)
            visit.counted_as = None
            raise

    async def admit_stray(self, visit: Visit) -> None:
        """Count a request that no operation serves: for its account where its key is good, by address otherwise.

        Raises:
            ApiDisabledError, RateLimitedError
        """
        if not self.core.settings.api_enabled:
            raise ApiDisabledError
        try:
            visit.caller = await self._authenticate(visit)
        except ApiKeyError:
            self._count(visit, address_key(visit.exchange.client))
        else:
            self._count(visit, visit.caller.account_id)

    def _count(self, visit: Visit, who: str) -> None:
        visit.counted_as = who
        try:
            visit.allowance = self.limiter.count(who)
        except RateLimitedError:
            visit.allowance = self.limiter.peek(who)
            visit.counted_as = None
            raise

    # --- contexts -----------------------------------------------------------------------------------------------------

    def render_context(self, visit: Visit) -> RenderContext:
        if visit.rendering is None:
            visit.rendering = RenderContext(
                catalog=self.core.catalog,
                links=self.links,
                request_id=visit.exchange.request_id,
                spec=functools.partial(self._spec, visit.dialect),
                run_s=functools.partial(run_seconds, self.core.offers),
            )
        return visit.rendering

    def _spec(self, dialect: Dialect) -> bytes:
        assert dialect.make_spec is not None, "a dialect without a description has no operation that shows one"
        if dialect.name not in self._specs:
            self._specs[dialect.name] = dialect.make_spec(self.core.catalog)
        return self._specs[dialect.name]

    async def parse_context(
        self,
        visit: Visit,
        request: WireRequest,
        operation: Operation,
        attachments: Mapping[str, Attachment | UploadFault],
    ) -> ParseContext:
        if not (operation.takes_idempotency_key or operation.looks_around):
            return self.plain_context
        own_files, own_files_by_id = {}, {}
        if visit.caller is not None:
            for url in dict.fromkeys(operation.urls(request)[:_URLS_MAX]):
                own_files[url] = await self._own_file(visit.caller.account_id, url)
            for file_id in dict.fromkeys(operation.file_ids(request)[:_URLS_MAX]):
                file = await self._live_file(visit.caller.account_id, FileId(file_id))
                if file is not None:
                    own_files_by_id[file_id] = file
        context = copy.copy(self.plain_context)
        context.own_files = own_files
        context.own_files_by_id = own_files_by_id
        context.attachments = attachments
        context.answer_of = functools.partial(self._answer_of, visit)
        return context

    def _make_plain_context(self) -> ParseContext:
        """What every request may know: the same for all, so it is made once."""
        return ParseContext(
            catalog=self.core.catalog,
            available_models=self.available_models,
            file_base_url=self.file_base_url,
            own_files={},
            holds_duration=self._holds_duration,
            answer_of=_no_answer,
            serves_route=functools.partial(serves_route, self.core.offers),
            model_aliases=self.model_aliases,
            allows_private_callbacks=self.core.settings.dangerous_allow_private_callbacks,
        )

    def _answer_of(self, visit: Visit, task: Task) -> KeptAnswer:
        return _with_state(visit.dialect.answer_to_create(task, self.render_context(visit)), task)

    def read_form(
        self, exchange: Exchange, file_limit: FileLimit, body_bytes_max: int | None = None
    ) -> AbstractAsyncContextManager[Form]:
        """The form of a multipart request; see `multipart.read_form`."""
        settings = self.core.settings
        folder = settings.data_dir / UPLOADS_FOLDER
        return read_form(exchange, folder, file_limit, settings.body_seconds_max, body_bytes_max)

    async def _own_file(self, account_id: AccountId, url: str) -> StoredFile | None:
        """The caller's live file behind one of our addresses."""
        address = file_address(url, self.file_base_url)
        if address is None or not self.core.signer.is_file_token(address.file_id, address.token):
            return None
        return await self._live_file(account_id, address.file_id)

    async def _live_file(self, account_id: AccountId, file_id: FileId) -> StoredFile | None:
        file = await self.core.store.file(file_id)
        is_own = file is not None and file.account_id == account_id and file.is_live(self.core.clock.now_us())
        return file if is_own else None

    def _holds_duration(self, token: str, file: StoredFile) -> bool:
        """Whether a duration token is genuine, in force and of this file. Source: Rivya contract, section 10.4."""
        claim = self.core.signer.duration_claim(token)
        now_s = self.core.clock.now_us() // US
        return claim is not None and claim.file_id == file.id and now_s < claim.expires_at_s

    # --- answers ------------------------------------------------------------------------------------------------------

    def headers(self, visit: Visit) -> Headers:
        """What every answer carries."""
        headers: Headers = [(b"x-request-id", visit.exchange.request_id.encode()), NO_STORE]
        return headers + visit.allowance.headers()

    async def send(self, visit: Visit, answer: WireAnswer, task: Task | None = None, *, lingers: bool = False) -> None:
        headers = [
            *(((b"content-type", answer.media_type.encode()),) if answer.status != NO_CONTENT else ()),
            *self.headers(visit),
            *raw_headers(answer.headers),
            *(task_headers(task) if task is not None else ()),
        ]
        visit.status = answer.status
        await visit.exchange.answer(answer.status, headers, answer.body, lingers=lingers)

    async def send_error(self, visit: Visit, error: ReelwayError, *, closes: bool = False) -> None:
        """Tell the caller, in the dialect's words. `closes`: part of the body was not read, so the connection ends.

        A stream that has begun cannot turn into an error any more; it just ends.
        """
        if visit.status or visit.exchange.is_begun:
            log.warning("a stream ended early", request=visit.exchange.request_id, reason=str(error))
            return
        if isinstance(error, TooManyUnfinishedError) and visit.counted_as is not None:
            visit.allowance = self.limiter.take_back(visit.counted_as)
        answer = visit.dialect.render_error(error, visit.exchange.request_id, self.core.catalog)
        if closes:
            answer = WireAnswer(answer.status, answer.body, (*answer.headers, ("Connection", "close")))
        await self.send(visit, answer, lingers=closes)

    async def send_fault(self, visit: Visit, fault: Exception) -> None:
        """Our mistake: logged whole, told without any detail."""
        log.error("a request failed", request=visit.exchange.request_id, operation=visit.operation, exc_info=fault)
        await self.send_error(visit, InternalError())

    def measure(self, visit: Visit) -> None:
        count, seconds = _meters(visit.dialect.name, visit.operation, visit.status or 499)
        count.inc()
        seconds.observe(time.perf_counter() - visit.started_s)


def _no_answer(_task: Task) -> KeptAnswer:
    raise AssertionError("an operation that takes no idempotency key keeps no answer")


def run_seconds(offers: Sequence[Offer], generation: Generation) -> float:
    """How long a generation takes, by the first provider that could make it; half a minute where there is none."""
    return next((offer.run_s(generation) for offer in offers if offer.covers(generation)), _RUN_S)


def _with_state(answer: KeptAnswer, task: Task) -> KeptAnswer:
    """A repeat gets the state that the first answer told, as it gets its body."""
    return KeptAnswer(answer.status, (*answer.headers, ("X-Reelway-State", task.state.value)), answer.body)


@functools.cache
def _meters(dialect: str, operation: str, status: int) -> tuple[Counter, Histogram]:
    """The metrics of one kind of answer; 499 stands for a caller who went away."""
    return metrics.requests.labels(dialect, operation, status), metrics.request_seconds.labels(dialect, operation)


def task_headers(task: Task) -> Headers:
    """The exact state, for those who want more than the dialect's words."""
    headers = [(b"x-reelway-state", task.state.encode()), (b"x-reelway-progress", b"%d" % int(task.progress * 100))]
    if task.failure_code is not None:
        headers.append((b"x-reelway-failure", task.failure_code.encode()))
    return headers


def _bearer_token(headers: Mapping[str, str]) -> str:
    """The token of an Authorization header. Raises: ApiKeyError: there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    if not scheme.strip() or (scheme.lower() == "bearer" and not token):
        raise ApiKeyError(KeyFault.MISSING)
    if scheme.lower() != "bearer":
        raise ApiKeyError(KeyFault.OTHER_SCHEME)
    return token
