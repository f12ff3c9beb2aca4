"""A refund and a change of address over HTTP, from the preview to the gateway and the proof."""

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from api_house import ApiHouse
from webhook_house import Shop, register

from storelink.sandbox.running import start
from storelink.sync.act import act
from storelink.sync.request import rules_of


@pytest.fixture
def shop(house: ApiHouse) -> Iterator[Shop]:
    with start(40, 8, 10) as store:
        yield register(house.shops, "woocommerce", store, name="shop")


def carry_out(house: ApiHouse, shop: Shop, order_id: str) -> None:
    """As a worker would, until nothing is due at once."""
    for _ in range(20):
        house.shops.do("UPDATE refund_request SET next_try_at = now() WHERE next_try_at > now()")
        house.shops.do("UPDATE address_update_request SET next_try_at = now() WHERE next_try_at > now()")
        with shop.subject() as subject:
            if act(house.database, subject, order_id, rules_of(house.shops.settings)) is None:
                return
    raise AssertionError("it does not come to an end")


def refundable(shop: Shop) -> Any:
    """An order that a gateway paid for, with units to give back."""
    return next(
        one for one in shop.admin.records("orders")
        if one["payment_method"] == "fakepay" and one["status"] in ("processing", "completed")
        and not one["refunds"] and Decimal(one["total"]) > 20
    )  # fmt: skip


def test_a_refund_from_the_preview_to_the_gateway(house: ApiHouse, shop: Shop) -> None:
    support = house.token("support")
    order = refundable(shop)
    place = f"/v1/stores/shop/orders/{order['id']}/refunds"
    wish = {"amount": "5.00"}
    shown = house.ask("POST", f"{place}/preview", support, json=wish)
    assert shown.status_code == 201, shown.text
    assert Decimal(shown.json()["plan"]["amount"]) == 5 and shown.json()["plan"]["refusals"] == []
    body = {"preview_id": shown.json()["preview_id"], "reason": "Damaged", "note": "for us alone"}
    key = {"Idempotency-Key": "case-1"}
    made = house.ask("POST", place, support, json=body, headers=key)
    assert made.status_code == 201 and made.json()["stage"] == "requested", made.text
    again = house.ask("POST", place, support, json=body, headers=key)
    assert again.status_code == 200 and again.json()["id"] == made.json()["id"]
    used = house.ask("POST", place, support, json=body)
    assert used.status_code in (409, 422)
    carry_out(house, shop, str(order["id"]))
    settled = house.ask("GET", made.headers["location"], support).json()
    assert (settled["stage"], settled["status"]) == ("settled", "processed"), settled
    assert Decimal(settled["moved_amount"]) == 5 and settled["requested_by"].startswith("token:support")
    moved = [one for one in shop.admin.ledger() if str(order["id"]) in str(one)]
    assert len(moved) == 1 and "for us alone" not in str(moved)
    listed = house.ask("GET", "/v1/refunds", support, params={"stage": "settled"}).json()["data"]
    assert [one["id"] for one in listed] == [made.json()["id"]]
    whole = house.ask("GET", f"/v1/stores/shop/orders/{order['id']}", support).json()["data"]
    assert [Decimal(one["amount"]) for one in whole["refunds"]] == [5]
    assert whole["refunds"][0]["refund_request_id"] == made.json()["id"]


def test_what_must_not_be_is_refused_in_words(house: ApiHouse, shop: Shop) -> None:
    support, reader = house.token("support"), house.token("reader")
    order = refundable(shop)
    place = f"/v1/stores/shop/orders/{order['id']}/refunds"
    too_much = house.ask("POST", f"{place}/preview", support, json={"amount": "99999.00"}).json()
    assert too_much["plan"]["refusals"]
    refused = house.ask("POST", place, support, json={"preview_id": too_much["preview_id"]})
    assert refused.status_code == 409 and refused.json()["code"] == "refused"
    elsewhere = house.ask("POST", f"/v1/stores/shop/orders/{order['id'] + 1}/refunds", support,
                          json={"preview_id": too_much["preview_id"]})  # fmt: skip
    assert elsewhere.status_code == 404
    assert house.ask("POST", f"{place}/preview", reader, json={"everything": True}).status_code == 403
    for wish in (
        {"amount": "0"}, {"amount": "-1"}, {"amount": "NaN"}, {"lines": [{"item_id": "1", "quantity": 0}]},
        {"unknown": 1},
    ):  # fmt: skip
        assert house.ask("POST", f"{place}/preview", support, json=wish).status_code == 422, wish
    gone = house.ask(
        "POST", "/v1/stores/shop/orders/999999/refunds/preview", support, json={"everything": True}
    )
    assert gone.status_code == 404
    assert house.ask("GET", f"/v1/refunds/{uuid.uuid4()}", support).status_code == 404
    assert shop.admin.ledger() == [] or all(str(order["id"]) not in str(one) for one in shop.admin.ledger())


def test_a_change_of_address_and_back(house: ApiHouse, shop: Shop) -> None:
    support = house.token("support")
    order = next(
        one for one in shop.admin.records("orders")
        if one["status"] == "processing" and not one["refunds"] and one["shipping"]["country"] == "US"
    )  # fmt: skip
    place = f"/v1/stores/shop/orders/{order['id']}/addresses/shipping"
    wrong = house.ask("POST", f"{place}/preview", support, json={"country": "Atlantis"}).json()
    assert wrong["plan"]["problems"]
    shown = house.ask("POST", f"{place}/preview", support, json={"address1": "12 New Street"})
    assert shown.json()["plan"]["changes"] == {"address1": "12 New Street"}
    made = house.ask("POST", place, support, json={"preview_id": shown.json()["preview_id"]})
    assert made.status_code == 201, made.text
    carry_out(house, shop, str(order["id"]))
    settled = house.ask("GET", made.headers["location"], support).json()
    assert (settled["stage"], settled["status"]) == ("settled", "updated"), settled
    held = next(one for one in shop.admin.records("orders") if one["id"] == order["id"])
    assert held["shipping"]["address_1"] == "12 New Street"
    back = house.ask("POST", f"/v1/address-changes/{settled['id']}/restore/preview", support)
    assert back.status_code == 201, back.text
    house.ask("POST", place, support, json={"preview_id": back.json()["preview_id"]})
    carry_out(house, shop, str(order["id"]))
    held = next(one for one in shop.admin.records("orders") if one["id"] == order["id"])
    assert held["shipping"]["address_1"] == order["shipping"]["address_1"]


def test_a_nul_in_what_is_typed_breaks_nothing(house: ApiHouse, shop: Shop) -> None:
    support = house.token("support")
    order = refundable(shop)
    place = f"/v1/stores/shop/orders/{order['id']}/addresses/shipping"
    odd = house.ask("POST", f"{place}/preview", support, json={"city": "Wi\0en"})
    assert odd.status_code == 422 and "NUL" in odd.text
    shown = house.ask("POST", f"{place}/preview", support, json={"address1": "12 New Street"})
    body = {"preview_id": shown.json()["preview_id"], "note": "a\0b"}
    assert house.ask("POST", place, support, json=body).status_code == 422
    refunds = f"/v1/stores/shop/orders/{order['id']}/refunds"
    assert house.ask("POST", f"{refunds}/preview", support, json={"location": "\0"}).status_code == 422
