"""The official Kling API on loopback, with every fault that a test asks for: real HTTP, real tokens, real videos.

It runs in a thread of its own, so that tests of either kind can use it, also those that kill the gateway.
Source: Kling contract, sections 3, 5, 10 and 11; the task envelope of relays for `replies="task"`.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

import httpx

from reelway.net import tokens

ACCESS_KEY = "AK_TEST_0123456789"
SECRET_KEY = "SK_TEST_0123456789_abcdefghijklmnop"
API_KEY = "kling-api-key-0123456789"
HTTP_STATUSES = {1102: 429, 1103: 403, 1201: 400, 1203: 404, 1301: 400, 1302: 429, 1303: 429, 5000: 500, 5001: 503}


# --- what can go wrong ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refuse:
    """An error in the vendor's envelope; nothing is made."""

    code: int
    message: str = "refused"
    retry_after_s: int | None = None


@dataclass(frozen=True)
class Wait:
    """Answers late, and then as usual."""

    seconds: float


@dataclass(frozen=True)
class Drop:
    """Closes the connection without an answer. `accepts`: what was asked for has been done all the same."""

    accepts: bool = True


@dataclass(frozen=True)
class Hang:
    """Never answers and keeps the connection open."""

    accepts: bool = True


@dataclass(frozen=True)
class Raw:
    """Other bytes than an answer of this API: wrong JSON, a proxy's page, half of an answer (`length` lies)."""

    body: bytes = b'{"code": 0, "mess'
    status: int = 200
    accepts: bool = True
    length: int | None = None


@dataclass(frozen=True)
class Expire:
    """A file's address has expired."""


@dataclass(frozen=True)
class Truncate:
    """A file ends before its end: the promised length is longer, or the whole file is told to be shorter."""

    says_so: bool = False


Fault = Refuse | Wait | Drop | Hang | Raw | Expire | Truncate


# --- the server -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """Header names are lower case; `body` is empty for a request without one."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Job:
    """`left`: queries that still find it at work. `failure`: why it fails, in the vendor's words."""

    id: str
    product: str
    body: dict[str, Any]
    made_at_ms: int
    left: int
    failure: str | None
    links: int = 0
    links_from: int = 0

    @property
    def reference(self) -> str | None:
        found = self.body.get("external_task_id")
        return found if isinstance(found, str) else None

    @property
    def status(self) -> str:
        if self.left > 0:
            return "processing"
        return "failed" if self.failure is not None else "succeed"


@dataclass
class KlingServer:
    """`creates`, `queries` and `files` are what happens to the next of each; an empty queue means nothing unusual.

    `polls`: how many queries find a job at work. `failures`: why the next jobs fail. `tells`: statuses that are told to
    a job's `callback_url` once it has ended, in this order, however wrong. `now_s`: the clock that judges tokens.
    """

    video: bytes
    prefix: str = ""
    replies: str = "native"
    polls: int = 1
    units: str = "2.5"
    now_s: Callable[[], float] = time.time
    url: str = ""
    creates: deque[Fault] = field(default_factory=deque)
    queries: deque[Fault] = field(default_factory=deque)
    files: deque[Fault] = field(default_factory=deque)
    failures: deque[str] = field(default_factory=deque)
    tells: tuple[str, ...] = ()
    tells_after_s: float = 0.0
    finds: bool = True
    lists: bool = True
    requests: list[Request] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    accepted: threading.Event = field(default_factory=threading.Event)
    all_told: threading.Event = field(default_factory=threading.Event)
    told: list[tuple[str, str, int]] = field(default_factory=list)
    _telling: set[asyncio.Task[None]] = field(default_factory=set)

    # what tests look at
    @property
    def listed(self) -> list[Request]:
        paths = {f"{self.prefix}/v1/videos/{product}" for product in ("text2video", "image2video")}
        return [request for request in self.requests if request.method == "GET" and request.path in paths]

    @property
    def created(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    def jobs_of(self, reference: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.reference == reference]

    def expire_links(self) -> None:
        """Every address that was given out so far stops working."""
        for job in self.jobs.values():
            job.links_from = job.links

    # connections
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await _request(reader)
                self.requests.append(request)
                if not await self._answer(request, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection can be used again."""
        path = urlsplit(request.target).path
        if path.startswith("/files/"):
            return await self._file(path, writer)
        kinds = self.creates if request.method == "POST" else self.queries
        fault = kinds.popleft() if kinds else None
        if isinstance(fault, Wait):
            await asyncio.sleep(fault.seconds)
        accepts = getattr(fault, "accepts", True) and not isinstance(fault, Refuse)
        status, found = self._called(request, path) if accepts else (200, {})
        match fault:
            case Refuse(code, message, retry_after_s):
                headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
                return await _say(writer, HTTP_STATUSES.get(code, 401), _error(code, message), headers)
            case Raw(body, raw_status, _, length):
                writer.write(_head(raw_status, len(body) if length is None else length) + body)
                await writer.drain()
                return length is None
            case Drop():
                return False
            case Hang():
                await asyncio.Event().wait()
        return await _say(writer, status, found)

    # the API
    def _called(self, request: Request, path: str) -> tuple[int, dict[str, Any]]:
        problem = self._key_problem(request)
        if problem is not None:
            return 401, _error(*problem)
        parts = path.removeprefix(f"{self.prefix}/v1/videos/").split("/")
        if not path.startswith(f"{self.prefix}/v1/videos/") or parts[0] not in ("text2video", "image2video"):
            return 404, _error(1203, "Path not found")
        if request.method == "POST":
            return self._create(parts[0], request.json)
        if len(parts) == 1:
            return self._list(parts[0], parse_qs(urlsplit(request.target).query))
        return self._query(parts[0], unquote(parts[1]))

    def _key_problem(self, request: Request) -> tuple[int, str] | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token:
            return 1001, "Authorization is empty"
        if scheme == "Bearer" and token == API_KEY:
            return None
        is_ours = scheme == "Bearer" and tokens.looks_signed(token) and tokens.issuer(token) == ACCESS_KEY
        if not is_ours or tokens.fault_of(token, SECRET_KEY, self.now_s()) is not None:
            return 1002, "Authorization is invalid"
        return None

    def _create(self, product: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        reference = body.get("external_task_id")
        if reference is not None and self.jobs_of(reference):
            return 400, _error(1201, "external_task_id: already used")
        failure = self.failures.popleft() if self.failures else None
        number = str(780_000_000_000_000_000 + len(self.jobs))
        job = Job(number, product, body, round(self.now_s() * 1000), self.polls, failure)
        self.jobs[job.id] = job
        self.accepted.set()
        return 200, self._told(job, "submitted")

    def _list(self, product: str, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """A page of the product's jobs, the newest first; each of them has been looked at then."""
        if not self.lists:
            return 404, _error(1203, "Path not found")
        size, number = int(query.get("pageSize", ["30"])[0]), int(query.get("pageNum", ["1"])[0])
        newest = [job for job in reversed(self.jobs.values()) if job.product == product]
        page = newest[size * (number - 1) : size * number]
        found = _success([self._told(job, job.status)["data"] for job in page])
        for job in page:
            self._looked_at(job)
        return 200, found if self.replies == "native" else found | {"code": "success"}

    def _query(self, product: str, name: str) -> tuple[int, dict[str, Any]]:
        job = self.jobs.get(name)
        if job is None and self.finds:
            job = next(iter(self.jobs_of(name)), None)
        if job is None or job.product != product:
            return 404, _error(1203, "Task not found")
        answer = self._told(job, job.status)
        self._looked_at(job)
        return 200, answer

    def _looked_at(self, job: Job) -> None:
        job.left -= 1
        if job.left == 0 and self.tells:
            task = asyncio.get_running_loop().create_task(self._tell(job))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    def _told(self, job: Job, status: str) -> dict[str, Any]:
        if self.replies == "native":
            return _success(self._shown(job, status))
        words = {"submitted": "queued", "processing": "in_progress", "succeed": "succeeded", "failed": "failed"}
        data: dict[str, Any] = {"task_id": job.id, "status": words[status], "format": "mp4", "url": "", "error": None}
        if status == "succeed":
            data["url"] = self._link(job)
        if status == "failed":
            data["error"] = {"code": "task_failed", "message": job.failure}
        return {"code": "success", "message": "", "data": data}

    def _shown(self, job: Job, status: str | None = None) -> dict[str, Any]:
        status = status or job.status
        info = {} if job.reference is None else {"external_task_id": job.reference}
        data: dict[str, Any] = {
            "task_id": job.id,
            "task_status": status,
            "task_info": info,
            "created_at": job.made_at_ms,
            "updated_at": job.made_at_ms,
        }
        if status == "failed":
            data |= {"task_status_msg": job.failure, "final_unit_deduction": "0"}
        if status == "succeed":
            video = {"id": f"v{job.id}", "url": self._link(job), "duration": "5.1"}
            data |= {"task_result": {"videos": [video]}, "final_unit_deduction": self.units}
        return data

    def _link(self, job: Job) -> str:
        job.links += 1
        return f"{self.url}/files/{job.id}/{job.links - 1}.mp4"

    async def _file(self, path: str, writer: asyncio.StreamWriter) -> bool:
        fault = self.files.popleft() if self.files else None
        job_id, _, name = path.removeprefix("/files/").partition("/")
        job = self.jobs.get(job_id)
        match fault:
            case Expire():
                return await _say(writer, 403, {"error": "expired"})
            case Truncate(says_so):
                half = self.video[: len(self.video) // 2]
                writer.write(_head(200, len(half) if says_so else len(self.video), "video/mp4") + half)
                await writer.drain()
                return False
            case Raw(body, status, _, length):
                writer.write(_head(status, length or len(body), "video/mp4") + body)
                await writer.drain()
                return False
            case Hang():
                await asyncio.Event().wait()
        if job is None or int(name.removesuffix(".mp4")) < job.links_from:
            return await _say(writer, 403, {"error": "expired"})
        writer.write(_head(200, len(self.video), "video/mp4") + self.video)
        await writer.drain()
        return True

    # callbacks
    async def _tell(self, job: Job) -> None:
        await asyncio.sleep(self.tells_after_s)
        for status in self.tells:
            await self.tell(job, status)
        self.all_told.set()

    async def tell(self, job: Job, status: str, to: str | None = None) -> int:
        """POST a status to the job's callback URL, whether it is true or not; the answer's status."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            answer = await client.post(to or job.body["callback_url"], json=self._shown(job, status))
        self.told.append((job.id, status, answer.status_code))
        return answer.status_code


def _success(data: Any) -> dict[str, Any]:
    return {"code": 0, "message": "SUCCEED", "request_id": str(uuid4()), "data": data}


def _error(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "request_id": str(uuid4())}


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = head[0].split()
    return Request(method, target, headers, body)


async def _say(
    writer: asyncio.StreamWriter, status: int, found: dict[str, Any], headers: dict[str, str] | None = None
) -> bool:
    body = json.dumps(found).encode()
    writer.write(_head(status, len(body), more=headers) + body)
    await writer.drain()
    return True


def _head(status: int, length: int, media_type: str = "application/json", more: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {media_type}", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in (more or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode()


@contextmanager
def kling_server(video: bytes, **fields: Any) -> Iterator[KlingServer]:
    """A server for the length of the block, at an `http://127.0.0.1` URL."""
    server, started = KlingServer(video, **fields), threading.Event()
    loop = asyncio.new_event_loop()

    async def run(stopping: asyncio.Event) -> None:
        connections: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            with contextlib.suppress(asyncio.CancelledError):  # the test is over
                await server.serve(reader, writer)

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        started.set()
        await stopping.wait()
        listener.close()
        for task in (*connections, *server._telling):
            task.cancel()
        await asyncio.gather(*connections, *server._telling, return_exceptions=True)

    stopping = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run(stopping)), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()
