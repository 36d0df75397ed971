"""Servers under test, each in a process of its own: the gateway itself, and bare programs that show the ceiling."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KEY = "rw_sk_bench_0123456789abcdef"
PLENTY = 10**9


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    pid: int


@contextmanager
def gateway(folder: Path, **changes: object) -> Iterator[Served]:
    """`reelway serve` with limits that no bench reaches; `changes` are settings by name."""
    settings = {
        "DATA_DIR": folder,
        "BOOTSTRAP_KEY": KEY,
        "BOOTSTRAP_CREDITS": 10**12,
        "REQUESTS_PER_MINUTE_MAX": PLENTY,
        "UNFINISHED_TASKS_MAX": PLENTY,
        "LOG_LEVEL": "warning",
    } | changes
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("REELWAY_")}
    environment |= {f"REELWAY_{name}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "reelway", "serve", "--port", "0", "--json"]
    with _announced(command, environment) as served:
        yield served


@contextmanager
def program(module: str, *arguments: str) -> Iterator[Served]:
    """A program of this folder that announces its URL as a line of JSON."""
    with _announced([sys.executable, "-m", module, *arguments], dict(os.environ)) as served:
        yield served


@contextmanager
def _announced(command: list[str], environment: dict[str, str]) -> Iterator[Served]:
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Served(json.loads(process.stdout.readline())["url"], process.pid)
        finally:
            process.terminate()
            process.wait(30)
