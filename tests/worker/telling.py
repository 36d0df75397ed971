"""Tasks with callbacks, made through a small dialect of the tests, and what of them is told or waits to be."""

import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from reelway.dialects.base import Dialect, RenderContext, WireAnswer
from reelway.dialects.rivya import RIVYA
from reelway.domain.catalog import Catalog
from reelway.domain.errors import ReelwayError
from reelway.domain.generation import Generation, Mode
from reelway.domain.ids import KeyId, TaskId
from reelway.domain.intents import Callback, Caller, PriceRule, Submission, Submit, TaskView
from reelway.domain.records import ALL_SCOPES, KeptAnswer
from reelway.domain.task import Task
from reelway.gateway.submit import submit
from reelway.store.store import Store
from reelway.wiring import Parts
from support.gateway import Account, TestGateway
from support.receiver import Receiver
from support.webhooks import telling_gateway


def _callback(task: Task, context: RenderContext) -> bytes:
    assert context.request_id == ""
    return json.dumps({"task": task.id, "status": task.public_status.value}).encode()


def _kept(task: Task, _context: RenderContext) -> KeptAnswer:
    return KeptAnswer(202, (), task.id.encode())


def _error(error: ReelwayError, _request_id: str, _catalog: Catalog) -> WireAnswer:
    return WireAnswer(400, error.code.encode())


PLAIN = Dialect(
    name="plain",
    prefixes=("/plain",),
    operations=(),
    answer_to_create=_kept,
    render_error=_error,
    render_callback=_callback,
)
PARTS = Parts(dialects=(RIVYA, PLAIN))


async def task_with_callback(gateway: TestGateway, owner: Account, url: str, policy: str) -> TaskId:
    """A new task that tells `url`, by the named rules."""
    submission = Submission(
        dialect=PLAIN.name,
        generation=Generation("kling-v2-5-turbo-pro", "A glass bottle turns slowly", 5, "16:9", Mode.PRO),
        wire_model="plain-model",
        price_rule=PriceRule.FIXED,
        callback=Callback(url, policy),
    )
    caller = Caller(owner.id, KeyId("key_of_a_test"), ALL_SCOPES)
    view = await submit(gateway.core, caller, Submit(submission, lambda _: KeptAnswer(202, (), b"")), None)
    assert isinstance(view, TaskView)
    return view.task.id


def patient_gateway(folder: Path) -> AbstractAsyncContextManager[TestGateway]:
    """A gateway that tells, whose tasks wait for half a minute before they are tried again."""
    return telling_gateway(folder, parts=PARTS, backoff_base_seconds=30, backoff_max_seconds=30)


def rows(gateway: TestGateway, query: str) -> Sequence[Any]:
    store = gateway.core.store
    assert isinstance(store, Store)
    with store.engines.read.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


async def empty_outbox(gateway: TestGateway) -> None:
    await gateway.until(lambda: rows(gateway, "SELECT count(*) FROM messages") == [(0,)])


async def all_told(gateway: TestGateway, receiver: Receiver, count: int) -> None:
    """Wait until the receiver was told so often, and nothing more waits."""
    await gateway.until(lambda: len(receiver.told) >= count)
    await empty_outbox(gateway)
    assert len(receiver.told) == count


async def idle(gateway: TestGateway) -> None:
    """Wait until no receiver is served and none is due."""
    await gateway.until(lambda: rows(gateway, "SELECT count(*) FROM receivers WHERE lease_owner IS NOT NULL") == [(0,)])


def statuses(receiver: Receiver) -> list[str]:
    return [told.json["status"] for told in receiver.told]
