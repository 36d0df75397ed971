"""The process dies between an event and the record of its delivery; the receiver is told all the same, with the same id
and the same bytes."""

import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import create_engine, text

from crash.command import PATIENCE_S, Running, running, stopped
from reelway.telemetry.failpoints import Failpoint
from support.databases import migrated_postgres
from support.waiting import came_true

TIMES_TOLD = {
    Failpoint.FINAL_BEFORE_COMMIT: 1,
    Failpoint.FINAL_AFTER_COMMIT: 1,
    Failpoint.DELIVERY_CLAIMED: 1,
    Failpoint.DELIVERY_SENT: 2,
    Failpoint.DELIVERY_RECORDED: 1,
}
"""At least once: only what was sent and not yet recorded is sent again."""
OPEN = {"REELWAY_DANGEROUS_ALLOW_PRIVATE_CALLBACKS": "true"}


class _Hook(BaseHTTPRequestHandler):
    told: ClassVar[list[tuple[str, bytes]]] = []
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.append((self.headers["webhook-id"], body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    """The URL of a receiver that lives through the gateway's death."""
    _Hook.told.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook"
    server.shutdown()
    server.server_close()
    thread.join()


def subscribed(gateway: Running, url: str) -> None:
    answer = gateway.http.post("/api/v1/webhooks", json={"url": url})
    assert answer.status_code == 201, answer.text


def until_outbox_is_empty(database_url: str, told: int) -> None:
    engine = create_engine(database_url)
    query = text("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM deliveries WHERE is_success = 1)")

    def counts() -> tuple[int, int]:
        with engine.connect() as connection:
            waiting, delivered = connection.execute(query).one()
        return waiting, delivered

    def is_told() -> bool:
        waiting, delivered = counts()
        return waiting == 0 and delivered >= told

    assert came_true(is_told, PATIENCE_S), counts()
    engine.dispose()


def died_and_told(folder: Path, point: Failpoint, hook: str, database_url: str) -> None:
    data, settings = folder / "data", OPEN | {"REELWAY_DATABASE_URL": database_url}
    with running(data, **settings) as gateway:
        subscribed(gateway, hook)
        port = gateway.port
        stopped(gateway)
    with running(data, port=port, REELWAY_FAILPOINT=point.value, **settings) as gateway:
        made = gateway.create("order-7")
        assert made is not None
        task_id = made.json()["id"]
        assert gateway.exit_code() == -signal.SIGKILL
    with running(data, port=port, **settings) as gateway:
        assert gateway.ended(task_id)["status"] == "succeeded"
        until_outbox_is_empty(database_url, 1)
        stopped(gateway)
    assert len(_Hook.told) == TIMES_TOLD[point]
    assert len(set(_Hook.told)) == 1, "the same id and the same bytes"
    assert task_id.encode() in _Hook.told[0][1]


@pytest.mark.parametrize("point", list(TIMES_TOLD))
def test_a_receiver_is_told_though_the_process_died(point: Failpoint, hook: str, tmp_path: Path) -> None:
    died_and_told(tmp_path, point, hook, f"sqlite:///{tmp_path / 'reelway.db'}")


@pytest.mark.parametrize("point", [Failpoint.FINAL_AFTER_COMMIT, Failpoint.DELIVERY_SENT])
def test_a_receiver_is_told_on_postgresql_too(point: Failpoint, hook: str, tmp_path: Path, postgres_url: str) -> None:
    died_and_told(tmp_path, point, hook, migrated_postgres(postgres_url))
