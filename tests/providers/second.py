"""A second Reelway in a process of its own: the provider that the gateway under test stands in front of.

Run as a program it serves like `python -m reelway serve`, but its guard leads every host name to loopback and trusts
the tests' own authority, so that it can fetch images from public https addresses that lie on this machine.
"""

import asyncio
import contextlib
import ipaddress
import json
import os
import ssl
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

KEY = "rw_sk_second_reelway_0123456789"
CREDITS = 1_000_000
PATIENCE_S = 300
TESTS = Path(__file__).resolve().parent.parent


@dataclass
class Second:
    """A Reelway with one account, whose key is `KEY`; `http` speaks for that account."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        self.http = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S, trust_env=False)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def task(self, task_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/v1/generations/{task_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found | {"state": answer.headers["x-reelway-state"]}

    def video(self, task_id: str) -> bytes:
        answer = self.http.get(f"/v1/videos/{task_id}/content")
        assert answer.status_code == 200, answer.text
        return answer.content

    def newest(self, count: int = 100) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get("/api/v1/generations", params={"limit": count}).json()["data"]
        return found

    def prompts(self) -> list[str]:
        """The prompts of the newest jobs: what a bill would show."""
        listed = self.http.get("/v1/videos", params={"limit": 100}).json()["data"]
        return [video["prompt"] for video in listed]

    def hang(self) -> str:
        """A job that takes room until it is cancelled."""
        body = {"model": "kling-3-0", "prompt": "A still lake [[reelway: hang]]"}
        answer = self.http.post("/api/v1/generations", json=body)
        assert answer.status_code == 202, answer.text
        task_id: str = answer.json()["id"]
        return task_id

    def cancel(self, task_id: str) -> None:
        ends_at = time.monotonic() + PATIENCE_S
        while self.task(task_id)["state"] != "cancelled":
            assert self.http.post(f"/api/v1/generations/{task_id}/cancel").status_code == 200
            assert time.monotonic() < ends_at


@contextmanager
def second_reelway(folder: Path, *, authority: Path | None = None, **settings: str) -> Iterator[Second]:
    """Serve until the block ends. `authority`: a certificate file; with it the guard is the tests' own."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {name: value for name, value in os.environ.items() if not name.upper().startswith("REELWAY_")}
    environment = plain | {
        "REELWAY_DATA_DIR": str(folder / "data"),
        "REELWAY_BOOTSTRAP_KEY": KEY,
        "REELWAY_BOOTSTRAP_CREDITS": str(CREDITS),
        "REELWAY_PORT": "0",
        "REELWAY_WORKER_POLL_SECONDS": "0.05",
        "REELWAY_ANIMATIC_CAPTIONS": "false",
        **settings,
    }
    command = [sys.executable, "-m", "reelway", "serve", "--json"]
    if authority is not None:
        environment["PYTHONPATH"] = f"{TESTS}:{environment.get('PYTHONPATH', '')}"
        command = [sys.executable, __file__, str(authority)]
    log = folder / "stderr.txt"
    with log.open("ab") as stderr:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=stderr)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"it did not start: {log.read_text()[-2000:]}"
        found = Second(process, json.loads(line)["url"], log)
        with found.http:
            yield found
    finally:
        family = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        process.stdout.close()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, f"processes of the second Reelway outlive it: {alive}"


def main() -> None:
    from reelway.net.guard import Guard
    from reelway.settings.loading import load_settings
    from reelway.wiring import Parts, open_gateway

    loopback = ipaddress.ip_address("127.0.0.1")

    async def to_loopback(_host: str, _port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        return [loopback]

    async def serve() -> None:
        guard = Guard(to_loopback, lambda address: address == loopback, ssl.create_default_context(cafile=sys.argv[1]))
        async with open_gateway(load_settings(), Parts(guard=guard)) as gateway:
            print(json.dumps({"url": gateway.base_url}), flush=True)
            await gateway.run()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
