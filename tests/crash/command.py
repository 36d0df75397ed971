"""The real command in a process of its own, driven over real HTTP, and what it left behind when it has gone."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import Connection, create_engine, text

from reelway.domain.task import RESULT_NAMES
from support.media import decoded
from support.waiting import came_true

KEY = "rw_sk_crash_test_0123456789"
CREDITS = 100_000
PRICE = 90
PATIENCE_S = 300
POLL_S_MAX = 60
"""Source: Rivya contract, section 8.6."""
FRAMES = {"3": 72, "6": 144}


@dataclass
class Running:
    """A gateway in a process of its own."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        self.http = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S + 10, trust_env=False)

    def create(self, key: str, duration: str = "3", reference: str | None = None) -> httpx.Response | None:
        """The answer to a create, or None when the process died before it gave one."""
        params: dict[str, Any] = {"mode": "std", "duration": duration, "aspect_ratio": "1:1"}
        if reference is not None:
            params["referenceMediaItems"] = [{"url": reference, "kind": "image"}]
        body = {"model": "kling-3-0", "prompt": "A red fox walks through deep snow", "params": params}
        try:
            answer = self.http.post("/api/v1/generations", json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            return None
        assert answer.status_code == 202, answer.text
        return answer

    def upload(self, content: bytes) -> str:
        """The address of an uploaded image."""
        form = {"kind": (None, "image"), "file": ("start.png", content)}
        answer = self.http.post("/api/v1/files", files=form)
        assert answer.status_code == 201, answer.text
        url: str = answer.json()["url"]
        return url

    def ended(self, task_id: str) -> dict[str, Any]:
        """The task's last word."""
        ends_at = time.monotonic() + PATIENCE_S
        while True:
            answer = self.http.get(f"/api/v1/generations/{task_id}", params={"wait": POLL_S_MAX})
            told: dict[str, Any] = answer.json()
            if told["status"] in ("succeeded", "failed"):
                return told
            assert time.monotonic() < ends_at, told

    def until(self, task_id: str, state: str) -> None:
        """Wait until a task is in a core state."""

        def found() -> str:
            return self.http.get(f"/api/v1/generations/{task_id}").headers["x-reelway-state"]

        assert came_true(lambda: found() == state, PATIENCE_S), f"{task_id} is {found()}, not {state}"

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def until_ready(self) -> None:
        assert self.http.get("/readyz").status_code == 200

    def until_stopping(self) -> None:
        """Wait until the process has said that it stops."""
        assert came_true(lambda: "stopping" in self.log.read_text(), PATIENCE_S)

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE_S)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)


def environment(data: Path, settings: dict[str, str]) -> dict[str, str]:
    """Nothing of the tests' own settings; short times."""
    plain = {name: value for name, value in os.environ.items() if not name.upper().startswith("REELWAY_")}
    return plain | {
        "REELWAY_DATA_DIR": str(data),
        "REELWAY_BOOTSTRAP_KEY": KEY,
        "REELWAY_BOOTSTRAP_CREDITS": str(CREDITS),
        "REELWAY_BACKOFF_BASE_SECONDS": "0.05",
        "REELWAY_WORKER_POLL_SECONDS": "0.05",
        "REELWAY_SWEEP_SECONDS": "0.2",
        "REELWAY_ANIMATIC_CAPTIONS": "false",
        **settings,
    }


@contextmanager
def running(data: Path, *, port: int = 0, **settings: str) -> Iterator[Running]:
    """The gateway on a data folder; whatever is left of it is killed at the end. `settings` are variables."""
    log = data.parent / "stderr.txt"
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "reelway", "serve", "--port", str(port), "--json"],
            env=environment(data, settings),
            cwd=data.parent,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"it did not start: {log.read_text()[-2000:]}"
        found = Running(process, json.loads(line)["url"], log)
        with found.http:
            yield found
    finally:
        family = _family(process.pid)
        process.kill()
        process.wait()
        process.stdout.close()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, f"processes of the gateway outlive it: {alive}"


def _family(pid: int) -> list[psutil.Process]:
    """The processes that a gateway has started, its renders among them."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def stopped(gateway: Running) -> None:
    gateway.signal(signal.SIGTERM)
    assert gateway.exit_code() == 0, gateway.log.read_text()[-2000:]


# --- what is left -----------------------------------------------------------------------------------------------------


def assert_video(gateway: Running, told: dict[str, Any], folder: Path, duration: str = "3") -> None:
    """The task's result is a whole video of the length asked for."""
    assert told["status"] == "succeeded", told
    got = gateway.http.get(told["result"]["primary_url"])
    assert got.status_code == 200
    path = folder / "result.mp4"
    path.write_bytes(got.content)
    assert decoded(path)[0] == FRAMES[duration]


def assert_in_order(data: Path, task_ids: list[str], database_url: str | None = None) -> None:
    """Each task succeeded once and was charged once, and nothing of their lives lies about."""
    engine = create_engine(database_url or f"sqlite:///{data / 'reelway.db'}")
    with engine.connect() as connection:
        _assert_rows(connection, task_ids)
    engine.dispose()
    objects = data / "objects" / "results"
    assert sorted(entry.name for entry in objects.iterdir()) == sorted(task_ids)
    for task_id in task_ids:
        kept = {entry.name for entry in (objects / task_id).iterdir()}
        assert {"poster.jpg", "video.mp4"} <= kept <= set(RESULT_NAMES)
    for name in ("renders", "render-inputs", "results", "fetched", "uploads"):
        left = [entry.name for entry in (data / name).glob("*")]
        assert left == [], f"{name}: {left}"


def _assert_rows(connection: Connection, task_ids: list[str]) -> None:
    def rows(query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.execute(text(query))]

    expected = sorted(task_ids)
    tasks = rows("SELECT id, state, lease_owner, final_credits FROM tasks ORDER BY id")
    assert tasks == [(task_id, "succeeded", None, PRICE) for task_id in expected]
    moves = rows("SELECT task_id, kind, amount_credits FROM transfers WHERE task_id IS NOT NULL ORDER BY task_id, kind")
    assert moves == [(task_id, kind, PRICE) for task_id in expected for kind in ("reserve", "settle")]
    events = rows("SELECT task_id, sequence FROM events ORDER BY task_id, sequence")
    assert events == [(task_id, number) for task_id in expected for number in (1, 2, 3)]
    spent = PRICE * len(expected)
    wallets = rows("SELECT posted_credits, pending_credits, unfinished_tasks FROM accounts WHERE kind = 'customer'")
    assert wallets == [(CREDITS - spent, 0, 0)]
    assert rows("SELECT count(*) FROM transfers WHERE kind = 'grant'") == [(1,)]
