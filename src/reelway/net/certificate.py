"""The certificate that content credentials are signed with: the operator's own, or one made at the first start.

A certificate made here belongs to a certificate authority made here, which no other program knows: its signatures show
that a file is as it was signed, and who has the authority's certificate sees that this gateway signed it.
"""

import os
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

AUTHORITY_NAME: Final = "content-credentials-ca.pem"
KEPT_NAME: Final = "content-credentials.pem"
_AUTHORITY_DAYS: Final = 30 * 365
_SIGNER_DAYS: Final = 10 * 365
_RENEWED_DAYS: Final = 365
"""A certificate with less time than this before it is made anew at the start: without a time stamp a signature is
taken for invalid once its certificate has ended."""
_BACKDATED: Final = timedelta(hours=1)  # for readers whose clocks are behind ours
_FILE_BYTES_MAX: Final = 256 * 1024

# Source: C2PA Specification 2.2, section 14.5.1.1: an end-entity certificate has at least one of these.
_CLAIM_SIGNING: Final = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
_DOCUMENT_SIGNING: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
_PURPOSES: Final = frozenset({ExtendedKeyUsageOID.EMAIL_PROTECTION, _DOCUMENT_SIGNING, _CLAIM_SIGNING})
_CURVES: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_RSA_BITS_MIN: Final = 2048

_PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class CertificateError(Exception):
    """The certificate or its key cannot be used; it stops the start."""


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """A chain of certificates in PEM, the signer's first, its key, and the name of the algorithm that goes with it."""

    chain_pem: str
    key_pem: str = field(repr=False)
    algorithm: str


def kept_certificate(folder: Path) -> SigningCertificate:
    """The certificate that is kept in a folder; made when there is none, renewed under the same authority when its
    time is nearly over. The authority's certificate lies beside it for those who want to trust it.

    Raises:
        CertificateError: the file cannot be read or written, or is damaged.
    """
    path = folder / KEPT_NAME
    try:
        try:
            kept = _parsed(path.read_text(encoding="ascii"))
        except FileNotFoundError:
            kept = _made(_fresh_authority(), path, replaces=False)
        if kept.signer.not_valid_after_utc < datetime.now(UTC) + timedelta(days=_RENEWED_DAYS):
            kept = _made((kept.authority, kept.authority_key), path, replaces=True)
        shown = folder / AUTHORITY_NAME
        authority_pem = _pem(kept.authority)
        if not shown.exists() or shown.read_text(encoding="ascii") != authority_pem:
            _write(shown, authority_pem, replaces=True)
            shown.chmod(0o644)
    except OSError as exc:
        raise CertificateError(f"{path}: {exc.strerror}") from exc
    except (ValueError, UnicodeError) as exc:
        raise CertificateError(f"{path}: is damaged; delete it, and the next start makes a new one") from exc
    return SigningCertificate(_pem(kept.signer) + authority_pem, _key_pem(kept.signer_key), "es256")


def operators_certificate(cert_file: Path, key_file: Path) -> SigningCertificate:
    """The operator's own certificate. Raises: CertificateError: it cannot sign content credentials, with the reason."""
    chain = _load_chain(cert_file)
    key = _load_key(key_file)
    signer = chain[0]
    if _public_bytes(signer.public_key()) != _public_bytes(key.public_key()):
        raise CertificateError(f"{key_file}: is not the key of the first certificate in {cert_file}")
    now = datetime.now(UTC)
    if not signer.not_valid_before_utc <= now <= signer.not_valid_after_utc:
        since, until = signer.not_valid_before_utc, signer.not_valid_after_utc
        raise CertificateError(f"{cert_file}: is valid from {since:%Y-%m-%d} to {until:%Y-%m-%d}")
    reason = _profile_fault(signer)
    if reason is not None:
        raise CertificateError(f"{cert_file}: {reason}")
    return SigningCertificate("".join(map(_pem, chain)), _key_pem(key), _algorithm(key, key_file))


def authorities(path: Path) -> str:
    """The certificates of authorities in a file, in PEM. Raises: CertificateError: there are none."""
    return "".join(map(_pem, _load_chain(path)))


@dataclass(frozen=True, slots=True)
class _Kept:
    signer: x509.Certificate
    signer_key: ec.EllipticCurvePrivateKey
    authority: x509.Certificate
    authority_key: ec.EllipticCurvePrivateKey


_Authority = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _made(authority: _Authority, path: Path, *, replaces: bool) -> _Kept:
    """A new signer under an authority, written whole at once; what another process has written first wins."""
    certificate, authority_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    kept = _Kept(_signer(key, certificate, authority_key), key, certificate, authority_key)
    content = _pem(kept.signer) + _key_pem(key) + _pem(certificate) + _key_pem(authority_key)
    try:
        _write(path, content, replaces=replaces)
        return kept
    except FileExistsError:
        return _parsed(path.read_text(encoding="ascii"))


def _write(path: Path, content: str, *, replaces: bool) -> None:
    """Write a file whole or not at all. Raises: FileExistsError: it is there, and is not to be replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # readable for its owner only
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replaces:
            draft.replace(path)
        else:
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _parsed(text: str) -> _Kept:
    """Raises: ValueError: it is not what `_made` writes."""
    signer, authority = x509.load_pem_x509_certificates(text.encode())
    keys = [load_pem_private_key(f"{part}-----END PRIVATE KEY-----\n".encode(), None) for part in _private_parts(text)]
    signer_key, authority_key = keys
    if not isinstance(signer_key, ec.EllipticCurvePrivateKey) or not isinstance(
        authority_key, ec.EllipticCurvePrivateKey
    ):
        raise ValueError("other keys than ours")  # noqa: TRY004 - a fault of the file's content
    return _Kept(signer, signer_key, authority, authority_key)


def _private_parts(text: str) -> list[str]:
    begin = "-----BEGIN PRIVATE KEY-----"
    return [begin + part.partition("-----END")[0] for part in text.split(begin)[1:]]


def _fresh_authority() -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    number = x509.random_serial_number()
    name = _name(f"Reelway gateway {number:040x}"[:24])
    certificate = (
        _begun(name, name, key.public_key(), number, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _signer(
    key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """Source: C2PA Specification 2.2, section 14.5.1: the certificate profile."""
    name = _name("Reelway content credentials")
    number = x509.random_serial_number()
    return (
        _begun(name, authority.subject, key.public_key(), number, _SIGNER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _begun(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, number: int, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(number)
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Reelway"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _load_chain(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_content(path))
    except ValueError as exc:
        raise CertificateError(f"{path}: has no certificates in PEM") from exc


def _load_key(path: Path) -> _PrivateKey:
    try:
        key = load_pem_private_key(_content(path), None)
    except (ValueError, TypeError) as exc:
        raise CertificateError(f"{path}: has no private key in PEM without a password") from exc
    if not isinstance(key, _PrivateKey):
        raise CertificateError(f"{path}: must be a key for ECDSA, Ed25519 or RSA")
    return key


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_FILE_BYTES_MAX)
    except OSError as exc:
        raise CertificateError(f"{path}: {exc.strerror}") from exc


def _algorithm(key: _PrivateKey, path: Path) -> str:
    """Source: C2PA Specification 2.2, section 13.2.1: the algorithms that sign claims."""
    match key:
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
        case rsa.RSAPrivateKey() if key.key_size >= _RSA_BITS_MIN:
            return "ps256"
        case ec.EllipticCurvePrivateKey() if key.curve.name in _CURVES:
            return _CURVES[key.curve.name]
        case _:
            raise CertificateError(f"{path}: must be on P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits or more")


def _profile_fault(certificate: x509.Certificate) -> str | None:
    """Why readers of content credentials would refuse a signer's certificate; None where they would not."""
    if certificate.version is not x509.Version.v3:
        return "must be of X.509 version 3"
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound as exc:
        return f"must have the extension {exc.oid._name}"
    except ValueError:
        return "has extensions that cannot be read"
    if not usage.digital_signature or usage.key_cert_sign:
        return "its key must be for digital signatures and not for signing certificates"
    if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes or not _PURPOSES & set(purposes):
        return "its extended key usage must name email protection, document signing or C2PA claim signing"
    return None


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: _PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_bytes(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return]
