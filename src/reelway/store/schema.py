"""The tables. What must never be false stands here as a constraint, so that no code path can break it.

Times are unix microseconds, credits whole numbers, JSON is text: the same columns on SQLite and PostgreSQL.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from reelway.domain.delivery import POLICIES
from reelway.domain.events import EventType
from reelway.domain.generation import PUBLIC_ROUTES, Product
from reelway.domain.ledger import TransferKind
from reelway.domain.media import MediaKind
from reelway.domain.task import FINAL_STATES, STARTED_STATES, FailureCode, PublicStatus, State
from reelway.domain.webhooks import EndpointStatus, SendFault
from reelway.store import schema_attempts, schema_base, schema_health
from reelway.store.schema_base import listed as _listed

metadata = schema_base.metadata
for _table in (schema_attempts.attempts, schema_health.circuits):
    assert _table.metadata is metadata, "its tables are part of the schema"

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("posted_credits", BigInteger, nullable=False, server_default="0"),
    Column("pending_credits", BigInteger, nullable=False, server_default="0"),
    Column("floor_credits", BigInteger, nullable=False, server_default="0"),
    Column("unfinished_tasks", Integer, nullable=False, server_default="0"),
    Column("created_at_us", BigInteger, nullable=False),
    Column("callback_secret", Text),
    Column("callback_previous_secret", Text),
    Column("callback_previous_until_us", BigInteger),
    CheckConstraint("kind IN ('customer', 'system')", name="kind"),
    CheckConstraint("posted_credits - pending_credits >= floor_credits", name="available"),
    CheckConstraint("pending_credits >= 0", name="pending"),
    CheckConstraint("unfinished_tasks >= 0", name="unfinished"),
    CheckConstraint(
        "(callback_previous_secret IS NULL) = (callback_previous_until_us IS NULL)"
        " AND (callback_previous_secret IS NULL OR callback_secret IS NOT NULL)",
        name="callback_previous",
    ),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("key_hash", Text, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger),
    Column("revoked_at_us", BigInteger),
    Column("last_used_at_us", BigInteger),
    Column("access_key", Text),
    Column("sealed_secret", Text),
    Column("default_route", Text),
    CheckConstraint(f"default_route IN ({_listed(PUBLIC_ROUTES)})", name="default_route"),
)
Index("uq_api_keys_access_key", api_keys.c.access_key, unique=True)

_IS_FINAL = f"state IN ({_listed(FINAL_STATES)})"

tasks = Table(
    "tasks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("key_id", Text),
    Column("dialect", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("wire_model", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("client_request_id", Text),
    Column("external_task_id", Text),
    Column("generation", Text, nullable=False),
    Column("price_credits", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("deadline_at_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    Column("state_at_us", BigInteger, nullable=False),
    Column("due_at_us", BigInteger),
    Column("lease_owner", Text),
    Column("lease_until_us", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("provider", Text),
    Column("job_id", Text),
    Column("progress", Float, nullable=False),
    Column("cancel_requested_at_us", BigInteger),
    Column("inputs", Text),
    Column("failure_code", Text),
    Column("failure_reason", Text),
    Column("final_credits", BigInteger, nullable=False),
    Column("final_at_us", BigInteger),
    Column("result", Text),
    Column("result_expires_at_us", BigInteger),
    Column("result_deleted_at_us", BigInteger),
    Column("product", Text, nullable=False, server_default=Product.TEXT_TO_VIDEO.value),
    Column("wire", Text),
    Column("callback_url", Text),
    Column("callback_policy", Text),
    Column("remixed_from", Text),
    Column("result_ttl_s", BigInteger, nullable=False, server_default="1296000"),
    Column("deleted_at_us", BigInteger),
    Column("credential", Text),
    CheckConstraint(f"state IN ({_listed(State)})", name="state"),
    CheckConstraint(f"({_IS_FINAL}) = (final_at_us IS NOT NULL)", name="final_time"),
    CheckConstraint(f"({_IS_FINAL}) = (due_at_us IS NULL)", name="final_due"),
    CheckConstraint("(lease_owner IS NULL) = (lease_until_us IS NULL)", name="lease"),
    CheckConstraint("lease_owner IS NULL OR final_at_us IS NULL", name="final_lease"),
    CheckConstraint("(state = 'succeeded') = (result IS NOT NULL)", name="result"),
    CheckConstraint("(state = 'succeeded') = (result_expires_at_us IS NOT NULL)", name="result_expiry"),
    CheckConstraint(
        "final_credits = CASE WHEN state = 'succeeded' THEN price_credits ELSE 0 END", name="final_credits"
    ),
    CheckConstraint(
        f"(state IN ('failed', 'cancelled', 'expired')) = (failure_code IS NOT NULL)"
        f" AND (failure_code IS NULL OR failure_code IN ({_listed(FailureCode)}))",
        name="failure",
    ),
    CheckConstraint(f"product IN ({_listed(Product)})", name="product"),
    CheckConstraint("(callback_url IS NULL) = (callback_policy IS NULL)", name="callback"),
    CheckConstraint("price_credits >= 0 AND tries >= 0 AND attempt >= 0", name="counts"),
    CheckConstraint("progress >= 0 AND progress <= 1", name="progress"),
)

_FREE = "lease_owner IS NULL"
_UNFINISHED = "final_at_us IS NULL"
ACTIVE = f"state IN ({_listed({State.SUBMITTING, State.RUNNING})})"
"""The task has a job at its provider, or may have one."""


def _partial(name: str, *columns: str, where: str, unique: bool = False, table: Table = tasks) -> Index:
    columns_of = [table.c[column] for column in columns]
    return Index(name, *columns_of, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


_partial("ix_tasks_queued_due", "model", "due_at_us", where=f"{_FREE} AND state = 'queued'")
_partial("ix_tasks_started_due", "due_at_us", where=f"{_FREE} AND state IN ({_listed(STARTED_STATES)})")
_partial("ix_tasks_provider_active", "provider", where=ACTIVE)
_partial("ix_tasks_lease_until", "lease_until_us", where="lease_owner IS NOT NULL")
_partial("ix_tasks_deadline", "deadline_at_us", where=_UNFINISHED)
_partial("ix_tasks_final", "final_at_us", where="final_at_us IS NOT NULL")
_partial(
    "ix_tasks_result_expiry",
    "result_expires_at_us",
    where="result_expires_at_us IS NOT NULL AND result_deleted_at_us IS NULL",
)
_partial("uq_tasks_external", "account_id", "external_task_id", where="external_task_id IS NOT NULL", unique=True)
_partial("ix_tasks_client_request", "account_id", "client_request_id", where="client_request_id IS NOT NULL")
Index("ix_tasks_account_id_id", tasks.c.account_id, tasks.c.id)

transfers = Table(
    "transfers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("debit_account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("credit_account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("amount_credits", BigInteger, nullable=False),
    Column("task_id", Text),
    Column("reason", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    CheckConstraint(f"kind IN ({_listed(TransferKind)})", name="kind"),
    CheckConstraint("amount_credits > 0", name="amount"),
    CheckConstraint("debit_account_id <> credit_account_id", name="sides"),
    CheckConstraint("(kind IN ('reserve', 'settle', 'release')) = (task_id IS NOT NULL)", name="task"),
    # One reserve and at most one resolution a task: the id is the task's with a fixed ending, and ids are unique.
    CheckConstraint(
        "task_id IS NULL OR id = task_id || CASE WHEN kind = 'reserve' THEN '.reserve' ELSE '.resolve' END",
        name="task_id",
    ),
    sqlite_with_rowid=False,
)
Index("ix_transfers_account_time", transfers.c.account_id, transfers.c.created_at_us, transfers.c.id)

events = Table(
    "events",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False, index=True),
    CheckConstraint(f"status IN ({_listed(PublicStatus)})", name="status"),
    sqlite_with_rowid=False,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("id", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False, index=True),
)

files = Table(
    "files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration_s", Float),
    Column("client_request_id", Text),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False, index=True),
    Column("deleted_at_us", BigInteger),
    CheckConstraint(f"kind IN ({_listed(MediaKind)})", name="kind"),
    CheckConstraint("size_bytes > 0", name="size"),
)

request_counts = Table(
    "request_counts",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("window_number", BigInteger, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Requests of the current window, where several processes serve one database."""

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("event_types", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    Column("previous_until_us", BigInteger),
    Column("secret_preview", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    Column("disabled_at_us", BigInteger),
    Column("revoked_at_us", BigInteger),
    CheckConstraint(f"status IN ({_listed(EndpointStatus)})", name="status"),
    CheckConstraint("(status = 'disabled') = (disabled_at_us IS NOT NULL)", name="disabled"),
    CheckConstraint("(previous_secret IS NULL) = (previous_until_us IS NULL)", name="previous"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    CheckConstraint(f"type IN ({_listed(EventType)})", name="type"),
)
"""What webhook endpoints are or could be told, kept for replays."""
Index("ix_webhook_events_account_id_id", webhook_events.c.account_id, webhook_events.c.id)

receivers = Table(
    "receivers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("due_at_us", BigInteger),
    Column("lease_owner", Text),
    Column("lease_until_us", BigInteger),
    Column("failing_since_us", BigInteger),
    Column("failure_count", Integer, nullable=False),
    Column("last_success_at_us", BigInteger),
    Column("last_failure_at_us", BigInteger),
    Column("used_at_us", BigInteger, nullable=False),
    CheckConstraint("(lease_owner IS NULL) = (lease_until_us IS NULL)", name="lease"),
    CheckConstraint("(failing_since_us IS NULL) = (failure_count = 0)", name="failing"),
)
"""One row an endpoint, and a few for each URL of callbacks: the lanes in which messages go out one after another."""
_partial("ix_receivers_healthy_due", "due_at_us", where=f"{_FREE} AND failing_since_us IS NULL", table=receivers)
_partial("ix_receivers_failing_due", "due_at_us", where=f"{_FREE} AND failing_since_us IS NOT NULL", table=receivers)
_partial("ix_receivers_lease_until", "lease_until_us", where="lease_owner IS NOT NULL", table=receivers)

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("event_type", Text),
    Column("endpoint_id", Text),
    Column("url", Text),
    Column("policy", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("due_at_us", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    CheckConstraint("id = event_id || '.' || receiver", name="id"),
    CheckConstraint(f"event_type IN ({_listed(EventType)})", name="event_type"),
    CheckConstraint("(endpoint_id IS NULL) = (url IS NOT NULL)", name="address"),
    CheckConstraint(f"policy IN ({_listed(POLICIES)})", name="policy"),
    CheckConstraint("tries >= 0 AND attempt >= tries", name="counts"),
)
"""The outbox: what is still to be sent. A message that was delivered or given up is gone; `deliveries` tells."""
Index("ix_messages_lane", messages.c.receiver, messages.c.created_at_us, messages.c.sequence, messages.c.due_at_us)
_partial("ix_messages_newest_only", "task_id", where="policy = 'newest_only'", table=messages)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("endpoint_id", Text),
    Column("task_id", Text),
    Column("event_id", Text, nullable=False, index=True),
    Column("event_type", Text),
    Column("attempt", Integer, nullable=False),
    Column("is_success", Integer, nullable=False),
    Column("status_code", Integer),
    Column("error", Text),
    Column("duration_ms", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("next_attempt_at_us", BigInteger),
    CheckConstraint(f"event_type IN ({_listed(EventType)})", name="event_type"),
    CheckConstraint(f"error IN ({_listed(SendFault)})", name="error"),
    CheckConstraint("(status_code IS NULL) = (error IS NOT NULL)", name="answer"),
    CheckConstraint("is_success = 0 OR (is_success = 1 AND status_code IS NOT NULL)", name="success"),
)
"""One row an attempt."""
_partial("ix_deliveries_endpoint", "endpoint_id", "id", where="endpoint_id IS NOT NULL", table=deliveries)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("id_hash", Text, primary_key=True),
    Column("key_id", Text, ForeignKey("api_keys.id"), nullable=False),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("form_token", Text, nullable=False),
    Column("is_operator", Integer, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("seen_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False, index=True),
)
