"""Tasks with callbacks, made through a small dialect of the tests, and what receivers were told of them."""

import json

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
from reelway.wiring import Parts
from support.gateway import Account, TestGateway


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
