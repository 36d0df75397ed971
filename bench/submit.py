"""Durable creates over HTTP: 64 connections, one server process, SQLite with synchronous=FULL."""

import sys
import tempfile
from pathlib import Path

from bench.figures import Report
from bench.load import drive, post_json
from bench.servers import KEY, gateway, program

CONNECTIONS = 64
SECONDS = 10.0
WARM_UP_S = 2.0
BODY = {
    "model": "kling-v2-5-turbo-pro",
    "prompt": "A cinematic product reveal with smooth camera movement",
    "params": {"duration": "5", "aspect_ratio": "16:9", "negative_prompt": "blur, text", "cfg_scale": 0.5},
    "client_request_id": "order-7",
}
PATH = "/api/v1/generations"


def main() -> int:
    report = Report()
    with tempfile.TemporaryDirectory(prefix="reelway-bench-") as folder:
        with program("bench.ceiling", "answer") as bare:
            request = [post_json(bare.url, PATH, KEY, BODY)]
            limit = drive(bare.url, request, connections=CONNECTIONS, seconds=3, status=200)
        with program("bench.ceiling", "insert", f"{folder}/ceiling.db") as bare:
            request = [post_json(bare.url, PATH, KEY, BODY)]
            drive(bare.url, request, connections=CONNECTIONS, seconds=WARM_UP_S, status=202)
            ceiling = drive(bare.url, request, connections=CONNECTIONS, seconds=SECONDS, status=202)
        with gateway(Path(folder, "data"), ROLES="api") as served:
            request = [post_json(served.url, PATH, KEY, BODY)]
            drive(served.url, request, connections=CONNECTIONS, seconds=WARM_UP_S, status=202)
            load = drive(served.url, request, connections=CONNECTIONS, seconds=SECONDS, status=202)
    report.note(f"load generator against a bare server: {limit.answers_per_s:,.0f} a second")
    report.figure("durable creates", load.answers_per_s, "a second", at_least=1_500)
    report.figure("latency p50", load.p50_ms, "ms")
    report.figure("latency p99", load.p99_ms, "ms", at_most=120)
    report.figure("answers that were not 202", load.faults, "", at_most=0)
    report.figure("ceiling: bare ASGI, same inserts in a group commit", ceiling.answers_per_s, "a second")
    report.figure("ratio to the ceiling", load.answers_per_s / ceiling.answers_per_s, "", at_least=0.4)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
