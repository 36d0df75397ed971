"""A provider dies under a steady stream of creates: how soon the stream flows elsewhere, and that nothing is lost.

Two providers of Kling's dialect, a cheap one that all tasks go to and an official one, each in a process of its own,
and one gateway. The cheap one dies in two ways: *killed* (connections are refused), and *hanging* (its process is
stopped: the kernel takes connections, nobody answers). Later it comes back with the jobs that it had, and every task
must have ended as a success, with one job. Deadlines are short, see `_ENTRY`; the circuit's settings are the defaults.

"Flowing" is from the create on after which every task was accepted within a second. A submit that the dying provider
has left without an answer is never made elsewhere: such a task waits until its provider tells, and is counted apart.
`FAILOVER_RATE=10` sends so many creates a second; each makes a video that is decoded and kept, which costs far more
than all the rest and must not be what is measured.
"""

import asyncio
import os
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
from tests.support.media import video_bytes

from bench import servers
from bench.figures import Report
from reelway.domain.decide import US

RATE: Final = float(os.environ.get("FAILOVER_RATE", "3"))
WELL_S: Final = 20.0
DEAD_S: Final = 30.0
AFTER_S: Final = 5.0
END_S_MAX: Final = 240.0
FLOWING_S: Final = 1.0
SUBMIT_S: Final = 2
JOB_S: Final = 4.0
LENGTH_S: Final = 3
CHEAP: Final = "cheap"
BODY: Final = {
    "model": "kling-3-0",
    "prompt": "A cinematic product reveal",
    "params": {"mode": "std", "duration": str(LENGTH_S), "aspect_ratio": "1:1"},
}
_ENTRY: Final = f"""
[[providers]]
name = "{{name}}"
kind = "kling"
tier = "{{tier}}"
base_url = "{{url}}"
allow_private = true
api_key_env = "BENCH_KLING_KEY"
concurrency_max = 1000
requests_per_second_max = 1000
connect_seconds = {SUBMIT_S}
submit_seconds = {SUBMIT_S}
request_seconds = {SUBMIT_S}
absent_after_seconds = 60
poll_seconds = 1
"""


@dataclass(frozen=True, slots=True)
class Fate:
    """One task: when it was created, how it ended, who took it and when. Times are unix seconds."""

    created_s: float
    state: str
    provider: str
    accepted_s: float | None
    is_pinned: bool
    """A submit of it went to the dying provider and was left without an answer."""

    @property
    def wait_s(self) -> float:
        return float("inf") if self.accepted_s is None else self.accepted_s - self.created_s


@dataclass(slots=True)
class Played:
    """One death: when, and what became of every create."""

    died_s: float = 0.0
    back_s: float = 0.0
    sent: int = 0
    answered_s: list[float] = field(default_factory=list)
    fates: Sequence[Fate] = ()
    jobs_of_task_max: int = 0


def main() -> int:
    report = Report()
    report.note(f"{RATE:g} creates a second; a submit is given {SUBMIT_S} s; dead for {DEAD_S:g} s")
    for how, death in (("killed", _killed), ("hanging", _hanging)):
        _report(report, f"{how}:", _played(death))
    return report.exit_code


def _report(report: Report, how: str, found: Played) -> None:
    fates = sorted(found.fates, key=lambda fate: fate.created_s)
    well = [fate for fate in fates if fate.created_s < found.died_s - SUBMIT_S]
    dead = [fate for fate in fates if found.died_s <= fate.created_s < found.back_s]
    elsewhere = [fate for fate in dead if fate.provider != CHEAP and fate.accepted_s is not None]
    first_s = min((fate.accepted_s or 0.0 for fate in elsewhere), default=float("inf"))
    slow = [fate.created_s for fate in dead if fate.wait_s > FLOWING_S]
    missing = found.sent - len(found.answered_s)
    pinned = [fate for fate in fates if fate.is_pinned]
    ends = Counter(fate.state for fate in fates)
    report.figure(f"{how} creates sent", found.sent, "")
    report.figure(f"{how} create answered, p99", _p99(found.answered_s) * 1000, "ms")
    report.figure(f"{how} death to the first task accepted elsewhere", first_s - found.died_s, "s")
    report.figure(f"{how} death to traffic flowing elsewhere", max(slow, default=found.died_s) - found.died_s, "s")
    report.figure(f"{how} create to accepted before it, p99", _p99([fate.wait_s for fate in well]), "s")
    free = [fate.wait_s for fate in dead if not fate.is_pinned]
    report.figure(f"{how} create to accepted elsewhere during it, p99", _p99(free), "s")
    report.figure(f"{how} submits left without an answer, waiting for find", len(pinned), "")
    report.figure(f"{how} requests lost", max(missing, found.sent - len(fates)), "", at_most=0)
    report.figure(f"{how} tasks that ended otherwise than succeeded", len(fates) - ends["succeeded"], "", at_most=0)
    report.figure(f"{how} jobs of one task, at most", found.jobs_of_task_max, "", at_most=1)


def _p99(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] if ordered else 0.0


# --- the deaths -------------------------------------------------------------------------------------------------------


Start = Callable[[int], AbstractContextManager[servers.Served]]
"""The cheap provider on a port, 0 for any."""


class _Provider:
    """The one that dies. `start` makes it again on its old port, with the jobs that it wrote down."""

    def __init__(self, stack: ExitStack, start: Start) -> None:
        self._stack = stack
        self._start = start
        self.served = stack.enter_context(start(0))
        stack.callback(self.wake)  # a stopped process cannot be told to end

    def signal(self, number: int) -> None:
        os.kill(self.served.pid, number)

    def wake(self) -> None:
        with suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)

    def again(self) -> None:
        port = urlsplit(self.served.url).port
        assert port is not None
        self.served = self._stack.enter_context(self._start(port))


@dataclass(frozen=True, slots=True)
class Death:
    dies: Callable[[_Provider], None]
    returns: Callable[[_Provider], None]


_killed: Final = Death(lambda provider: provider.signal(signal.SIGKILL), lambda provider: provider.again())
_hanging: Final = Death(lambda provider: provider.signal(signal.SIGSTOP), lambda provider: provider.wake())


def _played(death: Death) -> Played:
    with tempfile.TemporaryDirectory(prefix="reelway-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        video = folder / "made.mp4"
        video.write_bytes(video_bytes(LENGTH_S))
        given = ["--seconds", str(JOB_S), "--spread", "1", "--file", str(video)]

        def start(port: int) -> AbstractContextManager[servers.Served]:
            kept = str(folder / "cheap.jobs")
            return servers.program("bench.kling_provider", *given, "--port", str(port), "--keep", kept)

        cheap = _Provider(stack, start)
        official = stack.enter_context(servers.program("bench.kling_provider", *given))
        config = folder / "reelway.toml"
        config.write_text(
            _ENTRY.format(name=CHEAP, tier="value", url=cheap.served.url)
            + _ENTRY.format(name="official", tier="official", url=official.url)
        )
        os.environ["BENCH_KLING_KEY"] = "a-key-for-benches"
        changes = {"CONFIG_FILE": config, "ANIMATIC_ENABLED": "false", "BACKOFF_MAX_SECONDS": 5}
        gateway = stack.enter_context(servers.gateway(folder, **changes))
        found = asyncio.run(_stream(gateway.url, cheap, death, folder))
        references = [_references(cheap.served.url), _references(official.url)]
        found.jobs_of_task_max = max((references[0] + references[1]).values(), default=0)
        return found


def _references(url: str) -> Counter[str]:
    return Counter(httpx.get(f"{url}/bench/seen", timeout=60).json()["references"])


# --- the stream -------------------------------------------------------------------------------------------------------


async def _stream(url: str, cheap: _Provider, death: Death, folder: Path) -> Played:
    """Creates at a steady pace, whatever becomes of the ones before; the death and the return in between."""
    found = Played()
    headers = {"Authorization": f"Bearer {servers.KEY}"}
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False, limits=limits) as http,
        asyncio.TaskGroup() as group,
    ):
        began_s = time.monotonic()
        while (now_s := time.monotonic() - began_s) < WELL_S + DEAD_S + AFTER_S:
            if not found.died_s and now_s >= WELL_S:
                found.died_s = time.time()
                death.dies(cheap)
            if not found.back_s and now_s >= WELL_S + DEAD_S:
                await asyncio.to_thread(death.returns, cheap)
                found.back_s = time.time()
            group.create_task(_create(http, found))
            found.sent += 1
            await asyncio.sleep(max(0.0, began_s + found.sent / RATE - time.monotonic()))
    ends_at_s = time.monotonic() + END_S_MAX
    while time.monotonic() < ends_at_s:
        found.fates = _fates(folder)
        if all(fate.state in ("succeeded", "failed", "cancelled", "expired") for fate in found.fates):
            break
        await asyncio.sleep(1)
    return found


async def _create(http: httpx.AsyncClient, found: Played) -> None:
    began_s = time.perf_counter()
    try:
        answer = await http.post("/api/v1/generations", json=BODY)
    except httpx.TransportError as exc:
        print(f"  a create failed: {exc!r}", file=sys.stderr)
        return
    if answer.status_code == 202:
        found.answered_s.append(time.perf_counter() - began_s)
    else:
        print(f"  a create was answered with {answer.status_code}: {answer.text[:200]}", file=sys.stderr)


_FATES: Final = """
SELECT t.created_at_us, t.state, t.provider, a.accepted_at_us, EXISTS (
    SELECT 1 FROM attempts p WHERE p.task_id = t.id AND p.provider = :cheap
    AND (p.ending = 'absent' OR p.accepted_at_us - p.started_at_us > :answer_us)
)
FROM tasks t LEFT JOIN attempts a ON a.task_id = t.id AND a.number = t.attempt
"""
_ANSWER_S: Final = SUBMIT_S - 0.5
"""A job of which we learned later than this after its submit was looked for."""


def _fates(folder: Path) -> list[Fate]:
    connection = sqlite3.connect(f"file:{folder / 'reelway.db'}?mode=ro", uri=True, timeout=30)
    try:
        rows = connection.execute(_FATES, {"cheap": CHEAP, "answer_us": _ANSWER_S * US}).fetchall()
    finally:
        connection.close()
    return [
        Fate(
            created_us / US,
            state,
            provider or "",
            None if accepted_us is None else accepted_us / US,
            bool(is_pinned),
        )
        for created_us, state, provider, accepted_us, is_pinned in rows
    ]


if __name__ == "__main__":
    sys.exit(main())
