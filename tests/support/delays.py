"""A pytest plugin that makes the database slow at random, to find tests and code that race it.

    PYTHONPATH=tests python -m pytest -p support.delays tests/worker

Every transaction begins late now and then, and the answers to writes and reads are late; their order stays. What fails
with this and not without it has waited for something else than it meant. DELAYS_SEED names another sequence,
DELAYS_SHARE the share of calls that are late, DELAYS_MAX_S by how much at most.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from reelway.store.commit import GroupCommit
from reelway.store.reads import Reads

_RANDOM = random.Random(os.environ.get("DELAYS_SEED", "1"))
_SHARE = float(os.environ.get("DELAYS_SHARE", "0.15"))
_MAX_S = float(os.environ.get("DELAYS_MAX_S", "0.15"))


def _delay_s() -> float:
    return _RANDOM.uniform(0.0, _MAX_S) if _RANDOM.random() < _SHARE else 0.0


def _answers_late(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def late(*args: Any, **options: Any) -> Any:
        answer = await call(*args, **options)
        delay_s = _delay_s()
        if delay_s:
            await asyncio.sleep(delay_s)
        return answer

    return late


def _begins_late(call: Callable[..., None]) -> Callable[..., None]:
    def late(*args: Any, **options: Any) -> None:
        time.sleep(_delay_s() / 2)  # the lateness itself; in the committing thread, so everybody's write waits
        call(*args, **options)

    return late


def pytest_configure() -> None:
    for owner, name in ((GroupCommit, "run"), (Reads, "load"), (Reads, "query")):
        setattr(owner, name, _answers_late(getattr(owner, name)))
    setattr(GroupCommit, "_in_one_transaction", _begins_late(GroupCommit._in_one_transaction))  # noqa: B010 - mypy
