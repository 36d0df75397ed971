"""Circuits of providers and what was seen of them; the route that a key's requests take by default."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A constraint in the column's own definition, as both databases take it; see 0002.
    op.execute(
        "ALTER TABLE api_keys ADD COLUMN default_route TEXT"
        " CONSTRAINT ck_api_keys_default_route CHECK (default_route IN ('auto', 'official', 'value'))"
    )
    op.create_table(
        "circuits",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("opened_at_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("trial_task_id", sa.Text(), nullable=True),
        sa.Column("trial_until_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("stage IN ('job', 'submit')", name=op.f("ck_circuits_stage")),
        sa.CheckConstraint("(trial_task_id IS NULL) = (trial_until_us IS NULL)", name=op.f("ck_circuits_trial")),
        sa.CheckConstraint("is_open = 1 OR (is_open = 0 AND trial_task_id IS NULL)", name=op.f("ck_circuits_open")),
        sa.PrimaryKeyConstraint("provider", "model", name=op.f("pk_circuits")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "observations",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("submits", sa.BigInteger(), nullable=False),
        sa.Column("submit_faults", sa.BigInteger(), nullable=False),
        sa.Column("jobs", sa.BigInteger(), nullable=False),
        sa.Column("job_faults", sa.BigInteger(), nullable=False),
        sa.Column("throttles", sa.BigInteger(), nullable=False),
        sa.Column("submit_s", sa.Float(), nullable=False),
        sa.Column("seen_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("worker", "provider", "model", name=op.f("pk_observations")),
        sqlite_with_rowid=False,
    )
