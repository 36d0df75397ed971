"""`reelway.toml`: what a right file means, and each wrong one with its line and reason."""

from pathlib import Path

import pytest

from reelway.catalog import load_catalog
from reelway.domain.generation import Mode, Product
from reelway.domain.routing import Price, Tier
from reelway.providers.config import FILE_BYTES_MAX, ConfigError, Kind, ProviderConfig, load_providers

SECRET = "sk-very-secret-0123456789"
ENV = {"KLING_AK": "ak-0123", "KLING_SK": SECRET, "GPU_KEY": SECRET, "RIVYA_KEY": SECRET}
CARDS = frozenset(card.id for card in load_catalog())

KLING = """
[[providers]]
name = "kling"
kind = "kling"
base_url = "https://api.example.com/"
access_key_env = "KLING_AK"
secret_key_env = "KLING_SK"
"""
WHOLE = (
    KLING
    + """
unit_microdollars = 140000
concurrency_max = 7

[providers.models]
kling-3-0 = "kling-v3"
"kling-2-6" = { name = "kling-v2-6", unit_microdollars = 120000 }

# a server of our own
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://10.0.0.7:8000"
allow_private = true

[providers.models.kling-v1]
name = "wan2.2"
job_microdollars = 2000
capability = { durations_s = [5], modes = ["std"], products = ["text-to-video"] }
"""
)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "reelway.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def loaded(folder: Path, text: str) -> tuple[ProviderConfig, ...]:
    return load_providers(written(folder, text), ENV, CARDS)


def refused(folder: Path, text: str | bytes, env: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_providers(written(folder, text), ENV if env is None else env, CARDS)
    return caught.value


# --- right files ------------------------------------------------------------------------------------------------------


def test_a_whole_file_says_who_makes_what_for_which_price(tmp_path: Path) -> None:
    kling, gpu = loaded(tmp_path, WHOLE)
    assert (kling.kind, kling.base_url, kling.route_tier) == (Kind.KLING, "https://api.example.com", Tier.OFFICIAL)
    assert (kling.upstream_name("kling-3-0"), kling.upstream_name("kling-v1")) == ("kling-v3", None)
    assert kling.price_of("kling-3-0") == Price(140_000, 0)
    assert kling.price_of("kling-2-6") == Price(120_000, 0)
    assert (gpu.route_tier, gpu.allow_private, gpu.upstream_name("kling-v1")) == (Tier.VALUE, True, "wan2.2")
    assert gpu.price_of("kling-v1") == Price(0, 2_000)
    model = gpu.model("kling-v1")
    assert model is not None
    assert model.capability is not None
    capability = model.capability.capability
    assert (capability.durations_s, capability.modes) == ({5}, {Mode.STD})
    assert (capability.products, capability.sound) == ({Product.TEXT_TO_VIDEO}, False)


def test_a_file_without_providers_is_right(tmp_path: Path) -> None:
    assert loaded(tmp_path, "# nothing yet\n") == ()


def test_credentials_come_from_the_environment_and_show_nowhere(tmp_path: Path) -> None:
    (kling,) = loaded(tmp_path, KLING)
    key = kling.credentials.secret_key
    assert key is not None
    assert key.get_secret_value() == SECRET
    for text in (
        repr(kling),
        str(kling),
        repr(kling.credentials),
        kling.model_dump_json(),
        kling.credentials.fingerprint,
    ):
        assert SECRET not in text
        assert "ak-0123" not in text


def test_a_process_that_calls_no_provider_needs_no_credentials(tmp_path: Path) -> None:
    (kling,) = load_providers(written(tmp_path, KLING), None)
    assert kling.credentials.access_key is None
    assert kling.credentials.fingerprint == "none"


def test_a_fingerprint_tells_accounts_apart_and_not_new_secrets_of_the_same_account(tmp_path: Path) -> None:
    path = written(tmp_path, KLING)
    (first,) = load_providers(path, ENV)
    (rotated,) = load_providers(path, ENV | {"KLING_SK": "another-secret"})
    (other,) = load_providers(path, ENV | {"KLING_AK": "another-account"})
    assert first.credentials.fingerprint == rotated.credentials.fingerprint != other.credentials.fingerprint


# --- wrong files ------------------------------------------------------------------------------------------------------

FIRST = '[[providers]]\nname = "one"\nkind = "rivya"\nbase_url = "https://one.example.com"\napi_key_env = "RIVYA_KEY"\n'

WRONG = {
    "no TOML": ("[[providers]]\nname = \n", 2, "Invalid value"),
    "a table that is no list": ('[providers]\nname = "one"\n', 1, "valid list"),
    "an unknown table": ("[[provider]]\n", 1, "not permitted"),
    "an unknown key": (FIRST + "concurency_max = 5\n", 6, "not permitted"),
    "a missing name": ('[[providers]]\nkind = "kling"\n', 1, "required"),
    "a missing URL": ('# a note\n\n[[providers]]\nname = "one"\nkind = "kling"\n', 3, "required"),
    "a bad name": (FIRST.replace('"one"', '"Our Kling"'), 2, "match pattern"),
    "the engine's name": (FIRST.replace('"one"', '"embedded"'), 2, "is taken"),
    "a name twice": (FIRST + FIRST, 7, "is taken"),
    "an unknown kind": (FIRST.replace("rivya", "veo"), 3, "'kling', 'kling_relay'"),
    "an http URL": (FIRST.replace("https://one", "http://one"), 4, "must be a public https URL"),
    "a private URL": (FIRST.replace("one.example.com", "192.168.1.4"), 4, "must be a public https URL"),
    "no URL": (FIRST.replace("https://one.example.com", "one.example.com"), 4, "must be an http or https URL"),
    "a URL with a key": (FIRST.replace("one.example.com", "me:key@one.example.com"), 4, "without user, query"),
    "a URL with a query": (FIRST.replace("one.example.com", "one.example.com?key=1"), 4, "without user, query"),
    "a credential in the file": (FIRST.replace('"RIVYA_KEY"', '"sk-live-0123"'), 5, "not the name of an environment"),
    "a credential named like a setting": (FIRST.replace("RIVYA_KEY", "REELWAY_KEY"), 5, "must not begin with REELWAY_"),
    "a credential that is not set": (FIRST.replace("RIVYA_KEY", "NOT_SET"), 5, "the variable NOT_SET is not set"),
    "no credential": (FIRST.replace('api_key_env = "RIVYA_KEY"\n', ""), 1, "is needed"),
    "a pair where there is none": (FIRST + 'secret_key_env = "KLING_SK"\n', 6, "is not for rivya"),
    "half a pair": (KLING.replace('secret_key_env = "KLING_SK"\n', ""), 2, "is needed with access_key_env"),
    "the other half": (KLING.replace('access_key_env = "KLING_AK"\n', ""), 2, "is needed with secret_key_env"),
    "a pair and a key": (KLING + 'api_key_env = "GPU_KEY"\n', 8, "is not needed beside"),
    "a tier that is none": (FIRST + 'tier = "cheap"\n', 6, "'value' or 'official'"),
    "a price below zero": (FIRST + "unit_microdollars = -1\n", 6, "greater than or equal to 0"),
    "a price that is no whole number": (FIRST + "unit_microdollars = 0.5\n", 6, "valid integer"),
    "no slots": (FIRST + "concurrency_max = 0\n", 6, "greater than or equal to 1"),
    "no rate": (FIRST + "requests_per_second_max = 0\n", 6, "greater than 0"),
    "a job that is absent too soon": (FIRST + "absent_after_seconds = 60\n", 6, "must be more than submit_seconds"),
    "a card that does not exist": (FIRST + '[providers.models]\nkling-9 = "k9"\n', 7, "is no card"),
    "a model without a name": (FIRST + "\n[providers.models.kling-v1]\njob_microdollars = 5\n", 7, "required"),
    "a capability without seconds": (
        FIRST + '[providers.models.kling-v1]\nname = "k"\ncapability = { sound = true }\n',
        8,
        "required",
    ),
    "a mode that is none": (
        FIRST + '[providers.models.kling-v1]\nname = "k"\ncapability = { durations_s = [5], modes = ["hd"] }\n',
        8,
        "'std', 'pro' or '4k'",
    ),
    "models that nobody knows": (
        '[[providers]]\nname = "gpu"\nkind = "openai_videos"\nbase_url = "https://gpu.example.com"\n',
        1,
        "is needed for openai_videos",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_with_line_and_reason(name: str, tmp_path: Path) -> None:
    text, line, reason = WRONG[name]
    error = refused(tmp_path, text)
    assert (error.file, error.line) == ("reelway.toml", line), str(error)
    assert reason in error.reason, str(error)
    assert str(error).startswith(f"reelway.toml:{line}: ")


def test_all_faults_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    second = FIRST.replace("one", "two").replace("https", "http").replace("RIVYA_KEY", "REELWAY_KEY")
    error = refused(tmp_path, FIRST.replace('"rivya"', '"veo"') + second + "x = 1\n")
    assert [fault.line for fault in error.faults] == [3, 10, 11]
    assert [fault.field for fault in error.faults] == ["one.kind", "two.api_key_env", "two.x"]


def test_a_line_is_right_also_after_texts_of_several_lines(tmp_path: Path) -> None:
    text = (
        FIRST.replace('"one"', '"""\\\n   one"""')
        + "[providers.models.kling-v1]\nname = 'k'\njob_microdollars = 'free'\n"
    )
    assert refused(tmp_path, text).line == 9


@pytest.mark.parametrize(
    "text", [FIRST.replace("RIVYA_KEY", "sk-live-0123"), FIRST.replace("https://", "https://k:pw@")]
)
def test_what_was_written_by_mistake_is_not_repeated(text: str, tmp_path: Path) -> None:
    error = refused(tmp_path, text)
    assert "sk-live" not in str(error)
    assert "pw@" not in str(error)


def test_a_credential_that_no_header_can_carry_is_refused_and_not_shown(tmp_path: Path) -> None:
    error = refused(tmp_path, FIRST, {"RIVYA_KEY": "secret\nx: y"})
    assert error.reason == "the variable RIVYA_KEY holds other than visible ASCII characters"


def test_a_file_that_is_no_text_is_refused_with_the_line(tmp_path: Path) -> None:
    error = refused(tmp_path, b"# a\n# b\nx = '\xff'\n")
    assert (error.line, error.reason) == (3, "is not UTF-8")


def test_a_file_that_is_too_large_or_missing_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, b"#" * (FILE_BYTES_MAX + 1)).reason == f"larger than {FILE_BYTES_MAX} bytes"
    with pytest.raises(ConfigError, match=r"nowhere\.toml: No such file"):
        load_providers(tmp_path / "nowhere.toml", ENV)
