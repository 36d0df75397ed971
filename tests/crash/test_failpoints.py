"""The process dies at every named point of a task's life, and the next one brings the task to its one right end."""

import signal
from pathlib import Path

import pytest

from crash.command import Running, assert_in_order, assert_video, running, stopped
from reelway.telemetry import failpoints
from reelway.telemetry.failpoints import Failpoint
from support.media import image_bytes

NEVER_EXISTED = {Failpoint.CREATE_BEFORE_COMMIT}
UNANSWERED = {Failpoint.CREATE_BEFORE_COMMIT, Failpoint.CREATE_AFTER_COMMIT}
OF_DELIVERIES = {Failpoint.DELIVERY_CLAIMED, Failpoint.DELIVERY_SENT, Failpoint.DELIVERY_RECORDED}
"""See test_deliveries: somebody must want to be told."""
REFERENCE = image_bytes("PNG", (256, 256))
SLOW_RENDERS = {Failpoint.PROGRESS_WRITTEN: "6"}
"""Progress is written when a poll of half a second has seen some, so that render must take longer."""


def reference_for(gateway: Running, point: Failpoint) -> str | None:
    """Only a task with a reference comes by the point at which references are prepared."""
    return gateway.upload(REFERENCE) if point is Failpoint.INPUTS_PREPARED else None


@pytest.mark.parametrize("point", [point for point in Failpoint if point not in OF_DELIVERIES])
def test_a_task_ends_once_and_right_though_the_process_died(point: Failpoint, tmp_path: Path) -> None:
    died_and_went_on(tmp_path, point, {})


def died_and_went_on(folder: Path, point: Failpoint, settings: dict[str, str]) -> None:
    """Die at the point, start again on the same data, repeat the create, and look at everything."""
    data, duration = folder / "data", SLOW_RENDERS.get(point, "3")
    with running(data, REELWAY_FAILPOINT=point.value, **settings) as gateway:
        reference, port = reference_for(gateway, point), gateway.port
        first = gateway.create("order-7", duration, reference)
        assert gateway.exit_code() == -signal.SIGKILL
        assert first is None or point not in UNANSWERED
    with running(data, port=port, **settings) as gateway:  # the same address, for it is part of the reference's URL
        again = gateway.create("order-7", duration, reference)
        assert again is not None
        assert (again.headers.get("idempotent-replayed") == "true") == (point not in NEVER_EXISTED)
        if first is not None:
            assert first.json() == again.json()
        task_id = again.json()["id"]
        assert_video(gateway, gateway.ended(task_id), folder, duration)
        stopped(gateway)
    assert_in_order(data, [task_id], settings.get("REELWAY_DATABASE_URL"))


def test_a_point_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        failpoints.arm("nowhere")
    failpoints.arm("")


def test_a_point_that_is_not_armed_does_nothing() -> None:
    failpoints.arm("")
    for point in Failpoint:
        failpoints.hit(point)
