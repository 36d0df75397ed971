"""`reelway callbacks` and `reelway webhooks`, run as an operator runs them."""

import json
from pathlib import Path

import httpx

from acceptance.conftest import KEY, Run, served


def test_a_callback_secret_is_made_rotated_and_removed(reelway: Run) -> None:
    assert reelway("keys", "create", "--new-account", "team").returncode == 0
    nothing = reelway("callbacks", "secret", "rotate")
    assert (nothing.returncode, "no secret" in nothing.stderr) == (4, True)
    first = json.loads(reelway("callbacks", "secret", "create", "--account", "team", "--json").stdout)
    assert first["signing_secret"].startswith("whsec_")
    again = reelway("callbacks", "secret", "create")
    assert (again.returncode, "rotate" in again.stderr) == (1, True)
    second = json.loads(reelway("callbacks", "secret", "rotate", "--grace-hours", "1", "--json").stdout)
    assert second["signing_secret"] != first["signing_secret"]
    assert reelway("callbacks", "secret", "remove").returncode == 0
    assert reelway("callbacks", "secret", "remove").returncode == 4


def test_endpoints_and_attempts_are_listed(reelway: Run, tmp_path: Path) -> None:
    with served(tmp_path) as url:
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
            body = {"url": "https://192.0.2.1.example.invalid/hook"}
            made = http.post("/api/v1/webhooks", json=body).json()
            tested = http.post(f"/api/v1/webhooks/{made['id']}/test").json()
        endpoints = json.loads(reelway("webhooks", "list", "--json").stdout)
        assert [(one["id"], one["url"], one["status"]) for one in endpoints] == [(made["id"], body["url"], "active")]
        attempts = json.loads(reelway("webhooks", "deliveries", "--json").stdout)
        assert [(one["id"], one["receiver"], one["task"]) for one in attempts] == [(tested["id"], made["id"], "test")]
        assert attempts[0]["answer"] == tested["error"] == "connect_failed"
        assert made["id"] in reelway("webhooks", "list").stdout
