"""Reads by id over HTTP: 64 connections, one server process, SQLite, 5,000 tasks read in turn."""

import sys
import tempfile
from pathlib import Path

import httpx

from bench.figures import Report
from bench.load import drive, get, post_json
from bench.servers import KEY, gateway, program
from bench.submit import BODY, PATH

CONNECTIONS = 64
SECONDS = 10.0
WARM_UP_S = 2.0
TASKS = 5_000
PAGE = 100


def main() -> int:
    report = Report()
    with tempfile.TemporaryDirectory(prefix="reelway-bench-") as folder:
        with program("bench.ceiling", "answer") as bare:
            ceiling = drive(bare.url, [get(bare.url, PATH, KEY)], connections=CONNECTIONS, seconds=SECONDS, status=200)
        with gateway(Path(folder, "data"), ROLES="api") as served:
            create = [post_json(served.url, PATH, KEY, BODY)]
            made = 0
            while made < TASKS:
                made += drive(served.url, create, connections=CONNECTIONS, seconds=1, status=202).answers
            ids = _ids(served.url)
            requests = [get(served.url, f"{PATH}/{task_id}", KEY) for task_id in ids]
            drive(served.url, requests, connections=CONNECTIONS, seconds=WARM_UP_S, status=200)
            load = drive(served.url, requests, connections=CONNECTIONS, seconds=SECONDS, status=200)
    report.figure("reads by id", load.answers_per_s, "a second", at_least=5_000)
    report.figure("latency p50", load.p50_ms, "ms")
    report.figure("latency p99", load.p99_ms, "ms")
    report.figure("answers that were not 200", load.faults, "", at_most=0)
    report.figure("ceiling: bare ASGI answering the same bytes, no read", ceiling.answers_per_s, "a second")
    report.figure("ratio to the ceiling", load.answers_per_s / ceiling.answers_per_s, "")
    return report.exit_code


def _ids(url: str) -> list[str]:
    """Ids of the newest tasks."""
    ids: list[str] = []
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as client:
        query: dict[str, str | int] = {"limit": PAGE}
        while len(ids) < TASKS:
            page = client.get(PATH, params=query).json()
            ids += [task["id"] for task in page["data"]]
            if not page["has_more"]:
                break
            query["cursor"] = page["next_cursor"]
    return ids


if __name__ == "__main__":
    sys.exit(main())
