"""The graph answers the operations of the facts, by the official schemas, and refuses what it cannot."""

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from shopify_graph import Asker, make_asker, operations

from storelink.sandbox.clock import Clock
from storelink.sandbox.shop import Plan, make_shop
from storelink.sandbox.shopify.ids import gid
from storelink.sandbox.shopify.schema import VERSIONS, load_schema
from storelink.sandbox.woocommerce.site import Site as WooSite
from storelink.sandbox.woocommerce.store import Store as WooStore

OPERATIONS = operations((Path(__file__).parent / "operations.graphql").read_text())
LATER = {"Webhook", "Bulk", "Definitions", "RefundCreate", "OrderShippingAddressUpdate"}


@pytest.fixture(scope="module")
def shop() -> Iterator[Asker]:
    asker = make_asker(orders=150, products=40, customers=60)
    yield asker
    asker.store.close()


def test_a_schema_is_read_once_and_quickly() -> None:
    started = time.thread_time()
    schema = load_schema("2026-07")
    assert time.thread_time() - started < 5
    assert load_schema("2026-07") is schema
    with pytest.raises(ValueError, match="no schema of 2024-01"):
        load_schema("2024-01")


@pytest.mark.parametrize("version", VERSIONS)
def test_search_fields_and_protected_fields_come_from_the_schema(version: str) -> None:
    schema = load_schema(version)
    assert {"updated_at", "sku", "status"} <= set(schema.fields["products"])
    assert {"updated_at", "email"} <= set(schema.fields["customers"])
    assert {"name", "financial_status", "updated_at"} <= set(schema.fields["orders"])
    assert "nonsense" not in schema.fields["orders"]
    assert ("MailingAddress", "zip") in schema.protected


@pytest.mark.parametrize("name", [name for name in OPERATIONS if not any(word in name for word in LATER)])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_read_of_the_facts_is_answered(version: str, name: str) -> None:
    asker = make_asker(version, orders=15, products=10, customers=8)
    order, product, customer = (asker.ids(kind)[3] for kind in ("orders", "products", "customers"))
    refunded = next(n for n in asker.ids("orders") if asker.edits.record("orders", n)["_left"] > 500)
    asker.edits.orders.add_refund(refunded, "1.00", "late")
    ids = {"P": gid("Product", product), "C": gid("Customer", customer), "O": gid("Order", order)}
    query = "action:destroy AND subject_type:PRODUCT" if name == "DestroyEvents" else "id:>0"
    data = asker.ask(
        OPERATIONS[name],
        first=10, variantsFirst=10, lineItemsFirst=10, metafieldNamespace="custom", keys=["custom.import"],
        query=query, id=ids.get(name[0]), orderId=gid("Order", refunded), ids=list(ids.values()),
        refundLineItems=[], suggestFullRefund=True,
    )  # fmt: skip
    assert all(value is not None for value in data.values())
    asker.store.close()


def test_a_misspelt_field_is_told_as_shopify_tells_it(shop: Asker) -> None:
    errors = shop.graph.validate("{ orders(first: 1) { nodes { id totalPriceBag } } }")
    assert isinstance(errors, list)
    assert errors[0]["message"] == "Field 'totalPriceBag' doesn't exist on type 'Order'"
    assert errors[0]["extensions"]["code"] == "undefinedField"
    wrong = shop.graph.validate("{ orders(first: 1, colour: 2) { nodes { id } } }")
    assert isinstance(wrong, list)
    assert wrong[0]["extensions"]["code"] == "argumentNotAccepted"
    missing = shop.graph.validate("{ order { id } }")
    assert isinstance(missing, list)
    assert missing[0]["extensions"]["code"] == "missingRequiredArguments"
    broken = shop.graph.validate("{ orders(")
    assert isinstance(broken, list)
    assert len(broken) == 1


def test_bad_variables_are_refused(shop: Asker) -> None:
    text = "query Q($first: Int!) { orders(first: $first) { nodes { id } } }"
    answer = shop.answer(text, first="ten")
    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"
    assert "data" not in shop.answer(text)


def test_what_the_sandbox_does_not_know_is_refused_and_never_null(shop: Asker) -> None:
    order = gid("Order", shop.ids("orders")[0])
    error = shop.refused("query($id: ID!) { order(id: $id) { id risk { recommendation } } }", id=order)
    assert error["extensions"]["code"] == "NOT_IMPLEMENTED"
    assert "Order.risk" in error["message"]
    error = shop.refused("{ giftCards(first: 1) { nodes { id } } }")
    assert error["extensions"]["code"] == "NOT_IMPLEMENTED"
    error = shop.refused('{ orders(first: 1, query: "risk_level:high") { nodes { id } } }')
    assert error["extensions"]["code"] == "NOT_IMPLEMENTED"
    error = shop.refused("{ orders(first: 1, sortKey: DESTINATION) { nodes { id } } }")
    assert error["extensions"]["code"] == "NOT_IMPLEMENTED"


def test_other_parts_add_their_fields(shop: Asker) -> None:
    text = '{ bulkOperation(id: "gid://shopify/BulkOperation/1") { id status objectCount } }'
    assert shop.refused(text)["extensions"]["code"] == "NOT_IMPLEMENTED"
    shop.graph.roots["bulkOperation"] = lambda context, args: {
        "id": args["id"], "status": "RUNNING", "objectCount": "0",
    }  # fmt: skip
    try:
        assert shop.ask(text)["bulkOperation"]["status"] == "RUNNING"
    finally:
        del shop.graph.roots["bulkOperation"]


def test_money_is_written_without_zeros_that_say_nothing(shop: Asker) -> None:
    made = shop.edits.orders.create_order([{"title": "A", "price": "15.00"}], presentmentCurrencyCode="JPY")
    data = shop.ask(
        "query($id: ID!) { order(id: $id) { subtotalPriceSet { shopMoney { amount currencyCode }"
        " presentmentMoney { amount currencyCode } } } }",
        id=gid("Order", made["id"]),
    )
    both = data["order"]["subtotalPriceSet"]
    assert both["shopMoney"] == {"amount": "15.0", "currencyCode": "USD"}
    assert both["presentmentMoney"]["currencyCode"] == "JPY"
    assert Decimal(both["presentmentMoney"]["amount"]) == 2270


def test_both_sandboxes_serve_the_same_shop() -> None:
    plan = Plan(orders=150, products=40, customers=60)
    shop = make_asker(orders=150, products=40, customers=60)
    woo = WooStore(WooSite("http://x", shop.store.site.zone), Clock())
    woo.fill(make_shop(plan))
    theirs = [woo.doc("orders", number) for number in sorted(woo.drawers["orders"].rows)]
    data = shop.ask("{ orders(first: 250, sortKey: ID) { nodes { number email totalPriceSet { shopMoney {"
                    " amount } } lineItems(first: 50) { nodes { sku product { id } } } } } }")  # fmt: skip
    ours = {order["number"]: order for order in data["orders"]["nodes"]}
    found = [doc for doc in theirs if doc and int(doc["number"]) in ours]
    assert len(found) == len(ours) == sum(order.state != "draft" for order in make_shop(plan).orders())
    same = 0
    for doc in found:
        order = ours[int(doc["number"])]
        assert order["email"] == doc["billing"]["email"]
        skus = [line["sku"] or "" for line in doc["line_items"] if line["product_id"]]
        assert skus == [part["sku"] or "" for part in order["lineItems"]["nodes"] if part["product"]]
        same += Decimal(order["totalPriceSet"]["shopMoney"]["amount"]) == Decimal(doc["total"])
    assert same > 0.9 * len(found)
    people = {row.email for row in shop.store.drawers["customers"].rows.values()}
    assert people == {row.email for row in woo.drawers["customers"].rows.values()}
    woo.close()
    shop.store.close()
