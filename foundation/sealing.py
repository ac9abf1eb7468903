"""Secrets that must be read again are sealed: unreadable in the database without the key.

The key comes from a setting, which all nodes of an installation share, or lies in the data folder,
where it is made at the first start.

Source: NIST SP 800-38D (AES-GCM, random 96-bit nonces), RFC 5869 (HKDF).
"""

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from foundation.errors import Unavailable

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FILE = "secret.key"


class Unsealable(Unavailable):
    """It was sealed with another key, for another purpose, or it was changed."""

    code = "unsealable"

    def __init__(self) -> None:
        super().__init__(
            "A secret cannot be read with this installation's key (LEITSTAND_SECRET_KEY, or"
            " secret.key in the data folder)."
        )


class Sealer:
    """Seals and unseals with one key.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        assert len(key) == _KEY_BYTES
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, purpose: str) -> bytes:
        """Return what may be stored; it opens only for the same purpose."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, purpose.encode())

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Return the secret.

        Raises:
            Unsealable: If it was not sealed by this key for this purpose.
        """
        try:
            return self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode()
            )
        except (InvalidTag, ValueError):
            raise Unsealable from None


def sealer_of(data_dir: Path, secret_key: str | None) -> Sealer:
    """Return the installation's sealer; a key file is made if there is neither key nor file."""
    if secret_key is not None:
        derived = HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"leitstand sealing")
        return Sealer(derived.derive(secret_key.encode()))
    path = data_dir / _FILE
    if not path.exists():
        _make(path)
    return Sealer(path.read_bytes())


def _make(path: Path) -> None:
    """Write a fresh key; of two programs that start at once the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return
    finally:
        fresh.unlink(missing_ok=True)
