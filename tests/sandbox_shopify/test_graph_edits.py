"""The back office: which dates an edit moves, and what becomes of the sums (facts §4, §6, §11)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from shopify_graph import Asker, make_asker

from storelink.sandbox.clock import Clock
from storelink.sandbox.shop import Plan, make_shop
from storelink.sandbox.shopify.churn import churn
from storelink.sandbox.shopify.ids import gid
from storelink.sandbox.shopify.site import Site
from storelink.sandbox.shopify.store import Store

MONEY = "{ shopMoney { amount } }"
ORDER = (
    "query($id: ID!) { order(id: $id) { updatedAt edited test cancelledAt displayFinancialStatus"
    " displayFulfillmentStatus returnStatus"
    f" totalPriceSet {MONEY} originalTotalPriceSet {MONEY} currentTotalPriceSet {MONEY}"
    f" totalRefundedSet {MONEY} totalReceivedSet {MONEY} totalOutstandingSet {MONEY} customer {{ id }}"
    " lineItems(first: 250) { nodes { id sku quantity currentQuantity product { id } variant { id } } }"
    f" transactions {{ kind status amountSet {MONEY} parentTransaction {{ id }} }}"
    f" refunds {{ id totalRefundedSet {MONEY} refundLineItems(first: 50) {{ nodes {{ quantity restockType"
    f" subtotalSet {MONEY} totalTaxSet {MONEY} lineItem {{ id }} }} }}"
    f" orderAdjustments(first: 5) {{ nodes {{ reason amountSet {MONEY} }} }}"
    " transactions(first: 5) { nodes { id status } } } } }"
)


@pytest.fixture
def shop() -> Iterator[Asker]:
    asker = make_asker(orders=40, products=12, customers=12)
    asker.store.clock.hold()
    yield asker
    asker.store.close()


def order(shop: Asker, number: int) -> dict[str, Any]:
    found: dict[str, Any] = shop.ask(ORDER, id=gid("Order", number))["order"]
    return found


def sums(found: dict[str, Any]) -> dict[str, Decimal]:
    return {
        name.removesuffix("Set"): Decimal(value["shopMoney"]["amount"])
        for name, value in found.items()
        if name.endswith("Set")
    }


def sale(shop: Asker, **fields: Any) -> int:
    lines = [{"title": "A", "price": "10.00", "quantity": 3}, {"title": "B", "price": "4.00"}]
    number: int = shop.edits.orders.create_order(lines, **fields)["id"]
    return number


def test_a_removed_line_keeps_its_quantity(shop: Asker) -> None:
    number = sale(shop)
    before = order(shop, number)
    line = shop.edits.record("orders", number)["_lines"][0]["id"]
    shop.store.clock.advance(10)
    shop.edits.orders.remove_line(number, line, 2)
    after = order(shop, number)
    first = after["lineItems"]["nodes"][0]
    assert (first["quantity"], first["currentQuantity"], after["edited"]) == (3, 1, True)
    assert sums(after)["originalTotalPrice"] == sums(before)["totalPrice"]
    assert sums(after)["totalPrice"] == sums(after)["currentTotalPrice"] < sums(before)["totalPrice"]
    assert sums(after)["totalOutstanding"] < 0
    assert after["updatedAt"] > before["updatedAt"]


def test_a_refund_of_pieces(shop: Asker) -> None:
    number = sale(shop)
    line = shop.edits.record("orders", number)["_lines"][0]["id"]
    shop.store.clock.advance(10)
    shop.edits.orders.add_refund(number, lines=[{"id": line, "quantity": 1}], reason="broken")
    found = order(shop, number)
    (refund,) = found["refunds"]
    (part,) = refund["refundLineItems"]["nodes"]
    assert (part["quantity"], part["restockType"], part["lineItem"]["id"]) == (
        1,
        "CANCEL",
        gid("LineItem", line),
    )
    assert (
        Decimal(refund["totalRefundedSet"]["shopMoney"]["amount"])
        == sums(part)["subtotal"] + sums(part)["totalTax"]
    )
    assert refund["orderAdjustments"]["nodes"] == []
    assert found["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert sums(found)["currentTotalPrice"] == sums(found)["totalPrice"] - sums(found)["totalRefunded"]
    assert found["lineItems"]["nodes"][0]["currentQuantity"] == 2
    with pytest.raises(ValueError, match="pieces to refund"):
        shop.edits.orders.add_refund(number, lines=[{"id": line, "quantity": 3}])


def test_a_refund_of_money_alone_is_an_adjustment(shop: Asker) -> None:
    number = sale(shop)
    shop.edits.orders.add_refund(number, "5.00")
    (refund,) = order(shop, number)["refunds"]
    (adjustment,) = refund["orderAdjustments"]["nodes"]
    assert (adjustment["reason"], Decimal(adjustment["amountSet"]["shopMoney"]["amount"])) == (
        "REFUND_DISCREPANCY",
        -5,
    )
    with pytest.raises(ValueError, match="cents to refund"):
        shop.edits.orders.add_refund(number, "500.00")


def test_a_pending_refund_has_moved_no_money(shop: Asker) -> None:
    number = sale(shop)
    refund = shop.edits.orders.add_refund(number, "5.00", status="PENDING")
    assert order(shop, number)["displayFinancialStatus"] == "PAID"
    assert sums(order(shop, number)["refunds"][0])["totalRefunded"] == 0
    shop.store.clock.advance(5)
    shop.edits.orders.settle_transaction(number, refund["_transactions"][0], "SUCCESS")
    assert order(shop, number)["displayFinancialStatus"] == "PARTIALLY_REFUNDED"


def test_a_cancellation_takes_everything_back(shop: Asker) -> None:
    number = sale(shop)
    total = sums(order(shop, number))["totalPrice"]
    shop.edits.orders.cancel_order(number, "INVENTORY")
    found = order(shop, number)
    assert found["cancelledAt"]
    assert found["displayFinancialStatus"] == "REFUNDED"
    assert (sums(found)["totalPrice"], sums(found)["currentTotalPrice"]) == (total, 0)
    assert {line["currentQuantity"] for line in found["lineItems"]["nodes"]} == {0}


def test_an_exchange(shop: Asker) -> None:
    number = sale(shop)
    line = shop.edits.record("orders", number)["_lines"][0]["id"]
    variant = shop.ids("variants")[0]
    shop.edits.orders.exchange(number, line, variant)
    found = order(shop, number)
    assert found["returnStatus"] == "RETURNED"
    assert found["lineItems"]["nodes"][0]["currentQuantity"] == 2
    assert found["lineItems"]["nodes"][-1]["variant"]["id"] == gid("ProductVariant", variant)
    assert sums(found)["totalRefunded"] == 0


def test_a_deleted_product_leaves_its_lines_behind(shop: Asker) -> None:
    variant = shop.edits.record("variants", shop.ids("variants")[0])
    number = shop.edits.orders.create_order([{"variant": variant["id"]}])["id"]
    before = order(shop, number)
    shop.store.clock.advance(60)
    shop.edits.delete("products", variant["_product"])
    after = order(shop, number)
    (line,) = after["lineItems"]["nodes"]
    assert (line["product"], line["variant"], line["sku"]) == (None, None, variant["sku"])
    assert after["updatedAt"] == before["updatedAt"]
    events = shop.ask(
        'query { events(first: 50, sortKey: CREATED_AT, query: "action:destroy AND subject_type:PRODUCT") {'
        " nodes { action createdAt"
        " ... on BasicEvent { subjectId subjectType message } } } }"
    )["events"]["nodes"]
    assert [event["subjectId"] for event in events] == [gid("Product", variant["_product"])]
    assert (
        shop.ask("query($id: ID!) { product(id: $id) { id } }", id=gid("Product", variant["_product"]))[
            "product"
        ]
        is None
    )


def test_a_variant_stamps_its_product(shop: Asker) -> None:
    variant = shop.edits.record("variants", shop.ids("variants")[0])
    before = shop.edits.record("products", variant["_product"])["updatedAt"]
    shop.edits.edit_variation(variant["id"], price="99.00", inventoryQuantity=3, tracked=True)
    owner = shop.edits.record("products", variant["_product"])
    assert owner["updatedAt"] > before
    data = shop.ask("query($id: ID!) { productVariant(id: $id) { price inventoryItem { tracked } } }",
                    id=gid("ProductVariant", variant["id"]))["productVariant"]  # fmt: skip
    assert (data["price"], data["inventoryItem"]["tracked"]) == ("99.00", True)
    shop.store.clock.advance(5)
    shop.edits.orders.create_order([{"variant": variant["id"], "quantity": 2}])
    assert shop.edits.record("variants", variant["id"])["inventoryQuantity"] == 1
    assert shop.edits.record("products", variant["_product"])["updatedAt"] > owner["updatedAt"]


def test_a_product_is_never_without_variants(shop: Asker) -> None:
    product = shop.edits.create_product("Lonely", price="3.00")["id"]
    (only,) = shop.store.variants_of(product)
    with pytest.raises(ValueError, match="the last of its product"):
        shop.edits.delete("variants", only)
    named = [shop.edits.create_variation(product, label, price="4.00")["id"] for label in "SM"]
    assert shop.store.variants_of(product) == named
    shop.edits.delete("variations", named[0])
    text = "query($id: ID!) { product(id: $id) { hasOnlyDefaultVariant options { name values } } }"
    found = shop.ask(text, id=gid("Product", product))["product"]
    assert found == {"hasOnlyDefaultVariant": False, "options": [{"name": "Size", "values": ["M"]}]}


def test_customers(shop: Asker) -> None:
    kept, gone = (
        shop.edits.create_customer(firstName=name, address={"city": "Berlin"})["id"] for name in "AB"
    )
    number = sale(shop, customer=gone)
    with pytest.raises(ValueError, match="has orders"):
        shop.edits.delete("customers", gone)
    shop.store.clock.advance(5)
    shop.edits.merge_customers(kept, gone)
    assert order(shop, number)["customer"]["id"] == gid("Customer", kept)
    text = "query($id: ID!) { customer(id: $id) { firstName numberOfOrders"
    text += " amountSpent { amount } addressesV2(first: 9) { nodes { id } } } }"
    assert shop.ask(text, id=gid("Customer", gone))["customer"] is None
    found = shop.ask(text, id=gid("Customer", kept))["customer"]
    assert (found["numberOfOrders"], len(found["addressesV2"]["nodes"])) == ("1", 2)
    shop.edits.redact_customer(kept)
    assert shop.ask(text, id=gid("Customer", kept))["customer"]["firstName"] is None


def test_silent_edits_and_stamps(shop: Asker) -> None:
    number = shop.ids("orders")[3]
    before = order(shop, number)["updatedAt"]
    shop.edits.set_field_silently("orders", number, note="psst")
    assert order(shop, number)["updatedAt"] == before
    shop.edits.stamp("orders", [number], "2026-11-21T07:58:11Z")
    assert order(shop, number)["updatedAt"] == "2026-11-21T07:58:11Z"
    for wrong in ({"totalPriceSet": 5}, {"colour": "red"}):
        with pytest.raises(ValueError, match="no "):
            shop.edits.orders.edit_order(number, **wrong)


def test_a_shop_of_another_currency() -> None:
    store = Store(Site(currency="EUR"), Clock())
    store.fill(make_shop(Plan(orders=200, products=10, customers=10)))
    docs = list(store.docs("orders", store.drawers["orders"].rows))
    assert {doc["currencyCode"] for doc in docs} == {"EUR"}
    assert all((doc["_rate"] == 1_000) == (doc["presentmentCurrencyCode"] == "EUR") for doc in docs)
    store.close()


def test_a_roll_back_gives_ids_out_again(shop: Asker) -> None:
    shop.edits.back_up()
    first = sale(shop)
    shop.edits.roll_back()
    assert first not in shop.ids("orders")
    assert sale(shop) == first


@pytest.mark.parametrize("seed", range(4))
def test_churn_is_the_same_for_the_same_seed_and_keeps_sums_right(seed: int) -> None:
    told = []
    for _ in range(2):
        asker = make_asker(orders=30, products=10, customers=10)
        asker.store.clock.hold(1_795_000_000)
        told.append((churn(asker.edits, seed, 120), asker.edits.truth()))
        for number in asker.ids("orders"):
            found = order(asker, number)
            money = sums(found)
            if not found["cancelledAt"] and not found["edited"]:
                assert money["currentTotalPrice"] == money["totalPrice"] - money["totalRefunded"]
            assert money["totalRefunded"] <= money["totalReceived"]
            for line in found["lineItems"]["nodes"]:
                assert 0 <= line["currentQuantity"] <= line["quantity"]
        asker.store.close()
    assert told[0] == told[1]


def test_every_kind_of_order_is_in_the_shop() -> None:
    asker = make_asker(orders=700, products=20, customers=30)
    docs = asker.edits.records("orders")
    statuses = {doc["displayFinancialStatus"] for doc in docs}
    assert {"PAID", "PENDING", "AUTHORIZED", "VOIDED", "REFUNDED", "PARTIALLY_REFUNDED"} <= statuses
    assert any(doc["test"] for doc in docs)
    assert any(doc["_customer"] is None for doc in docs)
    assert any(doc["presentmentCurrencyCode"] != "USD" for doc in docs)
    assert any(not doc["_lines"] for doc in docs)
    assert any(line["_product"] is None for doc in docs for line in doc["_lines"])
    assert any(refund["_transactions"] == [] for doc in docs for refund in doc["_refunds"])
    for doc in docs:
        if not doc["cancelledAt"]:
            assert doc["currentTotalPriceSet"] == doc["totalPriceSet"] - doc["totalRefundedSet"]
    asker.store.close()
