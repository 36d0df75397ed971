"""The request counts that processes share, so that a limit holds for an account and not for each process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, text

from reelway.store.commit import Unit
from reelway.store.schema import request_counts

_ADD = text(
    "INSERT INTO request_counts (account_id, window_number, requests) VALUES (:account_id, :window_number, :requests)"
    " ON CONFLICT (account_id, window_number) DO UPDATE SET requests = request_counts.requests + excluded.requests"
)
_FORGET = delete(request_counts).where(request_counts.c.window_number < bindparam("window_number"))


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of one window that this process has counted since it last told."""

    window: int
    by_account: Mapping[str, int]


def add_requests(unit: Unit, commands: Sequence[Requests]) -> list[Mapping[str, int]]:
    """The totals of the named accounts over all processes; older windows are forgotten."""
    return [_add(unit, command) for command in commands]


def _add(unit: Unit, command: Requests) -> Mapping[str, int]:
    if not command.by_account:
        return {}
    rows = [
        {"account_id": account_id, "window_number": command.window, "requests": count}
        for account_id, count in sorted(command.by_account.items())
    ]
    unit.connection.execute(_ADD, rows)
    unit.connection.execute(_FORGET, {"window_number": command.window})
    totals = unit.connection.execute(
        select(request_counts.c.account_id, request_counts.c.requests).where(
            request_counts.c.window_number == command.window, request_counts.c.account_id.in_(list(command.by_account))
        )
    )
    return {account_id: count for account_id, count in totals}  # noqa: C416 - a result is no mapping
