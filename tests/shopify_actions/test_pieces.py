"""Orders of all kinds are given back in random pieces: to the cent, never more than is left, to zero."""

import os
import uuid
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from shopify_house import House, mark

from storelink.connectors.action import Plan, Wish, WishedLine, Words
from storelink.connectors.shopify.places import unit_of

ZERO = Decimal(0)
SEEDS = range(12 if os.environ.get("STORELINK_SOAK") else 1)
SHOPS: dict[str, dict[str, Any]] = {
    "dollars": {},
    "taxes in the prices": {"taxes_included": True},
    "yen": {"currency": "JPY"},
    "dinars, taxes in the prices": {"currency": "KWD", "taxes_included": True},
}


@pytest.fixture(scope="module")
def houses(open_house: Callable[..., House]) -> Callable[[str], House]:
    made: dict[str, House] = {}

    def house_of(name: str) -> House:
        if name not in made:
            made[name] = open_house(seed=7, **SHOPS[name])
        return made[name]

    return house_of


def money(rng: Random, currency: str, low: int, high: int) -> str:
    return str(unit_of(currency) * rng.randint(low, high))


def make_order(house: House, rng: Random, currency: str, presentment: str) -> str:
    lines = []
    for number in range(rng.randint(1, 4)):
        quantity, price = rng.randint(1, 4), rng.randint(1, 9_999)
        off = rng.randint(0, price * quantity - 1) if rng.random() < 0.4 else 0
        step = unit_of(currency)
        lines.append(
            {
                "title": f"Thing {number}",
                "price": str(step * price),
                "quantity": quantity,
                "discount": str(step * off),
            }
        )
    payments: list[dict[str, str]] = [{}]
    for way in rng.sample(["giftcard", "paypal", "cod"], rng.choice([0, 0, 1, 2])):
        payments.insert(0, {"gateway": way, "amount": money(rng, currency, 1, 900)})
    shipping = money(rng, currency, 0, 999) if rng.random() < 0.8 else None
    made = house.admin.create_order(
        lines=lines, shipping=shipping, payments=payments, presentmentCurrencyCode=presentment
    )
    if rng.random() < 0.3:
        house.admin.do("fulfill_order", made["id"], made["_lines"][0]["id"])
    if rng.random() < 0.3:
        house.admin.do("remove_line", made["id"], made["_lines"][-1]["id"], 1)
    return str(made["id"])


def make_wish(rng: Random, plan: Plan) -> Wish:
    """Something that can be wished for, by what a plan of everything shows."""
    unit = unit_of(plan.standing.total.currency)
    open_lines = [line for line in plan.lines if line.left]
    kind = rng.choice(["lines", "lines", "lines", "amount", "shipping", "both", "everything"])
    chosen = rng.sample(open_lines, rng.randint(1, len(open_lines))) if open_lines else []
    lines = tuple(WishedLine(line.item_id, rng.randint(1, line.left)) for line in chosen)
    if kind == "amount" or not (lines or plan.shipping_left):
        steps = int(plan.standing.left / unit)
        return Wish(amount=unit * rng.randint(1, max(1, steps // 2)))
    if kind == "shipping" and plan.shipping_left:
        return Wish(shipping=unit * rng.randint(1, int(plan.shipping_left / unit)))
    if kind == "both":
        return Wish(lines=lines, whole_shipping=True)
    return Wish(everything=True) if kind == "everything" or not lines else Wish(lines=lines)


def check(plan: Plan) -> None:
    """The parts add up, in the shop's currency and in the customer's, and no more than is left goes."""
    standing = plan.standing
    assert ZERO < plan.amount <= standing.left
    currency = plan.presentment.currency if plan.presentment else standing.total.currency
    assert {payment.amount.currency for payment in plan.payments} == {currency}
    paid = sum((payment.amount.amount for payment in plan.payments), ZERO)
    assert paid == (plan.presentment.amount if plan.presentment else plan.amount)
    assert all(ZERO < one.amount.amount <= (one.most or ZERO) for one in plan.payments)
    goods = sum((line.amount + line.tax for line in plan.lines), ZERO)
    worth = goods + plan.shipping + plan.shipping_tax
    codes = {remark.code for remark in plan.warnings}
    if plan.wish.amount is None and not codes & {"less_left", "unnamed_rest"}:
        assert worth == plan.amount
    if "less_left" in codes:
        assert worth > plan.amount == standing.left
    if "unnamed_rest" in codes:
        assert worth < plan.amount == standing.left
    assert all(line.quantity <= line.left for line in plan.lines)


PAIRS = [
    ("dollars", "USD"),
    ("dollars", "EUR"),
    ("dollars", "JPY"),
    ("dollars", "KWD"),
    ("taxes in the prices", "USD"),
    ("yen", "JPY"),
    ("yen", "USD"),
    ("dinars, taxes in the prices", "KWD"),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "presentment"), PAIRS)
def test_in_random_pieces_down_to_nothing(
    houses: Callable[[str], House], name: str, presentment: str, seed: int
) -> None:
    house, rng = houses(name), Random(f"{name} {presentment} {seed}")
    currency = SHOPS[name].get("currency", "USD")
    order = make_order(house, rng, currency, presentment)
    received = received_of(house, order)
    given = ZERO
    for turn in range(40):
        whole = house.plan(order, everything=True)
        if not whole.standing.left:
            break
        wish = make_wish(rng, whole) if turn < 30 else Wish(everything=True)
        given += give(house, order, wish)
    after = house.actions.look(order)
    assert (after.left, after.refunded) == (0, sum((one.amount for one in after.refunds), ZERO))
    assert given == received
    assert house.plan(order, everything=True).refusals[0].code == "nothing_left"
    by_gateways = sum(
        (Decimal(one["amount"]) for one in house.admin.ledger() if one["order"] == int(order)), ZERO
    )
    assert by_gateways <= received


def received_of(house: House, order: str) -> Decimal:
    """What was paid, in the customer's currency."""
    standing = house.actions.look(order)
    payments = house.plan(order, everything=True).payments
    found = sum((payment.most or ZERO for payment in payments), ZERO)
    assert standing.left or not found
    return found


def give(house: House, order: str, wish: Wish) -> Decimal:
    """Give that back; how much it was in the customer's currency."""
    plan = house.actions.plan_refund(order, wish)
    if plan.refusals:  # only what cannot be known before Shopify was asked
        assert {one.code for one in plan.refusals} <= {"no_money", "no_shipping_amount"}, plan.refusals
        return ZERO
    check(plan)
    before = house.paid_back(order)
    seen = house.actions.send_refund(
        order, str(uuid.uuid4()), house.actions.compose_refund(plan, Words("", mark()))
    )
    shown = seen.presentment.amount if seen.presentment else seen.amount
    assert shown == (plan.presentment.amount if plan.presentment else plan.amount)
    if not plan.presentment:
        assert seen.amount == plan.amount
    automatic = [one.amount.amount for one in plan.payments if one.automatic]
    assert house.paid_back(order) - before == sum(automatic, ZERO)
    assert seen.money == ("moved" if automatic else "none")
    after = house.actions.look(order)
    assert after.left == plan.standing.left - seen.amount
    assert next(one for one in after.refunds if one.id == seen.id) == seen
    if wish.amount is None:
        units = {line.item_id: line.quantity for line in plan.lines if line.quantity}
        taken: dict[str, int] = {}
        for line in seen.lines:
            taken[line.item_id] = taken.get(line.item_id, 0) + int(line.quantity)
        assert taken == units
    return shown
