"""The command does not start on a database that it cannot use, and says so in words, not in a stack trace."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from crash.command import environment, running, stopped

UNAVAILABLE = 3


def refused(data: Path) -> str:
    command = [sys.executable, "-m", "reelway", "serve", "--port", "0", "--json"]
    ended = subprocess.run(
        command, env=environment(data, {}), cwd=data.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (UNAVAILABLE, "")
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize("content", [b"no database at all\n" * 500, b"SQLite format 3\x00" + bytes(8_000)])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "reelway.db").write_bytes(content)
    assert "database" in refused(data)
    assert (data / "reelway.db").read_bytes() == content


def test_a_database_of_a_newer_reelway(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as gateway:
        stopped(gateway)
    engine = create_engine(f"sqlite:///{data / 'reelway.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert "newer" in refused(data)
