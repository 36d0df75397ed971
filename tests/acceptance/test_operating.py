"""The command line in an operator's hands: faults are told in words, tables and JSON can be worked with."""

import json
import re
from pathlib import Path

import httpx
import pytest

from .conftest import KEY, Run, served

LONG = "a-folder-with-a-rather-long-name-that-no-narrow-terminal-has-room-for"


def told(done: object, code: int, *words: str) -> None:
    """The command ended with this code and one message, no traceback."""
    assert done.returncode == code, (done.stdout, done.stderr)  # type: ignore[attr-defined]
    assert "Traceback" not in done.stderr  # type: ignore[attr-defined]
    for word in words:
        assert word in done.stderr  # type: ignore[attr-defined]


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["generate", "x", "--api-key", KEY, "--base-url", "http://127.0.0.1:9"], ["demo"]])
def test_a_place_that_no_video_can_be_written_to_is_told_before_one_is_made(
    reelway: Run, tmp_path: Path, command: list[str]
) -> None:
    told(reelway(*command, "--out", "nowhere/x.mp4"), 2, "there is no folder", str(tmp_path / "nowhere"))
    told(reelway(*command, "--out", "."), 2, "is a folder")


def test_an_address_that_is_none_is_told(reelway: Run) -> None:
    told(reelway("generate", "x", "--base-url", "http://[", "--api-key", KEY), 3)


@pytest.mark.parametrize("command", [["serve"], ["worker"], ["keys", "list"], ["db", "upgrade"]])
def test_a_data_folder_that_cannot_be_made_is_told_by_its_name(
    reelway: Run, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    done = reelway(*command, DATA_DIR=tmp_path / "file" / LONG)
    assert done.returncode in (2, 3)
    told(done, done.returncode, str(tmp_path / "file" / LONG))
    assert len(done.stderr.splitlines()) == 1, "a message is not broken into lines"
    assert "8787" not in done.stderr, "the address is not to blame"


@pytest.mark.parametrize("days", ["1e300", "99999999", "nan", "-1"])
def test_a_life_of_a_key_that_is_none_is_told(reelway: Run, days: str) -> None:
    told(reelway("keys", "create", "--new-account", "a", "--expires-in-days", days), 2, "expires-in-days")


def test_a_new_account_and_an_old_one_at_once_are_refused(reelway: Run) -> None:
    told(reelway("keys", "create", "--new-account", "a", "--account", "b"), 2, "--account", "--new-account")


def test_a_folder_without_cards_is_no_folder_of_right_cards(reelway: Run, tmp_path: Path) -> None:
    (tmp_path / "cards").mkdir()
    told(reelway("models", "lint", "cards"), 2, "there is no card")


# --- the doctor -------------------------------------------------------------------------------------------------------


def test_the_doctor_makes_no_database_and_finds_an_empty_secret(reelway: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret.key").touch()
    done = reelway("doctor", "--json", ANIMATIC_ENABLED="false", STORAGE_URL=f"file://{tmp_path}/objects?key=s3cret")
    found = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert found["signing key"]["state"] == "broken"
    assert "secret.key" in found["signing key"]["detail"]
    assert (found["database"]["state"], done.returncode) == ("ok", 1)
    assert list((tmp_path / "data").glob("reelway.db*")) == []
    assert "s3cret" not in done.stdout


# --- tables and JSON --------------------------------------------------------------------------------------------------


def test_what_a_script_reads_has_one_line_a_thing_and_whole_ids(reelway: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(
        reelway("keys", "create", "--new-account", "A team of many words", "--name", "night shift", "--json").stdout
    )
    assert made["name"] == "night shift"
    listed = reelway("keys", "list").stdout.splitlines()
    assert len(listed) == 2
    for value in (made["id"], made["account"], "night shift"):
        assert value in listed[1]
    granted = reelway("credits", "grant", "5", "--reason", "a reason of many words " * 4)
    assert granted.returncode == 0
    assert len(reelway("credits", "ledger").stdout.splitlines()) == 2


def test_every_command_that_changes_something_can_say_so_in_json(reelway: Run) -> None:
    assert json.loads(reelway("db", "upgrade", "--json").stdout)["was"] == "empty"
    assert json.loads(reelway("db", "upgrade", "--json").stdout)["was"] == "current"
    key = json.loads(reelway("keys", "create", "--new-account", "a", "--credits", "7", "--json").stdout)
    assert key["revoked_at"] is None
    revoked = json.loads(reelway("keys", "revoke", key["id"], "--json").stdout)
    assert (revoked["id"], bool(re.match(r"\d{4}-", revoked["revoked_at"]))) == (key["id"], True)
    reelway("credits", "grant", "3")
    reelway("credits", "grant", "--", "-4")
    rows = json.loads(reelway("credits", "ledger", "--json").stdout)
    assert [row["available_credits"] for row in rows] == [7, 10, 6]
    assert [
        row["available_credits"] for row in json.loads(reelway("credits", "ledger", "--limit", "2", "--json").stdout)
    ] == [10, 6]


def test_a_check_of_cards_can_be_read_by_a_script(reelway: Run, tmp_path: Path) -> None:
    assert json.loads(reelway("models", "lint", "--json").stdout) == {"cards": 9, "faults": []}
    (tmp_path / "bad.toml").write_text("id = 1")
    done = reelway("models", "lint", "bad.toml", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["cards"]) == (1, 1)
    assert told["faults"][0]["file"] == "bad.toml"


def test_a_cancelled_task_can_be_read_by_a_script(reelway: Run, tmp_path: Path) -> None:
    with served(tmp_path, ROLES="api") as url:
        body = {"model": "kling-3-0", "prompt": "A forest"}
        task_id = httpx.post(f"{url}/api/v1/generations", json=body, headers={"Authorization": f"Bearer {KEY}"}).json()[
            "id"
        ]
        cancelled = json.loads(reelway("tasks", "cancel", task_id, "--json").stdout)
    assert (cancelled["id"], cancelled["state"]) == (task_id, "cancelled")
