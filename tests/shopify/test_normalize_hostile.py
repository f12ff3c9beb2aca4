"""No payload crashes the normalizer or yields a row that Postgres refuses: looked for by hypothesis."""

from collections.abc import Iterator
from typing import Any

import hostile
import orjson
import pytest
from amounts import scaled
from hypothesis import given, settings
from hypothesis import strategies as st
from shopify_records import SEEN, customer, product, refunded_order

from storelink.connectors.protocol import Rejection, Rows
from storelink.connectors.shopify.connector import CONNECTOR
from storelink.connectors.shopify.normalize import normalize
from storelink.db import Database

RECORDS = {"orders": refunded_order, "products": product, "customers": customer}
SPECIAL: list[Any] = [
    *hostile.SPECIAL, "#", 2, "450789469", "USD", "CAD", "REFUND", "SUCCESS",
    "0000-00-00T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-06-30T13:24:58",
    "2026-06-30", "99999-01-01T00:00:00Z",
    "gid://shopify/Order/7", "gid://shopify/Product/7", "gid://shopify/Order/7?x=1", "gid://shopify/Order/٣",
    "gid://shopify/Order/-1", "gid://shopify/Order/" + "9" * 30,
    {"nodes": []}, {"edges": [{"node": {}}]}, {"shopMoney": {}},
    {"shopMoney": {"amount": "1.0", "currencyCode": "USD"}}, {"shopMoney": "USD"},
    {"shopMoney": {"amount": "1.0", "currencyCode": ["USD"]}},
]  # fmt: skip
UNREAD = {
    "billingAddress", "currentTotalPriceSet", "customAttributes", "options", "orderAdjustments",
    "originalTotalPriceSet", "parentTransaction", "presentmentMoney", "refundShippingLines",
    "shippingAddress", "totalOutstandingSet", "totalReceivedSet", "totalRefundedSet", "totalShippingPriceSet",
}  # fmt: skip
"""What is inside these goes nearly all into JSON columns only; hypothesis looks there, too."""
KINDS = {"orders": "Order", "products": "Product", "customers": "Customer"}
junk = hostile.junk_of(SPECIAL)


def check_outcome(resource: str, raw: dict[str, Any]) -> None:
    rows = hostile.check_outcome(CONNECTOR, resource, raw, SEEN)
    for item in rows.items if rows else ():
        assert item.quantity >= 0 and item.current_quantity >= 0 and item.refunded_quantity >= 0


@pytest.mark.parametrize("resource", RECORDS)
@settings(max_examples=scaled(100, 1000), deadline=None)
@given(data=st.data())
def test_a_spoilt_record_becomes_rows_or_is_refused(resource: str, data: st.DataObject) -> None:
    check_outcome(resource, data.draw(hostile.broken(RECORDS[resource](), junk)))


@pytest.mark.parametrize("resource", RECORDS)
@settings(max_examples=scaled(70, 500), deadline=None)
@given(
    raw=st.dictionaries(
        st.text(max_size=8) | st.sampled_from(["id", "updatedAt", "totalPriceSet", "variants"]),
        junk,
        max_size=6,
    )
)
def test_any_object_becomes_rows_or_is_refused(resource: str, raw: dict[str, Any]) -> None:
    check_outcome(resource, raw)


@settings(max_examples=scaled(50, 300), deadline=None)
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
    number, made = 10**6, orjson.dumps(RECORDS[resource]())
    for path in hostile.worth_spoiling(RECORDS[resource](), UNREAD):
        for value in [*SPECIAL, hostile.UNSPEAKABLE, ...]:
            number += 1
            raw: dict[str, Any] = orjson.loads(made)  # ten times faster than a deep copy
            raw["id"] = f"gid://shopify/{KINDS[resource]}/{number}"
            for place, variant in enumerate(raw.get("variants", ())):
                variant["id"] = f"gid://shopify/ProductVariant/{number}{place}"
            for refund in raw.get("refunds", ()):
                refund["id"] = f"gid://shopify/Refund/{number}"
            hostile.replaced(raw, path, value)
            yield raw


@pytest.mark.parametrize("resource", RECORDS)
def test_each_field_with_each_kind_of_junk(resource: str) -> None:
    for raw in every_spoilt(resource):
        check_outcome(resource, raw)


@pytest.mark.parametrize("resource", RECORDS)
def test_postgres_takes_every_row_that_comes_out(resource: str, database: Database) -> None:
    raws = list(every_spoilt(resource))
    with hostile.writing(database, CONNECTOR, resource, SEEN) as write:
        written = sum(write(raws[first : first + 300]) for first in range(0, len(raws), 300))
    assert written > len(raws) / 4, "most of it harms nothing"
