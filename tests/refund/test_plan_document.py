"""Wishes and plans as they are kept: nothing is lost on the way, and no other cent goes unnoticed."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.action import (
    Money,
    Payment,
    Plan,
    PlannedLine,
    SeenRefund,
    Standing,
    Wish,
    WishedLine,
)
from storelink.connectors.protocol import Read
from storelink.sync.plan_document import changes_since, digest, plan_document, read_wish, wish_document

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MONEY = st.decimals(min_value=0, max_value=10**9, places=3)
WISHES = st.builds(
    Wish,
    everything=st.booleans(),
    lines=st.lists(
        st.builds(WishedLine, st.text(min_size=1), st.integers(1, 99)),
        max_size=3,
        unique_by=lambda it: it.item_id,
    ).map(tuple),
    shipping=st.none() | MONEY,
    whole_shipping=st.booleans(),
    amount=st.none() | MONEY,
    restock=st.booleans(),
    location=st.none() | st.text(),
    by_hand=st.booleans(),
)  # fmt: skip


def plan(amount: Decimal, left: Decimal, *refunds: SeenRefund, quantity: int = 1, tax: str = "0") -> Plan:
    standing = Standing(
        "1", "1", NOON, Read(NOON, NOON), Money(left + 1000, "EUR"), Decimal(1000), left, refunds=refunds
    )
    line = PlannedLine("7", "Shirt", None, quantity, 9, amount, Decimal(tax))
    return Plan(
        Wish(amount=amount), standing, (line,), Decimal(0), Decimal(0), Decimal(0), amount,
        payments=(Payment("pay", "Pay", Money(amount, "EUR"), left),),
    )  # fmt: skip


def other(number: str, mark: str | None = None) -> SeenRefund:
    return SeenRefund(number, Decimal(5), "EUR", "moved", Decimal(5), mark, created_at=NOON)


@given(WISHES)
def test_a_wish_comes_back_as_it_was(wish):
    assert read_wish(json.loads(json.dumps(wish_document(wish)))) == wish


@given(MONEY, st.integers(0, 3))
def test_the_same_plan_is_the_same_however_its_numbers_are_written(amount, zeros):
    shown = plan_document(plan(amount, amount + 1))
    longer = amount.quantize(Decimal(1).scaleb(-3 - zeros))
    assert changes_since(shown, plan_document(plan(longer, amount + 1))) == []
    assert digest(shown) == digest(json.loads(json.dumps(shown)))


@given(MONEY, MONEY)
def test_another_amount_is_another_plan(amount, more):
    shown = plan_document(plan(amount, amount + more))
    now = plan_document(plan(more, amount + more))
    assert bool(changes_since(shown, now)) == (amount != more)


def test_other_lines_or_taxes_are_another_plan():
    shown = plan_document(plan(Decimal(5), Decimal(9)))
    assert changes_since(shown, plan_document(plan(Decimal(5), Decimal(9), quantity=2)))
    assert changes_since(shown, plan_document(plan(Decimal(5), Decimal(9), tax="0.01")))


def test_refunds_that_were_not_known_refuse_and_ours_that_were_under_way_do_not():
    shown = plan_document(plan(Decimal(5), Decimal(9), other("1")), under_way=["AAAAAAAAAA"])
    same = plan_document(plan(Decimal(5), Decimal(9), other("1"), other("2", "AAAAAAAAAA")))
    assert changes_since(shown, same) == []
    new = plan_document(plan(Decimal(5), Decimal(9), other("1"), other("3")))
    assert changes_since(shown, new) == ["a refund of 5 EUR was made"]
    foreign = plan_document(plan(Decimal(5), Decimal(9), other("1"), other("4", "BBBBBBBBBB")))
    assert changes_since(shown, foreign)
