"""Whole lives, with a provider that answers at once: create, claim, submit, poll, store, settle; 10,000 in flight."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import uvloop
from tests.support.media import video_bytes
from tests.support.provider import ScriptedProvider, scripted_offer

from bench.figures import Report
from bench.servers import PLENTY
from reelway.catalog import load_catalog
from reelway.domain import decide, outcomes
from reelway.domain.decide import Transition
from reelway.domain.generation import Generation, Mode
from reelway.domain.ids import JobId
from reelway.domain.intents import Caller, PriceRule, Submission, Submit, TaskView
from reelway.domain.records import ALL_SCOPES, KeptAnswer
from reelway.domain.task import StoredResult, Task
from reelway.gateway.account import create_account
from reelway.gateway.submit import submit
from reelway.settings import Marking, Settings
from reelway.telemetry.logs import configure_logs
from reelway.wiring import Gateway, Parts, open_gateway

TASKS = 3_000
IN_FLIGHT = 10_000
AT_ONCE = 64
POLL_AFTER_S = 15.0
WATCHED_S = 30.0

SUBMISSION = Submission(
    dialect="rivya",
    generation=Generation("kling-v2-5-turbo-pro", "A cinematic product reveal", 5, "16:9", Mode.PRO),
    wire_model="kling-v2-5-turbo-pro",
    price_rule=PriceRule.FIXED,
)


def main() -> int:
    report = Report()
    lives = _measured("lives")
    report.figure("whole lives", lives["per_s"], "a second", at_least=300)
    report.figure("ceiling: the same transitions straight into the store", lives["ceiling_per_s"], "a second")
    report.figure("ratio to the ceiling", lives["per_s"] / lives["ceiling_per_s"], "")
    flight = _measured("flight")
    report.figure(f"tasks in flight: {IN_FLIGHT:,}; memory of the process, peak", flight["rss_mb"], "MB", at_most=400)
    report.figure("polls written meanwhile", flight["polls_per_s"], "a second")
    return report.exit_code


def _measured(what: str) -> dict[str, float]:
    """Run one measurement in a process of its own, so that memory is its own too."""
    command = [sys.executable, "-m", "bench.lifecycle", what]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


async def _with_gateway(
    provider: ScriptedProvider, measure: Callable[[Gateway, Caller], Awaitable[dict[str, float]]]
) -> dict[str, float]:
    def offers(*_: object) -> tuple[Any, ...]:
        return (provider.offer,)

    def providers(*_: object) -> dict[str, Any]:
        return {provider.offer.provider: provider}

    with tempfile.TemporaryDirectory(prefix="reelway-bench-") as folder:
        settings = Settings(
            data_dir=Path(folder),
            port=0,
            unfinished_tasks_max=PLENTY,
            worker_steps_max=256,
            content_credentials=Marking.OFF,  # a process for each video: `bench/animatic` has what that takes
            _env_file=None,
        )  # type: ignore[call-arg]
        async with open_gateway(settings, Parts(offers=offers, providers=providers)) as gateway:
            running = asyncio.create_task(gateway.run())
            fresh = await create_account(gateway.core, "bench", 10**12)
            assert fresh is not None
            found = await measure(gateway, Caller(fresh.key.account_id, fresh.key.id, ALL_SCOPES))
            gateway.stop()
            await running
            return found


async def _create(gateway: Gateway, caller: Caller, count: int) -> list[Task]:
    made: list[Task] = []
    room = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with room:
            view = await submit(gateway.core, caller, Submit(SUBMISSION, lambda _: KeptAnswer(202, (), b"")), None)
            assert isinstance(view, TaskView)
            made.append(view.task)

    await asyncio.gather(*(one() for _ in range(count)))
    return made


async def _lives(gateway: Gateway, caller: Caller) -> dict[str, float]:
    started_s = time.perf_counter()
    await _create(gateway, caller, TASKS)
    while True:
        account = await gateway.core.store.account(caller.account_id)
        assert account is not None
        if account.unfinished_tasks == 0:
            break
        await asyncio.sleep(0.01)
    per_s = TASKS / (time.perf_counter() - started_s)
    gateway.stop()
    return {"per_s": per_s, "ceiling_per_s": await _ceiling(gateway, caller)}


async def _ceiling(gateway: Gateway, caller: Caller) -> float:
    """The five commits of a life, 64 lives side by side, with nothing around them."""
    store, clock = gateway.core.store, gateway.core.clock
    policy = decide.Policy(5, 5, 1.0, 60.0, 900.0)
    result = StoredResult("v", "p", 1, "0" * 64, 1, 1, 5.0, "h264")
    room = asyncio.Semaphore(AT_ONCE)

    accepted = outcomes.Accepted(JobId("job"), 0.0)
    life: tuple[Callable[[Task], Transition], ...] = (
        lambda row: decide.started(row, "scripted", (), clock.now_us()),
        lambda row: decide.submitted(row, accepted, policy, clock.now_us()),
        lambda row: decide.polled(row, outcomes.Finished(), policy, clock.now_us()),
        lambda row: decide.stored(row, outcomes.Stored(result), policy, clock.now_us()),
    )

    async def one(task: Task) -> None:
        async with room:
            for decision in life:
                transition = decision(task)
                assert await store.apply(transition)
                task = transition.task

    started_s = time.perf_counter()
    made = await _create(gateway, caller, TASKS)
    await asyncio.gather(*(one(task) for task in made))
    return TASKS / (time.perf_counter() - started_s)


async def _flight(gateway: Gateway, caller: Caller) -> dict[str, float]:
    provider = _PROVIDERS["flight"]
    await _create(gateway, caller, IN_FLIGHT)
    while len(provider.orders) < IN_FLIGHT:  # noqa: ASYNC110 - the provider is shared with tests and tells nobody
        await asyncio.sleep(0.1)
    process = psutil.Process()
    polls, end_s, peak = provider.poll_count, time.perf_counter() + WATCHED_S, 0
    while time.perf_counter() < end_s:
        peak = max(peak, process.memory_info().rss)
        await asyncio.sleep(0.1)
    return {"rss_mb": peak / 1e6, "polls_per_s": (provider.poll_count - polls) / WATCHED_S}


def _provider(poll: outcomes.PollOutcome, accepted_after_s: float) -> ScriptedProvider:
    offer = replace(scripted_offer(load_catalog()), slots=PLENTY)
    return ScriptedProvider(
        offer,
        video_bytes(),
        default_poll=poll,
        default_submit=outcomes.Accepted(JobId("job"), accepted_after_s),
        free_slots=PLENTY,
    )


_PROVIDERS: dict[str, ScriptedProvider] = {}
_MEASURES = {"lives": _lives, "flight": _flight}


def _child(what: str) -> None:
    configure_logs("error", "console")
    poll: outcomes.PollOutcome = outcomes.Finished()
    if what == "flight":
        poll = outcomes.InProgress(0.5, POLL_AFTER_S)
    _PROVIDERS[what] = _provider(poll, POLL_AFTER_S if what == "flight" else 0.0)
    print(json.dumps(uvloop.run(_with_gateway(_PROVIDERS[what], _MEASURES[what]))))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _child(sys.argv[1])
    else:
        sys.exit(main())
