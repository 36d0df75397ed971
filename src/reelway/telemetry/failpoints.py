"""Named points in a task's life at which a crash test kills the process, as `kill -9` would.

A point does nothing unless it was armed with the setting `FAILPOINT`.
"""

import os
import signal
from enum import StrEnum


class Failpoint(StrEnum):
    """Every point, in the order of a task's life; the last three come where somebody is told of it."""

    CREATE_BEFORE_COMMIT = "create_before_commit"
    CREATE_AFTER_COMMIT = "create_after_commit"
    CLAIMED = "claimed"
    INPUTS_PREPARED = "inputs_prepared"
    SUBMITTING_WRITTEN = "submitting_written"
    SUBMIT_ANSWERED = "submit_answered"
    RUNNING_WRITTEN = "running_written"
    PROGRESS_WRITTEN = "progress_written"
    JOB_FINISHED = "job_finished"
    STORING_WRITTEN = "storing_written"
    RESULT_FETCHED = "result_fetched"
    RESULT_STORED = "result_stored"
    FINAL_BEFORE_COMMIT = "final_before_commit"
    FINAL_AFTER_COMMIT = "final_after_commit"
    JOB_DISCARDED = "job_discarded"
    DELIVERY_CLAIMED = "delivery_claimed"
    DELIVERY_SENT = "delivery_sent"
    DELIVERY_RECORDED = "delivery_recorded"


_armed: Failpoint | None = None


def arm(name: str) -> None:
    """Arm one point by its name; an empty name disarms. Raises: ValueError: no such point."""
    global _armed  # noqa: PLW0603 - one switch for the whole process is what a failpoint is
    _armed = Failpoint(name) if name else None


def hit(point: Failpoint) -> None:
    """The process has reached this point."""
    if _armed is point:
        os.kill(os.getpid(), signal.SIGKILL)
