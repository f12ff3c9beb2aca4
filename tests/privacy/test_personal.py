"""What is blanked of a raw record: a person put wherever one may stand is nowhere afterwards."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
import shopify_records
from recording import recorded

from storelink.connectors.personal import personal_of
from storelink.connectors.protocol import Connector, Rows
from storelink.connectors.shopify.connector import CONNECTOR as SHOPIFY
from storelink.connectors.woocommerce.connector import CONNECTOR as WOO

TRACE = "Zebulon"
SETTINGS = {"currency": "USD", "protected": {"personal": "granted", "Customer": "granted"}}
PERSONAL = {
    "email", "phone", "note", "first_name", "last_name", "company", "address_1", "address_2", "city",
    "postcode", "state", "username", "avatar_url", "customer_note", "customer_ip_address",
    "customer_user_agent", "reason", "order_key", "transaction_id", "payment_url", "firstName",
    "lastName", "address1", "address2", "zip", "tags", "province", "poNumber", "confirmationNumber",
    "customerLocale", "formattedGateway", "emailAddress", "phoneNumber", "locale", "code",
    "display_value", "display_key", "value", "payment_method_title", "customAttributes", "discountCodes"
}  # fmt: skip
"""Keys in which a person, or a plugin that knows one, may have written."""


def haunted(value: Any, key: str = "") -> Any:  # noqa: PLR0911
    """The record with the person's name in all of these."""
    if isinstance(value, dict):
        if value.get("key") in ("_refunded_item_id", "_wp_trash_meta_status"):
            return value
        if "price" in value or "method_id" in value or "title" in value:  # of goods and of shipping
            return {name: one if name == "code" else haunted(one, name) for name, one in value.items()}
        made = {name: haunted(one, name) for name, one in value.items()}
        return made | {"plugin_data": {"of": TRACE}, "_plugin": f"{TRACE}@example.test"}
    if isinstance(value, list):
        if key in PERSONAL:
            return [TRACE]
        return [haunted(one, key) for one in value]
    if key == "state" and value == "ENABLED":
        return value
    return TRACE if key in PERSONAL and (value is None or isinstance(value, str)) else value


def woo(name: str) -> Any:
    found = recorded(name).json
    return found[0] if isinstance(found, list) else found


RECORDS: list[tuple[str, Connector, str, Any]] = [
    ("woo order", WOO, "orders", woo("order-full-with-refunds.json")),
    ("woo rich order", WOO, "orders", woo("order-create-rich.json.txt")),
    ("woo trashed order", WOO, "orders", woo("order-delete-trash.json.txt")),
    ("woo customer", WOO, "customers", woo("customer-full.json.txt")),
    ("shopify order", SHOPIFY, "orders", shopify_records.order()),
    ("shopify refunded order", SHOPIFY, "orders", shopify_records.refunded_order()),
    ("shopify customer", SHOPIFY, "customers", shopify_records.customer()),
]
each = pytest.mark.parametrize(
    "connector, resource, raw", [one[1:] for one in RECORDS], ids=[one[0] for one in RECORDS]
)


def normalized(connector: Connector, resource: str, raw: Any) -> Rows:
    rows = connector.normalize(resource, copy.deepcopy(raw), SETTINGS)
    assert isinstance(rows, Rows), rows
    return rows


def amounts(rows: Rows) -> list[Any]:
    kinds = (*rows.orders, *rows.items, *rows.refunds)
    return [[one for one in row if isinstance(one, Decimal)] for row in kinds]


@each
def test_nothing_of_the_person_is_left(connector: Connector, resource: str, raw: Any) -> None:
    rows = normalized(connector, resource, haunted(raw))
    assert TRACE in repr(rows), "or the test proves nothing"
    blank = personal_of(connector).blank(rows)
    assert TRACE not in repr((blank.orders, blank.customers, blank.refunds))
    for row in (*blank.orders, *blank.customers):
        assert row.email is None


@each
def test_what_was_bought_and_paid_stays(connector: Connector, resource: str, raw: Any) -> None:
    rows = normalized(connector, resource, raw)
    blank = personal_of(connector).blank(rows)
    for name in ("id", "version", "parts", "trashed"):
        assert getattr(blank, name) == getattr(rows, name)
    assert amounts(blank) == amounts(rows) and blank.items == rows.items


@each
def test_blanking_twice_is_blanking_once(connector: Connector, resource: str, raw: Any) -> None:
    once = personal_of(connector).blank(normalized(connector, resource, raw))
    assert personal_of(connector).blank(once) == once


@each
def test_rows_can_still_be_made_of_what_is_left(connector: Connector, resource: str, raw: Any) -> None:
    """So a newer normalizer, and the fingerprint, come to what the next read comes to."""
    blank = personal_of(connector).blank(normalized(connector, resource, raw))
    [row] = blank.orders or blank.customers
    stored = {
        name: json.loads(value) if name in ("metadata", "line_items") else value
        for name, value in row._asdict().items()
    }
    again = normalized(connector, resource, connector.rebuild(resource, [stored]))
    assert personal_of(connector).blank(again) == blank
