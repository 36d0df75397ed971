"""Settings: every knob has bounds, a misspelt one is refused, and no secret is shown."""

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from reelway.settings import MIB, Role, Settings, SettingsError
from reelway.settings.loading import load_settings, shown

KEY = "rw_sk_0123456789abcdef"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` of the checkout takes part."""
    monkeypatch.chdir(tmp_path)


def refusal(**overrides: object) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(**overrides)
    return str(refused.value)


def limits_of(field: FieldInfo) -> dict[str, Any]:
    found = {}
    for mark in field.metadata:
        for name in ("ge", "gt", "le", "lt"):
            if hasattr(mark, name):
                found[name] = getattr(mark, name)
    return found


NUMBERS = {name: field for name, field in Settings.model_fields.items() if field.annotation in (int, float)}


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_a_lower_bound_and_keeps_to_its_bounds(name: str) -> None:
    limits = limits_of(NUMBERS[name])
    assert "ge" in limits or "gt" in limits
    smallest = limits.get("ge", limits.get("gt"))
    below = smallest - 1 if "ge" in limits else smallest
    assert f"REELWAY_{name.upper()}" in refusal(**{name: below})
    if "le" in limits:
        beside = {"task_retention_days": limits["le"]} if name == "result_retention_days" else {}
        assert f"REELWAY_{name.upper()}" in refusal(**{name: limits["le"] + 1})
        assert getattr(load_settings(**beside, **{name: limits["le"]}), name) == limits["le"]
    if "ge" in limits and name != "lease_seconds":
        assert getattr(load_settings(**{name: limits["ge"]}), name) == limits["ge"]


@pytest.mark.parametrize("name", [name for name, field in NUMBERS.items() if field.annotation is float])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_time_that_is_no_number_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"REELWAY_{name.upper()}", value)
    assert f"REELWAY_{name.upper()}" in refusal()


@pytest.mark.parametrize("name", [name for name, field in NUMBERS.items() if field.annotation is int])
@pytest.mark.parametrize("value", ["ten", "1.5", "0x10"])
def test_a_count_that_is_no_whole_number_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"REELWAY_{name.upper()}", value)
    assert f"REELWAY_{name.upper()}" in refusal()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_means_the_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = getattr(load_settings(), name)
    monkeypatch.setenv(f"REELWAY_{name.upper()}", "")
    assert getattr(load_settings(), name) == plain


def test_the_queue_must_be_looked_at_more_often_than_leases_end() -> None:
    assert "REELWAY_WORKER_POLL_SECONDS" in refusal(lease_seconds=3, worker_poll_seconds=1.1)
    assert load_settings(lease_seconds=3, worker_poll_seconds=1).lease_seconds == 3


def test_a_task_is_kept_at_least_as_long_as_its_result() -> None:
    """The row goes last: without it nobody would know that there are bytes to delete."""
    assert "REELWAY_TASK_RETENTION_DAYS" in refusal(result_retention_days=30, task_retention_days=29)
    assert "REELWAY_TASK_RETENTION_DAYS" in refusal(result_retention_days=200)
    assert load_settings(result_retention_days=30, task_retention_days=30).task_retention_days == 30


def test_every_number_has_an_upper_bound() -> None:
    assert [name for name, field in NUMBERS.items() if not {"le", "lt"} & limits_of(field).keys()] == []


def test_the_defaults_are_those_of_the_contracts() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8787)
    assert (settings.requests_per_minute_max, settings.unfinished_tasks_max) == (10_000, 1_000)
    assert settings.json_body_bytes_max == MIB
    assert (settings.result_retention_days, settings.file_retention_days) == (15, 7)
    assert (settings.task_retention_days, settings.event_retention_days) == (180, 30)
    assert settings.idempotency_hours == 24
    assert settings.task_deadline_seconds == 3_600
    assert settings.roles == {Role.API, Role.WORKER}


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


# --- unknown and wrong ------------------------------------------------------------------------------------------------


def test_an_unknown_variable_with_our_prefix_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELWAY_UNFINISHED_TASK_MAX", "5")
    assert refusal() == "REELWAY_UNFINISHED_TASK_MAX: unknown setting"


def test_an_unknown_line_in_the_env_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REELWAY_PROT=1\n")
    assert refusal() == "REELWAY_PROT: unknown setting"


def test_lines_of_other_programs_in_the_env_file_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=many\nPOSTGRES_PASSWORD=x\n# REELWAY_NOTHING=1\nREELWAY_PORT=1234\n")
    assert load_settings().port == 1234


def test_a_fault_in_the_env_file_names_its_variable(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REELWAY_PORT=many\n")
    assert refusal().startswith("REELWAY_PORT: ")


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELWAY_PORT", "99999")
    monkeypatch.setenv("REELWAY_LEASE_SECONDS", "0")
    monkeypatch.setenv("REELWAY_PROT", "1")
    lines = refusal().splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == ["REELWAY_LEASE_SECONDS", "REELWAY_PORT", "REELWAY_PROT"]


def test_the_clients_variables_are_not_mistaken_for_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELWAY_BASE_URL", "https://gw.example.com")
    monkeypatch.setenv("REELWAY_API_KEY", KEY)
    load_settings()


def test_other_peoples_variables_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("DATABASE_URL", "nonsense")
    assert load_settings().port == 8787


def test_the_environment_wins_over_the_env_file_and_an_argument_over_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("REELWAY_PORT=1111\nREELWAY_HOST=0.0.0.0\n")
    monkeypatch.setenv("REELWAY_PORT", "2222")
    assert (load_settings().port, load_settings().host) == (2222, "0.0.0.0")
    assert load_settings(port=3333).port == 3333


def test_settings_never_change_once_made() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


@pytest.mark.parametrize(
    "value", ["mysql://u@h/d", "sqlite://", "sqlite:///:memory:", "nonsense", "postgresql+asyncpg://h/d"]
)
def test_a_database_that_we_cannot_use_is_refused(value: str) -> None:
    assert "REELWAY_DATABASE_URL" in refusal(database_url=value)


@pytest.mark.parametrize("value", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"])
def test_postgresql_goes_by_any_of_its_names(value: str) -> None:
    assert load_settings(database_url=value).database == "postgresql+psycopg://u:p@h/d"


@pytest.mark.parametrize("value", ["ftp://h/d", "http://h/d", "/plain/path", "c:\\data"])
def test_a_storage_that_we_cannot_use_is_refused(value: str) -> None:
    assert "REELWAY_STORAGE_URL" in refusal(storage_url=value)


@pytest.mark.parametrize(
    "value", ["gw.example.com", "ftp://gw.example.com", "https://", "https://h/?a=1", "https://h/#x"]
)
def test_a_public_url_that_is_none_is_refused(value: str) -> None:
    assert "REELWAY_PUBLIC_URL" in refusal(public_url=value)


def test_a_public_url_loses_its_slash() -> None:
    assert load_settings(public_url="https://gw.example.com/video/").base_url == "https://gw.example.com/video"


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:8787"), ("::1", "http://[::1]:8787")])
def test_without_a_public_url_the_address_is_it(host: str, url: str) -> None:
    assert load_settings(host=host).base_url == url


@pytest.mark.parametrize("value", ["", " , ", "cook", "api,cook"])
def test_a_role_that_is_none_is_refused(value: str) -> None:
    assert refusal(roles=value).startswith("REELWAY_ROLES: ")


@pytest.mark.parametrize(
    ("value", "roles"), [("api", {Role.API}), ("worker", {Role.WORKER}), (" api , worker ", {Role.API, Role.WORKER})]
)
def test_roles_are_a_list_with_commas(value: str, roles: set[Role], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELWAY_ROLES", value)
    assert load_settings().roles == roles


@pytest.mark.parametrize(
    "value", ["short", "x" * 15, "x" * 257, "has a space in it", "schlüssel-mit-umlaut", "line\nline-line-line"]
)
def test_a_bootstrap_key_that_no_caller_could_send_is_refused_and_not_shown(value: str) -> None:
    message = refusal(bootstrap_key=value)
    assert "REELWAY_BOOTSTRAP_KEY" in message
    assert value not in message


def test_a_short_secret_is_refused_and_not_shown() -> None:
    message = refusal(secret_key="only-31-characters-0123456789ab")
    assert "REELWAY_SECRET_KEY" in message
    assert "only-31" not in message


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "secret"),
    [
        ({"secret_key": "s3cret-s3cret-s3cret-s3cret-s3cret"}, "s3cret"),
        ({"bootstrap_key": KEY}, "0123456789abcdef"),
        ({"database_url": "postgresql://app:s3cret@db/reelway"}, "s3cret"),
        ({"database_url": "postgresql://app@db/reelway?password=s3cret"}, "s3cret"),
        ({"database_url": "postgresql://app@db/reelway?sslpassword=s3cret&sslmode=require"}, "s3cret"),
        ({"storage_url": "s3://AKIA:s3cret@bucket/prefix"}, "s3cret"),
        ({"storage_url": "az://bucket?sas_token=s3cret"}, "s3cret"),
    ],
)
def test_no_secret_is_shown(settings: dict[str, str], secret: str) -> None:
    loaded = load_settings(**settings)
    assert secret not in "\n".join(shown(loaded).values())
    assert secret not in repr(loaded.secret_key) + repr(loaded.bootstrap_key)


def test_every_setting_is_shown_under_its_variables_name() -> None:
    values = shown(load_settings())
    assert set(values) == {f"REELWAY_{name.upper()}" for name in Settings.model_fields}
    assert all(isinstance(value, str) for value in values.values())
    assert values["REELWAY_PORT"] == "8787"
    assert values["REELWAY_ROLES"] == "api,worker"
    assert values["REELWAY_SECRET_KEY"] == ""
    assert values["REELWAY_DATABASE_URL"].startswith("sqlite:////")


def test_what_is_shown_says_where_things_really_are(tmp_path: Path) -> None:
    values = shown(load_settings(data_dir=Path("elsewhere")))
    assert values["REELWAY_DATABASE_URL"] == f"sqlite:///{tmp_path}/elsewhere/reelway.db"
    assert values["REELWAY_STORAGE_URL"] == f"file://{tmp_path}/elsewhere/objects"
    assert values["REELWAY_PUBLIC_URL"] == "http://127.0.0.1:8787"


def test_render_slots_are_half_of_the_cores_or_what_is_asked_for() -> None:
    assert load_settings(animatic_slots=7).render_slots == 7
    assert load_settings().render_slots >= 1
    assert math.isfinite(load_settings().render_slots)


@pytest.mark.parametrize(
    "alias",
    [
        {},
        {"sound": True},
        {"model": "kling-3-0", "seconds": "4"},
        {"model": "kling-3-0", "mode": "8k"},
        {"model": "kling-3-0", "sound": 1},
        {"model": "kling-3-0", "cfg_scale": 2},
        {"model": "kling-3-0", "negative_prompt": 5},
        {"model": 5},
    ],
)
def test_an_alias_of_openai_clients_names_a_model_and_known_values(alias: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="REELWAY_OPENAI_MODEL_ALIASES: sora-2"):
        load_settings(openai_model_aliases={"sora-2": alias}, _env_file=None)


def test_an_alias_of_openai_clients_keeps_its_values() -> None:
    alias = {"model": "kling-3-0", "mode": "pro", "sound": True, "multi_shots": False, "cfg_scale": 0.7}
    settings = load_settings(openai_model_aliases={"sora-2": alias | {"negative_prompt": "rain"}}, _env_file=None)
    assert settings.openai_model_aliases["sora-2"] == alias | {"negative_prompt": "rain"}
