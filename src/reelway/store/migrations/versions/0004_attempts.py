"""Attempts at providers, what they cost us, and the credential that a task's job is tied to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE tasks ADD COLUMN credential TEXT")
    op.create_table(
        "attempts",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=True),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.Column("expected_microdollars", sa.BigInteger(), nullable=False),
        sa.Column("cost_microdollars", sa.BigInteger(), nullable=True),
        sa.Column("cost_units", sa.Text(), nullable=True),
        sa.Column("reconcile_at_us", sa.BigInteger(), nullable=True),
        sa.Column("reconcile_tries", sa.Integer(), nullable=False),
        sa.CheckConstraint("mode IN ('4k', 'pro', 'std')", name=op.f("ck_attempts_mode")),
        sa.CheckConstraint(
            "ending IN ('absent', 'cancelled', 'failed', 'finished', 'given_up', 'late', 'refused', 'throttled',"
            " 'unavailable')",
            name=op.f("ck_attempts_ending"),
        ),
        sa.CheckConstraint("(ending IS NULL) = (ended_at_us IS NULL)", name=op.f("ck_attempts_ended")),
        sa.CheckConstraint("(job_id IS NULL) = (accepted_at_us IS NULL)", name=op.f("ck_attempts_accepted")),
        sa.CheckConstraint(
            "reconcile_at_us IS NULL OR (ending IS NOT NULL AND ending = 'given_up')",
            name=op.f("ck_attempts_reconcile"),
        ),
        sa.CheckConstraint("cost_microdollars IS NULL OR ending IS NOT NULL", name=op.f("ck_attempts_cost")),
        sa.CheckConstraint("cost_units IS NULL OR cost_microdollars IS NOT NULL", name=op.f("ck_attempts_cost_units")),
        sa.CheckConstraint(
            "expected_microdollars >= 0 AND reconcile_tries >= 0"
            " AND (cost_microdollars IS NULL OR cost_microdollars >= 0)",
            name=op.f("ck_attempts_counts"),
        ),
        sa.PrimaryKeyConstraint("task_id", "number", name=op.f("pk_attempts")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_attempts_reconcile",
        "attempts",
        ["reconcile_at_us"],
        unique=False,
        sqlite_where=sa.text("reconcile_at_us IS NOT NULL"),
        postgresql_where=sa.text("reconcile_at_us IS NOT NULL"),
    )
    op.create_table(
        "provider_costs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("microdollars", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.Text(), nullable=True),
        sa.Column("is_estimate", sa.Integer(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = task_id || '.' || CAST(attempt AS TEXT)", name=op.f("ck_provider_costs_id")),
        sa.CheckConstraint("kind IN ('final', 'late')", name=op.f("ck_provider_costs_kind")),
        sa.CheckConstraint("microdollars >= 0", name=op.f("ck_provider_costs_microdollars")),
        sa.CheckConstraint("is_estimate IN (0, 1)", name=op.f("ck_provider_costs_estimate")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_costs")),
    )
    op.create_index(op.f("ix_provider_costs_task_id"), "provider_costs", ["task_id"], unique=False)
    op.create_index(op.f("ix_provider_costs_created_at_us"), "provider_costs", ["created_at_us"], unique=False)
    _forbid_cost_changes()


def _forbid_cost_changes() -> None:
    """Rows of costs never change, as those of the ledger: the database itself refuses."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER provider_costs_no_{verb.lower()} BEFORE {verb} ON provider_costs"
                " BEGIN SELECT RAISE(ABORT, 'rows of costs never change'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER provider_costs_no_change BEFORE UPDATE OR DELETE ON provider_costs"
        " FOR EACH ROW EXECUTE FUNCTION reelway_refuse_change()"
    )
