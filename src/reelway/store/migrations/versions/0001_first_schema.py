"""The first schema: accounts, keys, tasks, ledger, events, idempotency, files."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("posted_credits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pending_credits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("floor_credits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unfinished_tasks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('customer', 'system')", name=op.f("ck_accounts_kind")),
        sa.CheckConstraint("pending_credits >= 0", name=op.f("ck_accounts_pending")),
        sa.CheckConstraint("posted_credits - pending_credits >= floor_credits", name=op.f("ck_accounts_available")),
        sa.CheckConstraint("unfinished_tasks >= 0", name=op.f("ck_accounts_unfinished")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "events",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status IN ('failed', 'processing', 'queued', 'succeeded')", name=op.f("ck_events_status")),
        sa.PrimaryKeyConstraint("task_id", "sequence", name=op.f("pk_events")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_created_at_us"), ["created_at_us"], unique=False)

    op.create_table(
        "idempotency",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency")),
    )
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_expires_at_us"), ["expires_at_us"], unique=False)

    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at_us", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_api_keys_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_keys_account_id"), ["account_id"], unique=False)

    op.create_table(
        "files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("duration_s", sa.Float(), nullable=True),
        sa.Column("client_request_id", sa.Text(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('audio', 'image', 'video')", name=op.f("ck_files_kind")),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_files_size")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_files_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    with op.batch_alter_table("files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_files_expires_at_us"), ["expires_at_us"], unique=False)

    op.create_table(
        "tasks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("wire_model", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("client_request_id", sa.Text(), nullable=True),
        sa.Column("external_task_id", sa.Text(), nullable=True),
        sa.Column("generation", sa.Text(), nullable=False),
        sa.Column("price_credits", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("deadline_at_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.Column("state_at_us", sa.BigInteger(), nullable=False),
        sa.Column("due_at_us", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until_us", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("cancel_requested_at_us", sa.BigInteger(), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("failure_reason", sa.Text(), nullable=True),
        sa.Column("final_credits", sa.BigInteger(), nullable=False),
        sa.Column("final_at_us", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("result_expires_at_us", sa.BigInteger(), nullable=True),
        sa.Column("result_deleted_at_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 'succeeded') = (result IS NOT NULL)", name=op.f("ck_tasks_result")),
        sa.CheckConstraint(
            "(state = 'succeeded') = (result_expires_at_us IS NOT NULL)", name=op.f("ck_tasks_result_expiry")
        ),
        sa.CheckConstraint(
            "(state IN ('cancelled', 'expired', 'failed', 'succeeded')) = (due_at_us IS NULL)",
            name=op.f("ck_tasks_final_due"),
        ),
        sa.CheckConstraint(
            "(state IN ('cancelled', 'expired', 'failed', 'succeeded')) = (final_at_us IS NOT NULL)",
            name=op.f("ck_tasks_final_time"),
        ),
        sa.CheckConstraint(
            "(state IN ('failed', 'cancelled', 'expired')) = (failure_code IS NOT NULL) AND (failure_code IS NULL OR failure_code IN ('cancelled', 'content_rejected', 'generation_failed', 'internal_error', 'invalid_reference', 'provider_rejected', 'provider_unavailable', 'reference_too_large', 'reference_unsupported', 'storage_failed', 'timeout'))",
            name=op.f("ck_tasks_failure"),
        ),
        sa.CheckConstraint(
            "final_credits = CASE WHEN state = 'succeeded' THEN price_credits ELSE 0 END",
            name=op.f("ck_tasks_final_credits"),
        ),
        sa.CheckConstraint(
            "state IN ('cancelled', 'expired', 'failed', 'queued', 'running', 'storing', 'submitting', 'succeeded')",
            name=op.f("ck_tasks_state"),
        ),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until_us IS NULL)", name=op.f("ck_tasks_lease")),
        sa.CheckConstraint("lease_owner IS NULL OR final_at_us IS NULL", name=op.f("ck_tasks_final_lease")),
        sa.CheckConstraint("price_credits >= 0 AND tries >= 0 AND attempt >= 0", name=op.f("ck_tasks_counts")),
        sa.CheckConstraint("progress >= 0 AND progress <= 1", name=op.f("ck_tasks_progress")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_tasks_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index("ix_tasks_account_id_id", ["account_id", "id"], unique=False)
        batch_op.create_index(
            "ix_tasks_client_request",
            ["account_id", "client_request_id"],
            unique=False,
            sqlite_where=sa.text("client_request_id IS NOT NULL"),
            postgresql_where=sa.text("client_request_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_tasks_deadline",
            ["deadline_at_us"],
            unique=False,
            sqlite_where=sa.text("final_at_us IS NULL"),
            postgresql_where=sa.text("final_at_us IS NULL"),
        )
        batch_op.create_index(
            "ix_tasks_final",
            ["final_at_us"],
            unique=False,
            sqlite_where=sa.text("final_at_us IS NOT NULL"),
            postgresql_where=sa.text("final_at_us IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_tasks_lease_until",
            ["lease_until_us"],
            unique=False,
            sqlite_where=sa.text("lease_owner IS NOT NULL"),
            postgresql_where=sa.text("lease_owner IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_tasks_queued_due",
            ["model", "due_at_us"],
            unique=False,
            sqlite_where=sa.text("lease_owner IS NULL AND state = 'queued'"),
            postgresql_where=sa.text("lease_owner IS NULL AND state = 'queued'"),
        )
        batch_op.create_index(
            "ix_tasks_result_expiry",
            ["result_expires_at_us"],
            unique=False,
            sqlite_where=sa.text("result_expires_at_us IS NOT NULL AND result_deleted_at_us IS NULL"),
            postgresql_where=sa.text("result_expires_at_us IS NOT NULL AND result_deleted_at_us IS NULL"),
        )
        batch_op.create_index(
            "ix_tasks_started_due",
            ["due_at_us"],
            unique=False,
            sqlite_where=sa.text("lease_owner IS NULL AND state IN ('running', 'storing', 'submitting')"),
            postgresql_where=sa.text("lease_owner IS NULL AND state IN ('running', 'storing', 'submitting')"),
        )
        batch_op.create_index(
            "uq_tasks_external",
            ["account_id", "external_task_id"],
            unique=True,
            sqlite_where=sa.text("external_task_id IS NOT NULL"),
            postgresql_where=sa.text("external_task_id IS NOT NULL"),
        )

    op.create_table(
        "transfers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("debit_account_id", sa.Text(), nullable=False),
        sa.Column("credit_account_id", sa.Text(), nullable=False),
        sa.Column("amount_credits", sa.BigInteger(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(kind IN ('reserve', 'settle', 'release')) = (task_id IS NOT NULL)", name=op.f("ck_transfers_task")
        ),
        sa.CheckConstraint(
            "kind IN ('adjust', 'grant', 'release', 'reserve', 'settle')", name=op.f("ck_transfers_kind")
        ),
        sa.CheckConstraint(
            "task_id IS NULL OR id = task_id || CASE WHEN kind = 'reserve' THEN '.reserve' ELSE '.resolve' END",
            name=op.f("ck_transfers_task_id"),
        ),
        sa.CheckConstraint("amount_credits > 0", name=op.f("ck_transfers_amount")),
        sa.CheckConstraint("debit_account_id <> credit_account_id", name=op.f("ck_transfers_sides")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_transfers_account_id")),
        sa.ForeignKeyConstraint(["credit_account_id"], ["accounts.id"], name=op.f("fk_transfers_credit_account_id")),
        sa.ForeignKeyConstraint(["debit_account_id"], ["accounts.id"], name=op.f("fk_transfers_debit_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("transfers", schema=None) as batch_op:
        batch_op.create_index("ix_transfers_account_time", ["account_id", "created_at_us", "id"], unique=False)

    op.create_table(
        "request_counts",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("window_number", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "window_number", name=op.f("pk_request_counts")),
        sqlite_with_rowid=False,
    )

    _insert_system_accounts()
    _forbid_ledger_changes()


def _insert_system_accounts() -> None:
    table = sa.table("accounts", sa.column("id"), sa.column("kind"), sa.column("name"), sa.column("created_at_us"))
    now_us = time.time_ns() // 1_000
    op.bulk_insert(
        table,
        [
            {"id": f"acct_system_{name}", "kind": "system", "name": name, "created_at_us": now_us}
            for name in ("issued", "holds", "revenue")
        ],
    )


def _forbid_ledger_changes() -> None:
    """Rows of the ledger never change: the database itself refuses."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER transfers_no_{verb.lower()} BEFORE {verb} ON transfers"
                " BEGIN SELECT RAISE(ABORT, 'rows of the ledger never change'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION reelway_refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'rows of the ledger never change'; END $$"
    )
    op.execute(
        "CREATE TRIGGER transfers_no_change BEFORE UPDATE OR DELETE ON transfers"
        " FOR EACH ROW EXECUTE FUNCTION reelway_refuse_change()"
    )
