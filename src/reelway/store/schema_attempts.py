"""The tables of attempts and of what they cost us."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text, text

from reelway.domain.attempts import CostKind, Ending
from reelway.domain.generation import Mode
from reelway.store.schema_base import listed, metadata

attempts = Table(
    "attempts",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("duration_s", Integer, nullable=False),
    Column("credential", Text),
    Column("started_at_us", BigInteger, nullable=False),
    Column("accepted_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Column("job_id", Text),
    Column("ending", Text),
    Column("expected_microdollars", BigInteger, nullable=False),
    Column("cost_microdollars", BigInteger),
    Column("cost_units", Text),
    Column("reconcile_at_us", BigInteger),
    Column("reconcile_tries", Integer, nullable=False),
    CheckConstraint(f"mode IN ({listed(Mode)})", name="mode"),
    CheckConstraint(f"ending IN ({listed(Ending)})", name="ending"),
    CheckConstraint("(ending IS NULL) = (ended_at_us IS NULL)", name="ended"),
    CheckConstraint("(job_id IS NULL) = (accepted_at_us IS NULL)", name="accepted"),
    CheckConstraint("reconcile_at_us IS NULL OR (ending IS NOT NULL AND ending = 'given_up')", name="reconcile"),
    CheckConstraint("cost_microdollars IS NULL OR ending IS NOT NULL", name="cost"),
    CheckConstraint("cost_units IS NULL OR cost_microdollars IS NOT NULL", name="cost_units"),
    CheckConstraint(
        "expected_microdollars >= 0 AND reconcile_tries >= 0 AND (cost_microdollars IS NULL OR cost_microdollars >= 0)",
        name="counts",
    ),
    sqlite_with_rowid=False,
)
"""One row a try of a task at a provider."""

_IS_DUE = text("reconcile_at_us IS NOT NULL")
Index("ix_attempts_reconcile", attempts.c.reconcile_at_us, sqlite_where=_IS_DUE, postgresql_where=_IS_DUE)

provider_costs = Table(
    "provider_costs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("task_id", Text, nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("microdollars", BigInteger, nullable=False),
    Column("units", Text),
    Column("is_estimate", Integer, nullable=False),
    Column("created_at_us", BigInteger, nullable=False, index=True),
    CheckConstraint("id = task_id || '.' || CAST(attempt AS TEXT)", name="id"),
    CheckConstraint(f"kind IN ({listed(CostKind)})", name="kind"),
    CheckConstraint("microdollars >= 0", name="microdollars"),
    CheckConstraint("is_estimate IN (0, 1)", name="estimate"),
)
"""What providers take from us, in millionths of a US dollar. Rows never change and are never forgotten."""
