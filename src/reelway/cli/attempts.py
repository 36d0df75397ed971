"""How the commands show attempts and their costs."""

from typing import Any

from reelway.cli.output import print_table, time_text
from reelway.domain.attempts import Attempt, ProviderCost
from reelway.gateway.attempts import TaskAttempts


def shown_attempts(found: TaskAttempts) -> list[dict[str, Any]]:
    """As JSON: each attempt with the cost that was booked for it."""
    costs = {cost.attempt: cost for cost in found.costs}
    known = {attempt.number for attempt in found.attempts}
    shown = [_shown(attempt, costs.get(attempt.number)) for attempt in found.attempts]
    return shown + [{"number": number, "cost": _shown_cost(costs[number])} for number in sorted(costs.keys() - known)]


def print_attempts(found: TaskAttempts) -> None:
    costs = {cost.attempt: cost for cost in found.costs}
    print_table(
        ("attempt", "provider", "started (UTC)", "accepted", "ended", "ending", "job", "expected", "cost"),
        [
            (
                str(attempt.number),
                attempt.provider,
                time_text(attempt.started_at_us),
                time_text(attempt.accepted_at_us),
                time_text(attempt.ended_at_us),
                _ending(attempt),
                attempt.job_id or "",
                dollars(attempt.expected_microdollars),
                _cost(costs.get(attempt.number)),
            )
            for attempt in found.attempts
        ],
        right=("attempt", "expected", "cost"),
    )


def dollars(microdollars: int) -> str:
    return f"${microdollars / 1e6:g}" if microdollars else ""


def _ending(attempt: Attempt) -> str:
    if attempt.ending is None:
        return "under way"
    next_look = f", looked for at {time_text(attempt.reconcile_at_us)}" if attempt.reconcile_at_us else ""
    return attempt.ending.value + next_look


def _cost(cost: ProviderCost | None) -> str:
    if cost is None:
        return ""
    notes = [note for note, holds in (("estimate", cost.is_estimate), (cost.kind.value, cost.kind == "late")) if holds]
    return (dollars(cost.microdollars) or "$0") + (f" ({', '.join(notes)})" if notes else "")


def _shown(attempt: Attempt, cost: ProviderCost | None) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "provider": attempt.provider,
        "model": attempt.model,
        "mode": attempt.mode.value,
        "duration_s": attempt.duration_s,
        "credential": attempt.credential,
        "started_at": time_text(attempt.started_at_us),
        "accepted_at": time_text(attempt.accepted_at_us) or None,
        "ended_at": time_text(attempt.ended_at_us) or None,
        "ending": attempt.ending.value if attempt.ending else None,
        "job": attempt.job_id,
        "expected_microdollars": attempt.expected_microdollars,
        "looked_for_at": time_text(attempt.reconcile_at_us) or None,
        "looked_for_times": attempt.reconcile_tries,
        "cost": None if cost is None else _shown_cost(cost),
    }


def _shown_cost(cost: ProviderCost) -> dict[str, Any]:
    return {
        "kind": cost.kind.value,
        "microdollars": cost.microdollars,
        "units": cost.units,
        "is_estimate": cost.is_estimate,
        "booked_at": time_text(cost.created_at_us),
    }
