"""Refunds through the engine in shops that move money: what storelink says is what the ledger says."""

from contextlib import ExitStack
from decimal import Decimal

import pytest
from fleet import Fleet
from sqlmodel import select

from storelink.connectors.action import Wish, WishedLine, reference_in
from storelink.models import OrderRefund, PlatformOrder, RefundRequest
from storelink.sandbox.running import start, start_shopify
from storelink.sync import refund
from storelink.sync.act import act
from storelink.sync.limit import Asker, Limits
from storelink.sync.opening import open_subject
from storelink.sync.refund import Particulars
from storelink.sync.request import Rules

D = Decimal
ANNA = Asker("anna", "support")
RULES = Rules(grace=0.5, look=0.02, look_most=0.1, survive=0.1, retry=0.02)
SHIRTS = [{"title": "Shirt", "price": "10.00", "quantity": 3}, {"title": "Hat", "price": "7.77"}]
SIZE = {"orders": 6, "products": 4, "customers": 4}


class Counter:
    """One shop, open, and people who give money back there."""

    def __init__(self, database, subject, admin):
        self.database, self.subject, self.admin = database, subject, admin

    def preview(self, order, **wish):
        return refund.preview(self.database, self.subject, str(order), Wish(**wish), ANNA)

    def ask(self, order, **wish):
        shown = self.preview(order, **wish)
        assert shown.document["refusals"] == []
        with self.database.session() as session:
            made = refund.create(
                session, shown.id, Particulars(again=True), asker=ANNA, limits=Limits(None, {}, {}),
                enqueue=lambda *_: None,
            )  # fmt: skip
            session.commit()
        return made.request

    def give(self, order, **wish):
        """Ask for it, and see it through."""
        request = self.ask(order, **wish)
        for _ in range(50):
            act(self.database, self.subject, str(order), RULES)
            now = self.now(request)
            if now.stage in ("failed", "needs_attention") or now.read_at is not None:
                return now
        raise AssertionError((now.stage, now.error))

    def now(self, request):
        with self.database.session() as session:
            return session.get(RefundRequest, request.id)

    def paid(self, order):
        """Mark → what the gateways paid under it, with its currency; None: what was not ours."""
        found = {}
        for row in self.admin.ledger():
            if str(row["order"]) == str(order):
                mark = reference_in(row["reason"] or "")
                found.setdefault(mark, []).append((D(row["amount"]), row["currency"]))
        return found

    def held(self, order):
        """The order in our tables, and its refunds: amount → whose request."""
        with self.database.session() as session:
            row = session.exec(select(PlatformOrder).where(PlatformOrder.order_id == str(order))).one()
            rows = session.exec(select(OrderRefund).where(OrderRefund.order_id == str(order))).all()
        return row, {one.amount: one.refund_request_id for one in rows}


@pytest.fixture(scope="module")
def counters(lasting):
    database, settings = lasting
    fleet = Fleet(str(settings.database_url), settings, database, settings.home)
    with ExitStack() as closing:
        woo = closing.enter_context(start(**SIZE))
        shopify = closing.enter_context(start_shopify(plan="enterprise", **SIZE))
        fleet.add_woo(woo, "woocommerce")
        fleet.add_shopify(shopify, "shopify")
        yield {
            name: Counter(
                database,
                closing.enter_context(open_subject(database, fleet.keyring, name, settings)),
                shop.admin,
            )
            for name, shop in (("woocommerce", woo), ("shopify", shopify))
        }


@pytest.fixture
def shopify(counters):
    return counters["shopify"]


def test_piece_by_piece_in_the_customers_own_currency(shopify):
    order = shopify.admin.create_order(lines=SHIRTS, shipping="5.00", presentmentCurrencyCode="EUR")
    number, shirt = order["id"], str(order["_lines"][0]["id"])
    received = shopify.preview(number, everything=True).plan.presentment
    assert received.currency == "EUR"
    wishes = [
        {"amount": D("3.33")}, {"lines": (WishedLine(shirt, 1),)}, {"shipping": D("1.01")},
        {"lines": (WishedLine(shirt, 1),), "amount": D("2.00")}, {"everything": True},
    ]  # fmt: skip
    done = [shopify.give(number, **wish) for wish in wishes]
    assert [(one.stage, one.error) for one in done] == [("settled", None)] * 5
    paid = shopify.paid(number)
    for one in done:
        shown = one.plan["presentment"]
        assert paid[one.reference] == [(D(shown["amount"]), "EUR")]
        assert abs(one.moved_amount - one.amount) <= D("0.01"), "the shop's follows from it by the rate"
    assert sum(amount for rows in paid.values() for amount, _ in rows) == received.amount
    row, refunds = shopify.held(number)
    assert row.current_total_amount == row.total_amount - row.refunded_amount == 0
    assert set(refunds.values()) == {one.id for one in done}


def test_by_gift_card_by_card_and_by_hand(shopify):
    """Each payment gets its own back, and what a person has to move is not said to have moved."""
    payments = [{"gateway": "giftcard", "amount": "7.00"}, {"gateway": "cod", "amount": "9.30"}, {}]
    order = shopify.admin.create_order(lines=SHIRTS, shipping="5.00", payments=payments)["id"]
    done = shopify.give(order, everything=True)
    by_hand = [D(one["amount"]) for one in done.plan["payments"] if not one["automatic"]]
    assert (done.stage, by_hand) == ("settled", [D("9.30")])
    paid = [amount for amount, _ in shopify.paid(order)[done.reference]]
    assert len(paid) == 2
    assert done.moved_amount == sum(paid) == done.amount - D("9.30")


def test_by_hand_in_part_in_the_customers_own_currency(shopify):
    payments = [{"gateway": "cod", "amount": "9.30"}, {}]
    order = shopify.admin.create_order(
        lines=SHIRTS, shipping="5.00", payments=payments, presentmentCurrencyCode="EUR"
    )["id"]
    done = shopify.give(order, everything=True)
    assert done.stage == "settled"
    ((paid, currency),) = shopify.paid(order)[done.reference]
    shown = done.plan["presentment"]
    assert (currency, paid < D(shown["amount"])) == ("EUR", True)
    share = done.amount * paid / D(shown["amount"])
    assert abs(done.moved_amount - share) <= D("0.01")


@pytest.mark.parametrize("platform", ["woocommerce", "shopify"])
def test_what_was_given_back_elsewhere_shrinks_what_is_left(counters, platform):
    counter = counters[platform]
    order = _order_worth(counter, platform)
    left = counter.preview(order, amount=D(1)).plan.standing.left
    early = counter.ask(order, amount=D("2.00"))
    counter.admin.refund_by_hand(int(order), "4.00", "Sorry")
    act(counter.database, counter.subject, order, RULES)
    stopped = counter.now(early)
    assert stopped.stage == "failed", "the order is not as it was shown"
    assert "a refund of 4.00" in stopped.error
    assert counter.preview(order, amount=D(1)).plan.standing.left == left - 4
    refusals = counter.preview(order, amount=left - 4 + D("0.01")).document["refusals"]
    assert [one["code"] for one in refusals] == ["more_than_left"]
    done = counter.give(order, amount=D("2.50"))
    assert (done.stage, done.alarm) == ("settled", None)
    row, refunds = counter.held(order)
    assert refunds == {D("4.00"): None, D("2.50"): done.id}
    assert row.refunded_amount == D("6.50")
    assert set(counter.paid(order)) == {None, done.reference}


def _order_worth(counter, platform):
    """An order that its gateway can pay back."""
    if platform == "shopify":
        return str(counter.admin.create_order(lines=SHIRTS, shipping="5.00")["id"])
    for row in counter.admin.records("orders"):
        plan = counter.preview(row["id"], amount=D(1)).plan
        if not plan.refusals and plan.payments[0].automatic and plan.standing.left > 10:
            return str(row["id"])
    raise AssertionError("no order is worth it")
