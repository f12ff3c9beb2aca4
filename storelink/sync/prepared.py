"""What is written of a record, ready to be written: its lines, and what is known of it beside them."""

from datetime import datetime
from typing import NamedTuple

from storelink.connectors.protocol import Rows
from storelink.sync.fingerprint import fingerprint, parts_digest
from storelink.sync.lines import Lines, lines_of

OBJECTS = 1000
"""Bytes beside its text that a row takes."""


class Prepared(NamedTuple):
    """A record as it is written. Small and flat, so that one process can hand it to another."""

    id: str
    version: datetime | None
    trashed: bool
    partial: bool
    parts: str | None
    """`fingerprint.parts_digest` of them."""
    digest: bytes
    """Fingerprint of its rows."""
    customers: tuple[str, ...]
    """Ids of the customers that its orders name."""
    size: int
    """About how many bytes it takes while it waits to be written."""
    lines: Lines
    """Empty where they were made into what is written already."""


def prepared(rows: Rows, lines: Lines, digest: bytes) -> Prepared:
    """The record of these rows, with its lines and its fingerprint."""
    customers = tuple([order.customer_id for order in rows.orders if order.customer_id is not None])
    return Prepared(
        rows.id, rows.version, rows.trashed, rows.partial, parts_digest(rows.parts), digest,
        customers, weigh(lines), lines,
    )  # fmt: skip


def prepare(rows: Rows, normalizer: int) -> Prepared:
    """The same of rows alone. Raises `ValueError` for what cannot be stored."""
    lines = lines_of(rows)
    return prepared(rows, lines, fingerprint(rows, normalizer, lines))


def weigh(lines: Lines) -> int:
    """About how many bytes a record takes while it waits: those of its rows, and of the objects they are."""
    return sum([len(line) + OBJECTS for part in lines for line in part])
