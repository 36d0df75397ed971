"""`reelway providers` and what else an operator sees of `reelway.toml`."""

import json
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from acceptance.conftest import KEY, Run, served
from support.kling_server import ACCESS_KEY, SECRET_KEY, KlingServer, Refuse, kling_server
from support.media import video_bytes
from support.waiting import came_true

HEADERS = {"Authorization": f"Bearer {KEY}"}


def write_config(folder: Path, server: KlingServer, secret: str = SECRET_KEY, more: str = "") -> None:
    """The credentials stand in `.env`, beside the file."""
    (folder / ".env").write_text(f"KLING_AK={ACCESS_KEY}\nKLING_SK={secret}\n")
    (folder / "reelway.toml").write_text(
        f"""
[[providers]]
name = "kling"
kind = "kling"
base_url = "{server.url}"
allow_private = true
access_key_env = "KLING_AK"
secret_key_env = "KLING_SK"
unit_microdollars = 140000
{more}
"""
    )


def test_providers_are_listed_tested_and_checked(reelway: Run, tmp_path: Path) -> None:
    assert reelway("providers", "lint").returncode == 4
    with kling_server(b"") as server:
        write_config(tmp_path, server)
        listed = json.loads(reelway("providers", "list", "--json").stdout)
        assert [(item["name"], item["kind"], item["tier"]) for item in listed] == [
            ("embedded", "animatic", "value"),
            ("kling", "kling", "official"),
        ]
        assert [(item["state"], item["circuits"], item["job_p50_seconds"]) for item in listed] == [
            ("closed", [], None)
        ] * 2
        shown = reelway("providers", "list").stdout
        assert "$0.14" in shown
        assert "well" in shown
        assert reelway("providers", "lint").stdout == "1 providers are right.\n"
        assert reelway("providers", "test", "kling").stdout == "kling answers and takes us.\n"
        assert (server.jobs, server.created) == ({}, [])
        unknown = reelway("providers", "test", "klng")
        assert (unknown.returncode, "there are: kling" in unknown.stderr) == (4, True)


def test_an_open_circuit_is_listed_with_its_reason(reelway: Run, tmp_path: Path) -> None:
    with kling_server(b"") as server:
        write_config(tmp_path, server)
        assert reelway("db", "upgrade").returncode == 0
        with sqlite3.connect(tmp_path / "data" / "reelway.db") as database:
            database.execute(
                "INSERT INTO circuits VALUES"
                " ('kling', '', 1, 'submit', 'our account is locked', 1, 1, 9000000000000000, 1, NULL, NULL)"
            )
        database.close()
        (_, kling) = json.loads(reelway("providers", "list", "--json").stdout)
        assert (kling["state"], kling["circuits"][0]["reason"]) == ("open", "our account is locked")
        assert "open for all models until" in reelway("providers", "list").stdout


def test_a_server_whose_address_ends_in_v1_is_asked_below_it(reelway: Run, tmp_path: Path) -> None:
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if self.path == "/v1/models" else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for path in ("", "/v1"):
            (tmp_path / "reelway.toml").write_text(
                f"""
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:{server.server_port}{path}"
allow_private = true
models = {{ kling-v1 = "wan" }}
"""
            )
            assert reelway("providers", "test", "gpu").returncode == 0
    finally:
        server.shutdown()
        server.server_close()
    assert asked == ["/v1/models"] * 2


def test_a_broken_block_list_stops_the_start_with_its_line(reelway: Run, tmp_path: Path) -> None:
    terms = tmp_path / "terms.txt"
    terms.write_text("fine\n(open\n")
    done = reelway("serve", "--port", "0", BLOCK_LIST_FILE=terms)
    assert done.returncode == 2
    assert "REELWAY_BLOCK_LIST_FILE: terms.txt:2: is no regular expression: missing )" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_is_made_with_a_route(reelway: Run) -> None:
    made = reelway("keys", "create", "--new-account", "Gold", "--route", "official", "--json")
    assert json.loads(made.stdout)["route"] == "official"
    (listed,) = json.loads(reelway("keys", "list", "--json").stdout)
    assert listed["route"] == "official"
    for unknown in ("cheap", "preview"):
        assert reelway("keys", "create", "--account", "Gold", "--route", unknown).returncode == 2


def test_a_key_that_is_not_taken_is_told_and_not_shown(reelway: Run, tmp_path: Path) -> None:
    with kling_server(b"") as server:
        write_config(tmp_path, server, secret="another-secret-0123456789")
        done = reelway("providers", "test", "kling", "--json")
        assert done.returncode == 3
        assert json.loads(done.stdout)["takes_us"] is False
        assert "code 1002" in done.stderr
        assert "another-secret" not in done.stderr + done.stdout


def test_the_doctor_calls_every_provider(reelway: Run, tmp_path: Path) -> None:
    with kling_server(b"") as server:
        write_config(tmp_path, server)
        done = reelway("doctor", "--json", ANIMATIC_ENABLED="false")
        found = {finding["what"]: finding for finding in json.loads(done.stdout)}
        assert found["provider kling"] == {
            "what": "provider kling",
            "state": "ok",
            "detail": f"kling at {server.url} takes us",
        }
        assert found["animatic engine"]["state"] == "ok"
        server.queries.append(Refuse(1102))
        done = reelway("doctor", "--json", ANIMATIC_ENABLED="false")
        found = {finding["what"]: finding for finding in json.loads(done.stdout)}
        assert (done.returncode, found["provider kling"]["state"]) == (1, "broken")
        assert "code 1102" in found["provider kling"]["detail"]
        assert SECRET_KEY not in done.stdout + done.stderr


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("worker",), ("providers", "list"), ("keys", "list")])
def test_a_wrong_file_stops_every_command_with_its_line(reelway: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    with kling_server(b"") as server:
        write_config(tmp_path, server, more="concurency_max = 3")
        done = reelway(*command)
        assert done.returncode == 2
        assert "reelway.toml:10: kling.concurency_max:" in done.stderr
        assert "Traceback" not in done.stderr
        told = reelway("providers", "lint", "--json")
        assert (told.returncode, json.loads(told.stdout)["faults"][0]["line"]) == (1, 10)


def test_a_missing_credential_stops_the_worker_and_no_operators_command(reelway: Run, tmp_path: Path) -> None:
    with kling_server(b"") as server:
        write_config(tmp_path, server, secret="")
        done = reelway("worker")
        assert done.returncode == 2
        assert "reelway.toml:8: kling.secret_key_env: the variable KLING_SK is not set" in done.stderr
        assert reelway("keys", "list").returncode == 0


def test_jobs_that_another_credential_submitted_are_told_everywhere(reelway: Run, tmp_path: Path) -> None:
    with kling_server(b"", polls=10_000) as server:
        write_config(tmp_path, server)
        with served(tmp_path, ANIMATIC_ENABLED="false") as url:
            task_id = created(url)
            assert server.accepted.wait(60)
            until_running(url, task_id)
        (attempt,) = json.loads(reelway("tasks", "show", task_id, "--json").stdout)["attempts"]
        assert (attempt["provider"], attempt["ending"], attempt["expected_microdollars"]) == ("kling", None, 252_000)
        assert "under way" in reelway("tasks", "show", task_id).stdout
        assert json.loads(reelway("providers", "list", "--json").stdout)[1]["stranded_jobs"] == 0
        (tmp_path / ".env").write_text("KLING_AK=another-access-key-01\nKLING_SK=another-secret-0123456789\n")
        listed = reelway("providers", "list")
        assert "kling: 1 job waits for the credential that submitted" in listed.stderr
        found = json.loads(reelway("doctor", "--json", ANIMATIC_ENABLED="false").stdout)
        assert [item["state"] for item in found if "waits for the credential" in item["detail"]] == ["warning"]


def test_costs_are_shown_beside_revenue(reelway: Run, tmp_path: Path) -> None:
    with kling_server(video_bytes(3)) as server:
        write_config(tmp_path, server, more="poll_seconds = 0.1")
        with served(tmp_path, ANIMATIC_ENABLED="false") as url:
            task_id = created(url)
            answer = httpx.get(f"{url}/api/v1/generations/{task_id}", params={"wait": 60}, headers=HEADERS, timeout=90)
            assert answer.json()["status"] == "succeeded", answer.text
        (attempt,) = json.loads(reelway("tasks", "show", task_id, "--json").stdout)["attempts"]
        assert attempt["ending"] == "finished"
        assert attempt["cost"]["microdollars"] == 350_000, "2.5 units at 0.14 dollars"
        assert (attempt["cost"]["units"], attempt["cost"]["is_estimate"]) == ("2.5", False)
        (total,) = json.loads(reelway("providers", "costs", "--days", "1", "--json").stdout)
        assert (total["provider"], total["jobs"], total["microdollars"]) == ("kling", 1, 350_000)
        assert (total["succeeded_tasks"], total["revenue_credits"] > 0, total["late_jobs"]) == (1, True, 0)
        assert "$0.35" in reelway("providers", "costs").stdout


def created(url: str) -> str:
    params = {"mode": "std", "duration": "3", "aspect_ratio": "1:1"}
    body = {"model": "kling-3-0", "prompt": "A red fox walks through deep snow", "params": params}
    answer = httpx.post(f"{url}/api/v1/generations", json=body, headers=HEADERS, timeout=60)
    assert answer.status_code == 202, answer.text
    task_id: str = answer.json()["id"]
    return task_id


def until_running(url: str, task_id: str) -> None:
    def is_running() -> bool:
        answer = httpx.get(f"{url}/api/v1/generations/{task_id}", headers=HEADERS, timeout=60)
        return answer.headers["x-reelway-state"] == "running"

    assert came_true(is_running, 60), "it never ran"
