"""Secrets that must be readable again (webhook secrets, secret keys for tokens) are kept sealed with the server's key.

AES-256-GCM with a key derived from the server's secret; every sealed text has a nonce of its own. Whoever reads the
database alone learns nothing, and a text that was changed does not open.
"""

import base64
import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12
_PREFIX: Final = "s1."


class SealError(Exception):
    """A sealed text does not open: it was changed, or the server's secret is another one than when it was sealed."""


class Sealer:
    """Seals and opens texts with a key derived from the server's secret."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(secret, b"reelway sealing v1", "sha256"))

    def sealed(self, text: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        raw = nonce + self._cipher.encrypt(nonce, text.encode(), None)
        return _PREFIX + base64.urlsafe_b64encode(raw).decode()

    def opened(self, sealed: str) -> str:
        """Raises: SealError: it was not sealed with this secret."""
        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(_PREFIX))
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None).decode()
        except (ValueError, InvalidTag) as exc:
            raise SealError("a kept secret does not open; was the server's secret key changed?") from exc
