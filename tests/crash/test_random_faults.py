"""Random faults at two providers, kills, stops and cancels, in any order, over hundreds of tasks: the laws of the house
hold in the end. The real command, real HTTP, a real database; the table in docs/reliability.md names what each fault
does alone.
"""

import http.server
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import create_engine, text

from crash.command import CREDITS, PATIENCE_S, PRICE, Running, running, stopped
from support.kling_server import (
    ACCESS_KEY,
    SECRET_KEY,
    Drop,
    Expire,
    Fault,
    Hang,
    Job,
    KlingServer,
    Raw,
    Refuse,
    Truncate,
    kling_server,
)
from support.media import video_bytes
from support.waiting import came_true

VIDEO = video_bytes(3)
TASKS_MAX = 60
FINAL = ("succeeded", "failed", "cancelled", "expired")

CREATE_FAULTS: list[Fault] = [
    Drop(),
    Drop(accepts=False),
    Hang(),
    Hang(accepts=False),
    Raw(),
    Raw(b"", 502),
    Raw(b"<html>", 503, accepts=False),
    Refuse(1303),
    Refuse(1302, retry_after_s=1),
    Refuse(1301),
    Refuse(5000),
    Refuse(1102),
]
QUERY_FAULTS: list[Fault] = [Drop(), Hang(), Raw(), Raw(b"{}", 500), Raw(b"[]"), Refuse(1302), Refuse(5001)]
FILE_FAULTS: list[Fault] = [Drop(), Expire(), Truncate(), Truncate(says_so=True), Raw(b"no video" * 50), Raw(b"", 500)]
NO_JOB = {"unavailable", "absent"}
"""How a try ends after which there is another; a throttled one gives its number to the next."""
LAST_ENDINGS: dict[str, set[str | None]] = {
    "succeeded": {"finished"},
    "failed": {"refused", "failed", "finished", *NO_JOB},
    "cancelled": {None, "throttled", *NO_JOB},
    "expired": set(),
}
"""How the last try of a task may have ended; None: there was no try. Nothing is given up here: docs/reliability.md
names what that takes, and in this game no window and no deadline ends, and no provider leaves the file."""
UNITS = "2.5"
UNIT_MICRODOLLARS = {"cheap": 1_000, "dear": 2_000}
FAILURES = ["the model failed", "the content violates our policy"]


# --- who is told ------------------------------------------------------------------------------------------------------


@contextmanager
def receiving() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook receiver on loopback: its URL, and what it was told, as `{"id": ..., "body": ...}`."""
    told: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append({"id": self.headers["webhook-id"], "body": body})
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def provider_entry(name: str, server: KlingServer, price: int) -> str:
    return f"""
[[providers]]
name = "{name}"
kind = "kling"
tier = "{"value" if name == "cheap" else "official"}"
base_url = "{server.url}"
allow_private = true
access_key_env = "KLING_AK"
secret_key_env = "KLING_SK"
unit_microdollars = {price}
submit_seconds = 1
request_seconds = 1
fetch_seconds = 2
absent_after_seconds = 2
poll_seconds = 0.1
concurrency_max = 100
requests_per_second_max = 1000
"""


# --- the machine ------------------------------------------------------------------------------------------------------


class Faults(RuleBasedStateMachine):
    """`task_ids`: every task whose create was answered."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._process: ExitStack | None = None
        self.task_ids: list[str] = []
        self.servers: list[KlingServer] = []
        self.told: list[dict[str, Any]] = []

    @initialize(count=st.integers(5, 12))
    def start(self, count: int) -> None:
        """There are tasks from the beginning, so that whatever comes next comes between them."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.data = folder / "data"
        self.servers = [self._stack.enter_context(kling_server(VIDEO, polls=2, units=UNITS)) for _ in range(2)]
        hook, self.told = self._stack.enter_context(receiving())
        path = folder / "reelway.toml"
        entries = zip(UNIT_MICRODOLLARS.items(), self.servers, strict=True)
        path.write_text("".join(provider_entry(name, server, price) for (name, price), server in entries))
        self.settings = {
            "REELWAY_CONFIG_FILE": str(path),
            "REELWAY_ANIMATIC_ENABLED": "false",
            "REELWAY_DANGEROUS_ALLOW_PRIVATE_CALLBACKS": "true",
            "REELWAY_SUBMIT_TRIES_MAX": "20",
            "REELWAY_STORE_TRIES_MAX": "20",
            "REELWAY_BACKOFF_MAX_SECONDS": "1",
            "REELWAY_CIRCUIT_OPEN_SECONDS": "0.5",
            "REELWAY_CIRCUIT_OPEN_SECONDS_MAX": "1",
            "REELWAY_HEALTH_SHARE_SECONDS": "0.2",
            "KLING_AK": ACCESS_KEY,
            "KLING_SK": SECRET_KEY,
        }
        self._begin()
        answer = self.gateway.http.post("/api/v1/webhooks", json={"url": hook})
        assert answer.status_code == 201, answer.text
        self.create(count)

    def _begin(self) -> None:
        self._process = ExitStack()
        self.gateway: Running = self._process.enter_context(running(self.data, **self.settings))

    def _over(self) -> None:
        assert self._process is not None
        self._process.close()

    @rule(count=st.integers(3, 12))
    def create(self, count: int) -> None:
        for _ in range(min(count, TASKS_MAX - len(self.task_ids))):
            answer = self.gateway.create(f"order-{len(self.task_ids)}")
            assert answer is not None
            self.task_ids.append(answer.json()["id"])

    @rule(number=st.integers(0, 1), faults=st.lists(st.sampled_from(CREATE_FAULTS), min_size=1, max_size=4))
    def trouble_submits(self, number: int, faults: list[Fault]) -> None:
        self.servers[number].creates.extend(faults)

    @rule(number=st.integers(0, 1), faults=st.lists(st.sampled_from(QUERY_FAULTS), min_size=1, max_size=4))
    def trouble_queries(self, number: int, faults: list[Fault]) -> None:
        self.servers[number].queries.extend(faults)

    @rule(number=st.integers(0, 1), faults=st.lists(st.sampled_from(FILE_FAULTS), min_size=1, max_size=3))
    def trouble_files(self, number: int, faults: list[Fault]) -> None:
        self.servers[number].files.extend(faults)

    @rule(number=st.integers(0, 1), why=st.sampled_from(FAILURES))
    def fail_a_job(self, number: int, why: str) -> None:
        self.servers[number].failures.append(why)

    @rule(place=st.integers(0, TASKS_MAX))
    def cancel(self, place: int) -> None:
        task_id = self.task_ids[place % len(self.task_ids)]
        answer = self.gateway.http.post(f"/api/v1/generations/{task_id}/cancel")
        assert answer.status_code in (200, 202, 409), answer.text

    @rule(after_s=st.floats(0, 1.5))
    def kill(self, after_s: float) -> None:
        time.sleep(after_s)  # the moment itself is what is tried
        self.gateway.kill()
        self._over()
        self._begin()

    @rule()
    def stop(self) -> None:
        stopped(self.gateway)
        self._over()
        self._begin()

    # --- the end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if self._process is not None:
                self._bring_to_an_end()
                self._check()
        finally:
            if self._process is not None:
                self._over()
            self._stack.close()

    def _bring_to_an_end(self) -> None:
        for server in self.servers:
            for queue in (server.creates, server.queries, server.files, server.failures):
                queue.clear()
        for task_id in self.task_ids:
            note(f"{task_id}: {self.gateway.ended(task_id)}")
        is_empty = came_true(lambda: self._rows("SELECT count(*) FROM messages") == [(0,)], PATIENCE_S)
        assert is_empty, "the outbox does not empty"
        stopped(self.gateway)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        engine = create_engine(f"sqlite:///{self.data / 'reelway.db'}")
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query))]
        finally:
            engine.dispose()

    def _check(self) -> None:
        states: dict[str, str] = dict(self._rows("SELECT id, state FROM tasks"))  # type: ignore[arg-type]
        assert sorted(states) == sorted(self.task_ids), "no task is lost, and none is made twice"
        assert set(states.values()) <= set(FINAL)
        for state in states.values():
            event(f"a task: {state}")
        event(f"jobs were looked for in lists: {any(server.listed for server in self.servers)}")
        self._check_money(states)
        self._check_jobs(states)
        self._check_attempts(states)
        self._check_costs()
        self._check_events()

    def _check_money(self, states: dict[str, str]) -> None:
        """Each hold is resolved once, as its task ended, and the balance is the sum of the transfers."""
        moves = self._rows("SELECT task_id, kind, amount_credits FROM transfers WHERE task_id IS NOT NULL")
        ends = {task_id: "settle" if state == "succeeded" else "release" for task_id, state in states.items()}
        assert sorted(moves) == sorted(
            (task_id, kind, PRICE) for task_id, end in ends.items() for kind in ("reserve", end)
        )
        spent = PRICE * sum(state == "succeeded" for state in states.values())
        wallets = self._rows(
            "SELECT posted_credits, pending_credits, unfinished_tasks FROM accounts WHERE kind = 'customer'"
        )
        assert wallets == [(CREDITS - spent, 0, 0)]

    def _check_jobs(self, states: dict[str, str]) -> None:
        """No task has two jobs, at one provider or at both; whatever succeeded has one, and its video."""
        jobs = [str(job.reference) for server in self.servers for job in server.jobs.values()]
        assert len(set(jobs)) == len(jobs), "two jobs of one task"
        made = {task_id for task_id, state in states.items() if state == "succeeded"}
        assert made <= set(jobs) <= set(states)
        for task_id in made:
            assert (self.data / "objects" / "results" / task_id / "video.mp4").stat().st_size > 0
        if (self.data / "objects" / "results").exists():
            kept = {entry.name for entry in (self.data / "objects" / "results").iterdir()}
            assert kept == made, "nothing lies about"

    def _check_attempts(self, states: dict[str, str]) -> None:
        """Every try has an ending that fits how its task ended, and knows its job if there is one."""
        rows = self._rows("SELECT task_id, number, provider, job_id, ending FROM attempts ORDER BY task_id, number")
        endings: dict[str, list[str]] = {task_id: [] for task_id in states}
        for task_id, number, _, _, ending in rows:
            endings[task_id].append(ending)
            assert number == len(endings[task_id]), f"{task_id} has tries {endings[task_id]}"
        for task_id, state in states.items():
            *earlier, last = endings[task_id] or [None]
            assert set(earlier) <= NO_JOB, f"{task_id} went on after {earlier}"
            assert last in LAST_ENDINGS[state], f"{task_id}: {state} after {last}"
        known = {(task_id, provider, job_id) for task_id, _, provider, job_id, _ in rows if job_id is not None}
        assert known == {(job.reference, name, job.id) for name, job in self._jobs()}, "a job that no attempt knows"

    def _check_costs(self) -> None:
        """Each job that has a video was paid for once, at its own provider's price; what failed cost nothing."""
        rows = self._rows("SELECT task_id, provider, kind, microdollars, units, is_estimate FROM provider_costs")
        expected = []
        for name, job in self._jobs():
            cost = (UNITS, UNIT_MICRODOLLARS[name]) if job.failure is None else ("0", 0)
            units, microdollars = cost[0], round(float(cost[0]) * cost[1])
            expected.append((job.reference, name, "final", microdollars, units, 0))
        assert sorted(rows) == sorted(expected)

    def _jobs(self) -> list[tuple[str, Job]]:
        """Every job with the name of the provider that has it."""
        names = UNIT_MICRODOLLARS
        return [(name, job) for name, server in zip(names, self.servers, strict=True) for job in server.jobs.values()]

    def _check_events(self) -> None:
        """Every end was told, at least once, and always with the same id and the same words."""
        expected = {event_id for (event_id,) in self._rows("SELECT id FROM webhook_events")}
        assert len(expected) == len(self.task_ids)
        words: dict[str, set[bytes]] = {}
        for told in self.told:
            words.setdefault(told["id"], set()).add(told["body"])
        assert set(words) == expected
        assert all(len(bodies) == 1 for bodies in words.values())
        ids = {json.loads(told["body"])["data"]["id"] for told in self.told}
        assert ids == set(self.task_ids)


TestFaults = Faults.TestCase
TestFaults.settings = settings(
    max_examples=8,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
