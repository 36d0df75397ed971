"""What providers did lately, counted where the rows are: attempts that have ended, and jobs that are under way."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, func, select, text

from reelway.domain.activity import VIDEO_ENDINGS, Activity, Span
from reelway.store.schema import ACTIVE, tasks
from reelway.store.schema_base import listed

_ENDED: Final = (
    "SELECT a.provider, (a.ended_at_us - :since_us) / :step_us AS step,"  # noqa: S608
    f" CASE WHEN a.ending IN ({listed(VIDEO_ENDINGS)}) THEN 1 ELSE 0 END AS is_video,"
    " a.ended_at_us - a.started_at_us AS took_us"
    " FROM tasks t JOIN attempts a ON a.task_id = t.id"
    " WHERE {} AND a.ended_at_us >= :since_us AND a.ended_at_us < :until_us"
)
# An attempt ends with its task or before it, so these are all of the span; both halves have an index on tasks. The
# percentiles are those of the nearest rank, as `domain/timings` has them.
_ACTIVITY: Final = text(
    f"WITH ended AS ({_ENDED.format('t.final_at_us IS NOT NULL AND t.final_at_us >= :since_us')}"  # noqa: S608
    f" UNION ALL {_ENDED.format('t.final_at_us IS NULL')}),"
    " ranked AS (SELECT provider, step, is_video, took_us,"
    " ROW_NUMBER() OVER (PARTITION BY provider, step, is_video ORDER BY took_us) AS place,"
    " COUNT(*) OVER (PARTITION BY provider, step, is_video) AS many FROM ended)"
    " SELECT provider, step, is_video, many, MIN(CASE WHEN place * 2 >= many THEN took_us END),"
    " MIN(CASE WHEN place * 10 >= many * 9 THEN took_us END)"
    " FROM ranked GROUP BY provider, step, is_video, many ORDER BY provider, step, is_video"
)


def list_activity(connection: Connection, span: Span) -> list[Activity]:
    values = {"since_us": span.since_us, "until_us": span.until_us, "step_us": span.step_us}
    return [
        Activity(provider, int(step), bool(is_video), int(count), int(p50_us), int(p90_us))
        for provider, step, is_video, count, p50_us, p90_us in connection.execute(_ACTIVITY, values)
    ]


def count_jobs(connection: Connection) -> Mapping[str, int]:
    """How many jobs each provider has now, as its slots count them."""
    count = select(tasks.c.provider, func.count()).where(text(ACTIVE), tasks.c.provider.is_not(None))
    return {provider: int(jobs) for provider, jobs in connection.execute(count.group_by(tasks.c.provider))}
