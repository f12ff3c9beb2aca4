"""The mutation `orderUpdate`: the whole address is overwritten, and errors are worded as seen live."""

from collections.abc import Iterator
from typing import Any

import pytest
from shopify_graph import Asker, make_asker

from storelink.sandbox.shopify import order_update
from storelink.sandbox.shopify.context import Context
from storelink.sandbox.shopify.ids import gid

UPDATE = (
    "mutation($input: OrderInput!) { orderUpdate(input: $input) { order { id note updatedAt shippingAddress"
    " { firstName lastName address1 address2 city province provinceCode countryCodeV2 zip phone } }"
    " userErrors { field message } } }"
)
STATE = "State is not a valid state in United States"
WHOLE = {
    "firstName": "Ann", "lastName": "Lee", "address1": "1 Main St", "city": "Austin", "provinceCode": "TX",
    "countryCode": "US", "zip": "78701",
}  # fmt: skip


@pytest.fixture
def shop() -> Iterator[Asker]:
    asker = make_asker(orders=20, products=5, customers=5)
    order_update.register(asker.graph, asker.edits.orders)
    yield asker
    asker.store.close()


def update(shop: Asker, number: int, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = shop.ask(UPDATE, input={"id": gid("Order", number), **given})["orderUpdate"]
    return found


def number_of(shop: Asker) -> int:
    return next(doc["id"] for doc in shop.edits.records("orders") if doc["_shipping"])


def test_the_whole_address_is_overwritten(shop: Asker) -> None:
    number = number_of(shop)
    update(shop, number, shippingAddress={**WHOLE, "address2": "Suite 5", "phone": "+15125550100"})
    before = shop.edits.record("orders", number)
    shop.store.clock.advance(5)
    found = update(shop, number, shippingAddress=WHOLE)
    address = found["order"]["shippingAddress"]
    assert found["userErrors"] == []
    assert (address["address2"], address["phone"]) == (None, None)
    assert (address["province"], address["countryCodeV2"]) == ("Texas", "US")
    after = shop.edits.record("orders", number)
    assert after["updatedAt"] > before["updatedAt"]
    assert after["totalPriceSet"] == before["totalPriceSet"]
    assert after["_billing"] == before["_billing"]


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"lastName": ""}, ["shippingAddress", "lastName"], "Enter a last name"),
        ({"zip": None}, ["shippingAddress", "zip"], "Enter a ZIP code"),
        ({"provinceCode": "ON"}, ["shippingAddress", "province"], STATE),
        ({"provinceCode": None}, ["shippingAddress", "province"], STATE),
        ({"city": " "}, ["shippingAddress", "city"], "Enter a city"),
    ],
)  # fmt: skip
def test_a_wrong_address_changes_nothing(
    shop: Asker, change: dict[str, Any], field: list[str], message: str
) -> None:
    number = number_of(shop)
    before = shop.edits.record("orders", number)
    found = update(shop, number, shippingAddress={**WHOLE, **change})
    assert found["userErrors"] == [{"field": field, "message": message}]
    assert found["order"]["id"] == gid("Order", number)
    assert shop.edits.record("orders", number) == before


def test_other_errors(shop: Asker) -> None:
    number = number_of(shop)
    (error,) = update(shop, number)["userErrors"]
    assert error == {"field": None, "message": "No valid update parameters have been provided"}
    (error,) = update(shop, number, phone="x")["userErrors"]
    assert error == {"field": ["phone"], "message": "Phone is invalid"}
    found = update(shop, 1, note="x")
    assert found == {"order": None, "userErrors": [{"field": ["id"], "message": "Order does not exist"}]}
    assert update(shop, number, note="Hi")["order"]["note"] == "Hi"


def test_what_is_refused_before_anything_is_looked_at(shop: Asker) -> None:
    number = number_of(shop)
    given = {"id": gid("Order", number), "shippingAddress": {**WHOLE, "countryCode": "XX"}}
    assert shop.refused(UPDATE, input=given)["extensions"]["code"] == "INVALID_VARIABLE"
    blind = Context(scopes=frozenset(("read_orders",)))
    given = {"id": gid("Order", number), "note": "x"}
    assert shop.refused(UPDATE, blind, input=given)["extensions"]["code"] == "ACCESS_DENIED"
    given = {"id": gid("Order", number), "shippingAddress": {"country": "Canada"}}
    assert shop.refused(UPDATE, input=given)["extensions"]["code"] == "NOT_IMPLEMENTED"
