"""Tasks and what belongs to them, as they stand after some life: built from rows, not through the code under test."""

import json
from dataclasses import asdict, replace
from typing import Any

from reelway.domain.decide import Policy
from reelway.domain.generation import Generation, Mode, generation_text
from reelway.domain.ids import AccountId, JobId, KeyId, TaskId, WorkerId
from reelway.domain.task import FINAL_STATES, FailureCode, State, StoredResult, Task, queued_task

US = 1_000_000
NOW_US = 1_795_251_600_000_000
"""2026-11-21T09:00:00Z."""
ACCOUNT = AccountId("acct_01KB2R8T4NQ6V0X3Z5A7C9E1G0")
TASK_ID = TaskId("task_01KB2R8T4NQ6V0X3Z5A7C9E1G3")
WORKER = WorkerId("worker-1")

POLICY = Policy(
    submit_tries_max=3,
    store_tries_max=3,
    backoff_base_s=1.0,
    backoff_max_s=60.0,
    unknown_window_s=900.0,
)

GENERATION = Generation(
    model="kling-3-0", prompt="A glass bottle turns slowly", duration_s=5, aspect_ratio="16:9", mode=Mode.PRO
)

RESULT = StoredResult(
    video_object=f"results/{TASK_ID}/video.mp4",
    poster_object=f"results/{TASK_ID}/poster.jpg",
    size_bytes=1_234,
    sha256="ab" * 32,
    width=1920,
    height=1080,
    duration_s=5.0,
    codec="h264",
)

_STARTED: dict[str, Any] = {"attempt": 1, "provider": "scripted", "lease_owner": WORKER, "lease_until_us": NOW_US + US}
_ENDED: dict[str, Any] = {"due_at_us": None, "final_at_us": NOW_US}
_LIVES: dict[State, dict[str, Any]] = {
    State.QUEUED: {},
    State.SUBMITTING: _STARTED,
    State.RUNNING: _STARTED | {"job_id": JobId("job-1"), "progress": 0.25},
    State.STORING: _STARTED | {"job_id": JobId("job-1"), "progress": 0.99},
    State.SUCCEEDED: _ENDED
    | {
        "attempt": 1,
        "provider": "scripted",
        "job_id": JobId("job-1"),
        "progress": 1.0,
        "final_credits": 90,
        "result": json.dumps(asdict(RESULT)),
        "result_expires_at_us": NOW_US + 15 * 86_400 * US,
    },
    State.FAILED: _ENDED | {"failure_code": FailureCode.GENERATION_FAILED},
    State.CANCELLED: _ENDED | {"failure_code": FailureCode.CANCELLED},
    State.EXPIRED: _ENDED | {"failure_code": FailureCode.TIMEOUT},
}


def task_in(state: State, **changes: Any) -> Task:
    """A task in a state, with the columns that the schema asks for there; `changes` replace fields."""
    queued = replace(
        queued_task(
            TASK_ID,
            ACCOUNT,
            dialect="rivya",
            model="kling-3-0",
            generation=generation_text(GENERATION),
            price_credits=90,
            created_at_us=NOW_US - 10 * US,
            deadline_at_us=NOW_US + 3_600 * US,
            result_ttl_s=15 * 86_400,
            key_id=KeyId("key_1"),
        ),
        version=4,
        state_at_us=NOW_US - 5 * US,
        due_at_us=NOW_US,
    )
    return replace(queued, state=state, **(_LIVES[state] | changes))


UNFINISHED_STATES = tuple(state for state in State if state not in FINAL_STATES)
