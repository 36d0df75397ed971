"""The process dies at every point of a task's life at a provider that costs money: there is one job, and one charge."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crash.command import PATIENCE_S, Running, assert_in_order, assert_video, running, stopped
from reelway.telemetry.failpoints import Failpoint
from support.kling_server import ACCESS_KEY, SECRET_KEY, Drop, Hang, KlingServer, Raw, Refuse, kling_server
from support.media import image_bytes, video_bytes
from support.waiting import came_true

VIDEO = video_bytes(3)
REFERENCE = image_bytes("PNG", (400, 300))
ELSEWHERE = {
    Failpoint.PROGRESS_WRITTEN,  # only the built-in engine tells of progress
    Failpoint.DELIVERY_CLAIMED,
    Failpoint.DELIVERY_SENT,
    Failpoint.DELIVERY_RECORDED,
}
POINTS = [point for point in Failpoint if point not in ELSEWHERE]
NEVER_EXISTED = {Failpoint.CREATE_BEFORE_COMMIT}


def settings(folder: Path, server: KlingServer) -> dict[str, str]:
    path = folder / "reelway.toml"
    path.write_text(
        f"""
[[providers]]
name = "kling"
kind = "kling"
base_url = "{server.url}"
allow_private = true
access_key_env = "KLING_AK"
secret_key_env = "KLING_SK"
submit_seconds = 3
request_seconds = 3
absent_after_seconds = 6
poll_seconds = 0.1
requests_per_second_max = 1000
"""
    )
    return {
        "REELWAY_CONFIG_FILE": str(path),
        "REELWAY_ANIMATIC_ENABLED": "false",
        "KLING_AK": ACCESS_KEY,
        "KLING_SK": SECRET_KEY,
    }


def until(holds: Callable[[], bool]) -> None:
    assert came_true(holds, PATIENCE_S)


def assert_one_of_each(server: KlingServer, data: Path, task_ids: list[str]) -> None:
    """One job a task at the provider, one charge a task here, and no credential in anything that we wrote."""
    assert sorted(str(job.reference) for job in server.jobs.values()) == sorted(task_ids)
    assert_in_order(data, task_ids)
    for path in (data / "reelway.db", data.parent / "stderr.txt"):
        content = path.read_bytes()
        assert SECRET_KEY.encode() not in content
        assert ACCESS_KEY.encode() not in content


@pytest.mark.parametrize("point", POINTS)
def test_a_death_at_any_point_leaves_one_job_and_one_charge(point: Failpoint, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with kling_server(VIDEO) as server:
        given = settings(tmp_path, server)
        with running(data, REELWAY_FAILPOINT=point.value, **given) as gateway:
            port = gateway.port
            reference = gateway.upload(REFERENCE) if point is Failpoint.INPUTS_PREPARED else None
            gateway.create("order-7", reference=reference)
            assert gateway.exit_code() == -signal.SIGKILL
        with running(data, port=port, **given) as gateway:
            again = gateway.create("order-7", reference=reference)
            assert again is not None
            assert (again.headers.get("idempotent-replayed") == "true") == (point not in NEVER_EXISTED)
            task_id = again.json()["id"]
            assert_video(gateway, gateway.ended(task_id), tmp_path)
            stopped(gateway)
        assert_one_of_each(server, data, [task_id])


SUBMITS = {
    "which was taken": (Hang(accepts=True), 1),
    "which never arrived": (Hang(accepts=False), 2),
}


@pytest.mark.parametrize("name", SUBMITS)
def test_a_death_during_a_submit(name: str, tmp_path: Path) -> None:
    fault, submits = SUBMITS[name]
    data = tmp_path / "data"
    with kling_server(VIDEO) as server:
        server.creates.append(fault)
        given = settings(tmp_path, server)
        with running(data, **given) as gateway:
            task_id = created(gateway)
            until(lambda: server.created)
            gateway.kill()
        finished(data, given, [task_id], tmp_path)
        assert_one_of_each(server, data, [task_id])
        assert len(server.created) == submits


@pytest.mark.parametrize("kind", ["queries", "files"])
def test_a_death_during_a_poll_or_a_download(kind: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with kling_server(VIDEO) as server:
        getattr(server, kind).append(Hang())
        given = settings(tmp_path, server)
        with running(data, **given) as gateway:
            task_id = created(gateway)
            until(lambda: not getattr(server, kind))
            gateway.kill()
        finished(data, given, [task_id], tmp_path)
        assert_one_of_each(server, data, [task_id])


def test_deaths_again_and_again_among_faults_of_every_kind(tmp_path: Path) -> None:
    """Ten tasks, a provider that throttles, drops and mumbles, and a process that dies every second or so."""
    data = tmp_path / "data"
    with kling_server(VIDEO, polls=3) as server:
        server.creates.extend([Drop(), Refuse(1303), Raw(), Drop(accepts=False), Refuse(5000), Raw(b"", 502)] * 2)
        server.queries.extend([Raw(), Drop(), Refuse(1302), Raw(b"{}", 500)] * 3)
        server.files.extend([Drop(), Raw(b"no video" * 50)])
        given = settings(tmp_path, server) | {
            "REELWAY_SUBMIT_TRIES_MAX": "20",
            "REELWAY_CIRCUIT_OPEN_SECONDS": "0.5",
            "REELWAY_CIRCUIT_OPEN_SECONDS_MAX": "2",
        }
        with running(data, **given) as gateway:
            task_ids = [created(gateway, f"order-{number}") for number in range(10)]
            gateway.kill()
        for _ in range(4):
            with running(data, **given) as gateway:
                gateway.until_ready()
                time.sleep(1)  # how far it gets is what is tried: each kill meets another state
                gateway.kill()
        finished(data, given, task_ids, tmp_path)
        assert_one_of_each(server, data, task_ids)


def created(gateway: Running, key: str = "order-7") -> str:
    answer = gateway.create(key)
    assert answer is not None
    task_id: str = answer.json()["id"]
    return task_id


def finished(data: Path, given: dict[str, str], task_ids: list[str], folder: Path) -> None:
    """The next process brings all of them to their end."""
    with running(data, **given) as gateway:
        for task_id in task_ids:
            assert_video(gateway, gateway.ended(task_id), folder)
        stopped(gateway)
