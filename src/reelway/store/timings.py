"""How long the latest tasks took."""

from typing import Final

from sqlalchemy import Connection, text

from reelway.domain.decide import US
from reelway.domain.generation import generation_of
from reelway.domain.timings import Timing

# Bounded before the state is looked at: however many tasks fail, no more rows than that are read. The condition is a
# literal text because SQLite uses a partial index only where the query repeats it.
_LATEST: Final = text(
    "SELECT latest.model, latest.provider, latest.generation, latest.created_at_us, events.created_at_us,"
    " latest.final_at_us FROM"
    " (SELECT id, model, provider, generation, created_at_us, final_at_us, state FROM tasks"
    " WHERE final_at_us IS NOT NULL ORDER BY final_at_us DESC LIMIT :limit) AS latest"
    " JOIN events ON events.task_id = latest.id AND events.status = 'processing'"
    " WHERE latest.state = 'succeeded'"
)


def list_timings(connection: Connection, limit: int) -> list[Timing]:
    """Of the last `limit` tasks that have ended, those that succeeded."""
    found = []
    for model, provider, text_, created_at_us, started_at_us, final_at_us in connection.execute(
        _LATEST, {"limit": limit}
    ):
        generation = generation_of(text_)
        found.append(
            Timing(
                model=model,
                provider=provider,
                mode=generation.mode,
                duration_s=generation.duration_s,
                total_s=(final_at_us - created_at_us) / US,
                run_s=max(0, final_at_us - started_at_us) / US,
            )
        )
    return found
