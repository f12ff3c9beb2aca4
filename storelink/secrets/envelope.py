"""Envelope encryption: texts sealed by a data key, the data key wrapped by a master key.

AES-256-GCM throughout, with a random nonce of 12 bytes each time. What is sealed is bound to its
place by associated data (connector id and column), so a sealed text that was moved does not open.

    sealed text   `s1.` + base64url(nonce + ciphertext + tag), no padding
    wrapped key   one byte 1 + nonce + ciphertext + tag; 61 bytes
"""

import base64
import hmac
import os
import re
import uuid
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from storelink.errors import Misconfigured

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_TEXT_PREFIX = "s1."
_KEY_PREFIX = b"\x01"
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, eq=False)
class DataKey:
    """The key of one connector's credentials. Lives in memory only while they are used."""

    connector_id: uuid.UUID
    material: bytes = field(repr=False)

    def seal(self, column: str, text: str) -> str:
        """`text` as it may lie in the database, bound to this connector and `column`."""
        body = _encrypt(
            self.material, text.encode("utf-8", "surrogatepass"), _place(self.connector_id, column)
        )
        return _TEXT_PREFIX + base64.urlsafe_b64encode(body).rstrip(b"=").decode("ascii")

    def open(self, column: str, sealed: str) -> str:
        """The text that was sealed for this connector and `column`.

        Raises `Misconfigured`, the same for whatever was cut, changed or moved.
        """
        body = _decoded(sealed)
        plain = body and _decrypt(self.material, body, _place(self.connector_id, column))
        if plain is None:
            raise Misconfigured(
                f"The sealed {column} of connector {self.connector_id} does not open: it was "
                "changed, cut, or copied from another row or column. Enter the credentials again."
            )
        return plain.decode("utf-8", "surrogatepass")

    def mark(self, text: str) -> bytes:
        """32 bytes by which this key knows `text` again, and nobody without it."""
        return hmac.digest(self.material, text.encode("utf-8", "surrogatepass"), "sha256")


def new_data_key(connector_id: uuid.UUID) -> DataKey:
    """A fresh random data key for one connector."""
    return DataKey(connector_id, os.urandom(KEY_BYTES))


@dataclass(frozen=True, slots=True, eq=False)
class WrappingKey:
    """A master key: it wraps data keys and touches nothing else."""

    id: str
    material: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.material) != KEY_BYTES:
            raise Misconfigured(
                f"Master key {self.id!r} has {len(self.material)} bytes; it must have {KEY_BYTES}."
            )

    def check_value(self) -> bytes:
        """32 bytes that tell whether another key of this id is the same key, and nothing more."""
        return hmac.digest(self._derived(b"check"), b"storelink master key", "sha256")

    def matches(self, check_value: bytes) -> bool:
        """Whether this is the key that `check_value` was made of."""
        return hmac.compare_digest(self.check_value(), check_value)

    def wrap(self, key: DataKey, column: str = "data_key") -> bytes:
        """`key` as it may lie in the database, bound to its connector, column and this key's id."""
        place = _place(key.connector_id, column, self.id)
        return _KEY_PREFIX + _encrypt(self._derived(b"wrap"), key.material, place)

    def unwrap(self, connector_id: uuid.UUID, wrapped: bytes, column: str = "data_key") -> DataKey:
        """The key of `connector_id` in `column`. Raises `Misconfigured` naming this key's id."""
        material = None
        if wrapped[:1] == _KEY_PREFIX:
            place = _place(connector_id, column, self.id)
            material = _decrypt(self._derived(b"wrap"), wrapped[1:], place)
        if material is None:
            raise Misconfigured(
                f"Master key {self.id!r} does not open the {column.replace('_', ' ')} of connector "
                f"{connector_id}: it is another key under the same id, or what it wraps was changed or "
                "copied from another row."
            )
        return DataKey(connector_id, material)

    def _derived(self, purpose: bytes) -> bytes:
        """A key for one purpose, so that no two algorithms share one."""
        info = b"storelink/1/" + purpose
        return HKDFExpand(hashes.SHA256(), KEY_BYTES, info).derive(self.material)


def new_wrapping_key() -> WrappingKey:
    """A fresh random master key; its id is derived from it, so two keys never share an id."""
    material = os.urandom(KEY_BYTES)
    name = HKDFExpand(hashes.SHA256(), 6, b"storelink/1/id").derive(material).hex()
    return WrappingKey(f"k{name}", material)


def _place(connector_id: uuid.UUID, *parts: str) -> bytes:
    """Associated data; every part is led by its length, so that no two places read the same."""
    texts = [part.encode() for part in parts]
    return b"storelink/1" + connector_id.bytes + b"".join(bytes([len(t)]) + t for t in texts)


def _encrypt(key: bytes, plain: bytes, place: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, place)


def _decrypt(key: bytes, body: bytes, place: bytes) -> bytes | None:
    """None where it does not open: the caller raises outside, so no cause hangs on the error."""
    if len(body) < _NONCE_BYTES + _TAG_BYTES:
        return None
    try:
        return AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], place)
    except InvalidTag:
        return None


def _decoded(sealed: str) -> bytes | None:
    """The bytes of a sealed text; only the one spelling that `seal` writes is taken."""
    digits = sealed.removeprefix(_TEXT_PREFIX)
    if digits == sealed or len(digits) % 4 == 1 or not _BASE64URL.fullmatch(digits):
        return None
    body = base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
    again = base64.urlsafe_b64encode(body).rstrip(b"=").decode("ascii")
    return body if again == digits else None
