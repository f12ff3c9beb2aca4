"""Orders of all stores as a list: the newest first, searched and narrowed down, a page at a time.

Pages go on from the last order shown (keyset), so that a list that grows repeats nothing. Every statement
goes along an index: words in `order_words`, what is not gathered there yet in those of platform_order.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from storelink.sync.order_words import query_of, states_of, tokens

PAGE = 50
COUNTED = 1000
"""Matches are counted up to here."""
NEAR, LEAST = 5000, 200
"""Orders next to a page that are looked through for a state, and at least so many of each store; beyond them
the words say where there is one."""
SHORTEST = 2
"""Letters of the beginning of a word; a number may be shorter."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. `stores` are the ids of those that are searched."""

    stores: tuple[uuid.UUID, ...]
    text: str = ""
    payment: str | None = None
    shipping: str | None = None
    since: datetime | None = None

    @property
    def too_short(self) -> bool:
        """Whether it would match nearly everything: no number, and no word of two letters."""
        words = tokens(self.text)
        return bool(self.text.strip()) and not any(len(one) >= SHORTEST or one.isdigit() for one in words)


@dataclass(frozen=True, slots=True)
class Place:
    """An order in the list, and how many stand before the page that begins or ends there."""

    at: datetime
    store: uuid.UUID
    order: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One order of the list. `trouble` is the stage of a refund of ours that has no good end yet."""

    store_id: uuid.UUID
    store: str
    platform: str
    order_id: str
    number: str
    email: str | None
    status: str
    payment: str | None
    shipping: str | None
    total: Decimal
    refunded: Decimal
    currency: str
    created_at: datetime | None
    deleted_at: datetime | None
    shipping_address: dict[str, Any] | None
    billing_address: dict[str, Any] | None
    units: Decimal
    lines: int
    skus: Sequence[str]
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list. `count` is of all that match, up to `COUNTED`; None where it was not asked."""

    rows: Sequence[Row]
    first: int
    newer: Place | None = None
    older: Place | None = None
    count: int | None = None
    only: tuple[str, str] | None = None
    """(Store, order id) of the one that must be meant: that has this number, or nothing else matches."""


def read_page(session: Session, wanted: Wanted, *, after: Place | None = None, before: Place | None = None,
              limit: int = PAGE) -> Page:  # fmt: skip
    """The page after one place or before another; the first one without either."""
    if wanted.too_short or not wanted.stores:
        return Page((), 0, count=0)
    keys = _keys(session, wanted, after, before, limit + 1)
    more, keys = len(keys) > limit, keys[:limit]
    if before is not None:
        keys.reverse()
    rows = _rows(session, keys)
    first = after.count if after else max(before.count - len(rows), 0) if before else 0
    newer = older = None
    if rows and rows[0].created_at and (after or (before and more)):
        newer = Place(rows[0].created_at, rows[0].store_id, rows[0].order_id, first)
    if rows and rows[-1].created_at and (before or more):
        older = Place(rows[-1].created_at, rows[-1].store_id, rows[-1].order_id, first + len(rows))
    count = None
    if tokens(wanted.text):
        count = len(rows) if not (newer or older) else max(_count(session, wanted), first + len(rows))
    return Page(rows, first, newer, older, count, None if after or before else _only(session, rows, wanted))


def _only(session: Session, rows: Sequence[Row], wanted: Wanted) -> tuple[str, str] | None:
    if not tokens(wanted.text):
        return None
    found = session.connection().execute(text(_BY_NUMBER), _values(wanted)).all()
    if len(found) == 1 and not _narrowed(wanted):
        return found[0][0], found[0][1]
    return (rows[0].store, rows[0].order_id) if len(rows) == 1 else None


_BY_NUMBER = """
SELECT c.name, o.order_id FROM platform_order o JOIN connector_config c ON c.id = o.connector_id
WHERE o.connector_id = ANY(:stores) AND o.order_number = ANY(:numbers) LIMIT 2
"""


# -- which -------------------------------------------------------------------------------------------


def _keys(
    session: Session, wanted: Wanted, after: Place | None, before: Place | None, limit: int
) -> list[tuple[uuid.UUID, str]]:
    place = after or before
    values = _values(wanted) | {"limit": limit, "near": max(NEAR // len(wanted.stores), LEAST)}
    if place is not None:
        values |= {"at": place.at, "store": place.store, "order": place.order}
    run, newer = session.connection().execute, before is not None
    if (wanted.payment or wanted.shipping) and not tokens(wanted.text):
        near = run(text(_near(wanted, place is not None, newer)), values).all()
        if len(near) >= limit or not near or near[0].whole:
            return [(row.connector_id, row.order_id) for row in near if row.order_id is not None]
    statement = _found(wanted, place is not None, newer)
    return [(row[0], row[1]) for row in run(text(statement), values)]


@dataclass(frozen=True, slots=True)
class _Way:
    """Words of SQL by which one goes on from the newest, or back."""

    less: str
    more: str
    turn: str
    over: str
    ends: str
    first: str
    last: str


_ON = _Way("<", ">", "DESC", "ASC", "NULLS LAST", "max", "min")
_BACK = _Way(">", "<", "ASC", "DESC", "NULLS FIRST", "min", "max")


def _near(wanted: Wanted, placed: bool, newer: bool) -> str:
    """The statement that looks through the orders next to the page, of every store so many.

    What it finds is right as far as every store was looked at: to before where the first of them ends.
    `whole`: all were looked at. One row at least, with an empty key where nothing was found.
    """
    way = _BACK if newer else _ON
    since = " AND o.created_at >= :since" if wanted.since is not None else ""
    return f"""
    WITH near AS MATERIALIZED (
        SELECT p.* FROM unnest(:stores) s (id) CROSS JOIN LATERAL (
            SELECT o.connector_id, o.order_id, o.created_at, o.financial_status, o.fulfillment_status
            FROM platform_order o
            WHERE o.connector_id = s.id AND o.created_at IS NOT NULL{since}{_keyset("o", placed, way)}
            ORDER BY {_order("o.", way)} LIMIT :near) p
    ), ends AS (
        SELECT {way.first}(last) AS last FROM (
            SELECT {way.last}(created_at) AS last FROM near
            GROUP BY connector_id HAVING count(*) >= :near) e
    ), found AS (
        SELECT o.connector_id, o.order_id, o.created_at FROM near o CROSS JOIN ends
        WHERE (ends.last IS NULL OR o.created_at {way.more} ends.last){_narrowed(wanted)}
        ORDER BY {_order("o.", way)} LIMIT :limit
    )
    SELECT f.connector_id, f.order_id, ends.last IS NULL AS whole FROM ends LEFT JOIN found f ON true
    ORDER BY {_order("f.", way)}
    """  # noqa: S608


def _keyset(alias: str, placed: bool, way: _Way) -> str:
    if not placed:
        return ""
    return (
        f" AND {alias}.created_at {way.less}= :at AND ({alias}.created_at {way.less} :at"
        f" OR ({alias}.connector_id, {alias}.order_id) {way.more} (:store, :order))"
    )


def _order(alias: str, way: _Way) -> str:
    return (
        f"{alias}created_at {way.turn} {way.ends}, {alias}connector_id {way.over}, {alias}order_id {way.over}"
    )


def _found(wanted: Wanted, placed: bool, newer: bool) -> str:
    """The statement that finds the keys of a page."""
    way = _BACK if newer else _ON

    narrowed = _narrowed(wanted)

    def page(table: str, key: str, alias: str, where: str) -> str:
        """The first keys of one road, in order."""
        join = _JOINED if alias != "o" and narrowed else ""
        return (
            f"(SELECT {alias}.connector_id, {alias}.order_id, {alias}.created_at FROM {table} {alias}{join}"  # noqa: S608
            f" WHERE {key} {where}{narrowed}{_keyset(alias, placed, way)}"
            f" ORDER BY {_order(f'{alias}.', way)} LIMIT :limit)"
        )

    ours, said = "connector_id = ANY(:stores)", "AND w.words @@ CAST(:words AS tsquery)"
    if tokens(wanted.text):
        roads = [
            page("order_words", f"w.{ours}", "w", said),
            page("platform_order", f"o.{ours}", "o", "AND o.order_number = ANY(:numbers)"),
            page("platform_order", f"o.{ours}", "o", "AND lower(o.email) = :email"),
            page("platform_order", f"o.{ours}", "o", "AND (o.connector_id, o.order_id) IN"
                 " (SELECT connector_id, order_id FROM order_item WHERE sku = :sku)"),
        ]  # fmt: skip
        source = " UNION ".join(roads)
    elif wanted.payment or wanted.shipping:
        source = page("order_words", f"w.{ours}", "w", f"{said} AND w.created_at IS NOT NULL")
    else:
        source = (
            "SELECT p.* FROM unnest(:stores) s (id) CROSS JOIN LATERAL "  # noqa: S608
            + page("platform_order", "o.connector_id = s.id", "o", "AND o.created_at IS NOT NULL")
            + " p"
        )
    return f"SELECT connector_id, order_id FROM ({source}) f ORDER BY {_order('', way)} LIMIT :limit"  # noqa: S608


_JOINED = " JOIN platform_order o ON o.connector_id = w.connector_id AND o.order_id = w.order_id"


def _narrowed(wanted: Wanted) -> str:
    words = {
        "o.financial_status = ANY(:payment)": wanted.payment,
        "o.fulfillment_status = :shipping": wanted.shipping,
        "o.created_at >= :since": wanted.since,
    }
    return "".join(f" AND {condition}" for condition, value in words.items() if value is not None)


def _values(wanted: Wanted) -> dict[str, Any]:
    bare = wanted.text.strip().removeprefix("#")
    payment = {"unpaid": ["pending", "authorized"]}.get(wanted.payment or "", [wanted.payment])
    groups = ([word for one in payment for word in states_of(one, None)], states_of(None, wanted.shipping))
    words = query_of(tokens(wanted.text), [group for group in groups if group])
    return {
        "stores": list(wanted.stores), "words": words, "numbers": [bare, f"#{bare}"],
        "email": wanted.text.strip().lower(), "sku": wanted.text.strip(), "payment": payment,
        "shipping": wanted.shipping, "since": wanted.since,
    }  # fmt: skip


def _count(session: Session, wanted: Wanted) -> int:
    narrowed = _narrowed(wanted)
    statement = (
        f"SELECT count(*) FROM (SELECT 1 FROM order_words w{_JOINED if narrowed else ''}"  # noqa: S608
        " WHERE w.connector_id = ANY(:stores)"
        f" AND w.words @@ CAST(:words AS tsquery){narrowed} LIMIT :most) c"
    )
    values = _values(wanted) | {"most": COUNTED + 1}
    return int(session.connection().execute(text(statement), values).scalar_one())


# -- what they look like -----------------------------------------------------------------------------


def _rows(session: Session, keys: Sequence[tuple[uuid.UUID, str]]) -> list[Row]:
    if not keys:
        return []
    values = {"stores": [store for store, _ in keys], "orders": [order for _, order in keys]}
    return [Row(**row) for row in session.connection().execute(text(_SHOWN), values).mappings()]


_SHOWN = """
SELECT o.connector_id AS store_id, c.name AS store, o.platform, o.order_id, o.order_number AS number, o.email,
    o.status, o.financial_status AS payment, o.fulfillment_status AS shipping, o.total_amount AS total,
    o.refunded_amount AS refunded, o.currency, o.created_at, o.deleted_at, o.shipping_address,
    o.billing_address, coalesce(i.units, 0) AS units, coalesce(i.lines, 0) AS lines,
    coalesce(i.skus, '{}') AS skus, r.stage AS trouble
FROM unnest(CAST(:stores AS uuid[]), CAST(:orders AS text[])) WITH ORDINALITY AS k (store, id, place)
JOIN platform_order o ON o.connector_id = k.store AND o.order_id = k.id
JOIN connector_config c ON c.id = k.store
LEFT JOIN LATERAL (
    SELECT sum(quantity) AS units, count(*) AS lines,
        array_agg(coalesce(nullif(sku, ''), title) ORDER BY item_id) AS skus
    FROM order_item WHERE connector_id = k.store AND order_id = k.id
) i ON true
LEFT JOIN LATERAL (
    SELECT stage FROM refund_request
    WHERE connector_id = k.store AND order_id = k.id AND stage IN ('unknown', 'needs_attention') LIMIT 1
) r ON true
ORDER BY k.place
"""


# -- stores that are behind --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Behind:
    """A store whose orders of late may be missing here, and since when; None: none was ever read whole."""

    store: str
    since: datetime | None
    why: str
    """new, paused, key_refused or late."""


def behind(session: Session, stores: Sequence[uuid.UUID]) -> list[Behind]:
    """Those of the stores that are not read as they should be."""
    rows = session.connection().execute(text(_BEHIND), {"stores": list(stores)})
    return [Behind(*row) for row in rows]


_BEHIND = """
SELECT name, since, why FROM (
    SELECT c.name, s.last_success_at AS since, CASE
        WHEN c.status = 'paused' THEN 'paused'
        WHEN c.status = 'auth_failed' THEN 'key_refused'
        WHEN s.last_success_at IS NULL THEN 'new'
        WHEN clock_timestamp() - s.next_due_at
            > 2 * coalesce(s.interval, c.sync_interval) * interval '1 second' THEN 'late'
        WHEN s.consecutive_failures > 0 AND clock_timestamp() - s.last_success_at
            > 2 * coalesce(s.interval, c.sync_interval) * interval '1 second' THEN 'late'
        END AS why
    FROM connector_config c LEFT JOIN sync_state s ON s.connector_id = c.id AND s.resource = 'orders'
    WHERE c.id = ANY(:stores)
) b WHERE why IS NOT NULL ORDER BY name
"""
