"""Refunds on sandbox stores from plan to ledger, and the traps that WooCommerce lays (facts §6)."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from woo_laboratory import account_of

from storelink.connectors.action import Actions, Plan, SeenRefund, Wish, WishedLine, Words, actions_of
from storelink.connectors.protocol import Limits
from storelink.connectors.woocommerce.connector import CONNECTOR
from storelink.connectors.woocommerce.oauth import signed_query
from storelink.errors import NotFound, OutcomeUnknown, Rejected, Retryable
from storelink.sandbox.running import Running, start

D = Decimal
WORDS = Words("Damaged", "7F3A9C1B2D")


@contextmanager
def acting(store: Running, timeout: float = 10.0) -> Iterator[Actions]:
    """What can be done in the store; `timeout` for a refund is twice as long."""
    opened = CONNECTOR.open(account_of(store), Limits(timeout=timeout, retries=0), lambda: datetime.now(UTC))
    try:
        found = actions_of(opened)
        assert found is not None
        yield found
    finally:
        opened.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Running]:
    """A store that each test makes its own orders in."""
    with start(orders=20, products=10, customers=10) as found:
        yield found


@pytest.fixture
def actions(shop: Running) -> Iterator[Actions]:
    with acting(shop) as found:
        yield found
    shop.admin.faults([])
    shop.admin.turn_gateway()
    shop.admin.slow_gateway(0)


@pytest.fixture
def order(shop: Running) -> int:
    """One paid line of 40.00."""
    number: int = shop.admin.create_order()["id"]
    return number


def until(done: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def worded(actions: Actions, order: int, wish: Wish, words: Words = WORDS) -> str:
    planned = actions.plan_refund(str(order), wish)
    assert planned.refusals == ()
    return actions.compose_refund(planned, words)


def refund(actions: Actions, order: int, wish: Wish, words: Words = WORDS) -> SeenRefund:
    return actions.send_refund(str(order), "key", worded(actions, order, wish, words))


def moved(store: Running, order: int) -> list[str]:
    return [row["amount"] for row in store.admin.ledger() if row["order"] == order]


# -- to the cent, whatever the store's money -------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "decimals", "inside"),
    [("USD", 2, False), ("EUR", 2, True), ("JPY", 0, True), ("KWD", 3, False)],
)
def test_random_pieces_move_exactly_what_was_planned_and_end_at_nothing(
    currency: str, decimals: int, inside: bool
) -> None:
    chance = random.Random(f"{currency} {decimals}")
    with start(
        orders=40, products=20, customers=10, currency=currency, decimals=decimals, prices_include_tax=inside
    ) as store, acting(store) as actions:  # fmt: skip
        found = [
            doc
            for doc in store.admin.records("orders")
            if doc["payment_method"] == "fakepay"
            and doc["date_paid"]
            and doc["status"] not in ("trash", "refunded")
        ]
        assert len(found) > 5
        for doc in found:
            for step in range(4):
                wish = _piece(chance, actions.plan_refund(str(doc["id"]), Wish())) if step < 3 else None
                planned = actions.plan_refund(str(doc["id"]), wish or Wish(everything=True))
                if not planned.refusals:
                    _carry_out(store, actions, planned)
            assert actions.look(str(doc["id"])).left == 0
            assert store.admin.record("orders", doc["id"])["status"] == "refunded"


def _piece(chance: random.Random, shown: Plan) -> Wish:
    left = [one for one in shown.lines if one.left]
    lines = tuple(
        WishedLine(one.item_id, chance.randint(1, one.left))
        for one in chance.sample(left, min(len(left), chance.randint(0, 2)))
    )
    return Wish(lines=lines, whole_shipping=bool(shown.shipping_left) and chance.random() < 0.3)


def _carry_out(store: Running, actions: Actions, planned: Plan) -> None:
    order = planned.standing.order_id
    before = len(moved(store, int(order)))
    try:
        seen = actions.send_refund(order, "key", actions.compose_refund(planned, WORDS))
    except OutcomeUnknown:  # an amount of the kind that this gateway declines
        assert planned.amount.as_tuple().digits[-2:] in ((1, 3), (1, 4))
        by_hand = actions.plan_refund(order, replace(planned.wish, by_hand=True))
        seen = actions.send_refund(order, "key", actions.compose_refund(by_hand, WORDS))
    assert (seen.amount, seen.reference) == (planned.amount, WORDS.reference)
    if seen.money == "moved":
        assert [D(one) for one in moved(store, int(order))[before:]] == [planned.amount]
    given = sum((one.amount + one.tax for one in seen.lines), D(0))
    assert given == (planned.amount if seen.lines else 0)
    assert actions.look(order).left == planned.standing.left - planned.amount


# -- the traps -------------------------------------------------------------------------------------


def test_what_is_left_out_moves_money_so_we_leave_nothing_out(
    shop: Running, actions: Actions, order: int
) -> None:
    bare = {"amount": "1.00"}
    assert _post(shop, order, json=bare).status_code == 201
    assert moved(shop, order) == ["1.00"]
    seen = refund(actions, order, Wish(amount=D(2), by_hand=True))
    assert (seen.money, seen.moved, moved(shop, order)) == ("none", D(0), ["1.00"])
    body = json.loads(worded(actions, order, Wish(amount=D(2))))
    assert (body["api_refund"], body["api_restock"]) == (True, False)


def test_units_go_back_to_the_stock_only_when_that_is_wished(shop: Running, actions: Actions) -> None:
    product = shop.admin.create_product(regular_price="5.00", manage_stock=True, stock_quantity=9)["id"]
    bought = _post(shop, None, json={
        "status": "processing", "payment_method": "fakepay",
        "line_items": [{"product_id": product, "quantity": 3}],
    }).json()  # fmt: skip
    line = str(bought["line_items"][0]["id"])
    assert shop.admin.record("products", product)["stock_quantity"] == 6
    refund(actions, bought["id"], Wish(lines=(WishedLine(line, 1),)))
    assert shop.admin.record("products", product)["stock_quantity"] == 6
    refund(actions, bought["id"], Wish(lines=(WishedLine(line, 1),), restock=True))
    assert shop.admin.record("products", product)["stock_quantity"] == 7


def test_an_amount_must_be_a_string(shop: Running, actions: Actions, order: int) -> None:
    assert _post(shop, order, json={"amount": 1.0}).json()["code"] == "rest_invalid_param"
    with pytest.raises(Rejected):
        actions.send_refund(str(order), "key", '{"amount":1.0,"api_refund":false}')
    assert '"amount":"1.00"' in worded(actions, order, Wish(amount=D(1)))


def test_another_content_type_would_be_read_as_nothing(shop: Running, actions: Actions, order: int) -> None:
    text = worded(actions, order, Wish(amount=D(5), by_hand=True))
    wrong = _post(shop, order, content=text.encode(), headers={"Content-Type": "text/plain"})
    assert (wrong.status_code, wrong.json()["amount"]) == (201, "")
    assert actions.send_refund(str(order), "key", text).amount == D(5)


def test_a_refund_names_its_lines_and_taxes(shop: Running, actions: Actions) -> None:
    """regressions.md 40: with the documented body the amount is refunded, but no line and no tax."""
    doc = next(
        one for one in shop.admin.records("orders")
        if one["date_paid"] and not one["refunds"] and one["line_items"][0]["taxes"]
    )  # fmt: skip
    line = doc["line_items"][0]
    seen = refund(
        actions, doc["id"], Wish(lines=(WishedLine(str(line["id"]), line["quantity"]),), by_hand=True)
    )
    assert [(one.item_id, one.quantity) for one in seen.lines] == [(str(line["id"]), line["quantity"])]
    assert (str(seen.lines[0].amount), str(seen.lines[0].tax)) == (line["total"], line["total_tax"])
    kept = shop.admin.record("refunds", int(seen.id))
    assert [one["rate_id"] for one in kept["tax_lines"]] == [tax["id"] for tax in line["taxes"]]


def test_the_mark_is_in_the_reason_before_the_gateway_is_asked(
    shop: Running, actions: Actions, order: int
) -> None:
    """In `meta_data` it would come only after the money moved."""
    shop.admin.turn_gateway("DIES_AFTER", order)
    with pytest.raises(OutcomeUnknown) as caught:
        refund(actions, order, Wish(amount=D(5)))
    assert caught.value.answered
    (seen,) = actions.look(str(order)).refunds
    assert (seen.reference, seen.money, seen.amount) == ("7F3A9C1B2D", "none", D(5))
    assert shop.admin.record("refunds", int(seen.id))["meta_data"] == []
    assert moved(shop, order) == ["5.00"]


def test_a_worker_dead_before_the_payment_leaves_the_same_picture(
    shop: Running, actions: Actions, order: int
) -> None:
    shop.admin.turn_gateway("DIES_BEFORE", order)
    with pytest.raises(OutcomeUnknown):
        refund(actions, order, Wish(amount=D(5)))
    (seen,) = actions.look(str(order)).refunds
    assert (seen.reference, seen.money, moved(shop, order)) == ("7F3A9C1B2D", "none", [])


@pytest.mark.parametrize("says", ["DECLINED", "FALSE", "FAILS_AFTER"])
def test_a_declined_refund_vanishes_and_so_may_one_that_was_paid(
    says: str, shop: Running, actions: Actions, order: int
) -> None:
    """The three answer with the same status and code: the words prove nothing."""
    shop.admin.turn_gateway(says, order)
    shop.admin.slow_gateway(0.4, order)
    body = worded(actions, order, Wish(amount=D(5)))
    errors: list[Exception] = []

    def send() -> None:
        try:
            actions.send_refund(str(order), "key", body)
        except OutcomeUnknown as error:
            errors.append(error)

    sending = threading.Thread(target=send)
    sending.start()
    (seen,) = until(lambda: actions.look(str(order)).refunds)
    assert (seen.reference, seen.money) == ("7F3A9C1B2D", "none")
    sending.join(60)
    assert [getattr(error, "answered", None) for error in errors] == [True]
    assert actions.look(str(order)).refunds == ()
    assert moved(shop, order) == (["5.00"] if says == "FAILS_AFTER" else [])


def test_two_equal_requests_refund_twice(shop: Running, actions: Actions, order: int) -> None:
    body = worded(actions, order, Wish(amount=D(5)))
    for _ in range(2):
        actions.send_refund(str(order), "the same key", body)
    assert moved(shop, order) == ["5.00", "5.00"]
    assert [one.reference for one in actions.look(str(order)).refunds] == ["7F3A9C1B2D"] * 2
    assert actions.resends_within is None


def test_a_lasting_refusal_in_the_clothes_of_a_failure(shop: Running, actions: Actions, order: int) -> None:
    body = worded(actions, order, Wish(everything=True))
    shop.admin.refund_by_hand(order, "40.00", gateway=False)
    with pytest.raises(Rejected, match="Invalid refund amount"):
        actions.send_refund(str(order), "key", body)
    shop.admin.edit_order(order, payment_method="cod")
    assert moved(shop, order) == []


def test_a_client_that_gave_up_does_not_stop_it(shop: Running, actions: Actions, order: int) -> None:
    shop.admin.faults([{"match": {"method": "POST"}, "do": {"slow": 3.0}}])
    body = worded(actions, order, Wish(amount=D(5)))
    with acting(shop, timeout=0.3) as hasty, pytest.raises(OutcomeUnknown) as caught:
        hasty.send_refund(str(order), "key", body)
    assert not caught.value.answered
    assert actions.look(str(order)).refunds == ()
    until(lambda: actions.look(str(order)).refunds)
    assert moved(shop, order) == ["5.00"]
    shop.admin.faults([])


def test_totals_are_recalculated_by_a_change_of_address(shop: Running, actions: Actions) -> None:
    made = _post(shop, None, json={
        "status": "completed", "payment_method": "fakepay",
        "shipping": {"country": "US", "state": "CA", "address_1": "1 A St"},
        "line_items": [{"product_id": shop.admin.create_product(regular_price="40.00")["id"], "quantity": 1}],
    }).json()  # fmt: skip
    before = actions.look(str(made["id"]))
    assert (before.total.amount, before.states) == (D("43.30"), {"fulfilled"})
    changes = {"country": "DE", "province": "", "city": "Bonn", "postcode": "53111"}
    assert {one.code for one in actions.address_remarks(before, "shipping", changes)} == {"recalculates"}
    actions.send_address(before.order_id, actions.compose_address(before, "shipping", changes))
    after = actions.look(before.order_id)
    assert after.total.amount == D("47.60")
    assert (after.addresses["shipping"].city, after.addresses["shipping"].address1) == ("Bonn", "1 A St")
    assert actions.plan_refund(before.order_id, Wish(everything=True)).amount == D("47.60")


# -- faults on the way -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "error", "paid"),
    [
        ({"drop": "before"}, OutcomeUnknown, []),
        ({"drop": "after"}, OutcomeUnknown, ["5.00"]),
        ({"truncate": 0.5}, OutcomeUnknown, ["5.00"]),
        ({"status": 429}, Retryable, []),
        ({"maintenance": True}, Retryable, []),
        ({"status": 500, "html": True}, OutcomeUnknown, []),
        ({"status_after": 500}, OutcomeUnknown, ["5.00"]),
        ({"status_after": 504}, OutcomeUnknown, ["5.00"]),
        ({"html": True}, OutcomeUnknown, []),
        ({"redirect": "https://elsewhere.example/"}, OutcomeUnknown, []),
        ({"database_down": True}, OutcomeUnknown, []),
    ],
    ids=str,
)
def test_each_is_told_apart(
    do: dict[str, Any], error: type[Exception], paid: list[str], shop: Running, actions: Actions, order: int
) -> None:
    body = worded(actions, order, Wish(amount=D(5)))
    shop.admin.faults([{"match": {"method": "POST"}, "do": do}])
    shop.admin.clear_requests()
    with pytest.raises(error) as caught:
        actions.send_refund(str(order), "key", body)
    assert type(caught.value) is error
    assert [one["method"] for one in shop.admin.requests()] == ["POST"]  # and never again
    assert moved(shop, order) == paid
    shop.admin.faults([])
    assert [one.reference for one in actions.look(str(order)).refunds] == ["7F3A9C1B2D"] * len(paid)


def test_provinces_are_the_stores_own(actions: Actions) -> None:
    assert (actions.provinces("US") or {})["CA"] == "California"
    assert (actions.provinces("JP") or {})["JP13"]
    assert (actions.provinces("DE") or {})["DE-BY"] == "Bayern"
    assert actions.provinces("GB") is None
    assert actions.provinces("ZZ") is None


def test_many_refunds_are_read_whole(shop: Running, actions: Actions, order: int) -> None:
    for _ in range(103):
        shop.admin.add_refund(order, "0.10")
    found = actions.look(str(order))
    assert (len(found.refunds), found.refunded, found.left) == (103, D("10.30"), D("29.70"))


def test_an_order_that_is_not_there(actions: Actions) -> None:
    for ask in (actions.look, lambda one: actions.plan_refund(one, Wish(everything=True))):
        with pytest.raises(NotFound):
            ask("99999999")


def test_keys_that_may_not_ask_for_gateways(shop: Running, actions: Actions, order: int) -> None:
    shop.admin.faults([{"match": {"path": "payment_gateways"}, "do": {"status": 403}}])
    planned = actions.plan_refund(str(order), Wish(amount=D(5)))
    assert "gateway_unknown" in {one.code for one in planned.warnings}
    assert planned.payments[0].automatic


def _post(store: Running, order: int | None, **more: Any) -> httpx.Response:
    """As any other client of the store would."""
    url = f"{store.url}/wp-json/wc/v3/orders" + ("" if order is None else f"/{order}/refunds")
    query = signed_query("POST", url, "", store.key, store.secret, int(time.time()))
    return httpx.post(f"{url}?{query}", **more)
