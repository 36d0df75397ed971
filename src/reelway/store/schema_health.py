"""The tables on how providers are doing. `schema` tells of columns and constraints in general."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Float, Integer, Table, Text

from reelway.domain.health import Stage
from reelway.store.schema_base import listed, metadata

circuits = Table(
    "circuits",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("is_open", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("openings", Integer, nullable=False),
    Column("opened_at_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("changed_at_us", BigInteger, nullable=False),
    Column("trial_task_id", Text),
    Column("trial_until_us", BigInteger),
    CheckConstraint(f"stage IN ({listed(Stage)})", name="stage"),
    CheckConstraint("(trial_task_id IS NULL) = (trial_until_us IS NULL)", name="trial"),
    CheckConstraint("is_open = 1 OR (is_open = 0 AND trial_task_id IS NULL)", name="open"),
    sqlite_with_rowid=False,
)
"""Circuits of providers that were opened at least once; `model` is empty for a provider as a whole."""

observations = Table(
    "observations",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("submits", BigInteger, nullable=False),
    Column("submit_faults", BigInteger, nullable=False),
    Column("jobs", BigInteger, nullable=False),
    Column("job_faults", BigInteger, nullable=False),
    Column("throttles", BigInteger, nullable=False),
    Column("submit_s", Float, nullable=False),
    Column("seen_at_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What each worker has seen in its window, for those who look; no decision is taken from it."""
