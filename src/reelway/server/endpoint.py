"""The operations of a path, served: the checks in the contract's order, the use case, the answer."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, TypeVar, assert_never

from starlette.types import Receive, Scope, Send

from reelway.dialects.base import Dialect, Operation, WireRequest
from reelway.domain import intents, webhook_intents
from reelway.domain.errors import (
    BodyFault,
    BodyTooLargeError,
    IdempotencyKeyError,
    MalformedBodyError,
    MethodNotAllowedError,
    NotFoundError,
    ReelwayError,
    UnavailableError,
)
from reelway.domain.intents import Caller, IdempotencyKey, Intent, View
from reelway.domain.records import IdempotencyClaim
from reelway.gateway import (
    account,
    cancel,
    content,
    delete,
    quote,
    read,
    remix,
    submit,
    understanding,
    upload,
    webhooks,
)
from reelway.server import bodies
from reelway.server.bodies import LARGE_BYTES
from reelway.server.delivery import send_content
from reelway.server.exchange import BodyTimeoutError, ClientGoneError
from reelway.server.shell import Shell, Visit
from reelway.server.streams import stream_events
from reelway.wire import strict_json

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")

_KEY_LENGTH_MAX: Final = 255
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class PathEndpoint:
    """An ASGI application for one path of a dialect: one operation a method. HEAD is answered as GET without a body."""

    shell: Shell
    dialect: Dialect
    operations: Mapping[str, Operation]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = self.shell.exchange(self.dialect, scope, receive, send)
        operation = self.operations.get("GET" if exchange.method == "HEAD" else exchange.method)
        visit = self.shell.visit(exchange, self.dialect, operation.name if operation else "none")
        try:
            if operation is None:
                await self.shell.admit_stray(visit)
                raise MethodNotAllowedError(tuple(sorted(self.operations)))
            await _Serving(self.shell, visit, operation).serve()
        except ClientGoneError:
            pass
        except BodyTimeoutError:
            await self.shell.send_error(visit, MalformedBodyError(BodyFault.INCOMPLETE), closes=True)
        except ReelwayError as error:
            await self.shell.send_error(visit, error, closes=isinstance(error, BodyTooLargeError))
        except Exception as fault:  # noqa: BLE001 - the edge of a request
            if isinstance(fault, OSError) and fault.errno in _NO_ROOM:
                await self.shell.send_error(visit, UnavailableError("the disk is full"), closes=True)
            else:
                await self.shell.send_fault(visit, fault)
        finally:
            self.shell.measure(visit)


@dataclass(slots=True)
class _Serving:
    """One request on its way through an operation."""

    shell: Shell
    visit: Visit
    operation: Operation

    async def serve(self) -> None:
        await self.shell.admit(self.visit, self.operation)
        async with AsyncExitStack() as stack:
            body, form = await bodies.read(self.shell, self.visit, self.operation, stack)
            request = WireRequest(
                path=self.visit.exchange.scope["path_params"],
                query=self.visit.exchange.query(),
                headers=self.visit.exchange.headers,
                body=body,
                form=form,
            )
            claim = await self._claim(stack, request)
            if isinstance(claim, intents.ReplayView):
                await self._render(claim)
                return
            found = await self._computed(self.operation.attachments, request)
            attachments = await bodies.attached(self.shell, found, stack)
            context = await self.shell.parse_context(self.visit, request, self.operation, attachments)
            intent = await self._computed(lambda given: self.operation.parse(given, context), request)
            if isinstance(intent, intents.WatchTask):
                await stream_events(self.shell, self.visit, intent)
                return
            await self._render(await self._act(intent, claim))

    async def _computed(self, function: Callable[[_Given], _Found], given: _Given) -> _Found:
        """In a thread where the body is large, so that others are served meanwhile."""
        announced = self.visit.exchange.headers.get("content-length", "")
        is_small = self.operation.body_bytes_max is None or (announced.isdecimal() and int(announced) <= LARGE_BYTES)
        return function(given) if is_small else await asyncio.to_thread(function, given)

    async def _claim(self, stack: AsyncExitStack, request: WireRequest) -> IdempotencyClaim | intents.ReplayView | None:
        """What the Idempotency-Key asks for: a claim to write with the task, or the answer of an earlier request."""
        key = self.visit.exchange.headers.get("idempotency-key")
        if key is None or not self.operation.takes_idempotency_key or self.visit.caller is None:
            return None
        if not 1 <= len(key) <= _KEY_LENGTH_MAX or not all(" " <= character <= "~" for character in key):
            raise IdempotencyKeyError
        path = self.visit.exchange.scope["path"].rstrip("/")  # with a slash at its end it is the same endpoint
        endpoint = f"{self.operation.method} {path}"
        fingerprint = await self._computed(strict_json.fingerprint, bodies.canonical(request))
        wanted = IdempotencyKey(endpoint, key, fingerprint)
        claim = self.shell.idempotency.claim(self.visit.caller, wanted)
        answer = await stack.enter_async_context(self.shell.idempotency.guard(claim))
        return claim if answer is None else intents.ReplayView(answer)

    def _act(self, intent: Intent, claim: IdempotencyClaim | None) -> Awaitable[View]:
        if isinstance(intent, intents.ListModels | intents.ReadContract):
            return self._tell(intent)
        assert self.visit.caller is not None, "an operation that needs a key has no scope"
        return self._act_for(self.visit.caller, intent, claim)

    async def _tell(self, intent: intents.ListModels | intents.ReadContract) -> View:
        """What everybody may know."""
        is_contract = isinstance(intent, intents.ReadContract)
        return intents.ContractView() if is_contract else account.list_models(self.shell.core)

    async def _act_for(self, caller: Caller, intent: Intent, claim: IdempotencyClaim | None) -> View:
        core = self.shell.core
        match intent:
            case intents.ReadTask():
                return await read.read_task(core, caller, intent)
            case intents.Submit():
                return await submit.submit(core, caller, intent, claim)
            case intents.ListTasks():
                return await read.list_tasks(core, caller, intent)
            case intents.CancelTask():
                return await cancel.cancel_task(core, caller, intent)
            case intents.DeleteTask():
                return await delete.delete_task(core, caller, intent)
            case intents.ReadContent():
                return await content.read_content(core, caller, intent)
            case intents.ReadUnderstanding():
                return await understanding.read_understanding(core, caller, intent)
            case intents.Remix():
                return await remix.remix_task(core, caller, intent, claim)
            case intents.ReadAccount():
                return await account.read_account(core, caller, intent)
            case intents.Quote():
                return await quote.quote(core, caller, intent)
            case intents.ReadCredits():
                return await account.read_credits(core, caller)
            case intents.ReadFile():
                return await upload.read_file(core, caller, intent)
            case intents.Upload():
                return await upload.upload(core, caller, intent)
            case (
                webhook_intents.CreateEndpoint()
                | webhook_intents.ListEndpoints()
                | webhook_intents.ReadEndpoint()
                | webhook_intents.UpdateEndpoint()
                | webhook_intents.DeleteEndpoint()
                | webhook_intents.RotateSecret()
                | webhook_intents.TestEndpoint()
                | webhook_intents.ListDeliveries()
                | webhook_intents.ListEvents()
                | webhook_intents.ReplayEvent()
            ):
                return await webhooks.act(core, caller, intent)
            case intents.WatchTask() | intents.ListModels() | intents.ReadContract():
                raise AssertionError("served elsewhere")
            case _:
                assert_never(intent)

    async def _render(self, view: View) -> None:
        if isinstance(view, intents.ContentView):
            await send_content(self.shell, self.visit, view)
            return
        answer = self.operation.render(view, self.shell.render_context(self.visit))
        task = view.task if isinstance(view, intents.TaskView | intents.UnderstandingView) else None
        await self.shell.send(self.visit, answer, task)


@dataclass(frozen=True, slots=True)
class UnknownPathEndpoint:
    """Any other path below a dialect's prefix. `what` is told as not found."""

    shell: Shell
    dialect: Dialect
    what: str = "path"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = self.shell.exchange(self.dialect, scope, receive, send)
        visit = self.shell.visit(exchange, self.dialect, "none")
        try:
            await self.shell.admit_stray(visit)
            raise NotFoundError(self.what)
        except ReelwayError as error:
            await self.shell.send_error(visit, error)
        except Exception as fault:  # noqa: BLE001 - the edge of a request
            await self.shell.send_fault(visit, fault)
        finally:
            self.shell.measure(visit)


def by_path(operations: Sequence[Operation]) -> dict[str, dict[str, Operation]]:
    """Operations grouped by path, then by method, in the order of the table."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return paths
