"""The real command in a process of its own, with nothing in its environment but what a test gives it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KEY = "rw_sk_acceptance_0123456789abcdef"
COMMAND_S = 600

Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(folder: Path, **settings: object) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("REELWAY_")}
    given = {"DATA_DIR": folder / "data", "LOG_LEVEL": "warning"} | settings
    return kept | {f"REELWAY_{name}": str(value) for name, value in given.items()} | {"COLUMNS": "200"}


@pytest.fixture
def reelway(tmp_path: Path) -> Run:
    """`reelway(*arguments, **settings)` runs the command to its end in an empty folder."""

    def run(*arguments: str, text: str | None = None, **settings: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "reelway", *arguments],
            cwd=tmp_path,
            env=environment(tmp_path, **settings),
            input=text,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    return run


@contextmanager
def served(folder: Path, **settings: object) -> Iterator[str]:
    """A gateway on a free port; gives its address, and ends it with SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reelway", "serve", "--port", "0", "--json"],
        cwd=folder,
        env=environment(folder, **({"BOOTSTRAP_KEY": KEY} | settings)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield json.loads(line)["url"]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=COMMAND_S)
        assert process.returncode == 0, errors
    finally:
        process.kill()
        process.communicate()
