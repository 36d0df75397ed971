"""What must never be false stands in the schema: the database itself refuses it, whatever the code does."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, insert, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from contract.store.rows import Rows
from reelway.domain.media import MediaKind
from reelway.domain.task import FINAL_STATES, State
from reelway.store.schema import metadata
from reelway.store.store import Store

pytestmark = pytest.mark.anyio

ACCOUNT = {"id": "acct_a", "kind": "customer", "name": "a", "created_at_us": 1}
TASK: dict[str, Any] = {
    "id": "task_a",
    "account_id": "acct_a",
    "dialect": "rivya",
    "model": "m",
    "wire_model": "m",
    "route": "auto",
    "generation": "{}",
    "price_credits": 90,
    "created_at_us": 1,
    "deadline_at_us": 2,
    "state": "queued",
    "version": 1,
    "updated_at_us": 1,
    "state_at_us": 1,
    "due_at_us": 1,
    "tries": 0,
    "attempt": 0,
    "progress": 0.0,
    "final_credits": 0,
}
SUCCEEDED = {
    "state": "succeeded",
    "due_at_us": None,
    "final_at_us": 5,
    "final_credits": 90,
    "result": "{}",
    "result_expires_at_us": 9,
}
FAILED = {"state": "failed", "due_at_us": None, "final_at_us": 5, "failure_code": "timeout"}
TRANSFER: dict[str, Any] = {
    "id": "tr_a",
    "kind": "grant",
    "account_id": "acct_a",
    "debit_account_id": "acct_system_issued",
    "credit_account_id": "acct_a",
    "amount_credits": 5,
    "reason": "",
    "created_at_us": 1,
}
RESERVE = {"id": "task_a.reserve", "kind": "reserve", "task_id": "task_a"}
EVENT = {"task_id": "task_a", "sequence": 1, "account_id": "acct_a", "status": "queued", "created_at_us": 1}
CLAIM = {"id": "c", "fingerprint": "f", "status": 202, "headers": "[]", "body": b"", "expires_at_us": 1}
KEY = {
    "id": "key_a",
    "account_id": "acct_a",
    "name": "",
    "key_hash": "h",
    "prefix": "p",
    "scopes": "",
    "created_at_us": 1,
}
FILE = {
    "id": "file_a",
    "account_id": "acct_a",
    "kind": "image",
    "name": "",
    "mime_type": "image/png",
    "size_bytes": 1,
    "sha256": "",
    "created_at_us": 1,
    "expires_at_us": 2,
}
ENDPOINT = {
    "id": "whend_a",
    "account_id": "acct_a",
    "name": "",
    "url": "https://hooks.example.com/",
    "event_types": "generation.failed",
    "status": "active",
    "secret": "s1.x",
    "secret_preview": "whsec_cm...0zMmI=",
    "created_at_us": 1,
    "updated_at_us": 1,
}
WEBHOOK_EVENT = {
    "id": "evt_a",
    "account_id": "acct_a",
    "task_id": "task_a",
    "type": "generation.failed",
    "body": b"{}",
    "created_at_us": 1,
}
MESSAGE: dict[str, Any] = {
    "id": "evt_a.whend_a",
    "receiver": "whend_a",
    "account_id": "acct_a",
    "task_id": "task_a",
    "event_id": "evt_a",
    "sequence": 3,
    "event_type": "generation.failed",
    "endpoint_id": "whend_a",
    "policy": "standard",
    "body": b"{}",
    "tries": 0,
    "attempt": 0,
    "due_at_us": 1,
    "created_at_us": 1,
}
DELIVERY: dict[str, Any] = {
    "id": "whd_a",
    "account_id": "acct_a",
    "receiver": "whend_a",
    "endpoint_id": "whend_a",
    "event_id": "evt_a",
    "attempt": 1,
    "is_success": 1,
    "status_code": 200,
    "duration_ms": 5,
    "created_at_us": 1,
}
ATTEMPT: dict[str, Any] = {
    "task_id": "task_a",
    "number": 1,
    "provider": "scripted",
    "model": "m",
    "mode": "std",
    "duration_s": 5,
    "started_at_us": 1,
    "expected_microdollars": 0,
    "reconcile_tries": 0,
}
ENDED = {"ending": "finished", "ended_at_us": 5}
COST: dict[str, Any] = {
    "id": "task_a.1",
    "task_id": "task_a",
    "attempt": 1,
    "kind": "final",
    "provider": "scripted",
    "model": "m",
    "microdollars": 5,
    "is_estimate": 0,
    "created_at_us": 1,
}
CIRCUIT = {
    "provider": "kling",
    "model": "",
    "is_open": 1,
    "stage": "submit",
    "reason": "",
    "openings": 1,
    "opened_at_us": 1,
    "until_us": 2,
    "changed_at_us": 1,
}
OBSERVATION = {"worker": "w", "provider": "kling", "model": "m", "seen_at_us": 1} | dict.fromkeys(
    ("submits", "submit_faults", "jobs", "job_faults", "throttles", "submit_s"), 0
)
SESSION = {
    "id_hash": "hash_s",
    "key_id": "key_first",
    "account_id": "acct_a",
    "form_token": "token",
    "is_operator": 0,
    "created_at_us": 1,
    "seen_at_us": 1,
    "expires_at_us": 2,
}
GOOD = {
    "accounts": ACCOUNT | {"id": "acct_b"},
    "tasks": TASK,
    "transfers": TRANSFER,
    "events": EVENT,
    "idempotency": CLAIM,
    "api_keys": KEY,
    "files": FILE,
    "request_counts": {"account_id": "acct_a", "window_number": 1, "requests": 1},
    "webhook_endpoints": ENDPOINT,
    "webhook_events": WEBHOOK_EVENT,
    "receivers": {"id": "whend_a", "failure_count": 0, "used_at_us": 1},
    "messages": MESSAGE,
    "deliveries": DELIVERY,
    "attempts": ATTEMPT,
    "provider_costs": COST,
    "circuits": CIRCUIT,
    "observations": OBSERVATION,
    "console_sessions": SESSION,
}

# Per constraint: rows that break it and nothing else.
BROKEN: dict[str, list[Mapping[str, Any]]] = {
    "ck_accounts_kind": [{"kind": "vip"}, {"kind": "Customer"}, {"kind": ""}],
    "ck_accounts_available": [
        {"posted_credits": -1},
        {"posted_credits": 9, "pending_credits": 10},
        {"floor_credits": 1},
    ],
    "ck_accounts_pending": [{"pending_credits": -1}],
    "ck_accounts_unfinished": [{"unfinished_tasks": -1}],
    "ck_tasks_state": [{"state": "sleeping"}, {"state": "QUEUED"}],
    "ck_tasks_final_time": [{"final_at_us": 5}, FAILED | {"final_at_us": None}],
    "ck_tasks_final_due": [{"due_at_us": None}, FAILED | {"due_at_us": 1}],
    "ck_tasks_lease": [{"lease_owner": "w"}, {"lease_until_us": 5}],
    "ck_tasks_final_lease": [FAILED | {"lease_owner": "w", "lease_until_us": 5}],
    "ck_tasks_result": [{"result": "{}"}, SUCCEEDED | {"result": None}, FAILED | {"result": "{}"}],
    "ck_tasks_result_expiry": [{"result_expires_at_us": 5}, SUCCEEDED | {"result_expires_at_us": None}],
    "ck_tasks_final_credits": [
        {"final_credits": 90},
        SUCCEEDED | {"final_credits": 0},
        SUCCEEDED | {"final_credits": 89},
        FAILED | {"final_credits": 90},
    ],
    "ck_tasks_failure": [
        {"failure_code": "timeout"},
        SUCCEEDED | {"failure_code": "timeout"},
        FAILED | {"failure_code": None},
        FAILED | {"failure_code": "bad_luck"},
    ],
    "ck_tasks_product": [{"product": "opera"}, {"product": ""}],
    "ck_tasks_callback": [{"callback_url": "https://x.example"}, {"callback_policy": "rivya"}],
    "ck_tasks_counts": [{"price_credits": -1}, {"tries": -1}, {"attempt": -1}],
    "ck_tasks_progress": [{"progress": -0.01}, {"progress": 1.01}],
    "ck_transfers_kind": [{"kind": "gift"}],
    "ck_transfers_amount": [{"amount_credits": 0}, {"amount_credits": -5}],
    "ck_transfers_sides": [{"debit_account_id": "acct_a"}],
    "ck_transfers_task": [{"kind": "reserve"}, {"task_id": "task_a", "id": "task_a.resolve"}],
    "ck_transfers_task_id": [
        RESERVE | {"id": "task_a.resolve"},
        RESERVE | {"id": "task_b.reserve"},
        RESERVE | {"kind": "settle"},
        RESERVE | {"kind": "release", "id": "task_a.release"},
        RESERVE | {"kind": "settle", "id": "task_a.settle"},
    ],
    "ck_events_status": [{"status": "submitting"}],
    "ck_files_kind": [{"kind": "smell"}],
    "ck_files_size": [{"size_bytes": 0}, {"size_bytes": -1}],
    "ck_accounts_callback_previous": [
        {"callback_secret": "b", "callback_previous_secret": "a"},
        {"callback_secret": "b", "callback_previous_until_us": 5},
        {"callback_previous_secret": "a", "callback_previous_until_us": 5},
    ],
    "ck_api_keys_default_route": [{"default_route": "cheap"}, {"default_route": ""}],
    "ck_circuits_stage": [{"stage": "poll"}],
    "ck_circuits_trial": [{"trial_task_id": "task_a"}, {"trial_until_us": 5}],
    "ck_circuits_open": [{"is_open": 2}, {"is_open": 0, "trial_task_id": "task_a", "trial_until_us": 5}],
    "ck_webhook_endpoints_status": [{"status": "paused"}],
    "ck_webhook_endpoints_disabled": [{"status": "disabled"}, {"disabled_at_us": 5}],
    "ck_webhook_endpoints_previous": [{"previous_secret": "a"}, {"previous_until_us": 5}],
    "ck_webhook_events_type": [{"type": "generation.queued"}],
    "ck_receivers_lease": [{"lease_owner": "w"}, {"lease_until_us": 5}],
    "ck_receivers_failing": [{"failing_since_us": 5}, {"failure_count": 1}],
    "ck_messages_id": [{"id": "evt_a.other"}, {"id": "evt_a"}],
    "ck_messages_event_type": [{"event_type": "video.failed"}],
    "ck_messages_address": [{"url": "https://x.example.com/"}, {"endpoint_id": None}],
    "ck_messages_policy": [{"policy": "sometimes"}],
    "ck_messages_counts": [{"tries": -1}, {"tries": 1}],
    "ck_deliveries_event_type": [{"event_type": "video.failed"}],
    "ck_deliveries_error": [{"is_success": 0, "status_code": None, "error": "bad_luck"}],
    "ck_deliveries_answer": [{"error": "timeout"}, {"is_success": 0, "status_code": None}],
    "ck_deliveries_success": [{"is_success": 2}, {"status_code": None, "error": "timeout"}],
    "ck_attempts_mode": [{"mode": "8k"}],
    "ck_attempts_ending": [{"ending": "lost", "ended_at_us": 5}],
    "ck_attempts_ended": [{"ended_at_us": 5}, {"ending": "failed"}],
    "ck_attempts_accepted": [{"job_id": "j"}, {"accepted_at_us": 5}],
    "ck_attempts_reconcile": [{"reconcile_at_us": 5}, ENDED | {"reconcile_at_us": 9}],
    "ck_attempts_cost": [{"cost_microdollars": 5}],
    "ck_attempts_cost_units": [ENDED | {"cost_units": "3"}],
    "ck_attempts_counts": [
        {"expected_microdollars": -1},
        {"reconcile_tries": -1},
        ENDED | {"cost_microdollars": -1},
    ],
    "ck_provider_costs_id": [{"id": "task_a.2"}, {"id": "task_a"}],
    "ck_provider_costs_kind": [{"kind": "early"}],
    "ck_provider_costs_microdollars": [{"microdollars": -1}],
    "ck_provider_costs_estimate": [{"is_estimate": 2}],
}  # fmt: skip
CHECKS = [(name, row) for name, rows in BROKEN.items() for row in rows]
UNCHANGING = ("ck_transfers", "ck_provider_costs")


@pytest.fixture
def filled(rows: Rows) -> Rows:
    """The account that the rows of these tests belong to, and a key of it."""
    put(rows, "accounts", ACCOUNT)
    put(rows, "api_keys", KEY | {"id": "key_first", "key_hash": "first"})
    return rows


def put(rows: Rows, table: str, row: Mapping[str, Any]) -> None:
    with rows.store.engines.write.begin() as connection:
        connection.execute(insert(metadata.tables[table]), [dict(row)])


def table_of(constraint: str) -> str:
    return max((table for table in metadata.tables if constraint.startswith(f"ck_{table}_")), key=len)


def test_every_table_and_every_check_of_the_schema_has_a_case_here() -> None:
    assert set(GOOD) == set(metadata.tables)
    checks = {
        constraint.name
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert checks == set(BROKEN)


@pytest.mark.parametrize("table", sorted(GOOD))
def test_the_good_row_is_good(filled: Rows, table: str) -> None:
    before = filled.counts()[table]
    put(filled, table, GOOD[table])
    assert filled.counts()[table] == before + 1


@pytest.mark.parametrize("change", [SUCCEEDED, FAILED, {"lease_owner": "w", "lease_until_us": 5}])
def test_other_good_tasks_are_good(filled: Rows, change: Mapping[str, Any]) -> None:
    put(filled, "tasks", TASK | change)


@pytest.mark.parametrize("state", list(State))
def test_every_state_of_the_domain_fits_the_schema(filled: Rows, state: State) -> None:
    ended = SUCCEEDED if state is State.SUCCEEDED else FAILED if state in FINAL_STATES else {}
    put(filled, "tasks", TASK | ended | {"state": state.value})


@pytest.mark.parametrize("kind", list(MediaKind))
def test_every_kind_of_file_fits_the_schema(filled: Rows, kind: MediaKind) -> None:
    put(filled, "files", FILE | {"kind": kind.value})


@pytest.mark.parametrize(("constraint", "change"), CHECKS)
def test_a_row_that_breaks_a_rule_is_refused_by_that_very_rule(
    filled: Rows, constraint: str, change: Mapping[str, Any]
) -> None:
    table = table_of(constraint)
    before = filled.counts()
    with pytest.raises(IntegrityError, match=rf"{constraint}\b"):
        put(filled, table, GOOD[table] | change)
    assert filled.counts() == before


@pytest.mark.parametrize(("constraint", "change"), [pair for pair in CHECKS if not pair[0].startswith(UNCHANGING)])
def test_a_good_row_cannot_be_made_bad(filled: Rows, constraint: str, change: Mapping[str, Any]) -> None:
    table = table_of(constraint)
    put(filled, table, GOOD[table])
    settings = ", ".join(f"{name} = :{name}" for name in change)
    key = next(iter(metadata.tables[table].primary_key.columns)).name
    with pytest.raises(IntegrityError, match=rf"{constraint}\b"):
        filled.change(f"UPDATE {table} SET {settings} WHERE {key} = :key", key=GOOD[table][key], **change)


NOT_NULL = [
    (table.name, column.name) for table in metadata.tables.values() for column in table.columns if not column.nullable
]


@pytest.mark.parametrize(("table", "column"), NOT_NULL)
def test_what_every_row_has_may_not_be_missing(filled: Rows, table: str, column: str) -> None:
    with pytest.raises(IntegrityError, match=r"(NOT NULL|not-null|null value)"):
        put(filled, table, GOOD[table] | {column: None})


TWICE = [
    ("accounts", {}, {"name": "other"}),
    ("tasks", {}, {"model": "other"}),
    ("tasks", {"external_task_id": "mine"}, {"id": "task_b", "external_task_id": "mine"}),
    ("transfers", {}, {"amount_credits": 7}),
    ("transfers", RESERVE, RESERVE | {"amount_credits": 7}),
    (
        "transfers",
        RESERVE | {"kind": "settle", "id": "task_a.resolve"},
        RESERVE | {"kind": "release", "id": "task_a.resolve"},
    ),
    ("events", {}, {"status": "failed"}),
    ("idempotency", {}, {"fingerprint": "other"}),
    ("api_keys", {}, {"key_hash": "other"}),
    ("api_keys", {}, {"id": "key_b"}),
    ("files", {}, {"name": "other"}),
    ("request_counts", {}, {"requests": 2}),
    ("webhook_endpoints", {}, {"name": "other"}),
    ("webhook_events", {}, {"task_id": "other"}),
    ("receivers", {}, {"used_at_us": 2}),
    ("messages", {}, {"body": b"other"}),
    ("deliveries", {}, {"attempt": 2}),
    ("attempts", {}, {"provider": "other"}),
    ("provider_costs", {}, {"microdollars": 7}),
    ("circuits", {}, {"reason": "other"}),
    ("console_sessions", {}, {"form_token": "other"}),
    ("observations", {}, {"seen_at_us": 2}),
]


@pytest.mark.parametrize(("table", "first", "second"), TWICE)
def test_what_is_one_of_a_kind_cannot_be_there_twice(
    filled: Rows, table: str, first: Mapping[str, Any], second: Mapping[str, Any]
) -> None:
    put(filled, table, GOOD[table] | first)
    with pytest.raises(IntegrityError, match=r"(?i:unique)"):
        put(filled, table, GOOD[table] | second)


def test_tasks_without_an_external_id_do_not_collide(filled: Rows) -> None:
    put(filled, "tasks", TASK)
    put(filled, "tasks", TASK | {"id": "task_b"})
    put(filled, "accounts", ACCOUNT | {"id": "acct_b"})
    put(filled, "tasks", TASK | {"id": "task_c", "external_task_id": "mine"})
    put(filled, "tasks", TASK | {"id": "task_d", "external_task_id": "mine", "account_id": "acct_b"})


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("tasks", "account_id"),
        ("api_keys", "account_id"),
        ("files", "account_id"),
        ("webhook_endpoints", "account_id"),
        ("transfers", "account_id"),
        ("transfers", "debit_account_id"),
        ("transfers", "credit_account_id"),
    ],
)
def test_what_belongs_to_an_account_needs_that_account(filled: Rows, table: str, column: str) -> None:
    with pytest.raises(IntegrityError, match=r"(?i:foreign key)"):
        put(filled, table, GOOD[table] | {column: "acct_none"})


def test_an_account_with_a_history_cannot_go(filled: Rows) -> None:
    put(filled, "transfers", TRANSFER)
    with pytest.raises(IntegrityError, match=r"(?i:foreign key)"):
        filled.change("DELETE FROM accounts WHERE id = 'acct_a'")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfers SET amount_credits = 6",
        "UPDATE transfers SET reason = 'other'",
        "UPDATE transfers SET amount_credits = amount_credits",
        "UPDATE transfers SET id = 'tr_b' WHERE id = 'tr_a'",
        "DELETE FROM transfers",
        "DELETE FROM transfers WHERE id = 'tr_a'",
    ],
)
def test_a_row_of_the_ledger_never_changes_and_never_goes(filled: Rows, statement: str) -> None:
    put(filled, "transfers", TRANSFER)
    with pytest.raises(DatabaseError, match="rows of the ledger never change"):
        filled.change(statement)
    assert filled.sql("SELECT id, amount_credits, reason FROM transfers") == [("tr_a", 5, "")]


def test_a_row_of_the_ledger_cannot_be_replaced(filled: Rows) -> None:
    """SQLite's REPLACE deletes without a DELETE trigger unless recursive triggers are on; PostgreSQL has DO UPDATE."""
    put(filled, "transfers", TRANSFER)
    columns = "id, kind, account_id, debit_account_id, credit_account_id, amount_credits, reason, created_at_us"
    values = "'tr_a', 'grant', 'acct_a', 'acct_system_issued', 'acct_a', 500, '', 1"
    statement = (
        f"INSERT OR REPLACE INTO transfers ({columns}) VALUES ({values})"
        if filled.store.engines.is_sqlite
        else f"INSERT INTO transfers ({columns}) VALUES ({values}) ON CONFLICT (id) DO UPDATE SET amount_credits = 500"
    )
    with pytest.raises(DatabaseError, match="never change"):
        filled.change(statement)
    assert filled.sql("SELECT amount_credits FROM transfers") == [(5,)]


@pytest.mark.parametrize(
    "statement", ["UPDATE provider_costs SET microdollars = 6", "DELETE FROM provider_costs WHERE id = 'task_a.1'"]
)
def test_a_booked_cost_never_changes_and_never_goes(filled: Rows, statement: str) -> None:
    put(filled, "provider_costs", COST)
    with pytest.raises(DatabaseError, match="never change"):
        filled.change(statement)
    assert filled.sql("SELECT id, microdollars FROM provider_costs") == [("task_a.1", 5)]


def test_the_systems_accounts_are_there_from_the_start(store: Store, rows: Rows) -> None:
    found = rows.sql("SELECT id FROM accounts WHERE kind = 'system' ORDER BY id")
    assert [account for (account,) in found] == ["acct_system_holds", "acct_system_issued", "acct_system_revenue"]


def test_sqlite_keeps_foreign_keys_and_durable_commits(sqlite_store: Store) -> None:
    for engine in (sqlite_store.engines.write, sqlite_store.engines.read):
        with engine.connect() as connection:
            for pragma, value in (("foreign_keys", 1), ("synchronous", 2), ("journal_mode", "wal")):
                assert connection.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


def test_names_of_constraints_follow_the_rule() -> None:
    for table in metadata.tables.values():
        for constraint in table.constraints:
            assert re.fullmatch(rf"(ck|pk|fk|uq)_{table.name}(_[a-z_]+)?", str(constraint.name))
