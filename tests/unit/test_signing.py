"""Signatures: the contract's vector, and that nobody makes or bends one. Source: Rivya contract, section 10.4."""

import base64
import hashlib
import hmac
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelway.net.signing import DurationClaim, SecretError, Signer, kept_secret, key_hash

SECRET = b"reelway-contract-test-secret-32b"
SIGNER = Signer(SECRET)
OTHER = Signer(b"another-secret-of-32-bytes-length")
FILE = "file_01KB2R8T4NQ6V0X3Z5A7C9E1G5"
TASK = "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3"
CLAIM = DurationClaim(duration_s=5.04, expires_at_s=1_795_856_400, file_id=FILE)
VECTOR = (
    "dt1.eyJkIjo1LjA0LCJlIjoxNzk1ODU2NDAwLCJmIjoiZmlsZV8wMUtCMlI4VDROUTZWMFgzWjVBN0M5RTFHNSJ9"
    ".A5Pt7NYg4o4TWsUwqM2WLveyMGKt2gub_Okx9fL3Bw0"
)
EXPIRES_S = 1_796_547_600


def test_the_duration_token_is_the_contracts_vector() -> None:
    assert SIGNER.duration_token(CLAIM) == VECTOR
    assert SIGNER.duration_claim(VECTOR) == CLAIM


@pytest.mark.parametrize("position", range(len(VECTOR)))
def test_a_duration_token_with_one_other_character_is_refused(position: int) -> None:
    for character in "A.z-":
        if VECTOR[position] != character:
            bent = VECTOR[:position] + character + VECTOR[position + 1 :]
            assert SIGNER.duration_claim(bent) is None


@pytest.mark.parametrize(
    "token",
    ["", ".", "dt1", "dt1.", "dt1..", "...", VECTOR + "=", VECTOR + ".", " " + VECTOR, VECTOR + "\n", "é." + VECTOR,
     VECTOR.replace("dt1", "dt2"), VECTOR.rpartition(".")[0], VECTOR.upper(), "dt1.é.é", VECTOR * 2],
)  # fmt: skip
def test_what_is_no_duration_token_is_refused_without_a_fault(token: str) -> None:
    assert SIGNER.duration_claim(token) is None


@given(st.text(max_size=60))
def test_no_text_makes_the_check_fail_over(text: str) -> None:
    assert SIGNER.duration_claim(text) is None
    assert SIGNER.duration_claim(f"dt1.{text}") is None
    assert SIGNER.media_expiry_s(TASK, text) is None
    assert not SIGNER.is_file_token(FILE, text)


def test_a_duration_token_of_another_gateway_is_refused() -> None:
    assert SIGNER.duration_claim(OTHER.duration_token(CLAIM)) is None


def test_a_duration_token_with_another_payload_and_the_old_signature_is_refused() -> None:
    forged = base64.urlsafe_b64encode(b'{"d":0.1,"e":9999999999,"f":"%s"}' % FILE.encode()).rstrip(b"=").decode()
    assert SIGNER.duration_claim(f"dt1.{forged}.{VECTOR.rpartition('.')[2]}") is None


def test_a_result_address_names_its_end_and_holds_for_its_task_only() -> None:
    token = SIGNER.media_token(TASK, EXPIRES_S)
    assert SIGNER.media_expiry_s(TASK, token) == EXPIRES_S
    assert SIGNER.media_expiry_s(TASK[:-1] + "4", token) is None
    assert OTHER.media_expiry_s(TASK, token) is None
    assert SIGNER.media_token(TASK, EXPIRES_S) == token
    assert SIGNER.media_token(TASK, EXPIRES_S + 1) != token


def test_a_result_address_cannot_be_prolonged() -> None:
    token = SIGNER.media_token(TASK, EXPIRES_S)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    for position in range(len(raw)):
        for bit in range(8):
            bent = bytearray(raw)
            bent[position] ^= 1 << bit
            text = base64.urlsafe_b64encode(bytes(bent)).rstrip(b"=").decode()
            assert SIGNER.media_expiry_s(TASK, text) is None


def test_a_token_has_one_spelling_only() -> None:
    """Base64 lets the last character carry bits that mean nothing, padding, and other alphabets; we do not."""
    for make, check in (
        (SIGNER.media_token(TASK, EXPIRES_S), lambda text: SIGNER.media_expiry_s(TASK, text) is not None),
        (SIGNER.file_token(FILE), lambda text: SIGNER.is_file_token(FILE, text)),
    ):
        assert check(make)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        accepted = [character for character in alphabet if check(make[:-1] + character)]
        assert accepted == [make[-1]]
        for bent in (f"{make}=", f"{make}==", f" {make}", f"{make}\n", make[:-1], f"{make}A", ""):
            assert not check(bent)


def test_a_file_address_cannot_be_guessed_from_another_files() -> None:
    assert SIGNER.is_file_token(FILE, SIGNER.file_token(FILE))
    assert not SIGNER.is_file_token(FILE[:-1] + "6", SIGNER.file_token(FILE))
    assert not OTHER.is_file_token(FILE, SIGNER.file_token(FILE))
    assert len(SIGNER.file_token(FILE)) >= 22  # 128 bits


def test_a_token_of_one_purpose_is_none_of_another() -> None:
    assert not SIGNER.is_file_token(TASK, SIGNER.media_token(TASK, EXPIRES_S))
    assert SIGNER.media_expiry_s(FILE, SIGNER.file_token(FILE)) is None


def test_tokens_tell_nothing_of_the_secret() -> None:
    plain = hmac.digest(SECRET, FILE.encode(), "sha256")[:16]
    assert SIGNER.file_token(FILE) != base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def test_a_key_is_kept_as_its_sha_256() -> None:
    assert key_hash("rw_sk_abc") == hashlib.sha256(b"rw_sk_abc").hexdigest()


# --- the secret's file ------------------------------------------------------------------------------------------------


def test_a_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret.key"
    secret = kept_secret(path)
    assert len(secret) >= 32
    assert kept_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["secret.key"]


def test_two_gateways_have_different_secrets(tmp_path: Path) -> None:
    assert kept_secret(tmp_path / "a") != kept_secret(tmp_path / "b")


def test_a_short_secret_is_refused_and_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("too short\n")
    with pytest.raises(SecretError, match=r"secret\.key: must hold at least 32"):
        kept_secret(path)


def test_an_operators_own_secret_may_end_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(SECRET + b"\n")
    assert kept_secret(path) == SECRET


def test_a_secret_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretError, match=r"file/secret\.key"):
        kept_secret(tmp_path / "file" / "secret.key")


_STARTER = """
import sys
from pathlib import Path
from reelway.net.signing import kept_secret
print("ready", flush=True)
sys.stdin.readline()
print(kept_secret(Path(sys.argv[1])).decode(), flush=True)
"""


def test_gateways_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    pipe = subprocess.PIPE
    starters = [
        subprocess.Popen([sys.executable, "-c", _STARTER, str(path)], stdin=pipe, stdout=pipe, text=True)
        for _ in range(6)
    ]
    for starter in starters:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    secrets = {starter.communicate(timeout=20)[0].strip() for starter in starters}
    assert secrets == {path.read_text()}
    assert os.listdir(tmp_path) == ["secret.key"]
