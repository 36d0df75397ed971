"""The ceiling: bare ASGI on the same uvicorn, without framework, checks or authentication.

python -m bench.ceiling answer            answers every request with the same bytes
python -m bench.ceiling insert DATABASE   does a create's inserts in a group commit, with sqlite3 directly
"""

import asyncio
import json
import queue
import sqlite3
import sys
import threading
import time
from typing import Any

import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from reelway.clock import new_id
from reelway.store.engine import make_engines
from reelway.store.migrate import upgrade

_BODY = json.dumps(
    {
        "id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3",
        "status": "queued",
        "model": "kling-v2-5-turbo-pro",
        "reserved_credits": 42,
        "final_credits": 0,
        "created_at": "2026-11-21T09:00:00.000Z",
        "updated_at": "2026-11-21T09:00:00.000Z",
        "result": None,
        "error": None,
    }
).encode()
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
_TASK = (
    "INSERT INTO tasks (id, account_id, dialect, model, wire_model, route, generation, price_credits, created_at_us,"
    " deadline_at_us, state, version, updated_at_us, state_at_us, due_at_us, tries, attempt, progress, final_credits)"
    " VALUES (?, 'acct', 'rivya', 'm', 'm', 'auto', ?, 42, ?, ?, 'queued', 1, ?, ?, ?, 0, 0, 0.0, 0)"
)
_EVENT = "INSERT INTO events (task_id, sequence, account_id, status, created_at_us) VALUES (?, 1, 'acct', 'queued', ?)"
_TRANSFER = (
    "INSERT INTO transfers (id, kind, account_id, debit_account_id, credit_account_id, amount_credits, task_id, reason,"
    " created_at_us) VALUES (?, 'reserve', 'acct', 'acct', 'acct_system_holds', 42, ?, '', ?)"
)
_ACCOUNT = (
    "UPDATE accounts SET pending_credits = pending_credits + ?, unfinished_tasks = unfinished_tasks + ?"
    " WHERE id = 'acct'"
)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})


class Inserter:
    """Reads the body, inserts a task as the gateway does, answers when the commit is durable."""

    def __init__(self, database: str) -> None:
        engines = make_engines(f"sqlite:///{database}", 1)
        upgrade(engines)
        engines.dispose()
        self._database = database
        self._queue: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        threading.Thread(target=self._commit, daemon=True).start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        future = asyncio.get_running_loop().create_future()
        self._queue.put((message["body"], future))
        await future
        await send({"type": "http.response.start", "status": 202, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})

    def _commit(self) -> None:
        connection = sqlite3.connect(self._database, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32768"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(
            "INSERT INTO accounts (id, kind, name, posted_credits, created_at_us)"
            " VALUES ('acct', 'customer', 'a', ?, 0)",
            (10**12,),
        )
        while True:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get())
            self._insert(connection, [body.decode() for body, _ in batch])
            loop = batch[0][1].get_loop()
            loop.call_soon_threadsafe(_wake, [future for _, future in batch])

    @staticmethod
    def _insert(connection: sqlite3.Connection, bodies: list[str]) -> None:
        now_us = time.time_ns() // 1_000
        ids = [new_id("task", now_us) for _ in bodies]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            _TASK,
            [
                (task_id, body, now_us, now_us + 10**9, now_us, now_us, now_us)
                for task_id, body in zip(ids, bodies, strict=True)
            ],
        )
        connection.executemany(_EVENT, [(task_id, now_us) for task_id in ids])
        connection.executemany(_TRANSFER, [(f"{task_id}.reserve", task_id, now_us) for task_id in ids])
        connection.execute(_ACCOUNT, (42 * len(ids), len(ids)))
        connection.execute("COMMIT")


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


def main() -> None:
    app: Any = Inserter(sys.argv[2]) if sys.argv[1] == "insert" else answer
    config = uvicorn.Config(
        app, port=0, loop="none", http="httptools", ws="none", lifespan="off", access_log=False, log_level="warning"
    )
    listening = config.bind_socket()
    print(json.dumps({"url": f"http://127.0.0.1:{listening.getsockname()[1]}"}), flush=True)
    uvloop.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    main()
