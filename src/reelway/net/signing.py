"""Signatures on what leaves the gateway and comes back: result URLs, file URLs, duration tokens."""

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SECRET_BYTES: Final = 32
_TAG_BYTES: Final = 16
_EXPIRY_BYTES: Final = 5
_DURATION_PREFIX: Final = "dt1."


class SecretError(Exception):
    """The signing key cannot be read or kept; it stops the start."""


@dataclass(frozen=True, slots=True)
class DurationClaim:
    """What a duration token says: the length of the file, in seconds, and until when (unix seconds) it says so."""

    duration_s: float
    expires_at_s: int
    file_id: str


class Signer:
    """Makes and checks signatures with keys derived from one secret; each purpose has a key of its own.

    Only duration tokens are signed with the secret itself, because the contract fixes their bytes.
    Source: Rivya contract, section 10.4.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._media_key = _derived(secret, "media")
        self._file_key = _derived(secret, "file")
        self._hook_key = _derived(secret, "provider hook")

    def media_token(self, task_id: str, expires_at_s: int) -> str:
        """Part of a result's URL: it names the end of the URL's life (unix seconds) and cannot be forged."""
        expiry = expires_at_s.to_bytes(_EXPIRY_BYTES, "big")
        return _encoded(expiry + _tag(self._media_key, expiry + task_id.encode()))

    def media_expiry_s(self, task_id: str, token: str) -> int | None:
        """Until when (unix seconds) the URL lives; None for a token that we did not make for this task."""
        raw = _decoded(token)
        if raw is None or len(raw) != _EXPIRY_BYTES + _TAG_BYTES:
            return None
        expiry, tag = raw[:_EXPIRY_BYTES], raw[_EXPIRY_BYTES:]
        if not hmac.compare_digest(tag, _tag(self._media_key, expiry + task_id.encode())):
            return None
        return int.from_bytes(expiry, "big")

    def file_token(self, file_id: str) -> str:
        """The unguessable part of an uploaded file's URL."""
        return _encoded(_tag(self._file_key, file_id.encode()))

    def is_file_token(self, file_id: str, token: str) -> bool:
        raw = _decoded(token)
        return raw is not None and hmac.compare_digest(raw, _tag(self._file_key, file_id.encode()))

    def hook_token(self, provider: str, task_id: str) -> str:
        """The unguessable part of the URL at which a provider may tell us of a task's job."""
        return _encoded(_tag(self._hook_key, f"{provider}\n{task_id}".encode()))

    def is_hook_token(self, provider: str, task_id: str, token: str) -> bool:
        raw = _decoded(token)
        return raw is not None and hmac.compare_digest(raw, _tag(self._hook_key, f"{provider}\n{task_id}".encode()))

    def duration_token(self, claim: DurationClaim) -> str:
        payload = json.dumps(
            {"d": claim.duration_s, "e": claim.expires_at_s, "f": claim.file_id}, separators=(",", ":")
        )
        signed = _DURATION_PREFIX + _encoded(payload.encode())
        return f"{signed}.{_encoded(hmac.digest(self._secret, signed.encode(), 'sha256'))}"

    def duration_claim(self, token: str) -> DurationClaim | None:
        """What the token says; None for one that we did not make. Whether it still holds is for the caller to judge."""
        signed, separator, signature = token.rpartition(".")
        raw = _decoded(signature)
        if not separator or raw is None or not signed.startswith(_DURATION_PREFIX) or not signed.isascii():
            return None
        if not hmac.compare_digest(raw, hmac.digest(self._secret, signed.encode(), "sha256")):
            return None
        payload = json.loads(_decoded(signed.removeprefix(_DURATION_PREFIX)) or b"")
        return DurationClaim(duration_s=payload["d"], expires_at_s=payload["e"], file_id=payload["f"])


def kept_secret(path: Path) -> bytes:
    """The secret in the file, made at the first call; several processes that start together agree on one.

    Raises:
        SecretError: the file cannot be made or read, or is too short.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _publish(path, os.urandom(_SECRET_BYTES).hex().encode())
        secret = path.read_bytes().strip()
    except OSError as exc:
        raise SecretError(f"{path}: {exc.strerror}") from exc
    if len(secret) < _SECRET_BYTES:
        raise SecretError(f"{path}: must hold at least {_SECRET_BYTES} characters")
    return secret


def _publish(path: Path, content: bytes) -> None:
    """Write a whole file under a new name and link it into place; whoever comes second leaves the first one's."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _derived(secret: bytes, purpose: str) -> bytes:
    return hmac.digest(secret, f"reelway {purpose} v1".encode(), "sha256")


def _tag(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")[:_TAG_BYTES]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes | None:
    """The bytes of unpadded base64url in its one canonical spelling, None for anything else."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if _encoded(raw) == text else None


def key_hash(api_key: str) -> str:
    """What is kept of an API key. The keys we make have 256 random bits, so a plain hash cannot be turned back."""
    return hashlib.sha256(api_key.encode()).hexdigest()


# --- webhooks ---------------------------------------------------------------------------------------------------------

WEBHOOK_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
_PREVIEW_HEAD: Final = 8
_PREVIEW_TAIL: Final = 6


def new_webhook_secret() -> str:
    """`whsec_` and 32 random bytes in base64. Source: Rivya contract, section 11.1."""
    return WEBHOOK_SECRET_PREFIX + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()


def secret_preview(secret: str) -> str:
    """What may be shown of a secret later on."""
    return f"{secret[:_PREVIEW_HEAD]}...{secret[-_PREVIEW_TAIL:]}"


def webhook_signature(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    """The signature of one attempt. Source: the Standard Webhooks specification, symmetric signatures."""
    key = base64.b64decode(secret.removeprefix(WEBHOOK_SECRET_PREFIX))
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp_s, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def webhook_headers(secrets: Sequence[str], message_id: str, timestamp_s: int, body: bytes) -> list[tuple[str, str]]:
    """The three headers of a signed message. During a rotation every valid secret signs, the newest first."""
    signatures = " ".join(webhook_signature(secret, message_id, timestamp_s, body) for secret in secrets)
    return [("webhook-id", message_id), ("webhook-timestamp", str(timestamp_s)), ("webhook-signature", signatures)]
