"""Creates and reads by dialect: the same task asked for in each, every figure as a ratio to the Rivya dialect's.

One server process, SQLite, 64 connections. The dialects take turns, so that a growing database and a busy machine weigh
on all of them alike.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.figures import Report
from bench.load import Load, drive, get, post_form, post_json
from bench.servers import KEY, gateway

CONNECTIONS = 64
ROUNDS = 4
SECONDS = 2.0
WARM_UP_S = 1.0
TASKS_READ = 500
LEAST_RATIO = 0.7
BASE = "rivya"

PROMPT = "A cinematic product reveal with smooth camera movement"
RIVYA_PATH = "/api/v1/generations"
APIXO_MODEL = "kling-2-5-turbo-pro"
KLING_PATH = "/kling/v1/videos/text2video"
OPENAI_PATH = "/v1/videos"

RIVYA_BODY = {
    "model": "kling-v2-5-turbo-pro",
    "prompt": PROMPT,
    "params": {"duration": "5", "aspect_ratio": "16:9", "negative_prompt": "blur, text", "cfg_scale": 0.5},
}
APIXO_BODY = {
    "request_type": "async",
    "input": {
        "mode": "text-to-video",
        "prompt": PROMPT,
        "duration": 5,
        "aspect_ratio": "16:9",
        "negative_prompt": "blur, text",
        "cfg_scale": 0.5,
    },
}
KLING_BODY = {
    "model_name": "kling-v2-5-turbo",
    "prompt": PROMPT,
    "negative_prompt": "blur, text",
    "mode": "pro",
    "aspect_ratio": "16:9",
    "duration": "5",
}
OPENAI_BODY = {
    "model": "kling-v2-5-turbo-pro",
    "prompt": PROMPT,
    "seconds": "5",
    "size": "1920x1080",
    "negative_prompt": "blur, text",
    "cfg_scale": "0.5",
}
STATUSES = {BASE: 202}
"""What a create is answered with where it is not 200."""


@dataclass(slots=True)
class Total:
    """The loads of one dialect over all rounds."""

    loads: list[Load] = field(default_factory=list)

    @property
    def answers_per_s(self) -> float:
        return sum(load.answers_per_s for load in self.loads) / len(self.loads)

    @property
    def faults(self) -> int:
        return sum(load.faults for load in self.loads)


def main() -> int:
    report = Report()
    with (
        tempfile.TemporaryDirectory(prefix="reelway-bench-") as folder,
        gateway(Path(folder, "data"), ROLES="api") as served,
    ):
        creates = _creates(served.url)
        _tell(report, "creates", _taken_in_turn(served.url, creates, STATUSES))
        reads = _reads(served.url, _ids(served.url))
        _tell(report, "reads by id", _taken_in_turn(served.url, reads, {}))
    return report.exit_code


def _creates(url: str) -> dict[str, Sequence[bytes]]:
    return {
        BASE: [post_json(url, RIVYA_PATH, KEY, RIVYA_BODY)],
        "apixo": [post_json(url, f"/api/v1/generateTask/{APIXO_MODEL}", KEY, APIXO_BODY)],
        "kling": [post_json(url, KLING_PATH, KEY, KLING_BODY)],
        "openai_videos, JSON": [post_json(url, OPENAI_PATH, KEY, OPENAI_BODY | {"cfg_scale": 0.5})],
        "openai_videos, form": [post_form(url, OPENAI_PATH, KEY, OPENAI_BODY)],
    }


def _reads(url: str, ids: Sequence[str]) -> dict[str, Sequence[bytes]]:
    paths = {
        BASE: f"{RIVYA_PATH}/{{}}",
        "apixo": f"/api/v1/statusTask/{APIXO_MODEL}?taskId={{}}",
        "kling": f"{KLING_PATH}/{{}}",
        "openai_videos": f"{OPENAI_PATH}/{{}}",
    }
    return {name: [get(url, path.format(task_id), KEY) for task_id in ids] for name, path in paths.items()}


def _taken_in_turn(url: str, requests: Mapping[str, Sequence[bytes]], statuses: Mapping[str, int]) -> dict[str, Total]:
    totals = {name: Total() for name in requests}
    for name, wanted in requests.items():
        drive(url, wanted, connections=CONNECTIONS, seconds=WARM_UP_S, status=statuses.get(name, 200))
    for _ in range(ROUNDS):
        for name, wanted in requests.items():
            load = drive(url, wanted, connections=CONNECTIONS, seconds=SECONDS, status=statuses.get(name, 200))
            totals[name].loads.append(load)
    return totals


def _tell(report: Report, what: str, totals: Mapping[str, Total]) -> None:
    base = totals[BASE].answers_per_s
    for name, total in totals.items():
        report.figure(f"{what}: {name}", total.answers_per_s, "a second")
        if name != BASE:
            report.figure(f"{what}: {name}, ratio to {BASE}", total.answers_per_s / base, "", at_least=LEAST_RATIO)
    report.figure(f"{what}: answers with another status", sum(total.faults for total in totals.values()), "", at_most=0)


def _ids(url: str) -> list[str]:
    """Ids of the newest tasks, which every dialect can read."""
    ids: list[str] = []
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as client:
        query: dict[str, str | int] = {"limit": 100}
        while len(ids) < TASKS_READ:
            page = client.get(RIVYA_PATH, params=query).json()
            ids += [task["id"] for task in page["data"]]
            query["cursor"] = page["next_cursor"]
    return ids


if __name__ == "__main__":
    sys.exit(main())
