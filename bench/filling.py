"""Fills a SQLite database with a long past: tasks in every state, with their money and events."""

from collections.abc import Iterator
from dataclasses import fields
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from reelway.catalog import load_catalog
from reelway.clock import SystemClock
from reelway.domain.decide import US, transition
from reelway.domain.events import event_of
from reelway.domain.generation import Generation, Mode, generation_text
from reelway.domain.ids import AccountId, JobId, KeyId, TaskId, ulid
from reelway.domain.ledger import Transfer, reserve
from reelway.domain.task import FailureCode, State, Task, moved, queued_task
from reelway.store.engine import make_engines
from reelway.store.ledger import BalanceChanges, insert_transfers
from reelway.store.schema import events, tasks

_PRICE_CREDITS = 10
_DAYS = 60
_BATCH = 2_000
_SUBJECTS = ("lighthouse", "fox", "market", "train", "harbour", "glacier", "dancer", "teapot", "balloon", "orchard")
_MOODS = ("at dawn", "in heavy rain", "under neon lights", "in slow motion", "seen from above", "in deep snow")
_RESULT = (
    '{"video_object":"results/%s/video.mp4","poster_object":"results/%s/poster.jpg","size_bytes":1830221,'
    '"sha256":"0a6a","width":1280,"height":720,"duration_s":5.0,"codec":"h264"}'
)


def fill(folder: Path, account_id: AccountId, key_id: KeyId, count: int, *, result_ttl_s: int = 90 * 86_400) -> None:
    """Insert `count` tasks of an account, spread over 60 days, the newest now. Nobody may serve the database."""
    engines = make_engines(f"sqlite:///{folder / 'reelway.db'}", 1)
    with engines.write.begin() as connection:
        batch: list[list[Task]] = []
        for life in _lives(account_id, key_id, count, result_ttl_s):
            batch.append(life)
            if len(batch) == _BATCH:
                _insert(connection, batch)
                batch = []
        _insert(connection, batch)
        connection.exec_driver_sql("ANALYZE")
    engines.dispose()


def _lives(account_id: AccountId, key_id: KeyId, count: int, result_ttl_s: int) -> Iterator[list[Task]]:
    now_us = SystemClock().now_us()
    models = [card.id for card in load_catalog(None)]
    dialects = ("rivya", "rivya", "rivya", "kling", "kling", "apixo", "openai_videos")
    for number in range(count):
        at_us = now_us - (count - number) * (_DAYS * 86_400 * US // count)
        prompt = f"The {_SUBJECTS[number % 10]} {_MOODS[number % 6]}, take {number}"
        generation = Generation(
            models[number % len(models)], prompt, 5, "16:9", Mode.PRO, negative_prompt="blurry, text, watermark"
        )
        task = queued_task(
            TaskId(f"task_{ulid(at_us // 1_000, number.to_bytes(10, 'big'))}"),
            account_id,
            dialect=dialects[number % len(dialects)],
            model=generation.model,
            generation=generation_text(generation),
            price_credits=_PRICE_CREDITS,
            created_at_us=at_us,
            deadline_at_us=at_us + 3_600 * US,
            result_ttl_s=result_ttl_s,
            key_id=key_id,
            client_request_id=f"order-{number}",
        )
        yield _life(task, at_us, number, is_newest=number >= count - 5)


def _life(task: Task, at_us: int, number: int, *, is_newest: bool) -> list[Task]:
    """The task's rows as they followed each other; the newest few are still on their way."""
    submitting = moved(task, State.SUBMITTING, at_us + US, provider="animatic", attempt=1)
    running = moved(submitting, State.RUNNING, at_us + 2 * US, job_id=JobId(f"job-{number}"), progress=0.4)
    if is_newest:
        return [task, submitting, running]
    if number % 40 == 0:
        end = moved(
            running,
            State.FAILED,
            at_us + 30 * US,
            failure_code=FailureCode.GENERATION_FAILED,
            failure_reason="the provider gave up",
        )
        return [task, submitting, running, end]
    storing = moved(running, State.STORING, at_us + 40 * US, progress=0.98)
    end = moved(
        storing,
        State.SUCCEEDED,
        at_us + 42 * US,
        progress=1.0,
        final_credits=_PRICE_CREDITS,
        result=_RESULT % (task.id, task.id),
        result_expires_at_us=at_us + task.result_ttl_s * US,
    )
    return [task, submitting, running, storing, end]


def _insert(connection: Connection, lives: list[list[Task]]) -> None:
    if not lives:
        return
    connection.execute(insert(tasks), [_row_of(life[-1]) for life in lives])
    told: list[dict[str, Any]] = []
    moves: list[Transfer] = []
    changes = BalanceChanges()
    for life in lives:
        first, last = life[0], life[-1]
        told.append(_event_row(first))
        moves.append(reserve(first.id, first.account_id, first.price_credits, first.created_at_us))
        for before, after in pairwise(life):
            step = transition(before, after)
            if step.event is not None:
                told.append(_event_row(after))
            if step.transfer is not None:
                moves.append(step.transfer)
        if not last.is_final:
            changes.add_task(last.account_id)
    connection.execute(insert(events), told)
    insert_transfers(connection, moves, changes)


def _row_of(task: Task) -> dict[str, Any]:
    values = {field.name: getattr(task, field.name) for field in fields(task)}
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}


def _event_row(task: Task) -> dict[str, Any]:
    event = event_of(task)
    return {
        "task_id": event.task_id,
        "sequence": event.sequence,
        "account_id": event.account_id,
        "status": event.status.value,
        "created_at_us": event.created_at_us,
    }
