"""Webhook endpoints, the outbox, and the secrets that callbacks are signed with."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE accounts ADD COLUMN callback_secret TEXT")
    op.execute("ALTER TABLE accounts ADD COLUMN callback_previous_secret TEXT")
    # A constraint in the column's own definition, as both databases take it; see 0002.
    op.execute(
        "ALTER TABLE accounts ADD COLUMN callback_previous_until_us BIGINT"
        " CONSTRAINT ck_accounts_callback_previous CHECK"
        " ((callback_previous_secret IS NULL) = (callback_previous_until_us IS NULL)"
        " AND (callback_previous_secret IS NULL OR callback_secret IS NOT NULL))"
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("endpoint_id", sa.Text(), nullable=True),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("is_success", sa.Integer(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "error IN ('address_blocked', 'connect_failed', 'invalid_response', 'redirect_refused', 'timeout', 'tls_failed')",
            name=op.f("ck_deliveries_error"),
        ),
        sa.CheckConstraint(
            "event_type IN ('generation.failed', 'generation.succeeded')", name=op.f("ck_deliveries_event_type")
        ),
        sa.CheckConstraint("(status_code IS NULL) = (error IS NOT NULL)", name=op.f("ck_deliveries_answer")),
        sa.CheckConstraint(
            "is_success = 0 OR (is_success = 1 AND status_code IS NOT NULL)", name=op.f("ck_deliveries_success")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_endpoint",
        "deliveries",
        ["endpoint_id", "id"],
        unique=False,
        sqlite_where=sa.text("endpoint_id IS NOT NULL"),
        postgresql_where=sa.text("endpoint_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_deliveries_event_id"), "deliveries", ["event_id"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=True),
        sa.Column("endpoint_id", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("due_at_us", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "event_type IN ('generation.failed', 'generation.succeeded')", name=op.f("ck_messages_event_type")
        ),
        sa.CheckConstraint("id = event_id || '.' || receiver", name=op.f("ck_messages_id")),
        sa.CheckConstraint("policy IN ('exactly_200', 'newest_only', 'standard')", name=op.f("ck_messages_policy")),
        sa.CheckConstraint("(endpoint_id IS NULL) = (url IS NOT NULL)", name=op.f("ck_messages_address")),
        sa.CheckConstraint("tries >= 0 AND attempt >= tries", name=op.f("ck_messages_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index(
        "ix_messages_lane", "messages", ["receiver", "created_at_us", "sequence", "due_at_us"], unique=False
    )
    op.create_index(
        "ix_messages_newest_only",
        "messages",
        ["task_id"],
        unique=False,
        sqlite_where=sa.text("policy = 'newest_only'"),
        postgresql_where=sa.text("policy = 'newest_only'"),
    )
    op.create_table(
        "receivers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("due_at_us", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until_us", sa.BigInteger(), nullable=True),
        sa.Column("failing_since_us", sa.BigInteger(), nullable=True),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("last_success_at_us", sa.BigInteger(), nullable=True),
        sa.Column("last_failure_at_us", sa.BigInteger(), nullable=True),
        sa.Column("used_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(failing_since_us IS NULL) = (failure_count = 0)", name=op.f("ck_receivers_failing")),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until_us IS NULL)", name=op.f("ck_receivers_lease")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receivers")),
    )
    op.create_index(
        "ix_receivers_failing_due",
        "receivers",
        ["due_at_us"],
        unique=False,
        sqlite_where=sa.text("lease_owner IS NULL AND failing_since_us IS NOT NULL"),
        postgresql_where=sa.text("lease_owner IS NULL AND failing_since_us IS NOT NULL"),
    )
    op.create_index(
        "ix_receivers_healthy_due",
        "receivers",
        ["due_at_us"],
        unique=False,
        sqlite_where=sa.text("lease_owner IS NULL AND failing_since_us IS NULL"),
        postgresql_where=sa.text("lease_owner IS NULL AND failing_since_us IS NULL"),
    )
    op.create_index(
        "ix_receivers_lease_until",
        "receivers",
        ["lease_until_us"],
        unique=False,
        sqlite_where=sa.text("lease_owner IS NOT NULL"),
        postgresql_where=sa.text("lease_owner IS NOT NULL"),
    )
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "type IN ('generation.failed', 'generation.succeeded')", name=op.f("ck_webhook_events_type")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
    )
    op.create_index("ix_webhook_events_account_id_id", "webhook_events", ["account_id", "id"], unique=False)
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_types", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_until_us", sa.BigInteger(), nullable=True),
        sa.Column("secret_preview", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status = 'disabled') = (disabled_at_us IS NOT NULL)", name=op.f("ck_webhook_endpoints_disabled")
        ),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_webhook_endpoints_status")),
        sa.CheckConstraint(
            "(previous_secret IS NULL) = (previous_until_us IS NULL)", name=op.f("ck_webhook_endpoints_previous")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_webhook_endpoints_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_index(op.f("ix_webhook_endpoints_account_id"), "webhook_endpoints", ["account_id"], unique=False)
