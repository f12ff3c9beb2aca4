"""Rows as lines of text: what COPY is given, and what fingerprints are taken of. Made once for both.

Docs: https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2
"""

from collections.abc import Sequence
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


def line_of(row: Sequence[Any]) -> bytes:
    """A row in COPY's text format, without the newline: null is `\\N`, what separates is escaped.

    Bytes are JSON. Few passes over all other values, which are short, are cheaper than some over each;
    where JSON stands in them is marked. Raises `ValueError` for a NUL, which Postgres takes nowhere; a
    text of one NUL alone is null.
    """
    texts = [
        value if (kind := value.__class__) is str else "\0" if value is None else "\x1e" if kind is bytes
        else str(value)
        for value in row
    ]  # fmt: skip
    line = "\x1f".join(texts).encode()
    documents = [value for value in row if value.__class__ is bytes] if b"\x1e" in line else []
    if line.count(b"\0") != texts.count("\0") or b"\0" in b"".join(documents):
        raise ValueError("a value has a NUL character in it")
    if line.count(b"\x1f") >= len(texts) or line.count(b"\x1e") > len(documents):
        return b"\t".join([_cell(value) for value in row])  # a value has such a character in it
    line = _escaped(line).replace(b"\x1f", b"\t").replace(b"\0", b"\\N")
    if not documents:
        return line
    found = line.split(b"\x1e")
    for place, one in enumerate(documents):
        found.insert(2 * place + 1, _escaped(one))
    return b"".join(found)


def _cell(value: Any) -> bytes:
    """One value, where the fast way does not go."""
    if value is None or value == "\0":
        return b"\\N"
    return _escaped(value if isinstance(value, bytes) else str(value).encode())


def _escaped(text: bytes) -> bytes:
    text = text.replace(b"\\", b"\\\\")
    return text.replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
