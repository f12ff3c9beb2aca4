"""No payload crashes the normalizer or yields a row that Postgres refuses: looked for by hypothesis."""

import copy
import json
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shopify_records import SEEN, customer, product, refunded_order

from storelink.connectors.protocol import Ignored, Read, Rejection, Rows
from storelink.connectors.shopify.connector import CONNECTOR
from storelink.connectors.shopify.normalize import normalize, rebuild
from storelink.db import Database
from storelink.models import ConnectorConfig, SyncState
from storelink.sync import stage
from storelink.sync.lane import hold
from storelink.sync.page import normalize_page, write_page

RECORDS = {"orders": refunded_order, "products": product, "customers": customer}
LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6000))
"""Too long for an index even when it is compressed."""
SPECIAL: list[Any] = [
    "", "#", "\x00", "a\x00b", "\ud800", "NaN", "1e999", "1e16", "9999999999999999.99", "0.00001", "-0.00",
    "0000-00-00T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-06-30T13:24:58",
    "2026-06-30", "99999-01-01T00:00:00Z", "<b", LONG, "İ" * 500, "99999999999999999999", 10**400, 10**16,
    -1, 0, 2, 2**63, 1e308, 1e16, 0.1 + 0.2, float("nan"), float("inf"), "450789469", "1_0", "USD", "CAD",
    "gid://shopify/Order/7", "gid://shopify/Product/7", "gid://shopify/Order/7?x=1", "gid://shopify/Order/٣",
    "gid://shopify/Order/-1", "gid://shopify/Order/" + "9" * 30, "REFUND", "SUCCESS", "\\u0000",
    None, True, False, [], {}, [[]], ["x"], {"nodes": []}, {"edges": [{"node": {}}]}, {"shopMoney": {}},
    {"shopMoney": {"amount": "1.0", "currencyCode": "USD"}}, {"shopMoney": "USD"},
    {"shopMoney": {"amount": "1.0", "currencyCode": ["USD"]}},
]  # fmt: skip
UNREAD = {
    "billingAddress", "currentTotalPriceSet", "customAttributes", "options", "orderAdjustments",
    "originalTotalPriceSet", "parentTransaction", "presentmentMoney", "refundShippingLines",
    "shippingAddress", "totalOutstandingSet", "totalReceivedSet", "totalRefundedSet", "totalShippingPriceSet",
}  # fmt: skip
"""What is inside these goes nearly all into JSON columns only; hypothesis looks there, too."""
UNSPEAKABLE = 10**5000
"""Python refuses to write it down, and hypothesis to show it."""
scalars = (
    st.sampled_from(SPECIAL)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.decimals(allow_nan=True).map(str)
    | st.datetimes().map(datetime.isoformat)
)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be replaced."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from places(part, (*path, number))


def replaced(raw: Any, path: tuple[Any, ...], value: Any) -> None:
    """Put `value` at `path`; `...` takes what is there away."""
    for step in path[:-1]:
        raw = raw[step]
    if value is ...:
        del raw[path[-1]]
    else:
        raw[path[-1]] = value


@st.composite
def broken(draw: Callable[..., Any], raw: dict[str, Any]) -> dict[str, Any]:
    """A real record with a few places spoilt."""
    raw = copy.deepcopy(raw)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(places(raw))))
        replaced(raw, path, draw(junk | st.just(...)))
    return raw


def storable(text: str) -> bool:
    text.encode()
    return "\x00" not in text


def check(rows: Rows) -> None:
    """What COPY into the tables relies on."""
    for kind in (rows.products, rows.customers, rows.orders, rows.items, rows.refunds):
        for row in kind:
            for name, value in row._asdict().items():
                if isinstance(value, str):
                    assert storable(value), name
                elif isinstance(value, Decimal):
                    assert abs(value) < 10**15 and value == round(value, 4), name
                elif isinstance(value, datetime):
                    assert value.utcoffset() == timedelta(0) and 1 < value.year < 9999, name
                else:
                    assert value is None or isinstance(value, bool), name
            for name in ("metadata", "line_items", "items", "options", "default_address", "billing_address"):
                if text := getattr(row, name, None):
                    json.loads(text)
        assert len({row[:2] for row in kind}) == len(kind), "one row a key"
    for item in rows.items:
        assert item.quantity >= 0 and item.current_quantity >= 0 and item.refunded_quantity >= 0


def check_rebuilt(resource: str, raw: dict[str, Any], rows: Rows) -> None:
    try:
        json.dumps(raw, allow_nan=False)
    except ValueError:
        return  # NaN and numbers of a thousand digits are no JSON and not kept as they are
    stored = [
        {**row._asdict(), "metadata": json.loads(row.metadata)}
        | ({"line_items": json.loads(row.line_items)} if resource == "orders" else {})
        for row in getattr(rows, resource)
    ]
    assert normalize(resource, rebuild(resource, stored), SEEN) == rows


def check_outcome(resource: str, raw: dict[str, Any]) -> None:
    found = normalize(resource, raw, SEEN)
    if isinstance(found, Rows):
        check(found)
        check_rebuilt(resource, raw, found)
    else:
        assert isinstance(found, Rejection | Ignored)
        if isinstance(found, Rejection):
            assert found.error and (found.id is None or found.id.isdecimal())


@pytest.mark.parametrize("resource", RECORDS)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_spoilt_record_becomes_rows_or_is_refused(resource: str, data: st.DataObject) -> None:
    check_outcome(resource, data.draw(broken(RECORDS[resource]())))


@pytest.mark.parametrize("resource", RECORDS)
@settings(max_examples=200, deadline=None)
@given(
    raw=st.dictionaries(
        st.text(max_size=8) | st.sampled_from(["id", "updatedAt", "totalPriceSet", "variants"]),
        junk,
        max_size=6,
    )
)
def test_any_object_becomes_rows_or_is_refused(resource: str, raw: dict[str, Any]) -> None:
    check_outcome(resource, raw)


@settings(max_examples=100, deadline=None)
@given(
    junk_settings=st.dictionaries(
        st.sampled_from(["currency", "protected"]),
        junk | st.dictionaries(st.sampled_from(["personal", "Customer"]), junk),
    )
)
def test_no_settings_crash_it(junk_settings: dict[str, Any]) -> None:
    for resource, make in RECORDS.items():
        for raw in (make(), make(customer=None, email=None)):
            assert isinstance(normalize(resource, raw, junk_settings), Rows | Rejection)


def every_spoilt(resource: str) -> Iterator[dict[str, Any]]:
    """Each field of a record with each kind of junk, under ids of their own."""
    number = 10**6
    for path in places(RECORDS[resource]()):
        if UNREAD.intersection(path[:-1]) or any(isinstance(step, int) and step for step in path):
            continue  # one element of a list stands for all
        for value in [*SPECIAL, UNSPEAKABLE, ...]:
            number += 1
            raw = RECORDS[resource]()
            kind = {"orders": "Order", "products": "Product", "customers": "Customer"}[resource]
            raw["id"] = f"gid://shopify/{kind}/{number}"
            for place, variant in enumerate(raw.get("variants", ())):
                variant["id"] = f"gid://shopify/ProductVariant/{number}{place}"
            for refund in raw.get("refunds", ()):
                refund["id"] = f"gid://shopify/Refund/{number}"
            replaced(raw, path, value)
            yield raw


@pytest.mark.parametrize("resource", RECORDS)
def test_each_field_with_each_kind_of_junk(resource: str) -> None:
    for raw in every_spoilt(resource):
        check_outcome(resource, raw)


@contextmanager
def writing(database: Database, resource: str) -> Iterator[Callable[[list[dict[str, Any]]], int]]:
    """Writes raw records as the engine does, into the real tables, indexes and all."""
    store = uuid.uuid4()
    with database.session() as session:
        session.add(
            ConnectorConfig(id=store, name="s", platform="shopify", store_url="https://s", auth_mode="token")
        )
        session.flush()
        session.add(SyncState(connector_id=store, resource=resource))
        session.commit()

    def write(raws: list[dict[str, Any]]) -> int:
        now = datetime.now(UTC)
        fit = [(None, raw) for raw in raws if isinstance(normalize(resource, raw, SEEN), Rows)]
        page = normalize_page(CONNECTOR, resource, SEEN, fit, (), Read(now, now))
        write_page(lane, CONNECTOR, page)
        return len(fit)

    with hold(database, store, resource, None) as lane:
        stage.prepare(lane.connection, resource)
        yield write


@pytest.mark.parametrize("resource", RECORDS)
def test_postgres_takes_every_row_that_comes_out(resource: str, database: Database) -> None:
    raws = list(every_spoilt(resource))
    with writing(database, resource) as write:
        written = sum(write(raws[first : first + 300]) for first in range(0, len(raws), 300))
    assert written > len(raws) / 4, "most of it harms nothing"
