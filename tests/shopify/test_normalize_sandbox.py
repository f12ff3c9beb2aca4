"""Rows of what a whole shop answers to the documents that are really sent."""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from graphql import DocumentNode
from shopify_records import SEEN

from storelink.connectors.protocol import Rows
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.normalize import normalize, rebuild
from storelink.connectors.shopify.unseen import CUSTOMER_PERSONAL, ORDER_PERSONAL
from storelink.sandbox.clock import Clock
from storelink.sandbox.shop import Plan, make_shop
from storelink.sandbox.shopify.churn import churn
from storelink.sandbox.shopify.context import Context
from storelink.sandbox.shopify.edits import Edits
from storelink.sandbox.shopify.graph import Graph
from storelink.sandbox.shopify.site import Site
from storelink.sandbox.shopify.store import Store

VERSIONS = ("2026-07", "2026-10")
TYPES = {"orders": "Order", "products": "Product", "customers": "Customer"}
CENT = Decimal("0.01")


def flat(answer: Any) -> Any:
    """Connections as plain lists of their nodes, as the reader hands records on."""
    if isinstance(answer, dict):
        if "nodes" in answer:
            assert not answer["pageInfo"]["hasNextPage"], "the shops of this test are small"
            return flat(answer["nodes"])
        return {name: flat(part) for name, part in answer.items()}
    return [flat(part) for part in answer] if isinstance(answer, list) else answer


class Shop:
    """A shop in this process."""

    def __init__(self, version: str = "2026-10", orders: int = 120) -> None:
        self.store = Store(Site(), Clock())
        self.store.fill(make_shop(Plan(orders=orders, products=25, customers=30)))
        self.edits = Edits(self.store)
        self.graph = Graph(self.store, version)

    def raw(self, resource: str, ids: list[int], context: Context | None = None) -> list[Any]:
        """Records as the reader's documents give them."""
        document = self._document(f"{TYPES[resource].lower()}_nodes")
        gids = [f"gid://shopify/{TYPES[resource]}/{number}" for number in ids]
        answer = self.graph.execute(document, None, {"ids": gids, "lines": 250}, context or Context())
        assert "errors" not in answer, answer["errors"]
        found: list[Any] = flat(answer["data"]["nodes"])
        return found

    @cache  # noqa: B019
    def _document(self, name: str) -> DocumentNode:
        document = self.graph.validate(queries.load(name))
        assert isinstance(document, DocumentNode), document
        return document

    def all(self, resource: str) -> Iterator[tuple[Any, Rows]]:
        """Every record with its rows."""
        ids = list(self.store.drawers[resource].rows)
        for first in range(0, len(ids), 100):
            for raw in self.raw(resource, ids[first : first + 100]):
                yield raw, rows_of(resource, raw)

    def order(self, number: int) -> Rows:
        return rows_of("orders", self.raw("orders", [number])[0])

    def sale(self, *prices: str, quantity: int = 2) -> int:
        """A new order of these things, paid."""
        lines = [{"price": price, "quantity": quantity} for price in prices]
        number: int = self.edits.orders.create_order(lines)["id"]
        return number

    def lines_of(self, order: int) -> list[int]:
        return [int(item.item_id) for item in self.order(order).items]


def rows_of(resource: str, raw: Any, settings: Any = SEEN) -> Rows:
    found = normalize(resource, raw, settings)
    assert isinstance(found, Rows), found
    return found


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.store.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_shop_that_was_worked_in_becomes_rows_whole(version: str) -> None:
    shop = Shop(version)
    churn(shop.edits, 5, 150)
    kinds = set()
    for raw, rows in shop.all("orders"):
        row = rows.orders[0]
        kinds.add((row.status, row.financial_status))
        parts = (row.subtotal_amount, row.shipping_amount, row.tax_amount, row.fee_amount)
        assert sum(part or 0 for part in parts) == row.total_amount
        assert abs(sum(item.total_amount for item in rows.items) - (row.subtotal_amount or 0)) < CENT
        assert abs(sum(item.discount_amount for item in rows.items) - (row.discount_amount or 0)) < CENT
        assert row.refunded_amount == sum(refund.amount for refund in rows.refunds)
        shown = Decimal(raw["currentTotalPriceSet"]["shopMoney"]["amount"])
        assert row.current_total_amount == shown or row.cancelled_at, "nobody had paid, see OTHERWISE"
        for line, item in zip(raw["lineItems"], rows.items, strict=True):
            removed = item.quantity - item.current_quantity - item.refunded_quantity
            assert removed >= 0 and (removed == 0 or raw["edited"]), line
    assert kinds >= {("open", "paid"), ("completed", "paid"), ("cancelled", "voided")}
    for resource in ("products", "customers"):
        for raw, rows in shop.all(resource):
            stored = [{"metadata": json.loads(row.metadata)} for row in getattr(rows, resource)]
            assert rows_of(resource, rebuild(resource, stored)) == rows
            assert raw["id"].endswith(f"/{rows.id}")
    shop.store.close()


def test_an_order_edited_down(shop: Shop) -> None:
    number = shop.sale("10.00", "7.00")
    first, second = shop.lines_of(number)
    before = shop.order(number).orders[0]
    shop.edits.orders.remove_line(number, first, 1)
    shop.edits.orders.remove_line(number, second)
    rows = shop.order(number)
    kept, gone = rows.items
    assert (kept.quantity, kept.current_quantity, kept.refunded_quantity, kept.total_amount) == (2, 1, 0, 10)
    assert (gone.quantity, gone.current_quantity, gone.refunded_quantity, gone.total_amount) == (2, 0, 0, 0)
    row = rows.orders[0]
    assert (before.subtotal_amount, row.subtotal_amount) == (34, 10)
    assert row.total_amount == row.current_total_amount
    assert abs(row.total_amount - 10 - kept.tax_amount) < CENT, "the store rounds each sum, we each share"
    assert row.refunded_amount == 0


def test_an_exchange(shop: Shop) -> None:
    number = shop.sale("10.00", quantity=1)
    [line] = shop.lines_of(number)
    variant = next(iter(shop.store.drawers["variants"].rows))
    shop.edits.orders.exchange(number, line, variant)
    rows = shop.order(number)
    back, instead = rows.items
    assert (back.current_quantity, back.refunded_quantity) == (0, 1)
    assert (instead.current_quantity, instead.refunded_quantity) == (1, 0)
    assert [refund.amount for refund in rows.refunds] == [0], "goods came back, money did not"
    assert rows.orders[0].refunded_amount == 0


def test_a_refund_counts_once_the_money_moved(shop: Shop) -> None:
    number = shop.sale("10.00")
    [line] = shop.lines_of(number)
    shop.edits.orders.add_refund(number, lines=[{"id": line, "quantity": 1}], status="PENDING")
    pending = shop.order(number)
    assert (pending.orders[0].refunded_amount, pending.refunds[0].amount) == (0, 0)
    assert pending.items[0].refunded_quantity == 1
    [raw] = shop.raw("orders", [number])
    transaction = int(raw["transactions"][-1]["id"].rpartition("/")[2])
    shop.edits.orders.settle_transaction(number, transaction, "SUCCESS")
    paid = shop.order(number)
    worth = 10 + pending.items[0].tax_amount / 2
    assert abs(paid.orders[0].refunded_amount - worth) < CENT
    assert paid.orders[0].refunded_amount == paid.refunds[0].amount
    assert paid.orders[0].financial_status == "partially_refunded"


def test_a_customer_in_another_currency(shop: Shop) -> None:
    made = shop.edits.orders.create_order([{"price": "10.00", "quantity": 2}], presentmentCurrencyCode="JPY")
    row = shop.order(made["id"]).orders[0]
    assert (row.currency, row.presentment_currency) == ("USD", "JPY")
    assert row.presentment_total_amount is not None
    assert row.presentment_total_amount > 50 * row.total_amount
    assert row.subtotal_amount == 20


def test_case_29_the_lines_of_a_deleted_product_lose_their_link(shop: Shop) -> None:
    made = shop.edits.create_product("Doomed", price="3.00", sku="DOOMED")
    variant = next(iter(shop.store.variants_of(made["id"])))
    number = shop.edits.orders.create_order([{"variant": variant, "sku": "DOOMED"}])["id"]
    [item] = shop.order(number).items
    assert (item.product_id, item.variant_id, item.sku) == (str(made["id"]), str(variant), "DOOMED")
    shop.edits.delete("products", made["id"])
    [item] = shop.order(number).items
    assert (item.product_id, item.variant_id, item.sku, item.total_amount) == (None, None, "DOOMED", 3)


def test_a_guest_and_a_test_order(shop: Shop) -> None:
    made = shop.edits.orders.create_order(test=True)
    [raw] = shop.raw("orders", [made["id"]])
    row = rows_of("orders", raw).orders[0]
    assert row.customer_id is None and row.email
    assert raw["test"] is True


def test_case_42_personal_data_that_we_may_not_see(shop: Shop) -> None:
    """With access to the types and not to their personal fields."""
    hidden = Context(protected="level1")
    settings = {"protected": {"personal": "withheld", "Customer": "granted", "Order": "granted"}}
    for resource, named in (("orders", ORDER_PERSONAL), ("customers", CUSTOMER_PERSONAL)):
        ids = list(shop.store.drawers[resource].rows)[:20]
        for raw in shop.raw(resource, ids, hidden):
            rows = rows_of(resource, raw, settings)
            assert rows.withheld >= named and rows.partial
            row = getattr(rows, resource)[0]
            assert row.email is None


def test_case_42_a_customer_erased_by_the_shop_is_erased_here(shop: Shop) -> None:
    made = shop.edits.create_customer(firstName="Ann", lastName="Lee")
    shop.edits.redact_customer(made["id"])
    [raw] = shop.raw("customers", [made["id"]])
    rows = rows_of("customers", raw)
    assert (rows.withheld, rows.customers[0].email, rows.customers[0].name) == (frozenset(), None, None)
