"""Refunds planned from orders alone: to the last cent, and never more than is left."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording import recorded
from woo_refunds import (
    GATEWAYS,
    READ,
    WORDS,
    add_up,
    line,
    make_order,
    orders,
    part,
    plan,
    refunded,
    sent,
    standing,
    sum_of,
    wishes,
)

from storelink.connectors.action import Plan, SeenRefund, Wish, WishedLine, Words
from storelink.connectors.woocommerce.refund_body import body_of
from storelink.connectors.woocommerce.refund_plan import Gateways, unit_of

D = Decimal
Doc = dict[str, Any]


def codes(planned: Plan) -> set[str]:
    return {one.code for one in planned.refusals}


def warned(planned: Plan) -> set[str]:
    return {one.code for one in planned.warnings}


def amounts(planned: Plan) -> list[tuple[str, int, Decimal, Decimal]]:
    return [(one.item_id, one.quantity, one.amount, one.tax) for one in planned.lines if one.quantity]


# -- for any order ---------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_parts_add_up_and_nothing_above_what_is_left_is_sent(data: st.DataObject) -> None:
    order, places = data.draw(orders())
    refunds: list[Doc] = []
    for number in range(1, data.draw(st.integers(1, 5)) + 1):
        wish = data.draw(wishes(order, places))
        planned = plan(order, refunds, wish)
        if planned.refusals:
            assert planned.detail["parts"] == [] and planned.amount == 0
            continue
        body = sent(planned)
        assert 0 < planned.amount <= planned.standing.left
        assert D(body["amount"]) == planned.amount
        assert len(body["amount"].partition(".")[2]) == places
        if body["line_items"]:
            assert sum_of(body) == planned.amount
            shown = sum((one.amount + one.tax for one in planned.lines), D(0))
            assert shown + planned.shipping + planned.shipping_tax == planned.amount
        _within(order, refunds, body, places)
        refunds.insert(0, refunded(order, body, number))


def _within(order: Doc, refunds: list[Doc], body: Doc, places: int) -> None:
    """No part gives back more than it has, of its net and of each of its taxes."""
    slack = D(1).scaleb(-places) * 4  # taxes that the store keeps finer than it shows
    for one in body["line_items"]:
        source = next(
            held
            for group in ("line_items", "shipping_lines", "fee_lines")
            for held in order[group]
            if held["id"] == one["id"]
        )
        earlier = [
            held
            for refund in refunds
            for group in ("line_items", "shipping_lines", "fee_lines")
            for held in refund[group]
            if held["meta_data"][0]["value"] == str(one["id"])
        ]
        left = D(source["total"]) + sum((D(held["total"]) for held in earlier), D(0))
        assert 0 <= one["refund_total"] <= left
        for tax in one["refund_tax"]:
            whole = next(D(held["total"]) for held in source["taxes"] if held["id"] == tax["id"])
            gone = [D(t["total"]) for held in earlier for t in held["taxes"] if t["id"] == tax["id"]]
            assert 0 <= tax["refund_total"] <= whole + sum(gone, D(0)) + slack


@settings(max_examples=70, deadline=None)
@given(st.data())
def test_random_pieces_and_then_everything_end_at_nothing(data: st.DataObject) -> None:
    order, places = data.draw(orders())
    refunds: list[Doc] = []
    for number in range(1, 5):
        wish = data.draw(wishes(order, places)) if number < 4 else Wish(everything=True)
        planned = plan(order, refunds, wish)
        if planned.refusals:
            continue
        body = sent(planned)
        if body["line_items"] and "unnamed_rest" not in warned(planned):
            assert sum_of(body) == planned.amount
        refunds.insert(0, refunded(order, body, number))
    assert standing(order, refunds).left == 0
    assert standing(order, refunds).refunded == max(D(order["total"]), D(0))
    if D(order["total"]) > 0:
        assert codes(plan(order, refunds, Wish(everything=True))) == {"nothing_left"}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(0, 10_000),
    st.dictionaries(st.integers(1, 9), st.integers(0, 900), max_size=3),
)
def test_unit_by_unit_gives_exactly_the_line(quantity: int, total: int, taxes: dict[int, int]) -> None:
    order = add_up(make_order(line_items=[line(10, quantity, total, taxes)], fee_lines=[part(30, 1, {})]))
    refunds: list[Doc] = []
    for number in range(1, quantity + 1):
        planned = plan(order, refunds, Wish(lines=(WishedLine("10", 1),)))
        if codes(planned) == {"nothing_wished"}:  # not a cent of it falls on this unit
            return
        refunds.insert(0, refunded(order, sent(planned), number))
    given = [one for refund in refunds for one in refund["line_items"]]
    assert sum(D(one["total"]) for one in given) == -D(order["line_items"][0]["total"])
    assert sum(D(one["total_tax"]) for one in given) == -D(order["line_items"][0]["total_tax"])
    assert codes(plan(order, refunds, Wish(lines=(WishedLine("10", 1),)))) == {"more_units_than_left"}


# -- examples --------------------------------------------------------------------------------------


@pytest.fixture
def rich() -> Doc:
    """The recorded order: 3 + 2 + 1 units, a coupon, shipping 7.50 and a fee of 3.33, 8.25 % on all."""
    return dict(recorded("order-create-rich.json.txt").json)


def test_one_unit_of_three_as_a_person_would(rich: Doc) -> None:
    planned = plan(rich, [], Wish(lines=(WishedLine("10876", 1),)))
    assert amounts(planned) == [("10876", 1, D("170.28"), D("14.05"))]
    assert [(one.item_id, one.left) for one in planned.lines] == [("10876", 3), ("10877", 2), ("10878", 1)]
    assert (planned.amount, planned.standing.left) == (D("184.33"), D("714.08"))
    # the very request that was recorded, but that nothing in it is left to the store
    asked = recorded("refund-partial-lineitems-apirefund-true.json.txt").sent
    body = sent(planned)
    assert body["line_items"] == [
        {
            "id": 10876,
            "quantity": 1,
            "refund_total": D("170.28"),
            "refund_tax": [{"id": 1, "refund_total": D("14.05")}],
        }
    ]
    assert '"refund_total": 170.28' in asked and '"refund_total": 14.05' in asked
    assert (body["amount"], body["api_refund"], body["api_restock"]) == ("184.33", True, False)


def test_the_last_unit_gets_the_rest(rich: Doc) -> None:
    first = sent(plan(rich, [], Wish(lines=(WishedLine("10876", 1),))))
    second = plan(rich, [refunded(rich, first, 1)], Wish(lines=(WishedLine("10876", 2),)))
    assert amounts(second) == [("10876", 2, D("340.55"), D("28.09"))]
    assert D("170.28") + D("340.55") == D("510.83") and D("14.05") + D("28.09") == D("42.14")


def test_everything(rich: Doc) -> None:
    planned = plan(rich, [], Wish(everything=True, restock=True))
    assert planned.amount == D("714.08") == sum_of(sent(planned))
    assert (planned.shipping, planned.shipping_tax, planned.shipping_left) == (
        D("7.50"),
        D("0.62"),
        D("8.12"),
    )
    assert [one.item_id for one in planned.lines] == ["10876", "10877", "10878", "10880"]  # the fee as well
    ids = [int(one["id"]) for one in sent(planned)["line_items"]]
    assert ids == [10876, 10877, 10878, 10879, 10880]
    assert sent(planned)["api_restock"] is True


def test_shipping_in_full_and_in_part(rich: Doc) -> None:
    whole = plan(rich, [], Wish(whole_shipping=True))
    assert (whole.shipping, whole.shipping_tax, whole.amount) == (D("7.50"), D("0.62"), D("8.12"))
    some = plan(rich, [], Wish(shipping=D("4.00")))
    assert (some.shipping, some.shipping_tax, some.amount) == (D("3.69"), D("0.31"), D("4.00"))
    rest = plan(rich, [refunded(rich, sent(some), 1)], Wish(whole_shipping=True))
    assert (rest.shipping, rest.shipping_tax, rest.shipping_left) == (D("3.81"), D("0.31"), D("4.12"))
    gone = [refunded(rich, sent(whole), 1)]
    assert codes(plan(rich, gone, Wish(whole_shipping=True))) == {"no_shipping_left"}
    assert codes(plan(rich, gone, Wish(shipping=D("0.01")))) == {"no_shipping_left"}


def test_an_amount_alone_names_no_line(rich: Doc) -> None:
    body = sent(plan(rich, [], Wish(amount=D(5))))
    assert (body["amount"], body["line_items"]) == ("5.00", [])


def test_an_amount_with_lines_lowers_them_in_proportion(rich: Doc) -> None:
    planned = plan(rich, [], Wish(lines=(WishedLine("10876", 1),), whole_shipping=True, amount=D("100.00")))
    assert amounts(planned) == [("10876", 1, D("88.48"), D("7.30"))]
    assert (planned.shipping, planned.shipping_tax) == (D("3.90"), D("0.32"))
    assert sum_of(sent(planned)) == D(100) == planned.amount


def test_money_given_back_without_lines_lowers_all_that_is_left(rich: Doc) -> None:
    goodwill = [refunded(rich, sent(plan(rich, [], Wish(amount=D("200.00")))), 1)]
    planned = plan(rich, goodwill, Wish(everything=True))
    assert planned.amount == D("514.08") == sum_of(sent(planned))
    assert "spread" in warned(planned)
    assert codes(plan(rich, goodwill, Wish(lines=(WishedLine("10876", 3),)))) == {"more_than_left"}


def test_an_earlier_refund_finer_than_the_store_shows_leaves_whole_cents() -> None:
    order = add_up(make_order(line_items=[line(10, 1, 1000, {})]))
    finer = {"id": 1, "amount": "1.005", "reason": "", "refunded_payment": True}
    planned = plan(order, [finer], Wish(everything=True))
    assert (planned.amount, planned.standing.left) == (D("8.99"), D("8.995"))
    assert D(sent(planned)["amount"]) == sum_of(sent(planned)) == D("8.99")


def test_a_rate_that_the_address_took_away_is_still_given_back() -> None:
    """After a change of address the order has other rates than its earlier refunds."""
    order = add_up(make_order(line_items=[line(10, 2, 2000, {1: 200})]))
    before = refunded(order, sent(plan(order, [], Wish(lines=(WishedLine("10", 1),)))), 1)
    order["line_items"] = [line(10, 2, 2000, {4: 380})]
    planned = plan(add_up(order), [before], Wish(lines=(WishedLine("10", 1),)))
    assert amounts(planned) == [("10", 1, D("10.00"), D("2.80"))]
    assert planned.amount == planned.standing.left == D("12.80")


def test_taxes_that_are_kept_finer_than_they_are_shown_add_up_to_what_is_shown() -> None:
    """Stores that round taxes as a whole tell each rate's with all its decimals."""
    one = line(10, 1, 1000, {1: 33, 2: 34, 3: 33})
    one["taxes"] = [{"id": rate, "total": "0.3334"} for rate in (1, 2, 3)]
    planned = plan(add_up(make_order(line_items=[one])), [], Wish(lines=(WishedLine("10", 1),)))
    assert planned.amount == D("11.00") == sum_of(sent(planned))
    assert [tax["refund_total"] for tax in sent(planned)["line_items"][0]["refund_tax"]] == [
        D("0.34"), D("0.33"), D("0.33"),
    ]  # fmt: skip


def test_the_last_whole_unit_takes_a_fraction_along() -> None:
    order = add_up(make_order(line_items=[{**line(10, 1, 1500, {1: 150}), "quantity": 1.5}]))
    assert amounts(plan(order, [], Wish(lines=(WishedLine("10", 1),)))) == [("10", 1, D(15), D("1.5"))]
    assert codes(plan(order, [], Wish(lines=(WishedLine("10", 2),)))) == {"more_units_than_left"}


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(), "nothing_wished"),
        (Wish(amount=D(0)), "nothing_wished"),
        (Wish(amount=D(-1)), "nothing_wished"),
        (Wish(amount=D("NaN")), "nothing_wished"),
        (Wish(amount=D("Infinity")), "nothing_wished"),
        (Wish(amount=D("1e30")), "more_than_left"),
        (Wish(amount=D("714.09")), "more_than_left"),
        (Wish(amount=D("1.239")), "too_fine"),
        (Wish(shipping=D("8.13")), "more_than_left"),
        (Wish(shipping=D("1.001")), "too_fine"),
        (Wish(shipping=D("-1")), "nothing_wished"),
        (Wish(lines=(WishedLine("10876", 4),)), "more_units_than_left"),
        (Wish(lines=(WishedLine("10876", 2), WishedLine("10876", 2))), "more_units_than_left"),
        (Wish(lines=(WishedLine("10876", 0),)), "no_units"),
        (Wish(lines=(WishedLine("10876", -1),)), "no_units"),
        (Wish(lines=(WishedLine("10879", 1),)), "unknown_line"),
        (Wish(lines=(WishedLine("1", 1),)), "unknown_line"),
        (Wish(lines=(WishedLine("10878", 1),), amount=D("9.75")), "more_than_lines"),
    ],
)  # fmt: skip
def test_what_cannot_be(rich: Doc, wish: Wish, code: str) -> None:
    planned = plan(rich, [], wish)
    assert codes(planned) == {code}
    assert planned.amount == 0
    with pytest.raises(ValueError, match="refusals"):
        body_of(planned, WORDS)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": "trash"}, "trashed"),
        ({"status": "pending", "date_paid_gmt": None, "date_paid": None}, "unpaid"),
        ({"status": "on-hold", "date_paid_gmt": None, "date_paid": None}, "unpaid"),
        ({"total": "0.00"}, "nothing_left"),
    ],
)
def test_orders_of_which_nothing_can_be_given_back(rich: Doc, fields: Doc, code: str) -> None:
    assert codes(plan({**rich, **fields}, [], Wish(everything=True))) == {code}


def test_cash_on_delivery_counts_as_paid_once_it_is_processed(rich: Doc) -> None:
    cod = {**rich, "payment_method": "cod", "date_paid_gmt": None, "date_paid": None}
    assert plan(cod, [], Wish(everything=True)).refusals == ()


# -- what is to be known before --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gateway", "gateways", "by_hand", "asks", "code"),
    [
        ("fakepay", GATEWAYS, False, True, None),
        ("fakepay", GATEWAYS, True, False, "by_hand"),
        ("cod", GATEWAYS, False, False, "gateway_cannot"),
        ("gone", GATEWAYS, False, False, "gateway_missing"),
        ("", GATEWAYS, False, False, "gateway_missing"),
        ("fakepay", Gateways(None), False, True, "gateway_unknown"),
    ],
)
def test_who_moves_the_money(
    rich: Doc, gateway: str, gateways: Gateways, by_hand: bool, asks: bool, code: str | None
) -> None:
    wish = Wish(amount=D(5), by_hand=by_hand)
    planned = plan({**rich, "payment_method": gateway}, [], wish, gateways)
    (payment,) = planned.payments
    assert (payment.automatic, payment.gateway, payment.most) == (asks, gateway, D("714.08"))
    assert (payment.amount.amount, payment.amount.currency) == (D(5), "USD")
    assert sent(planned)["api_refund"] is asks
    found = warned(planned) & {"by_hand", "gateway_cannot", "gateway_missing", "gateway_unknown"}
    assert found == ({code} if code else set())


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"date_paid_gmt": "2026-05-01T10:00:00"}, "old_order"),
        ({"meta_data": [{"key": "_woocs_order_rate", "value": "1.1"}]}, "presentment_currency"),
        ({"meta_data": [{"key": "_ywgc_applied_gift_cards", "value": {}}]}, "gift_card"),
        ({"gift_cards": [{"id": 1}]}, "gift_card"),
        ({"coupon_lines": [{"code": "card", "discount_type": "smart_coupon"}]}, "gift_card"),
        ({"coupon_lines": [{"code": "ten", "discount_type": "percent"}]}, "coupon"),
    ],
)
def test_warnings(fields: Doc, code: str) -> None:
    order = add_up(make_order(line_items=[line(10, 1, 2000, {})]))
    of_interest = {"old_order", "presentment_currency", "gift_card", "coupon"}
    assert warned(plan(order, [], Wish(everything=True))) & of_interest == set()
    assert warned(plan({**order, **fields}, [], Wish(everything=True))) & of_interest == {code}


def test_an_order_in_another_currency_than_the_stores_own(rich: Doc) -> None:
    from storelink.connectors.woocommerce.refund_plan import plan_of

    for own, found in (("USD", False), ("EUR", True)):
        planned = plan_of(rich, [], GATEWAYS, standing(rich, []), Wish(amount=D(5)), {"currency": own})
        assert ("presentment_currency" in warned(planned)) is found


# -- the body --------------------------------------------------------------------------------------


def test_what_every_body_says(rich: Doc) -> None:
    """Facts §6: what is left out is true, a number for `amount` is refused, `refund_tax` goes by rate id."""
    planned = plan(rich, [], Wish(lines=(WishedLine("10878", 1),)))
    text = body_of(planned, WORDS)
    assert text == body_of(plan(rich, [], Wish(lines=(WishedLine("10878", 1),))), WORDS)
    assert text == (
        '{"amount":"9.74","reason":"Damaged · ref 7F3A9C1B2D","api_refund":true,"api_restock":false,'
        '"line_items":[{"id":10878,"quantity":1,"refund_total":9,"refund_tax":[{"id":1,"refund_total":0.74}]}],'
        '"meta_data":[{"key":"_storelink_reference","value":"7F3A9C1B2D"}]}'
    )
    assert '"reason":"ref 7F3A9C1B2D"' in body_of(planned, replace(WORDS, reason=""))


def test_digits_that_php_would_lose_are_refused() -> None:
    order = add_up(make_order(line_items=[line(10, 1, 123_456_789_012_345_6, {})]))
    assert codes(plan(order, [], Wish(everything=True))) == {"too_large"}


@pytest.mark.parametrize(
    ("total", "unit"),
    [("714.08", "0.01"), ("727", "1"), ("12.345", "0.001"), ("1.0000", "0.0001"), ("", "1")],
)
def test_the_smallest_amount_is_as_the_store_writes_it(total: str, unit: str) -> None:
    assert unit_of({"total": total}) == D(unit)


# -- what is seen ----------------------------------------------------------------------------------


def test_refunds_as_recorded(rich: Doc) -> None:
    shown = recorded("refunds-list.json.txt").json
    found = standing(rich, shown)
    assert found.read == READ and found.number == "2965"
    assert found.refunded == sum(D(one["amount"] or 0) for one in shown)
    assert found.left == D("714.08") - found.refunded
    first = next(one for one in found.refunds if one.words == "one broken")
    assert isinstance(first, SeenRefund)
    assert (first.money, first.moved, first.amount) == ("moved", D("184.33"), D("184.33"))
    assert [(one.item_id, one.quantity, one.amount, one.tax) for one in first.lines] == [
        ("10876", 1, D("170.28"), D("14.05"))
    ]
    by_hand = next(one for one in found.refunds if one.words == "dup")
    assert (by_hand.money, by_hand.moved, by_hand.reference) == ("none", D(0), None)
    assert found.states == {"partly_refunded"}


def test_our_mark_is_found_in_the_reason(rich: Doc) -> None:
    ours = refunded(rich, sent(plan(rich, [], Wish(amount=D(5)))), 1)
    (seen,) = standing(rich, [ours]).refunds
    assert (seen.reference, seen.words) == ("7F3A9C1B2D", "Damaged · ref 7F3A9C1B2D")


@pytest.mark.parametrize(
    ("fields", "states"),
    [
        ({}, set()),
        ({"status": "completed"}, {"fulfilled"}),
        ({"status": "cancelled"}, {"cancelled"}),
        ({"status": "on-hold"}, {"on_hold"}),
        ({"status": "trash"}, {"trashed"}),
        ({"status": "refunded"}, {"refunded"}),
        ({"status": "failed", "date_paid_gmt": None, "date_paid": None}, {"unpaid"}),
    ],
)
def test_states(rich: Doc, fields: Doc, states: set[str]) -> None:
    assert standing({**rich, **fields}, []).states == states


def test_more_given_back_than_the_order_is_now(rich: Doc) -> None:
    """An address change may make an order smaller than its refunds."""
    all_of_it = refunded(rich, sent(plan(rich, [], Wish(everything=True))), 1)
    found = standing({**rich, "total": "700.00"}, [all_of_it])
    assert (found.refunded, found.left, found.states) == (D("714.08"), D(0), {"refunded"})
    assert Words("x", "y").notify is False
