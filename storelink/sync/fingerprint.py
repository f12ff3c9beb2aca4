"""Digests by which a record is known to be the same: of its content, and of the ids of its parts."""

from collections.abc import Collection
from hashlib import blake2b

from storelink.connectors.protocol import Rows
from storelink.sync.lines import Lines, lines_of

PIECE = 2047
"""Bytes: as many as hashlib takes without letting go of the interpreter."""


def fingerprint(rows: Rows, normalizer: int, lines: Lines | None = None) -> bytes:
    """BLAKE2b-128 over everything that would be written for the record.

    The rows carry the raw record less the keys that change by themselves, so this covers both.
    `lines` are those of the rows, where they were made already.
    """
    data = b"\n\\.\n".join([b"\n".join(kind) for kind in lines or lines_of(rows)])
    digest = blake2b(b"%d|%d|%d|" % (normalizer, rows.trashed, rows.partial), digest_size=16)
    _feed(digest, data)
    digest.update("|".join(rows.parts or ()).encode())
    if rows.withheld:  # the same null says something else when less of it is withheld
        digest.update("|".join(sorted(rows.withheld)).encode())
    return digest.digest()


def _feed(digest: blake2b, data: bytes) -> None:
    """In pieces for which hashlib keeps the interpreter's lock.

    It lets go of it for longer ones, and another thread takes it each time: a handover a record.
    """
    for at in range(0, len(data), PIECE):
        digest.update(data[at : at + PIECE])


def payload_fingerprint(text: str) -> bytes:
    """The same for a record that never became rows."""
    return blake2b(text.encode(), digest_size=16).digest()


_NO_PARTS = blake2b(digest_size=8).hexdigest()


def parts_digest(parts: Collection[str] | None) -> str | None:
    """A short text that changes when the set of ids does; None where parts are not known."""
    if parts is None:
        return None
    return blake2b("|".join(sorted(parts)).encode(), digest_size=8).hexdigest() if parts else _NO_PARTS
