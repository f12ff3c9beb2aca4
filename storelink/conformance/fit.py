"""Whether rows can be stored as they are: types, money, times, JSON, and what Postgres refuses."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Boolean, Column, DateTime, Numeric
from sqlalchemy.dialects.postgresql import JSONB

from storelink.connectors.protocol import Ignored, Rejection, Rows
from storelink.models import metadata

_TABLES = {
    "products": "platform_product",
    "customers": "platform_customer",
    "orders": "platform_order",
    "items": "order_item",
    "refunds": "order_refund",
}

_STATUSES = ("open", "completed", "cancelled", "failed")
_INDEXABLE = 2500


def faults_of(result: Any) -> list[str]:
    """What is wrong with the outcome of a normalizer; empty if it can be stored as it is."""
    if isinstance(result, Rejection):
        return [] if result.error and (result.id is None or _is_text(result.id)) else [f"odd: {result}"]
    if isinstance(result, Ignored):
        return [] if result.id and result.reason else [f"odd: {result}"]
    if not isinstance(result, Rows):
        return [f"no outcome at all: {type(result).__name__}"]
    return [*_record_faults(result), *_row_faults(result)]


def _record_faults(rows: Rows) -> Iterator[str]:
    if not (_is_text(rows.id) and rows.id):
        yield f"its id is {rows.id!r}"
    if rows.version is not None and not _is_aware(rows.version):
        yield f"its version is {rows.version!r}"
    if rows.parts is not None and not all(_is_text(part) for part in rows.parts):
        yield f"its parts are {rows.parts!r}"
    if rows.withheld and not rows.partial:
        yield "something of it is withheld, and it is not partial"
    for path in sorted(rows.withheld):
        name, _, inside = path.partition(".")
        if not any(_holds(table, name, json=bool(inside)) for table in _firsts(rows)):
            yield f"it names {path!r} as withheld, which is no column, or no JSON one"


def _firsts(rows: Rows) -> list[str]:
    """The first table of its resource."""
    kinds = ("products", "customers", "orders")
    return [_TABLES[kind] for kind in kinds if getattr(rows, kind)]


def _holds(table: str, name: str, *, json: bool) -> bool:
    column = metadata.tables[table].c.get(name)
    return column is not None and (not json or isinstance(column.type, JSONB))


def _row_faults(rows: Rows) -> Iterator[str]:
    for kind, table in _TABLES.items():
        for row in getattr(rows, kind):
            for name in row._fields:
                column = metadata.tables[table].c[name]
                if reason := _misfit(column, getattr(row, name)):
                    yield f"{table}.{name} {reason}"


def _misfit(column: Column[Any], value: Any) -> str | None:
    """Why `value` cannot be written to `column` just as it is."""
    if value is None:
        return None if column.nullable else "is missing"
    kind = column.type
    if isinstance(kind, Numeric):
        return _money_misfit(value, int(kind.precision or 19), int(kind.scale or 0))
    if isinstance(kind, DateTime):
        return None if _is_aware(value) else f"is no aware time: {value!r}"
    if isinstance(kind, Boolean):
        return None if isinstance(value, bool) else f"is no boolean: {value!r}"
    if isinstance(kind, JSONB):
        return _json_misfit(value)
    return _text_misfit(column, value)


def _text_misfit(column: Column[Any], value: Any) -> str | None:
    if not _is_text(value):
        return f"is no text that Postgres takes: {value!r:.200}"
    if _is_indexed(column) and len(value.encode()) > _INDEXABLE:
        return f"is longer than the {_INDEXABLE} bytes that an index takes"
    if column.table.name == "platform_order" and column.name == "status" and value not in _STATUSES:
        return f"is none of {', '.join(_STATUSES)}: {value!r}"
    return None


@cache
def _is_indexed(column: Column[Any]) -> bool:
    """By any key or index, one over an expression included."""
    keys = [*column.table.indexes, *column.table.constraints]
    return any(column.name in str(getattr(key, "expressions", "")) for key in keys) or any(
        column.name in key.columns for key in keys if hasattr(key, "columns")
    )


def _money_misfit(value: Any, precision: int, scale: int) -> str | None:
    if not isinstance(value, Decimal):
        return f"is no Decimal: {value!r}"
    if not value.is_finite():
        return f"is not finite: {value!r}"
    if abs(value) >= Decimal(10) ** (precision - scale):
        return f"is too large: {value!r}"
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -scale:
        return f"has more than {scale} places: {value!r}"
    return None


def _json_misfit(value: Any) -> str | None:
    if not isinstance(value, bytes):
        return f"is not JSON as bytes: {value!r:.200}"
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return f"is no JSON: {error}"
    return "has a NUL in its JSON" if b"\\u0000" in value.replace(b"\\\\", b"") else None


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _is_aware(value: Any) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None
