"""Circuits of providers as all processes share them, and what each worker has seen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select, text

from reelway.domain.health import Circuit, Counts, Observed, Stage
from reelway.domain.ids import TaskId, WorkerId
from reelway.store.commit import Unit
from reelway.store.schema_health import circuits, observations

_NAMES: Final = tuple(item.name for item in fields(Circuit))
_COUNTS: Final = tuple(item.name for item in fields(Counts))
_KEPT_US: Final = 86_400 * 1_000_000
"""What a worker saw is forgotten after a day; a worker that died does not take its row along."""


def _upsert(table: str, key: tuple[str, ...], names: tuple[str, ...], condition: str) -> str:
    """The SQL text; every part of it is a name of our own schema."""
    marks = ", ".join(f":{name}" for name in names)
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
    return f"{insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes} WHERE {condition}"


_WRITE: Final = text(
    _upsert("circuits", ("provider", "model"), _NAMES, "circuits.changed_at_us <= excluded.changed_at_us")
)
_TAKE: Final = text(
    "UPDATE circuits SET trial_task_id = :task_id, trial_until_us = :until_us, changed_at_us = :now_us"
    " WHERE provider = :provider AND model = :model AND is_open = 1 AND until_us <= :now_us"
    " AND (trial_until_us IS NULL OR trial_until_us <= :now_us OR trial_task_id = :task_id)"
)
_NOTE: Final = text(
    _upsert(
        "observations",
        ("worker", "provider", "model"),
        ("worker", "provider", "model", *_COUNTS, "seen_at_us"),
        "observations.seen_at_us <= excluded.seen_at_us",
    )
)
_FORGET: Final = delete(observations).where(observations.c.seen_at_us < bindparam("before_us"))


def _row_of(circuit: Circuit) -> dict[str, Any]:
    return asdict(circuit) | {"is_open": int(circuit.is_open), "stage": circuit.stage.value}


@dataclass(frozen=True, slots=True)
class Trial:
    """A task wants to be the one that is let through a half-open circuit."""

    provider: str
    model: str
    task_id: TaskId
    until_us: int
    now_us: int


def change_circuits(unit: Unit, commands: Sequence[Circuit | Trial]) -> list[bool]:
    """Whether each was carried out. Of two circuits the later change wins; of the tasks that want to be tried one may,
    and none while the circuit is not half open.

    One handler for both, which goes through the rows in one order, so that rounds of several processes never wait for
    each other in a circle. Trials come after circuits: what is known by now decides about them.
    """
    results = [False] * len(commands)
    for number, command in sorted(enumerate(commands), key=lambda item: _turn_of(item[1])):
        statement, row = (_TAKE, asdict(command)) if isinstance(command, Trial) else (_WRITE, _row_of(command))
        results[number] = unit.connection.execute(statement, row).rowcount == 1
    return results


def _turn_of(command: Circuit | Trial) -> tuple[str, str, bool, int]:
    if isinstance(command, Trial):
        return command.provider, command.model, True, command.now_us
    return command.provider, command.model, False, command.changed_at_us


def list_circuits(connection: Connection) -> list[Circuit]:
    found = connection.execute(select(circuits).order_by(circuits.c.provider, circuits.c.model))
    return [_circuit_of(row) for row in found.mappings()]


def _circuit_of(row: Mapping[Any, Any]) -> Circuit:
    return Circuit(**(dict(row) | {"is_open": bool(row["is_open"]), "stage": Stage(row["stage"])}))


def note_observations(unit: Unit, commands: Sequence[tuple[Observed, ...]]) -> list[None]:
    for observed in commands:
        for item in sorted(observed, key=lambda item: (item.worker, item.provider, item.model)):
            row = {"worker": item.worker, "provider": item.provider, "model": item.model, "seen_at_us": item.seen_at_us}
            unit.connection.execute(_NOTE, row | asdict(item.counts))
        if observed:
            unit.connection.execute(_FORGET, {"before_us": observed[0].seen_at_us - _KEPT_US})
    return [None] * len(commands)


def list_observations(connection: Connection, since_us: int) -> list[Observed]:
    found = connection.execute(select(observations).where(observations.c.seen_at_us >= since_us))
    return [
        Observed(
            WorkerId(row["worker"]),
            row["provider"],
            row["model"],
            Counts(**{name: row[name] for name in _COUNTS}),
            row["seen_at_us"],
        )
        for row in found.mappings()
    ]
