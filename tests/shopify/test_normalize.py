"""From raw records to rows, whole, and back again."""

import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionSetNode, parse
from shopify_records import (
    SEEN,
    customer,
    item,
    order,
    product,
    refund,
    refund_line,
    refunded_order,
    shipping,
    simple_product,
    transaction,
    variant,
)

from storelink.connectors.protocol import Rejection, Rows
from storelink.connectors.rows import CustomerRow, ItemRow, OrderRow
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.normalize import NORMALIZER_VERSION, normalize, rebuild

RECORDS = {
    "order": ("orders", order),
    "refunded order": ("orders", refunded_order),
    "product": ("products", product),
    "simple product": ("products", simple_product),
    "customer": ("customers", customer),
}


def rows_of(resource: str, raw: Any, settings: Any = SEEN) -> Rows:
    found = normalize(resource, raw, settings)
    assert isinstance(found, Rows), found
    return found


def test_an_order_field_by_field() -> None:
    raw = order()
    rows = rows_of("orders", raw)
    changed = datetime(2026, 7, 2, 8, 0, 2, tzinfo=UTC)
    assert (rows.id, rows.version, rows.parts, rows.refunds) == ("450789469", changed, (), [])
    assert (rows.trashed, rows.partial, rows.withheld) == (False, False, frozenset())
    [row] = rows.orders
    texts = ("shipping_address", "billing_address", "line_items", "metadata")
    assert row._replace(**dict.fromkeys(texts, "")) == OrderRow(
        order_id="450789469",
        order_number="1001",
        customer_id="61",
        email="ann@example.com",
        status="open",
        financial_status="paid",
        fulfillment_status="unfulfilled",
        platform_status="open",
        total_amount=Decimal("45.1"),
        subtotal_amount=Decimal(36),
        tax_amount=Decimal("4.1"),
        shipping_amount=Decimal(5),
        discount_amount=Decimal(7),
        fee_amount=Decimal(0),
        refunded_amount=Decimal(0),
        current_total_amount=Decimal("45.1"),
        currency="USD",
        presentment_currency="USD",
        presentment_total_amount=Decimal("45.1"),
        shipping_address="",
        billing_address="",
        line_items="",
        metadata="",
        created_at=datetime(2026, 6, 30, 13, 24, 58, tzinfo=UTC),
        source_updated_at=changed,
        cancelled_at=None,
    )
    kept = {name: json.loads(getattr(row, name)) for name in texts}
    assert kept["shipping_address"] == raw["shippingAddress"]
    assert kept["billing_address"] == raw["billingAddress"]
    assert kept["line_items"] == raw.pop("lineItems")
    assert kept["metadata"] == raw
    assert rows.items == [
        ItemRow(
            order_id="450789469",
            item_id="11",
            sku="SHIRT-RED-L",
            product_id="71",
            variant_id="81",
            title="Shirt - Red / L",
            quantity=Decimal(2),
            current_quantity=Decimal(2),
            refunded_quantity=Decimal(0),
            price=Decimal(20),
            total_amount=Decimal(36),
            tax_amount=Decimal("3.6"),
            discount_amount=Decimal(4),
        )
    ]


def test_a_customer_field_by_field() -> None:
    raw = customer()
    rows = rows_of("customers", raw)
    changed = datetime(2026, 6, 30, 13, 24, 59, tzinfo=UTC)
    assert (rows.id, rows.version, rows.parts, rows.partial) == ("61", changed, None, False)
    [row] = rows.customers
    assert json.loads(row.metadata) == raw
    assert json.loads(row.default_address or "") == raw["defaultAddress"]
    assert row._replace(metadata="", default_address="") == CustomerRow(
        customer_id="61",
        email="ann@example.com",
        name="Ann Lee",
        phone="+16135550100",
        default_address="",
        metadata="",
        source_created_at=datetime(2025, 12, 24, 18, 0, tzinfo=UTC),
        source_updated_at=changed,
    )


def test_a_customer_of_whom_little_is_known() -> None:
    """Phone-only customers have no e-mail, and Shopify would show their number as their name."""
    raw = customer(
        firstName=None, lastName="Lee", defaultEmailAddress=None, defaultAddress=None, addresses=[]
    )
    [row] = rows_of("customers", raw).customers
    assert (row.email, row.name, row.default_address) == (None, "Lee", None)
    bare = dict.fromkeys(customer()["defaultAddress"]) | {
        "id": "gid://shopify/MailingAddress/95",
        "phone": "+1",
    }
    [row] = rows_of("customers", customer(defaultAddress=bare)).customers
    assert row.default_address is None
    nobody = customer(firstName="", lastName=None, defaultPhoneNumber=None)
    [row] = rows_of("customers", nobody).customers
    assert (row.name, row.phone) == (None, None)


def test_a_customer_read_without_the_addresses_is_refused() -> None:
    for spoilt in (None, {"nodes": []}):
        found = normalize("customers", customer(addresses=spoilt), SEEN)
        assert isinstance(found, Rejection) and found.id == "61" and "addresses" in found.error


# -- the records are what the fragments ask for ----------------------------------------------------


def asked_for(name: str) -> dict[str, Any]:
    """The fields of a fragment, those of other fragments in their places."""
    found = {
        definition.name.value: definition.selection_set
        for definition in parse(queries.load(name)).definitions
        if isinstance(definition, FragmentDefinitionNode)
    }

    def fields(selections: SelectionSetNode) -> dict[str, Any]:
        wanted: dict[str, Any] = {}
        for node in selections.selections:
            if isinstance(node, FragmentSpreadNode):
                wanted |= fields(found[node.name.value])
            elif isinstance(node, FieldNode):
                wanted[node.name.value] = fields(node.selection_set) if node.selection_set else None
        return wanted

    return fields(next(iter(found.values())))


def check_shape(raw: Any, wanted: dict[str, Any] | None, where: str) -> None:
    if isinstance(raw, list):
        for part in raw:
            check_shape(part, wanted, where)
    elif raw is not None and wanted is not None:
        assert set(raw) == set(wanted), where
        for name, part in raw.items():
            check_shape(part, wanted[name], f"{where}.{name}")


@pytest.mark.parametrize(
    ("fragment", "raw", "lists"),
    [
        ("order_fields", order(), {"lineItems", "shippingLines", "refunds"}),
        ("line_item_fields", item(), set()),
        ("shipping_line_fields", shipping(), set()),
        ("transaction_fields", transaction(41, "SALE", "1"), set()),
        (
            "refund_fields",
            refund(),
            {"refundLineItems", "refundShippingLines", "orderAdjustments", "transactions"},
        ),
        ("refund_line_item_fields", refund_line(), set()),
        ("product_fields", product(), {"variants"}),
        ("variant_fields", variant(), set()),
        ("customer_fields", customer(), {"addresses"}),
        ("customer_address_fields", customer()["defaultAddress"], set()),
    ],
)
def test_the_records_have_the_fields_of_the_fragments(fragment: str, raw: Any, lists: set[str]) -> None:
    """Otherwise these tests would speak of something else than what is read."""
    kept = {name: _shop_only(part) for name, part in raw.items() if name not in lists}
    check_shape(kept, _shop_only(asked_for(fragment)), fragment)


def _shop_only(value: Any) -> Any:
    """Amounts without the customer's side, which some fragments leave out."""
    if isinstance(value, dict):
        return {name: _shop_only(part) for name, part in value.items() if name != "presentmentMoney"}
    return [_shop_only(part) for part in value] if isinstance(value, list) else value


# -- purity ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECORDS)
def test_case_32_the_same_record_read_twice_is_the_same_rows(name: str) -> None:
    resource, make = RECORDS[name]
    raw = make()
    before = copy.deepcopy(raw)
    once = rows_of(resource, raw)
    assert raw == before, "the record is left as it is"
    other_order = json.loads(json.dumps(dict(reversed(raw.items()))))
    assert rows_of(resource, other_order) == once


@pytest.mark.parametrize("name", RECORDS)
def test_rows_can_be_made_again_from_what_was_stored(name: str) -> None:
    resource, make = RECORDS[name]
    rows = rows_of(resource, make())
    table = getattr(rows, resource)
    stored = [
        {
            column: json.loads(value) if column in ("metadata", "line_items") else value
            for column, value in row._asdict().items()
        }
        for row in table
    ]
    assert rows_of(resource, rebuild(resource, stored)) == rows
    assert rebuild(resource, []) == {}


def test_what_is_no_record_is_refused() -> None:
    junk: Any
    for junk in (None, [], "order", 7):
        assert normalize("orders", junk, SEEN) == Rejection(
            None, f"the record is no JSON object: {type(junk).__name__}"
        )
    assert normalize("orders", {}, SEEN) == Rejection(None, "id is no id of Order: None")


def test_the_id_of_a_refused_record_is_told_if_there_is_one() -> None:
    for said in ("gid://shopify/Order/7", "gid://shopify/Product/7", "7", 7):
        found = normalize("orders", {"id": said}, SEEN)
        assert isinstance(found, Rejection) and found.id == "7"


def test_a_record_nested_without_end_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    found = normalize("orders", order() | {"customAttributes": deep}, SEEN)
    assert isinstance(found, Rejection) and "nested" in found.error


def test_the_version_is_a_number() -> None:
    assert NORMALIZER_VERSION >= 1
