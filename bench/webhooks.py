"""Telling receivers: deliveries a second to one local receiver, and how long an event waits for its first attempt while
a thousand dead endpoints, which take a connection and never answer, are being tried again."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import text
from tests.support.media import video_bytes
from tests.support.provider import ScriptedProvider, scripted_offer

from bench.figures import Report
from bench.lifecycle import AT_ONCE, SUBMISSION
from bench.servers import PLENTY
from reelway.catalog import load_catalog
from reelway.domain import decide
from reelway.domain.decide import US
from reelway.domain.events import EventType
from reelway.domain.intents import Caller, Submit, TaskView
from reelway.domain.records import ALL_SCOPES, KeptAnswer
from reelway.domain.task import Task
from reelway.domain.webhook_intents import CreateEndpoint
from reelway.gateway.account import create_account
from reelway.gateway.submit import submit
from reelway.gateway.webhooks import create_endpoint
from reelway.settings import Settings
from reelway.store.store import Store
from reelway.telemetry.logs import configure_logs
from reelway.wiring import Gateway, Parts, open_gateway

EVENTS = 3_000
DEAD = 1_000
PACED_PER_S = 50
PACED_S = 20


@dataclass(frozen=True, slots=True)
class Receiver:
    url: str
    dead_url: str


def main() -> int:
    report = Report()
    flow = _measured("flow")
    report.figure("deliveries to one receiver, in order", flow["per_s"], "a second", at_least=500)
    report.figure("processor time for the end of a task and its delivery", flow["processor_ms"], "ms")
    crowd = _measured("crowd")
    report.figure("dead endpoints being tried again meanwhile", crowd["dead"], "")
    report.figure("from commit to first attempt, p50", crowd["p50_s"], "s")
    report.figure("from commit to first attempt, p99", crowd["p99_s"], "s", at_most=1)
    report.figure("attempts at dead endpoints meanwhile", crowd["dead_attempts"], "")
    return report.exit_code


def _measured(what: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.webhooks", what]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


@contextmanager
def _receiver() -> Iterator[Receiver]:
    command = [sys.executable, "-m", "bench.receiver"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Receiver(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait(30)


async def _with_gateway(measure: Callable[[Gateway, Receiver], Awaitable[dict[str, float]]]) -> dict[str, float]:
    """A gateway whose provider has no place free, so that tasks wait until the bench ends them."""
    provider = ScriptedProvider(scripted_offer(load_catalog()), video_bytes(), free_slots=0)

    def offers(*_: object) -> tuple[Any, ...]:
        return (provider.offer,)

    def providers(*_: object) -> dict[str, Any]:
        return {provider.offer.provider: provider}

    with tempfile.TemporaryDirectory(prefix="reelway-bench-") as folder, _receiver() as receiver:
        settings = Settings(
            data_dir=Path(folder),
            port=0,
            unfinished_tasks_max=PLENTY,
            dangerous_allow_private_callbacks=True,
            shutdown_grace_seconds=0,
            _env_file=None,  # type: ignore[call-arg]
        )
        async with open_gateway(settings, Parts(offers=offers, providers=providers)) as gateway:
            running = asyncio.create_task(gateway.run())
            found = await measure(gateway, receiver)
            gateway.stop()
            await running
            return found


async def _caller(gateway: Gateway) -> Caller:
    fresh = await create_account(gateway.core, "bench", 10**12)
    assert fresh is not None
    return Caller(fresh.key.account_id, fresh.key.id, ALL_SCOPES)


async def _task(gateway: Gateway, caller: Caller) -> Task:
    view = await submit(gateway.core, caller, Submit(SUBMISSION, lambda _: KeptAnswer(202, (), b"")), None)
    assert isinstance(view, TaskView)
    return view.task


async def _end(gateway: Gateway, task: Task) -> None:
    """Cancel it, which makes an event."""
    while not await gateway.core.store.apply(decide.cancelled(task, gateway.core.clock.now_us())):
        found = await gateway.core.store.task(task.id)
        assert found is not None
        task = found


async def _endpoint(gateway: Gateway, caller: Caller, url: str) -> None:
    await create_endpoint(gateway.core, caller, CreateEndpoint("bench", url, tuple(EventType)))


def _count(gateway: Gateway, query: str) -> int:
    assert isinstance(gateway.core.store, Store)
    with gateway.core.store.engines.read.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


async def _flow(gateway: Gateway, receiver: Receiver) -> dict[str, float]:
    """Tasks end as fast as they can be written; the clock runs until the last of their events has been recorded."""
    caller = await _caller(gateway)
    await _endpoint(gateway, caller, receiver.url)
    room = asyncio.Semaphore(AT_ONCE)

    async def bounded(work: Awaitable[Any]) -> Any:
        async with room:
            return await work

    tasks = await asyncio.gather(*(bounded(_task(gateway, caller)) for _ in range(EVENTS)))
    started_s, processor_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(bounded(_end(gateway, task)) for task in tasks))
    while await asyncio.to_thread(_count, gateway, "SELECT count(*) FROM deliveries WHERE is_success = 1") < EVENTS:  # noqa: ASYNC110 - the rows are looked at from outside
        await asyncio.sleep(0.05)
    return {
        "per_s": EVENTS / (time.perf_counter() - started_s),
        "processor_ms": (time.process_time() - processor_s) / EVENTS * 1_000,
    }


async def _crowd(gateway: Gateway, receiver: Receiver) -> dict[str, float]:
    """Each dead endpoint has failed once and has its next try due; a healthy account's tasks end at a steady pace."""
    for _ in range(DEAD // 20):
        caller = await _caller(gateway)
        for _ in range(20):
            await _endpoint(gateway, caller, receiver.dead_url)
        await _end(gateway, await _task(gateway, caller))
    while await asyncio.to_thread(_count, gateway, "SELECT count(*) FROM receivers WHERE failure_count > 0") < DEAD:  # noqa: ASYNC110 - the rows are looked at from outside
        await asyncio.sleep(0.5)
    owner = await _caller(gateway)
    await _endpoint(gateway, owner, receiver.url)
    tasks = [await _task(gateway, owner) for _ in range(PACED_PER_S * PACED_S)]
    before = await asyncio.to_thread(_count, gateway, "SELECT count(*) FROM deliveries WHERE is_success = 0")
    started_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, task in enumerate(tasks):
            await asyncio.sleep(max(0.0, started_s + number / PACED_PER_S - time.perf_counter()))
            group.create_task(_end(gateway, task))
    while await asyncio.to_thread(_count, gateway, "SELECT count(*) FROM deliveries WHERE is_success = 1") < len(tasks):  # noqa: ASYNC110 - the rows are looked at from outside
        await asyncio.sleep(0.05)
    waits_s = await asyncio.to_thread(_waits_s, gateway)
    after = await asyncio.to_thread(_count, gateway, "SELECT count(*) FROM deliveries WHERE is_success = 0")
    return {
        "dead": DEAD,
        "p50_s": waits_s[len(waits_s) // 2],
        "p99_s": waits_s[int(len(waits_s) * 0.99)],
        "dead_attempts": after - before,
    }


def _waits_s(gateway: Gateway) -> list[float]:
    """From each event to the first attempt to tell of it. The event's time is that of the decision, so this counts the
    commit too."""
    query = """
        SELECT deliveries.created_at_us - webhook_events.created_at_us
        FROM deliveries JOIN webhook_events ON webhook_events.id = deliveries.event_id
        WHERE deliveries.is_success = 1 AND deliveries.attempt = 1
    """
    assert isinstance(gateway.core.store, Store)
    with gateway.core.store.engines.read.connect() as connection:
        return sorted(wait_us / US for (wait_us,) in connection.execute(text(query)))


_MEASURES = {"flow": _flow, "crowd": _crowd}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        configure_logs("error", "console")
        print(json.dumps(uvloop.run(_with_gateway(_MEASURES[sys.argv[1]]))))
    else:
        sys.exit(main())
