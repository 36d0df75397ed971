"""Jobs in flight at a provider that answers in 50 ms: how old news is when it is written, and what looking costs.

Each round puts N running jobs of 45 s (30 to 60 s, evenly) into a database, all of them submitted at one moment, starts
one gateway process, which takes them over, and measures from each job's true end at the provider to the write of that
news here. Storing is held back: the provider never sends a file, and one storing step at a time waits for it, so that
finished tasks rest in `storing` with the time of their news. `INFLIGHT=100,1000` measures other numbers of jobs;
`INFLIGHT_LISTS=0` takes the provider's list away, so that each job is asked for by itself.
"""

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from bench import servers
from bench.figures import Report
from bench.kling_provider import FIRST_NUMBER
from reelway.clock import new_id
from reelway.domain import decide, outcomes
from reelway.domain.decide import US
from reelway.domain.generation import Generation, Mode, Product, generation_text
from reelway.domain.ids import AccountId, JobId, TaskId, WorkerId
from reelway.domain.records import Created, NewAccount, NewTask
from reelway.domain.task import queued_task
from reelway.store.store import Store

JOBS: Final = (100, 1_000, 10_000)
SECONDS: Final = 45.0
SPREAD_S: Final = 15.0
WAIT_S: Final = 60.0
"""After the last job's end, for the news that is late."""
AT_ONCE: Final = 500
MODEL: Final = "kling-v2-5-turbo-pro"


@dataclass(frozen=True, slots=True)
class Round:
    staleness_s: Sequence[float]
    asked: Mapping[str, int]
    cpu_s: float
    idle_rss_bytes: int
    rss_bytes: int


def main() -> int:
    report = Report()
    report.note("storing is held back: the provider sends no files; one step at a time waits for one")
    numbers = tuple(int(number) for number in os.environ.get("INFLIGHT", "").split(",") if number) or JOBS
    lists = os.environ.get("INFLIGHT_LISTS", "1") != "0"
    for jobs in numbers:
        _report(report, jobs, _measured(jobs, lists=lists))
    return report.exit_code


def _report(report: Report, jobs: int, found: Round) -> None:
    late = sorted(found.staleness_s)
    what = f"{jobs:,} jobs:"
    report.figure(f"{what} news written", float(len(late)), "jobs", at_least=jobs)
    if not late:
        return
    singles, lists = found.asked.get("single", 0), found.asked.get("list", 0)
    report.figure(f"{what} staleness p50", late[len(late) // 2], "s")
    report.figure(f"{what} staleness p99", late[min(len(late) - 1, len(late) * 99 // 100)], "s", at_most=5)
    report.figure(f"{what} staleness, worst", late[-1], "s")
    report.figure(f"{what} polls a finished job, lists counted", (singles + lists) / len(late), "", at_most=12)
    report.figure(f"{what} single polls", float(singles), "")
    report.figure(f"{what} list calls (500 jobs a page)", float(lists), "")
    report.figure(f"{what} jobs a request", len(late) / max(1, singles + lists), "")
    report.figure(f"{what} CPU of the gateway a job", found.cpu_s / len(late) * 1000, "ms")
    report.figure(f"{what} CPU of the gateway, of one core", found.cpu_s / (SECONDS + SPREAD_S) * 100, "%")
    report.figure(f"{what} RSS of the gateway, peak", found.rss_bytes / 1e6, "MB")
    report.figure(f"{what} RSS a job", (found.rss_bytes - found.idle_rss_bytes) / jobs / 1e3, "kB")


def _measured(jobs: int, *, lists: bool) -> Round:
    with tempfile.TemporaryDirectory(prefix="reelway-bench-") as name:
        folder = Path(name)
        given = ["--seconds", str(SECONDS), "--spread", str(SPREAD_S)]
        with servers.program("bench.kling_provider", *given) as provider:
            config = _config(folder, provider.url, lists=lists)
            asyncio.run(_fill(folder, jobs))
            os.environ["BENCH_KLING_KEY"] = "a-key-for-benches"
            changes = {"CONFIG_FILE": config, "WORKER_STEPS_MAX": 1, "ANIMATIC_ENABLED": "false"}
            with servers.gateway(folder, **changes, SHUTDOWN_GRACE_SECONDS=1) as gateway:
                process = psutil.Process(gateway.pid)
                idle_rss_bytes, cpu_before_s = process.memory_info().rss, _cpu_s(process)
                httpx.post(f"{provider.url}/bench/jobs", json={"count": jobs}, timeout=60)
                _begin(folder)
                rss_bytes = _watched(process, folder, jobs)
                cpu_s = _cpu_s(process) - cpu_before_s
                seen = httpx.get(f"{provider.url}/bench/seen", timeout=60).json()
            return Round(_staleness_s(folder, seen["ends_at_s"]), seen["asked"], cpu_s, idle_rss_bytes, rss_bytes)


def _config(folder: Path, url: str, *, lists: bool) -> Path:
    path = folder / "reelway.toml"
    path.write_text(
        f"""
[[providers]]
name = "kling"
kind = "kling"
base_url = "{url}"
allow_private = true
api_key_env = "BENCH_KLING_KEY"
concurrency_max = 100000
requests_per_second_max = 10000
lists = {"true" if lists else "false"}
"""
    )
    return path


# --- the database -----------------------------------------------------------------------------------------------------


async def _fill(folder: Path, jobs: int) -> None:
    """Running tasks whose jobs have numbers from 0 on; nobody may claim them before `_begin`."""
    store = Store.open(f"sqlite:///{folder / 'reelway.db'}")
    try:
        now_us = time.time_ns() // 1_000
        account_id = AccountId(new_id("acct", now_us))
        assert await store.create_account(NewAccount(account_id, "bench", None, None, now_us))
        for start in range(0, jobs, AT_ONCE):
            await asyncio.gather(*(_put(store, account_id, job) for job in range(start, min(jobs, start + AT_ONCE))))
    finally:
        await store.aclose()


async def _put(store: Store, account_id: AccountId, job: int) -> None:
    now_us = time.time_ns() // 1_000
    generation = Generation(MODEL, f"A cinematic product reveal, take {job}", 5, "16:9", Mode.PRO)
    task = queued_task(
        TaskId(new_id("task", now_us)),
        account_id,
        dialect="rivya",
        model=MODEL,
        generation=generation_text(generation),
        price_credits=0,
        created_at_us=now_us,
        deadline_at_us=now_us + 3_600 * US,
        result_ttl_s=86_400,
        **_REST,
    )
    created = await store.create_task(NewTask(task, servers.PLENTY, None, None))
    assert isinstance(created, Created)
    worker = WorkerId("bench")
    held = replace(task, lease_owner=worker, lease_until_us=now_us + 3_600 * US)
    policy = decide.Policy(5, 5, 1.0, 60.0, 900.0)
    accepted = outcomes.Accepted(JobId(str(FIRST_NUMBER + job)), poll_after_s=86_400.0)
    started = decide.started(held, "kling", (), now_us)
    assert await store.apply(started)
    assert await store.apply(decide.submitted(started.task, accepted, policy, now_us))


_REST: Final[dict[str, Any]] = {
    "key_id": None,
    "wire_model": MODEL,
    "route": "auto",
    "client_request_id": None,
    "external_task_id": None,
    "wire": None,
    "callback_url": None,
    "callback_policy": None,
    "remixed_from": None,
    "product": Product.TEXT_TO_VIDEO,
}


def _begin(folder: Path) -> None:
    """The jobs were submitted now, and are due in five seconds, as after any submit."""
    now_us = time.time_ns() // 1_000
    with sqlite3.connect(folder / "reelway.db", timeout=30) as connection:
        connection.execute("UPDATE tasks SET state_at_us = ?, due_at_us = ?", (now_us, now_us + 5 * US))
    connection.close()


def _rows(folder: Path) -> list[tuple[str, str, int]]:
    connection = sqlite3.connect(f"file:{folder / 'reelway.db'}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute("SELECT job_id, state, state_at_us FROM tasks").fetchall()
    finally:
        connection.close()


def _watched(process: psutil.Process, folder: Path, jobs: int) -> int:
    """Until all news is written, or its time is over; the most memory that was used."""
    ends_at_s = time.monotonic() + SECONDS + SPREAD_S + WAIT_S
    rss_bytes = 0
    while time.monotonic() < ends_at_s:
        rss_bytes = max(rss_bytes, process.memory_info().rss)
        if time.monotonic() > ends_at_s - WAIT_S and sum(row[1] != "running" for row in _rows(folder)) == jobs:
            break
        time.sleep(0.5)  # from one look at the memory to the next; more would take time from what is measured
    return rss_bytes


def _staleness_s(folder: Path, ends_at_s: Sequence[float]) -> list[float]:
    rows = [row for row in _rows(folder) if row[1] == "storing"]
    return [state_at_us / US - ends_at_s[int(job_id) - FIRST_NUMBER] for job_id, _, state_at_us in rows]


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    sys.exit(main())
