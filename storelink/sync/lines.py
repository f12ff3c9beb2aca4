"""Rows as lines of text: what COPY is given, and what fingerprints are taken of. Made once for both.

Docs: https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2
"""

from collections.abc import Iterable
from typing import Any

from storelink.connectors.protocol import Rows

PARTS = ("products", "customers", "orders", "items", "refunds")
"""The fields of `Rows` that have rows."""
Lines = tuple[list[bytes], ...]
"""The lines of one record's rows, in the order of `PARTS`."""


def lines_of(rows: Rows) -> Lines:
    """The lines of all rows of a record."""
    kinds = (rows.products, rows.customers, rows.orders, rows.items, rows.refunds)
    return tuple([[line_of(row) for row in kind] if kind else [] for kind in kinds])


def line_of(row: Iterable[Any]) -> bytes:
    """A row in COPY's text format, without the newline: null is `\\N`, what separates is escaped.

    Long as rows are, few passes over all of one are cheaper than some over each value. Raises
    `ValueError` for a NUL, which Postgres takes nowhere; a text of one NUL alone is null.
    """
    texts = [value if value.__class__ is str else "\0" if value is None else str(value) for value in row]
    line = "\x1f".join(texts).encode()
    if line.count(b"\0") != texts.count("\0"):
        raise ValueError("a value has a NUL character in it")
    if line.count(b"\x1f") >= len(texts):  # a value has that character in it
        return b"\t".join([_escaped(text.encode()) for text in texts]).replace(b"\0", b"\\N")
    return _escaped(line).replace(b"\x1f", b"\t").replace(b"\0", b"\\N")


def _escaped(text: bytes) -> bytes:
    text = text.replace(b"\\", b"\\\\")
    return text.replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
