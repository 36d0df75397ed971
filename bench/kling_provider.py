"""A provider for benches: Kling's official dialect in a process of its own, fast, with jobs that take a set time.

It answers everything after `--answer-ms`. Jobs are announced to it by `POST /bench/jobs` (`{"count": N}`), which starts
their time at once, or come by the API's own create. `GET /bench/seen` tells when each job finished and what was asked.
Without `--file` no file is sent: storing is not measured then, and holds nothing up (the download waits until the bench
ends). With `--keep` a job outlives the process, so that one that was killed comes back with what it had accepted.
"""

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

import uvloop

FIRST_NUMBER: Final = 780_000_000_000_000_000
PRODUCT: Final = "/v1/videos/text2video"


class Jobs:
    """Every job: its finish time (unix seconds) by its number. `kept`: where they are written down and read from."""

    def __init__(self, seconds: float, spread_s: float, kept: Path | None = None) -> None:
        self.seconds = seconds
        self.spread_s = spread_s
        self.made_at_s: list[float] = []
        self.ends_at_s: list[float] = []
        self.asked: Counter[str] = Counter()
        self.numbers: dict[str, int] = {}
        self.references: list[str] = []
        self._random = random.Random(7)
        self._kept = kept.open("a+", buffering=1) if kept is not None else None
        if self._kept is not None:
            self._kept.seek(0)
            for line in self._kept.readlines():
                self._put(*json.loads(line))

    def make(self, count: int, reference: str = "") -> None:
        now_s = time.time()
        for _ in range(count):
            ends_at_s = now_s + self.seconds + self._random.uniform(-self.spread_s, self.spread_s)
            self._put(now_s, ends_at_s, reference)
            if self._kept is not None:
                self._kept.write(json.dumps([now_s, ends_at_s, reference]) + "\n")

    def _put(self, made_at_s: float, ends_at_s: float, reference: str) -> None:
        self.made_at_s.append(made_at_s)
        self.ends_at_s.append(ends_at_s)
        self.references.append(reference)
        if reference:
            self.numbers[reference] = len(self.ends_at_s) - 1

    def number_of(self, name: str) -> int | None:
        """By its own id or by the reference that it was made with; None: there is no such job."""
        number = self.numbers.get(name) if not name.isdigit() else int(name) - FIRST_NUMBER
        return number if number is not None and 0 <= number < len(self.ends_at_s) else None

    def shown(self, number: int, now_s: float) -> str:
        made_at_ms = round(self.made_at_s[number] * 1000)
        head = f'{{"task_id":"{FIRST_NUMBER + number}","task_status":"'
        tail = f'","task_info":{{}},"created_at":{made_at_ms},"updated_at":{made_at_ms}'
        if now_s < self.ends_at_s[number]:
            return f"{head}processing{tail}}}"
        url = f"http://127.0.0.1:{_PORT[0]}/files/{number}.mp4"
        video = f'{{"id":"v{number}","url":"{url}","duration":"5.1"}}'
        return f'{head}succeed{tail},"task_result":{{"videos":[{video}]}},"final_unit_deduction":"2.5"}}'


_PORT: Final = [0]


class Connection(asyncio.Protocol):
    """Just enough HTTP/1.1: one request after another, each with a whole body."""

    def __init__(self, jobs: Jobs, answer_s: float, file: bytes) -> None:
        self._jobs = jobs
        self._answer_s = answer_s
        self._file = file
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclasses

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            lines = head.decode("latin-1").split("\r\n")
            length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            method, target, _ = lines[0].split()
            if self._file or not target.startswith("/files/"):
                asyncio.get_running_loop().call_later(self._answer_s, self._answer, method, target, rest[:length])

    def _answer(self, method: str, target: str, body: bytes) -> None:
        parts = urlsplit(target)
        media_type = "video/mp4" if parts.path.startswith("/files/") else "application/json"
        is_file = media_type == "video/mp4"
        found = self._file if is_file else self._found(method, parts.path, parse_qs(parts.query), body)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(found)}\r\n\r\n"
        if not self._transport.is_closing():
            self._transport.write(head.encode() + found)

    def _found(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> bytes:
        jobs, now_s = self._jobs, time.time()
        if path == "/bench/jobs":
            jobs.make(json.loads(body)["count"])
            return b"{}"
        if path == "/bench/seen":
            seen = {"ends_at_s": jobs.ends_at_s, "asked": jobs.asked, "references": jobs.references}
            return json.dumps(seen).encode()
        if method == "POST":
            jobs.asked["create"] += 1
            jobs.make(1, json.loads(body).get("external_task_id", ""))
            return _success(jobs.shown(len(jobs.ends_at_s) - 1, now_s))
        if path == PRODUCT:
            jobs.asked["list"] += 1
            size, number = int(query["pageSize"][0]), int(query["pageNum"][0])
            newest = len(jobs.ends_at_s) - 1 - size * (number - 1)
            return _success(
                f"[{','.join(jobs.shown(job, now_s) for job in range(newest, max(-1, newest - size), -1))}]"
            )
        jobs.asked["single"] += 1
        job_number = jobs.number_of(path.rpartition("/")[2])
        return _NOT_FOUND if job_number is None else _success(jobs.shown(job_number, now_s))


_NOT_FOUND: Final = b'{"code":1203,"message":"Task not found","request_id":"bench"}'


def _success(data: str) -> bytes:
    return f'{{"code":0,"message":"SUCCEED","request_id":"bench","data":{data}}}'.encode()


async def _serve(given: Any) -> None:
    jobs = Jobs(given.seconds, given.spread, given.keep)
    file = given.file.read_bytes() if given.file is not None else b""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(jobs, given.answer_ms / 1000, file), "127.0.0.1", given.port)
    _PORT[0] = server.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{_PORT[0]}"}), flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--spread", type=float, default=15.0)
    parser.add_argument("--answer-ms", type=float, default=50.0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--keep", type=Path)
    uvloop.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
