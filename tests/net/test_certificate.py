"""The certificate for content credentials: made once, kept for us alone, renewed; or the operator's, checked."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from reelway.net import certificate
from reelway.net.certificate import CertificateError, authorities, kept_certificate, operators_certificate

CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ed448.Ed448PrivateKey


def chain_of(made: certificate.SigningCertificate) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(made.chain_pem.encode())


def write_own(
    folder: Path,
    key: Key | None = None,
    *,
    purposes: tuple[ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.EMAIL_PROTECTION,),
    days: tuple[int, int] = (-1, 30),
    signs_certificates: bool = False,
) -> tuple[Path, Path]:
    """An operator's certificate, signed by itself, and its key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A studio")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(certificate._key_usage(signs_certificates=signs_certificates), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    if purposes is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=True)
    is_edwards = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    made = builder.sign(key, None if is_edwards else hashes.SHA256())  # type: ignore[arg-type]
    folder.mkdir(exist_ok=True)
    cert_file, key_file = folder / "own.pem", folder / "own.key"
    cert_file.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert_file, key_file


def test_the_first_start_makes_a_signer_of_an_authority_and_the_next_one_finds_it(tmp_path: Path) -> None:
    made = kept_certificate(tmp_path)
    signer, authority = chain_of(made)

    signer.verify_directly_issued_by(authority)
    authority.verify_directly_issued_by(authority)
    purposes = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    usage = signer.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (list(purposes), usage.digital_signature) == ([ExtendedKeyUsageOID.EMAIL_PROTECTION], True)
    assert signer.not_valid_after_utc - datetime.now(UTC) > timedelta(days=3_000)
    assert made.algorithm == "es256"
    assert kept_certificate(tmp_path) == made


def test_two_gateways_have_two_authorities(tmp_path: Path) -> None:
    names = {chain_of(kept_certificate(tmp_path / name))[1].subject for name in ("a", "b")}
    assert len(names) == 2


def test_the_key_is_for_its_owner_only_and_is_not_shown(tmp_path: Path) -> None:
    made = kept_certificate(tmp_path)
    assert (tmp_path / "content-credentials.pem").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in (tmp_path / certificate.AUTHORITY_NAME).read_text()
    assert "PRIVATE" not in repr(made)
    assert authorities(tmp_path / certificate.AUTHORITY_NAME) in made.chain_pem


def test_processes_that_start_at_once_agree_on_one_certificate(tmp_path: Path) -> None:
    found: list[certificate.SigningCertificate] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        found.append(kept_certificate(tmp_path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["content-credentials-ca.pem", "content-credentials.pem"]


def test_a_signer_that_ends_soon_is_renewed_under_the_same_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate, "_SIGNER_DAYS", 30)
    before = chain_of(kept_certificate(tmp_path))
    monkeypatch.undo()
    after = chain_of(kept_certificate(tmp_path))
    assert before[0] != after[0]
    assert before[1] == after[1]
    assert chain_of(kept_certificate(tmp_path)) == after


def test_a_damaged_file_stops_the_start_and_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "content-credentials.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(CertificateError, match="is damaged"):
        kept_certificate(tmp_path)
    assert "AAAA" in path.read_text()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "es256"),
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ec.generate_private_key(ec.SECP521R1()), "es512"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
    ],
)
def test_the_operators_key_tells_the_algorithm(tmp_path: Path, key: Key, algorithm: str) -> None:
    found = operators_certificate(*write_own(tmp_path, key, purposes=(CLAIM_SIGNING,)))
    assert found.algorithm == algorithm
    assert load_pem_private_key(found.key_pem.encode(), None)


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ({"days": (-9, -1)}, "is valid from"),
        ({"days": (1, 9)}, "is valid from"),
        ({"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)}, "extended key usage"),
        ({"purposes": (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, CLAIM_SIGNING)}, "extended key usage"),
        ({"purposes": None}, "must have the extension"),
        ({"signs_certificates": True}, "digital signatures"),
        ({"key": ec.generate_private_key(ec.SECP256K1())}, "P-256"),
        ({"key": ed448.Ed448PrivateKey.generate()}, "ECDSA, Ed25519 or RSA"),
    ],
)
def test_a_certificate_that_no_reader_would_take_stops_the_start(
    tmp_path: Path, how: dict[str, object], fault: str
) -> None:
    with pytest.raises(CertificateError, match=fault):
        operators_certificate(*write_own(tmp_path, **how))  # type: ignore[arg-type]


def test_files_that_do_not_go_together_or_hold_something_else_are_refused(tmp_path: Path) -> None:
    cert_file, key_file = write_own(tmp_path / "a")
    _, other_key = write_own(tmp_path / "b")
    with pytest.raises(CertificateError, match="is not the key of"):
        operators_certificate(cert_file, other_key)
    with pytest.raises(CertificateError, match="no certificates"):
        operators_certificate(key_file, key_file)
    with pytest.raises(CertificateError, match="no private key"):
        operators_certificate(cert_file, cert_file)
    with pytest.raises(CertificateError, match="No such file"):
        operators_certificate(tmp_path / "none.pem", key_file)
    locked = tmp_path / "locked.key"
    key = load_pem_private_key(key_file.read_bytes(), None)
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(CertificateError, match="without a password"):
        operators_certificate(cert_file, locked)
