"""`/hooks/provider/...`: where a provider may tell us of a job, at an address of its own for each task."""

from dataclasses import dataclass
from typing import Final

from starlette.types import Receive, Scope, Send

from reelway.clock import new_id
from reelway.domain.errors import BodyTooLargeError, UnavailableError
from reelway.domain.ids import TaskId, is_task_id
from reelway.gateway.hint import take_hint
from reelway.server.exchange import BodyTimeoutError, ClientGoneError, Exchange
from reelway.server.shell import Shell

_BODY_BYTES_MAX: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class ProviderHookEndpoint:
    """Takes a POST whose address only we can have given out. What it says is read and thrown away."""

    shell: Shell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        core = self.shell.core
        exchange = Exchange.begin(scope, receive, send, new_id("req", core.clock.now_us()))
        provider, task_id, token = (scope["path_params"][name] for name in ("provider", "task_id", "token"))
        if exchange.method != "POST":
            await exchange.answer(405, [(b"allow", b"POST")], b"")
            return
        if not is_task_id(task_id) or not core.signer.is_hook_token(provider, task_id, token):
            await exchange.answer(404, [], b"")
            return
        try:
            await exchange.body(_BODY_BYTES_MAX, core.settings.body_seconds_max)
            await take_hint(core, provider, TaskId(task_id))
        except ClientGoneError:
            return
        except (BodyTooLargeError, BodyTimeoutError):
            await exchange.answer(400, [(b"connection", b"close")], b"")
        except UnavailableError:
            await exchange.answer(503, [(b"retry-after", b"5")], b"")
        else:
            await exchange.answer(200, [], b"")
