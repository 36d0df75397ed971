"""The first minute: the real command prints a link, which signs in once and shows what to do first."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from acceptance.conftest import COMMAND_S, Run, environment


@contextmanager
def announced(folder: Path, *arguments: str, **settings: object) -> Iterator[list[str]]:
    """The lines that `reelway serve` prints before it serves; it is ended with SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reelway", "serve", "--port", "0", *arguments],
        cwd=folder,
        env=environment(folder, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith(("{", "Data:")):
                break
        yield lines
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=COMMAND_S)
    finally:
        process.kill()
        process.communicate()


def test_serve_prints_a_link_that_signs_in_once_and_an_empty_console_says_what_to_do(tmp_path: Path) -> None:
    with announced(tmp_path) as lines, httpx.Client(follow_redirects=True, trust_env=False, timeout=60) as client:
        (link,) = [line.removeprefix("Console: ") for line in lines if line.startswith("Console: ")]
        page = client.get(link)
        assert page.status_code == 200
        assert page.url.path == "/console/"
        assert "Make the first video" in page.text
        assert client.get(page.url.join("/console/accounts")).status_code == 200
        with httpx.Client(follow_redirects=True, trust_env=False, timeout=60) as second:
            assert second.get(link).status_code == 401


@pytest.mark.parametrize(
    ("settings", "has_ticket"),
    [({"BOOTSTRAP_KEY": "rw_sk_acceptance_0123456789abcdef"}, True), ({"PUBLIC_URL": "https://video.example"}, False)],
)
def test_a_link_is_printed_only_where_this_machine_alone_can_use_it_or_the_account_is_new(
    tmp_path: Path, reelway: Run, settings: dict[str, str], has_ticket: bool
) -> None:
    made = reelway("keys", "create", "--new-account", "first", BOOTSTRAP_KEY="rw_sk_acceptance_0123456789abcdef")
    assert made.returncode == 0, made.stderr
    with announced(tmp_path, "--json", **settings) as lines:
        address = json.loads(lines[0])["console"]
    assert ("ticket=" in address) == has_ticket
    assert address.startswith(settings.get("PUBLIC_URL", "http://127.0.0.1:"))


def test_the_console_can_be_switched_off(tmp_path: Path) -> None:
    with announced(tmp_path, "--json", CONSOLE_ENABLED="false") as lines:
        found = json.loads(lines[0])
        assert found["console"] is None
        assert httpx.get(f"{found['url']}/console/", trust_env=False).status_code == 404
