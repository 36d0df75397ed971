"""Some of the points once more on PostgreSQL, where commits, leases and wake-ups go other ways."""

from pathlib import Path

import pytest

from crash.test_failpoints import died_and_went_on
from reelway.telemetry.failpoints import Failpoint
from support.databases import migrated_postgres

POINTS = [
    Failpoint.CREATE_AFTER_COMMIT,
    Failpoint.CLAIMED,
    Failpoint.SUBMIT_ANSWERED,
    Failpoint.RESULT_STORED,
    Failpoint.FINAL_AFTER_COMMIT,
]


@pytest.mark.parametrize("point", POINTS)
def test_a_task_ends_once_and_right_on_postgresql_too(point: Failpoint, tmp_path: Path, postgres_url: str) -> None:
    died_and_went_on(tmp_path, point, {"REELWAY_DATABASE_URL": migrated_postgres(postgres_url)})
