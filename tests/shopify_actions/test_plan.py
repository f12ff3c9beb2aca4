"""What a wish would give back, why not, and what is said before; and what the shop makes of it."""

import uuid
from decimal import Decimal

import pytest
from shopify_house import House, mark

from storelink.connectors.action import Plan, WishedLine, Words
from storelink.connectors.shopify.actions import POINTS
from storelink.errors import NotFound, Rejected

D = Decimal


def codes(plan: Plan) -> set[str]:
    return {remark.code for remark in plan.warnings}


def refusals(plan: Plan) -> set[str]:
    return {remark.code for remark in plan.refusals}


def one(item: str, quantity: int = 1) -> tuple[WishedLine, ...]:
    return (WishedLine(item, quantity),)


# -- what it comes to ----------------------------------------------------------------------------------


def test_a_line_with_its_tax(house: House) -> None:
    order, (shirt, hat) = house.order()
    plan = house.plan(order, lines=one(shirt, 2))
    first, second = plan.lines
    assert (first.item_id, first.quantity, first.left, first.amount, first.tax) == (
        shirt,
        2,
        3,
        D(20),
        D("1.65"),
    )
    assert (second.item_id, second.quantity, second.left) == (hat, 0, 1)
    assert (plan.amount, plan.shipping, plan.shipping_left) == (D("21.65"), D(0), D("5.41"))
    (payment,) = plan.payments
    assert (payment.gateway, payment.amount.amount, payment.automatic) == (
        "shopify_payments",
        D("21.65"),
        True,
    )
    assert payment.most == plan.standing.left == D("46.30")


def test_a_line_named_twice_is_added_up(house: House) -> None:
    order, (shirt, _) = house.order()
    assert house.plan(order, lines=one(shirt) + one(shirt)).lines[0].quantity == 2
    assert refusals(house.plan(order, lines=one(shirt, 2) + one(shirt, 2))) == {"too_many"}


def test_a_part_of_the_shipping_with_its_tax(house: House) -> None:
    order, _ = house.order()
    plan = house.plan(order, shipping=D("2.00"))
    assert (plan.shipping, plan.shipping_tax, plan.amount) == (D("1.85"), D("0.15"), D("2.00"))
    assert house.refund(order, shipping=D("2.00")).moved == D("2.00")
    rest = house.plan(order, whole_shipping=True)
    assert rest.amount == rest.shipping_left == D("3.41")
    assert refusals(house.plan(order, shipping=D("3.42"))) == {"more_than_shipping"}
    assert house.plan(order, shipping=D("3.41")).detail["shipping"] == {"fullRefund": True}


def test_shipping_that_does_not_come_out_even_is_less_never_more(house: House) -> None:
    order, _ = house.order()
    for cents in range(1, 100):
        wished = D(cents) / 100
        plan = house.plan(order, shipping=wished)
        if plan.amount != wished:
            assert plan.refusals or ("shipping_rounded" in codes(plan) and plan.amount == wished - D("0.01"))
            return
    raise AssertionError("every amount came out even")


def test_an_amount_by_itself_names_no_line(house: House) -> None:
    order, _ = house.order()
    plan = house.plan(order, amount=D("12.34"))
    assert (plan.amount, plan.detail["lines"], plan.detail["shipping"]) == (D("12.34"), [], {})
    assert {line.quantity for line in plan.lines} == {0}
    seen = house.refund(order, amount=D("12.34"))
    assert (seen.amount, seen.lines) == (D("12.34"), ())


def test_an_amount_in_place_of_what_the_lines_come_to(house: House) -> None:
    order, (shirt, _) = house.order()
    plan = house.plan(order, lines=one(shirt), amount=D("4.00"))
    assert (plan.amount, plan.lines[0].quantity, plan.lines[0].amount) == (D("4.00"), 1, D(10))
    assert refusals(house.plan(order, lines=one(shirt), amount=D("10.84"))) == {"more_than_parts"}
    seen = house.refund(order, lines=one(shirt), amount=D("4.00"))
    assert (seen.moved, seen.lines[0].quantity) == (D("4.00"), 1)


def test_everything_is_what_is_left_whatever_lines_are_worth(house: House) -> None:
    order, _ = house.order()
    house.refund(order, amount=D("10.00"))
    plan = house.plan(order, everything=True)
    assert plan.amount == plan.standing.left == D("36.30")
    assert "less_left" in codes(plan)
    assert house.refund(order, everything=True).moved == D("36.30")
    assert "refunded" in house.actions.look(order).states
    assert house.paid_back(order) == D("46.30")


# -- where the money goes ------------------------------------------------------------------------------


def test_two_payments_and_a_gift_card(house: House) -> None:
    order, (shirt, _) = house.order(payments=[{"gateway": "giftcard", "amount": "7.00"}, {}])
    plan = house.plan(order, lines=one(shirt))
    assert [(one.gateway, one.amount.amount, one.most) for one in plan.payments] == [
        ("gift_card", D("7.00"), D("7.00")),
        ("shopify_payments", D("3.83"), D("39.30")),
    ]
    assert {"split_payment", "gift_card"} <= codes(plan)
    house.refund(order, lines=one(shirt))
    assert [one.gateway for one in house.plan(order, everything=True).payments] == ["shopify_payments"]
    rows = [row for row in house.admin.ledger() if row["order"] == int(order)]
    assert [(row["gateway"], row["amount"]) for row in rows] == [
        ("gift_card", "7.00"),
        ("shopify_payments", "3.83"),
    ]


def test_what_was_paid_by_hand_goes_back_by_hand(house: House) -> None:
    order, _ = house.order(payments=[{"gateway": "cod"}])
    plan = house.plan(order, amount=D("5.00"))
    assert not plan.refusals
    assert "gateway_cannot" in codes(plan)
    assert not plan.payments[0].automatic
    assert "by_hand" in codes(house.plan(order, amount=D("5.00"), by_hand=True))
    seen = house.refund(order, amount=D("5.00"), by_hand=True)
    assert (seen.money, seen.amount, seen.moved) == ("none", D("5.00"), D(0))
    assert house.paid_back(order) == 0
    assert house.actions.look(order).left == D("41.30")


def test_what_a_gateway_took_cannot_go_back_by_hand(house: House) -> None:
    order, _ = house.order(payments=[{"gateway": "cod", "amount": "6.00"}, {}])
    assert refusals(house.plan(order, amount=D("6.01"), by_hand=True)) == {"by_hand_impossible"}
    plan = house.plan(order, amount=D("6.00"), by_hand=True)
    assert [one.gateway for one in plan.payments] == ["Cash on Delivery (COD)"]
    assert not plan.refusals


def test_the_customers_own_currency(house: House) -> None:
    order, (shirt, _) = house.order(presentmentCurrencyCode="EUR")
    plan = house.plan(order, lines=one(shirt))
    assert (plan.amount, plan.presentment and plan.presentment.amount) == (D("10.83"), D("9.96"))
    assert plan.presentment
    assert (plan.presentment.currency, plan.detail["currency"]) == ("EUR", "EUR")
    assert "presentment_currency" in codes(plan)
    body = house.actions.compose_refund(plan, Words("", mark()))
    assert '"amount":"9.96"' in body
    assert '"currency":"EUR"' in body
    seen = house.actions.send_refund(order, str(uuid.uuid4()), body)
    assert (seen.presentment, seen.currency) == (plan.presentment, "USD")
    rows = [row for row in house.admin.ledger() if row["order"] == int(order)]
    assert [(row["amount"], row["currency"]) for row in rows] == [("9.96", "EUR")]
    with pytest.raises(Rejected, match="Currency is required"):
        again = house.body(order, amount=D("5.00")).replace('"currency":"EUR",', "")
        house.actions.send_refund(order, str(uuid.uuid4()), again)


def test_a_payment_of_another_order_is_refused(house: House) -> None:
    (order, _), (other, _) = house.order(), house.order()
    mine, theirs = house.plan(order, amount=D(5)), house.plan(other, amount=D(5))
    ids = [plan.detail["transactions"][0]["parentId"] for plan in (mine, theirs)]
    body = house.actions.compose_refund(mine, Words("", mark())).replace(ids[0], ids[1])
    with pytest.raises(Rejected, match="Transactions require a parent_id associated with the order"):
        house.actions.send_refund(order, str(uuid.uuid4()), body)
    assert house.paid_back(order) == house.paid_back(other) == 0


def test_the_payment_decides_the_gateway(house: House) -> None:
    order, _ = house.order()
    body = house.body(order, amount=D(5)).replace('"gateway":"shopify_payments"', '"gateway":"manual"')
    assert house.actions.send_refund(order, str(uuid.uuid4()), body).detail == "Shopify Payments: SUCCESS"
    assert house.paid_back(order) == 5


# -- what the shop refuses, in its words ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"amount":"21.65"', '"amount":"99.99"', r"\$99\.99 is greater than net payment received \$46\.30"),
        ('"quantity":2', '"quantity":9', "Quantity cannot refund more items than were purchased"),
        ('"kind":"REFUND"', '"kind":"AUTHORIZATION"', "Kind authorization is not a valid transaction"),
        ('"orderId":"gid://shopify/Order/', '"orderId":"gid://shopify/Order/9', "Order does not exist"),
    ],
)  # fmt: skip
def test_user_errors_are_shown_as_they_are(house: House, old: str, new: str, words: str) -> None:
    order, (shirt, _) = house.order()
    body = house.body(order, lines=one(shirt, 2))
    assert old in body
    with pytest.raises(Rejected, match=words):
        house.actions.send_refund(order, str(uuid.uuid4()), body.replace(old, new))
    assert house.paid_back(order) == 0
    assert house.actions.look(order).refunds == ()


def test_a_gateway_that_declines(house: House) -> None:
    order, _ = house.order()
    house.admin.turn_gateway("DECLINED", int(order))
    with pytest.raises(Rejected, match="refused by the payment provider"):
        house.refund(order, everything=True)
    assert house.paid_back(order) == 0


# -- money that takes its time -------------------------------------------------------------------------


@pytest.mark.parametrize(("end", "money", "moved"), [("SUCCESS", "moved", 5), ("FAILURE", "failed", 0)])
def test_a_pending_payment_is_seen_to_its_end(house: House, end: str, money: str, moved: int) -> None:
    order, _ = house.order()
    house.admin.turn_gateway("PENDING", int(order))
    seen = house.refund(order, amount=D(5))
    assert (seen.money, seen.amount, seen.moved) == ("pending", D(5), D(0))
    waiting = house.plan(order, everything=True)
    assert (waiting.amount, "pending_refund" in codes(waiting)) == (D("41.30"), True)
    assert refusals(house.plan(order, amount=D("41.31"))) == {"more_than_left"}
    assert house.paid_back(order) == 0
    house.admin.settle_pending(end)
    (after,) = house.actions.look(order).refunds
    assert (after.money, after.moved, house.paid_back(order)) == (money, D(moved), moved)
    assert house.plan(order, everything=True).amount == D("46.30") - moved


@pytest.mark.parametrize("status", ["FAILURE", "ERROR"])
def test_a_payment_that_fails_at_once(house: House, status: str) -> None:
    order, _ = house.order()
    house.admin.turn_gateway(status, int(order))
    seen = house.refund(order, amount=D(5))
    assert (seen.money, seen.moved, seen.detail) == (
        "failed",
        D(0),
        f"Shopify Payments: {status}, PROCESSING_ERROR",
    )
    assert house.actions.look(order).left == D("46.30")


def test_of_two_payments_one_fails(house: House) -> None:
    order, _ = house.order(payments=[{"gateway": "cod", "amount": "7.00"}, {}])
    house.admin.turn_gateway("FAILURE", int(order))
    seen = house.refund(order, amount=D(10))
    assert (seen.money, seen.amount, seen.moved) == ("failed", D(10), D(7))


# -- stock ---------------------------------------------------------------------------------------------


def test_units_go_back_as_they_left(house: House) -> None:
    variant = house.admin.records("variations")[0]
    house.admin.edit_variation(variant["id"], tracked=True, inventoryQuantity=50)
    order, (line,) = house.order(lines=[{"variant": variant["id"], "quantity": 1}])
    house.admin.do("fulfill_order", int(order))
    plan = house.plan(order, lines=one(line), restock=True)
    (sent,) = plan.detail["lines"]
    assert (sent["restockType"], sent["locationId"]) == ("RETURN", "gid://shopify/Location/81000000001")
    house.refund(order, lines=one(line), restock=True)
    assert house.admin.record("variations", variant["id"])["inventoryQuantity"] == 50

    order, (line,) = house.order(lines=[{"variant": variant["id"], "quantity": 3}])
    assert house.admin.record("variations", variant["id"])["inventoryQuantity"] == 47
    (unsent,) = house.plan(order, lines=one(line, 2), restock=True).detail["lines"]
    assert (unsent["restockType"], unsent["quantity"]) == ("CANCEL", 2)
    (kept,) = house.plan(order, lines=one(line, 2)).detail["lines"]
    assert kept == {"lineItemId": unsent["lineItemId"], "quantity": 2, "restockType": "NO_RESTOCK"}
    assert "still_sent" in codes(house.plan(order, lines=one(line, 2)))
    house.refund(order, lines=one(line, 2), restock=True, location="81000000001")
    assert house.admin.record("variations", variant["id"])["inventoryQuantity"] == 49
    (held,) = house.admin.record("orders", int(order))["_lines"]
    assert (held["currentQuantity"], held["unfulfilledQuantity"]) == (1, 1)


def test_a_line_sent_in_part_is_told_in_two(house: House) -> None:
    variant = house.admin.records("variations")[0]["id"]
    order, (line,) = house.order(lines=[{"variant": variant, "quantity": 4}])
    house.admin.do("fulfill_order", int(order), int(line), 1)
    plan = house.plan(order, lines=one(line, 4), restock=True)
    told = [(part["restockType"], part["quantity"]) for part in plan.detail["lines"]]
    assert told == [("CANCEL", 3), ("RETURN", 1)]
    assert "sent_in_part" in codes(plan)
    assert "partly_fulfilled" in plan.standing.states
    assert plan.lines[0].quantity == 4
    seen = house.refund(order, lines=one(line, 4), restock=True)
    assert (seen.moved, sum(part.quantity for part in seen.lines)) == (plan.amount, 4)


def test_without_the_scope_for_places_a_place_has_to_be_named(house: House) -> None:
    variant = house.admin.records("variations")[0]["id"]
    order, (line,) = house.order(lines=[{"variant": variant}])
    house.admin.set_site(scopes=["read_orders", "write_orders", "read_all_orders"])
    assert refusals(house.plan(order, lines=one(line), restock=True)) == {"no_location"}
    assert not house.plan(order, lines=one(line)).refusals
    assert house.refund(order, lines=one(line), restock=True, location="81000000001").money == "moved"


# -- what cannot be ------------------------------------------------------------------------------------


def test_wishes_that_cannot_be(house: House) -> None:
    order, (shirt, _) = house.order()
    for wish, code in (
        ({}, "nothing_wished"),
        ({"lines": one("77")}, "unknown_line"),
        ({"lines": one(shirt, 4)}, "too_many"),
        ({"lines": one(shirt, 0)}, "no_quantity"),
        ({"amount": D("46.31")}, "more_than_left"),
        ({"amount": D("1.005")}, "no_amount"),
        ({"amount": D(-1)}, "no_amount"),
        ({"amount": D("NaN")}, "no_amount"),
        ({"shipping": D("5.42")}, "more_than_shipping"),
    ):
        plan = house.plan(order, **wish)
        assert (refusals(plan), plan.amount <= 0 or code == "more_than_shipping") == ({code}, True), wish
        with pytest.raises(ValueError, match=code):
            house.actions.compose_refund(plan, Words("", mark()))


def test_an_order_that_was_never_paid(house: House) -> None:
    order, _ = house.order(paid=False)
    assert refusals(house.plan(order, everything=True)) == {"unpaid"}


def test_an_order_that_is_not_there(house: House) -> None:
    for order in ("5299999999999", "no", "", "-1", "9" * 30):
        with pytest.raises(NotFound):
            house.actions.look(order)
    blind = House(house.shop, scopes=["read_orders"])
    with pytest.raises(Rejected, match="60 days") as caught:
        blind.actions.look("5299999999999")
    blind.close()
    assert not isinstance(caught.value, NotFound)


def test_an_order_paid_long_ago(house: House) -> None:
    old, _ = house.order(createdAt="2026-01-02T03:04:05Z")
    assert "old_order" in codes(house.plan(old, everything=True))
    new, _ = house.order()
    assert "old_order" not in codes(house.plan(new, everything=True))


def test_an_order_with_more_lines_than_come_at_once(house: House) -> None:
    lines = [{"title": f"T{number}", "price": "1.00"} for number in range(47)]
    order, ids = house.order(lines=lines)
    plan = house.plan(order, everything=True)
    assert [line.item_id for line in plan.lines] == ids
    assert plan.amount == plan.standing.total.amount
    assert house.refund(order, everything=True).moved == plan.amount
    (seen,) = house.actions.look(order).refunds
    assert len(seen.lines) == 47


def test_an_order_that_changes_between_two_answers_is_read_again(house: House) -> None:
    order, (shirt, _) = house.order()
    house.admin.hold_clock(house.admin.now() + 100)
    edit = ["refund_by_hand", int(order), "40.00", "by hand", True]
    edits = [["advance", 5], edit]
    house.admin.faults([{"match": {"operation": "RefundPlan", "nth": 1}, "do": {"edits": edits}}])
    plan = house.plan(order, lines=one(shirt))
    house.admin.release_clock()
    assert plan.amount == plan.standing.left == D("6.30")
    assert plan.standing.refunds[0].reference is None


def test_a_refund_by_hand_in_the_admin_is_seen(house: House) -> None:
    order, _ = house.order()
    house.admin.refund_by_hand(int(order), "6.00", "Sorry")
    house.admin.refund_by_hand(int(order), "1.00", gateway=False)
    standing = house.actions.look(order)
    told = [(one.money, one.amount, one.reference, one.words) for one in standing.refunds]
    assert told == [("moved", D(6), None, "Sorry"), ("none", D(1), None, "")]
    assert (standing.left, standing.refunded) == (D("39.30"), D(7))
    assert house.paid_back(order) == 6


def test_every_generated_order_can_be_looked_at_and_planned(house: House) -> None:
    ways = set()
    for record in house.admin.records("orders"):
        plan = house.plan(str(record["id"]), everything=True)
        assert plan.refusals or plan.amount == plan.standing.left
        ways |= {payment.gateway for payment in plan.payments}
    assert "shopify_payments" in ways


def test_addresses_are_there_unless_they_are_kept_from_us(house: House) -> None:
    record = next(one for one in house.admin.records("orders") if one["_shipping"])
    order = str(record["id"])
    assert house.actions.look(order).addresses["shipping"].city == record["_shipping"]["city"]
    kept = House(house.shop, protected={"personal": "withheld"})
    standing = kept.actions.look(order)
    with pytest.raises(Rejected, match="does not show"):
        kept.actions.compose_address(standing, "shipping", {"city": "Berlin"})
    kept.close()


def test_what_the_shop_notes(house: House) -> None:
    order, _ = house.order()
    plan = house.plan(order, amount=D(1))
    house.actions.send_refund(
        order, str(uuid.uuid4()), house.actions.compose_refund(plan, Words("", mark(), notify=True))
    )
    (made,) = house.admin.record("orders", int(order))["_refunds"]
    assert made["_notify"] is True


def test_a_refund_costs_less_than_is_kept_for_it(house: House) -> None:
    order, (shirt, _) = house.order()
    body = house.body(order, lines=one(shirt))
    before = house.admin.spent()["requested"]
    house.actions.send_refund(order, str(uuid.uuid4()), body)
    assert 10 < house.admin.spent()["requested"] - before <= POINTS
