"""The promises of the command line, one a test."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import jwt
import pytest

from support.media import decoded, image_bytes

from .conftest import KEY, Run, environment, served

SMALL = ("--param", "mode=std", "--param", "duration=3", "--param", "aspect_ratio=1:1")


def test_the_demo_makes_a_real_video_and_shows_its_facts_and_the_ledger(
    reelway: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the surroundings say: a proxy for everything, and a setting that no gateway would take."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / ".env").write_text("REELWAY_PROT=1\n")
    done = reelway(
        *("demo", "--prompt", "A boat on a calm lake at dusk", "--model", "kling-3-0", "--out", "x.mp4"), FOO="1"
    )
    assert done.returncode == 0, done.stderr
    assert decoded(tmp_path / "x.mp4") == (120, 1920, 1080)
    assert "1920 x 1080" in done.stdout
    assert "h264" in done.stdout
    assert "5.00 s" in done.stdout
    kinds = re.findall(r"\b(grant|reserve|settle|release)\b", done.stdout)
    assert kinds == ["grant", "reserve", "settle"]
    assert not (tmp_path / "data").exists(), "the demo must not touch the configured data"


def test_the_demo_tells_what_is_wrong_with_an_unknown_model(reelway: Run) -> None:
    done = reelway("demo", "--model", "kling-9")
    assert done.returncode == 1
    assert "Unknown model" in done.stderr
    assert "kling-3-0" in done.stderr


def test_generate_sends_two_images_and_downloads_a_video_between_them(reelway: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(image_bytes("PNG", (400, 300), (250, 10, 10)))
    (tmp_path / "b.jpg").write_bytes(image_bytes("JPEG", (400, 300), (10, 10, 250)))
    with served(tmp_path) as url:
        done = reelway(
            *("generate", "A sunset turns into night", "--model", "kling-3-0", *SMALL, "--json"),
            *("--image", "a.png", "--image", "b.jpg", "--base-url", url, "--api-key", KEY, "--out", "v.mp4"),
        )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["generation"]["status"] == "succeeded"
    assert shown["facts"]["duration_s"] == 3
    assert decoded(tmp_path / "v.mp4") == (72, 960, 720)


def test_generate_shows_every_problem_and_fails(reelway: Run, tmp_path: Path) -> None:
    with served(tmp_path) as url:
        done = reelway(
            "generate", "x", "--param", "duration=7", "--param", "nope=1", "--base-url", url, "--api-key", KEY
        )
    assert done.returncode == 1
    assert "params.duration" in done.stderr
    assert "Allowed: 5, 10" in done.stderr
    assert "params.nope" in done.stderr


def test_generate_says_when_there_is_no_gateway(reelway: Run) -> None:
    done = reelway("generate", "x", "--base-url", "http://127.0.0.1:9", "--api-key", KEY)
    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stderr


def test_serve_prints_a_fresh_key_once_and_that_key_works(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reelway", "serve", "--port", "0", "--json"]
    lines = []
    for _ in range(2):
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment(tmp_path / "fresh"), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            line = json.loads(process.stdout.readline())
            lines.append(line)
            key = lines[0]["key"]
            answer = httpx.get(f"{line['url']}/api/v1/credits", headers={"Authorization": f"Bearer {key}"})
            assert answer.json() == {"current_credits": 1000}
            process.send_signal(signal.SIGINT)
    assert lines[0]["key"].startswith("rw_sk_")
    assert lines[1]["key"] is None


def test_the_whole_configuration_is_shown_with_secrets_masked(reelway: Run) -> None:
    done = reelway(
        *("serve", "--print-config"),
        BOOTSTRAP_KEY=KEY,
        SECRET_KEY="s" * 40,
        DATABASE_URL="postgresql://me:hunter2@db/reelway",
        PORT="9000",
    )
    assert done.returncode == 0
    assert "REELWAY_PORT=9000" in done.stdout
    assert "REELWAY_UNFINISHED_TASKS_MAX=1000" in done.stdout
    for secret in (KEY, "s" * 40, "hunter2"):
        assert secret not in done.stdout


def test_the_first_key_is_shown_whole_on_a_narrow_terminal(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reelway", "serve", "--port", "0"]
    narrow = environment(tmp_path) | {"COLUMNS": "40"}
    with subprocess.Popen(command, cwd=tmp_path, env=narrow, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = None
        while found is None:
            found = re.search(r"shown this once: (rw_sk_\w+)$", process.stdout.readline())
        process.send_signal(signal.SIGTERM)
    listed = subprocess.run(
        [sys.executable, "-m", "reelway", "keys", "list", "--json"],
        env=environment(tmp_path),
        capture_output=True,
        check=True,
    )
    assert len(found[1]) == len("rw_sk_") + 43
    assert json.loads(listed.stdout)[0]["prefix"] == found[1][:12]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PROT": "1"}, "REELWAY_PROT: unknown setting"),
        ({"PORT": "70000"}, "REELWAY_PORT"),
        ({"DATABASE_URL": "mysql://x"}, "REELWAY_DATABASE_URL"),
        ({"DATABASE_URL": "sqlite://"}, "in memory"),
        ({"ROLES": "api,cook"}, "REELWAY_ROLES"),
        ({"BOOTSTRAP_KEY": "short"}, "REELWAY_BOOTSTRAP_KEY"),
        ({"SECRET_KEY": "short"}, "REELWAY_SECRET_KEY"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(reelway: Run, settings: dict[str, str], words: str) -> None:
    done = reelway("serve", **settings)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_card_stops_the_start_with_its_file_field_and_reason(reelway: Run, tmp_path: Path) -> None:
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "my-model.toml").write_text('id = "my-model"\nposition = "first"\n')
    done = reelway("serve", CATALOG_DIR=tmp_path / "cards")
    assert done.returncode == 2
    assert "my-model.toml" in done.stderr
    assert "position" in done.stderr


def test_a_port_in_use_is_told(reelway: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = reelway("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 3
    assert "in use" in done.stderr


def test_a_damaged_and_a_newer_database_are_refused(reelway: Run, tmp_path: Path) -> None:
    assert reelway("db", "upgrade").returncode == 0
    path = tmp_path / "data" / "reelway.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = reelway("serve")
    assert newer.returncode == 3
    assert "newer" in newer.stderr
    path.write_bytes(b"this is no database" * 1000)
    damaged = reelway("serve")
    assert damaged.returncode == 3
    assert "not a database" in damaged.stderr


def test_a_key_for_kling_comes_with_a_pair_that_signs_tokens(reelway: Run, tmp_path: Path) -> None:
    made = reelway("keys", "create", "--new-account", "Team K", "--credits", "500", "--kling", "--json")
    assert made.returncode == 0, made.stderr
    pair = json.loads(made.stdout)
    again = reelway("keys", "create", "--account", "Team K", "--kling")
    assert all(word in again.stdout for word in ("rw_sk_", "access key", "secret key"))
    plain = json.loads(reelway("keys", "create", "--account", "Team K", "--json").stdout)
    assert plain["access_key"] is None
    assert "secret_key" not in plain
    listed = reelway("keys", "list", "--json")
    assert pair["access_key"] in listed.stdout
    assert pair["secret_key"] not in listed.stdout

    now_s = int(time.time())
    claims = {"iss": pair["access_key"], "exp": now_s + 1800, "nbf": now_s - 5}
    with served(tmp_path) as url:
        for secret, status in ((pair["secret_key"], 200), ("x" * 43, 401)):
            token = jwt.encode(claims, secret, algorithm="HS256")
            answer = httpx.get(f"{url}/kling/v1/videos/text2video", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == status, answer.text
        answer = httpx.get(f"{url}/api/v1/credits", headers={"Authorization": f"Bearer {pair['key']}"})
        assert answer.json() == {"current_credits": 500}


def test_keys_are_made_listed_used_and_revoked(reelway: Run, tmp_path: Path) -> None:
    made = reelway("keys", "create", "--new-account", "Team A", "--credits", "500", "--json")
    key = json.loads(made.stdout)
    assert key["key"].startswith("rw_sk_")
    limited = json.loads(
        reelway(
            "keys", "create", "--account", "Team A", "--scope", "credits:read", "--expires-in-days", "1", "--json"
        ).stdout
    )
    assert limited["scopes"] == ["credits:read"]
    listed = reelway("keys", "list")
    assert key["prefix"] in listed.stdout
    assert key["key"] not in listed.stdout
    with served(tmp_path) as url, httpx.Client(base_url=url) as http:
        headers = {"Authorization": f"Bearer {limited['key']}"}
        assert http.get("/api/v1/credits", headers=headers).json() == {"current_credits": 500}
        assert http.get("/api/v1/generations", headers=headers).status_code == 403
        assert reelway("keys", "revoke", limited["id"]).returncode == 0
        answer = http.get("/api/v1/credits", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "api_key_revoked")
    assert reelway("keys", "revoke", "key_nope").returncode == 4


def test_credits_are_granted_taken_back_and_the_ledger_adds_up(reelway: Run) -> None:
    reelway("keys", "create", "--new-account", "Team A", "--credits", "100")
    assert reelway("credits", "grant", "50", "--reason", "invoice 17").returncode == 0
    assert reelway("credits", "grant", "--reason", "mistake", "--", "-30").returncode == 0
    too_much = reelway("credits", "grant", "--", "-121")
    assert too_much.returncode == 1
    assert "120" in too_much.stderr
    balance = json.loads(reelway("credits", "balance", "--json").stdout)
    assert balance[0]["available_credits"] == 120
    ledger = json.loads(reelway("credits", "ledger", "--json").stdout)
    assert [row["kind"] for row in ledger] == ["grant", "grant", "adjust"]
    assert sum(row["available_change"] for row in ledger) == 120
    assert reelway("db", "check").returncode == 0


def test_tasks_are_listed_shown_and_cancelled(reelway: Run, tmp_path: Path) -> None:
    with served(tmp_path, ROLES="api") as url:
        body = {"model": "kling-3-0", "prompt": "Ein Wald \x1b[31m[red]rot", "client_request_id": "r-1"}
        answer = httpx.post(f"{url}/api/v1/generations", json=body, headers={"Authorization": f"Bearer {KEY}"})
        task_id = answer.json()["id"]
        listed = reelway("tasks", "list")
        assert task_id in listed.stdout
        assert "\x1b[31m" not in listed.stdout
        shown = json.loads(reelway("tasks", "show", task_id, "--json").stdout)
        assert shown["state"] == "queued"
        assert shown["client_request_id"] == "r-1"
        assert shown["generation"]["prompt"] == body["prompt"]
        assert reelway("tasks", "cancel", task_id).returncode == 0
        assert json.loads(reelway("tasks", "show", task_id, "--json").stdout)["state"] == "cancelled"
        again = reelway("tasks", "cancel", task_id)
        assert again.returncode == 0
    assert reelway("tasks", "show", "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3").returncode == 4
    assert json.loads(reelway("credits", "balance", "--json").stdout)[0]["available_credits"] == 1000


def test_models_are_listed_shown_and_checked(reelway: Run, tmp_path: Path) -> None:
    listed = [model["id"] for model in json.loads(reelway("models", "list", "--json").stdout)]
    assert listed[:2] == ["kling-v2-5-turbo-pro", "kling-3-0"]
    assert "cfg_scale" in reelway("models", "show", "kling-v2-5-turbo-pro").stdout
    assert reelway("models", "show", "kling-9").returncode == 4
    (tmp_path / "bad.toml").write_text("id = 1")
    checked = reelway("models", "lint", "bad.toml")
    assert checked.returncode == 1
    assert "bad.toml: " in checked.stderr
    assert reelway("models", "lint").returncode == 0


def test_the_doctor_finds_a_healthy_gateway_well_and_a_broken_one_broken(reelway: Run, tmp_path: Path) -> None:
    healthy = reelway("doctor", "--json")
    assert healthy.returncode == 0, healthy.stdout
    findings = {finding["what"]: finding for finding in json.loads(healthy.stdout)}
    assert findings["animatic engine"]["state"] == "ok"
    assert findings["object storage"]["state"] == "ok"
    (tmp_path / "file").write_text("not a folder")
    broken = reelway(
        "doctor",
        "--json",
        STORAGE_URL=(tmp_path / "file" / "objects").as_uri(),
        DATABASE_URL="postgresql://127.0.0.1:9/x",
    )
    assert broken.returncode == 1
    states = {finding["what"]: finding["state"] for finding in json.loads(broken.stdout)}
    assert states["database"] == "broken"
    assert states["object storage"] == "broken"
    assert states["catalogue"] == "ok"


@pytest.mark.parametrize(
    "command",
    ["", "serve", "worker", "generate", "demo", "doctor", "keys", "credits", "tasks", "models", "providers", "db"],
)
def test_every_command_explains_itself(reelway: Run, command: str) -> None:
    done = reelway(*([command] if command else []), "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout
    assert len(done.stdout.splitlines()) > 5


def test_another_program_s_lines_in_the_env_file_do_no_harm(reelway: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=x\nREELWAY_PORT=9123\n")
    done = reelway("serve", "--print-config")
    assert done.returncode == 0, done.stderr
    assert "REELWAY_PORT=9123" in done.stdout
    (tmp_path / ".env").write_text("REELWAY_PROT=9123\n")
    wrong = reelway("serve", "--print-config")
    assert wrong.returncode == 2
    assert "REELWAY_PROT" in wrong.stderr


def test_the_gateway_is_alive_ready_and_measured(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        assert httpx.get(f"{url}/healthz").json()["status"] == "ok"
        assert httpx.get(f"{url}/readyz").json()["status"] == "ready"
        httpx.get(f"{url}/api/v1/models")
        assert (
            'reelway_requests_total{dialect="rivya",operation="models",status="200"} 1.0'
            in httpx.get(f"{url}/metrics").text
        )
    assert os.listdir(tmp_path / "data" / "workers") == [], "a stopped worker leaves no lock behind"
