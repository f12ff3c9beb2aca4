"""Staging tables: a page's rows go in by COPY, then one merge per table reads them.

They are temporary tables of the pass's connection, emptied at each commit. Nothing is compressed in
them: the unified table does that once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from storelink.connectors.protocol import Rows
from storelink.connectors.rows import CustomerRow, ItemRow, OrderRow, ProductRow, RefundRow
from storelink.models import metadata
from storelink.sync.lane import Psycopg
from storelink.sync.lines import PARTS, Lines, line_of

AT_ONCE = 128 * 1024
"""Bytes of lines that are handed to the driver together: each time, threads may take turns."""
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Entity:
    """A unified table as the merge sees it."""

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    record: str
    """The column that holds the record's id."""
    part: str
    """Where `protocol.Rows` has its rows."""
    event: str | None = None
    """What the change feed calls it; None where another entity's event speaks for it."""

    @property
    def stage(self) -> str:
        """Name of its staging table."""
        return f"stage_{self.table}"

    def lines(self, records: Iterable[tuple[Rows, Lines]]) -> list[bytes]:
        """The lines of these records' rows; a key stands once, the last wins."""
        found: dict[Any, bytes] = {}
        key_of = itemgetter(*[self.columns.index(name) for name in self.key])
        part = PARTS.index(self.part)
        for one, lines in records:
            if lines[part]:
                found.update(zip(map(key_of, getattr(one, self.part)), lines[part], strict=True))
        return list(found.values())


PRODUCT = Entity("platform_product", ProductRow._fields, ("variant_id",), "product_id", "products", "product")
CUSTOMER = Entity(
    "platform_customer", CustomerRow._fields, ("customer_id",), "customer_id", "customers", "customer"
)
ORDER = Entity("platform_order", OrderRow._fields, ("order_id",), "order_id", "orders", "order")
ITEM = Entity("order_item", ItemRow._fields, ("order_id", "item_id"), "order_id", "items")
REFUND = Entity("order_refund", RefundRow._fields, ("refund_id",), "order_id", "refunds")

ENTITIES = {"products": (PRODUCT,), "customers": (CUSTOMER,), "orders": (ORDER, ITEM, REFUND)}

RECORD_COLUMNS = (
    "record_id", "state", "version", "listed_version", "parts", "content_hash", "normalizer", "trashed",
)  # fmt: skip

_RECORD = """
CREATE TEMP TABLE IF NOT EXISTS stage_record (
    record_id text PRIMARY KEY, state text NOT NULL, version timestamptz, listed_version timestamptz,
    parts text, content_hash bytea, normalizer int, trashed boolean NOT NULL, verdict text
) ON COMMIT DELETE ROWS
"""


def prepare(connection: Psycopg, resource: str) -> None:
    """Make the staging tables of this resource on this connection."""
    connection.execute("SET client_min_messages = warning")
    connection.execute(_RECORD)
    for entity in ENTITIES[resource]:
        table = metadata.tables[entity.table]
        columns = ", ".join(f"{name} {_type(table, name)}" for name in entity.columns)
        connection.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {entity.stage} ({columns})"
            " WITH (toast_tuple_target = 8160) ON COMMIT DELETE ROWS"
        )
    connection.commit()


def copy_rows(connection: Psycopg, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into a table."""
    copy_lines(connection, table, columns, map(line_of, rows))


def copy_lines(connection: Psycopg, table: str, columns: Sequence[str], lines: Iterable[bytes]) -> None:
    """COPY rows into a table that are lines already, as `lines.line_of` makes them."""
    copy_blocks(connection, table, columns, (line + b"\n" for line in lines))


def copy_blocks(connection: Psycopg, table: str, columns: Sequence[str], blocks: Iterable[bytes]) -> None:
    """The same for blocks of lines, each with its newline."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        some: list[bytes] = []
        size = 0
        for block in blocks:
            some.append(block)
            size += len(block)
            if size >= AT_ONCE:
                copy.write(b"".join(some))
                some, size = [], 0
        if some:
            copy.write(b"".join(some))


def _type(table: Table, name: str) -> str:
    return table.c[name].type.compile(_DIALECT)
