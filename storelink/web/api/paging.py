"""Pages of rows by key: no page is skipped or given twice when rows come and go meanwhile."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from sqlalchemy import ColumnElement, and_, literal, or_

from storelink.web.api.problem import Problem

Limit = Annotated[int, Query(ge=1, le=250, description="Rows of a page.")]
After = Annotated[
    str | None,
    Query(max_length=600, description="`next` of the page before; the first page without it."),
]
Fields = Annotated[
    str | None,
    Query(
        max_length=1000,
        description="Only these fields, separated by commas.",
        examples=["order_id,order_number,total_amount"],
    ),
]


def written(values: Sequence[Any]) -> str:
    """Where a page ends, as `next` has it."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain, default=str).encode()).decode().rstrip("=")


def read(after: str, kinds: Sequence[type]) -> list[Any]:
    """The values in `next`. Raises `Problem` 422 for what is none of ours."""
    try:
        text = base64.b64decode(after + "=" * (-len(after) % 4), altchars=b"-_", validate=True)
        values = json.loads(text)
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError
        return [_value(value, kind) for value, kind in zip(values, kinds, strict=True)]
    except (ValueError, binascii.Error, TypeError, RecursionError):
        raise Problem(422, "after", "`after` is not the `next` of a page.") from None


def read_latest(after: str | None) -> tuple[datetime, UUID] | None:
    """The moment and id in a `next` of what is listed the latest first; None on the first page."""
    if after is None:
        return None
    moment, key = read(after, (datetime, UUID))
    if moment is None or key is None:
        raise Problem(422, "after", "`after` is not the `next` of a page.")
    return moment, key


def _value(value: Any, kind: type) -> Any:
    if value is None:
        return None
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment
    return UUID(value) if kind is UUID else value


def beyond(
    columns: Sequence[ColumnElement[Any]], values: Sequence[Any], *, down: bool = False
) -> ColumnElement[bool]:
    """Rows after `values` in the order of `columns`, of which only the first may be null (nulls last)."""
    rest = and_(columns[0].is_(None), _rest(columns[1:], values[1:]))
    if values[0] is None:
        return rest
    first = columns[0] < literal(values[0]) if down else columns[0] > literal(values[0])
    same = and_(columns[0] == literal(values[0]), _rest(columns[1:], values[1:]))
    return or_(first, same, columns[0].is_(None)) if down else or_(first, same)


def _rest(columns: Sequence[ColumnElement[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
    if not columns:
        return literal(False)
    head = columns[0] > literal(values[0])
    return or_(head, and_(columns[0] == literal(values[0]), _rest(columns[1:], values[1:])))


def chosen(fields: str | None, known: Sequence[str], keys: Sequence[str]) -> list[str]:
    """The fields to give; keys always. Raises `Problem` 422 naming one that there is not."""
    if not fields:
        return list(known)
    wanted = [one.strip() for one in fields.split(",") if one.strip()]
    for one in wanted:
        if one not in known:
            raise Problem(422, "fields", f"There is no field {one!r}; there are {', '.join(known)}.")
    return [one for one in known if one in wanted or one in keys]


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON: money and quantities as decimal text, times as ISO 8601."""
    return {key: _plain(key, value) for key, value in row.items()}


def _plain(key: str, value: Any) -> Any:
    if isinstance(value, Decimal):
        return decimal_text(value, 0 if key.endswith("quantity") else 2)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def decimal_text(value: Decimal, least: int) -> str:
    """A number as text, without zeros at its end beyond `least` places."""
    whole, _, part = format(value, "f").partition(".")
    part = part.rstrip("0").ljust(least, "0")
    return f"{whole}.{part}" if part else whole
