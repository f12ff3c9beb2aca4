"""The generated shop's orders: one after the other, never all in memory."""

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Any

from storelink.sandbox import words
from storelink.sandbox.money import apply_percent, rates_at, taxes_on
from storelink.sandbox.people import make_address
from storelink.sandbox.shop import (
    ENDS,
    SPAN,
    Coupon,
    Delivery,
    Fee,
    Line,
    Order,
    Refund,
    RefundLine,
    Shop,
    TaxRate,
)

#: how often an order is in each state, in thousandths
SHARES = {
    "done": 610, "paid": 190, "waiting": 50, "unpaid": 40, "cancelled": 50, "failed": 25,
    "special": 18, "hidden": 10, "draft": 7,
}  # fmt: skip
_STATES = tuple(SHARES)
_STEPS = tuple(accumulate(SHARES.values()))
_PAID = frozenset(("done", "paid", "special", "hidden"))
_CURRENCIES = ("EUR", "JPY", "GBP")
_GATEWAYS = ("fakepay", "fakepay", "cod", "bacs", "nopay")
#: a bulk edit stamped this share of all orders with one and the same second
_BULK_SHARE = 0.04
_BULK_AT = ENDS - 30 * 86_400


def make_orders(shop: Shop) -> Iterator[Order]:
    """Every order of the shop, oldest first."""
    rng = Random(f"orders {shop.plan.seed}")  # noqa: S311
    step = SPAN / max(shop.plan.orders, 1)
    sellable = [i for i, p in enumerate(shop.products) if p.kind in ("simple", "virtual", "variable")]
    for number in range(shop.plan.orders):
        created = int(ENDS - SPAN + step * (number + rng.random() * 0.9))
        yield _order(rng, shop, sellable, number, created)


def _state(rng: Random, number: int) -> str:
    if number < len(_STATES):  # a small shop has every state, too
        return _STATES[number]
    return _STATES[min(bisect(_STEPS, rng.random() * 1000), len(_STATES) - 1)]


def _order(rng: Random, shop: Shop, sellable: list[int], number: int, created: int) -> Order:
    state = _state(rng, number)
    guest = not shop.customers or rng.random() < 0.2
    customer = None if guest else int(rng.random() * len(shop.customers))
    first, last, email = _who(rng, shop, customer, number)
    billing = make_address(rng, first, last, number)
    shipping = billing if rng.random() < 0.85 else make_address(rng, first, last, number + 7)
    rates = rates_at(shipping.country, shipping.state)
    percent = words.COUPONS[int(rng.random() * 3)] if rng.random() < 0.12 else None
    lines = tuple(_lines(rng, shop, sellable, rates, percent[1] if percent else 0))
    deliveries = _deliveries(rng, rates)
    paid = created + 60 if state in _PAID else None
    done = paid + 86_400 if paid is not None and state == "done" else None
    modified = _modified(rng, max(created, done or 0))
    fees = _fees(rng, rates)
    refunds: tuple[Refund, ...] = ()
    if paid is not None and state != "hidden" and rng.random() < shop.plan.refunded_share * 1.16:
        refunds, state = _refunds(rng, state, created, lines, deliveries, fees)
        modified = max([modified, *(refund.created for refund in refunds)])
    return Order(
        state=state,
        trashed=number > len(_STATES) and rng.random() < 0.01,
        currency="USD" if rng.random() > 0.02 else _CURRENCIES[int(rng.random() * 3)],
        customer=customer,
        created=created,
        modified=min(modified, ENDS - 1),
        paid=paid,
        done=done,
        billing=billing,
        shipping=shipping,
        email=email,
        note=words.NOTES[int(rng.random() * len(words.NOTES))] if rng.random() < 0.1 else "",
        gateway=_GATEWAYS[int(rng.random() * len(_GATEWAYS))],
        source="checkout" if rng.random() < 0.9 else ("rest-api", "admin")[rng.random() < 0.5],
        token=f"{rng.getrandbits(52):013x}",
        lines=lines,
        deliveries=deliveries,
        fees=fees,
        coupons=_coupons(percent, lines, rates),
        refunds=refunds,
        extra=_extra(rng, number),
    )


def _who(rng: Random, shop: Shop, customer: int | None, number: int) -> tuple[str, str, str]:
    if customer is not None:
        person = shop.customers[customer]
        return person.first or "Anna", person.last, person.email
    first = words.FIRST_NAMES[int(rng.random() * len(words.FIRST_NAMES))]
    return first, words.LAST_NAMES[number % len(words.LAST_NAMES)], f"guest{number}@example.test"


def _modified(rng: Random, at: int) -> int:
    draw = rng.random()
    if draw < _BULK_SHARE and at < _BULK_AT:
        return _BULK_AT
    return at if draw < 0.6 else at + int(rng.random() * 20 * 86_400)


def _lines(
    rng: Random, shop: Shop, sellable: list[int], rates: tuple[TaxRate, ...], percent: int
) -> Iterator[Line]:
    count = shop.plan.items_per_order
    if count is None:
        count = (1, 2, 2, 3, 3, 3, 4, 5)[int(rng.random() * 8)] if rng.random() > 0.004 else 0
    goods = [_goods(rng, shop, sellable) for _ in range(count)]
    quantities = [1 if rng.random() < 0.6 else 2 + int(rng.random() * 3) for _ in goods]
    subtotals = [part[4] * n for part, n in zip(goods, quantities, strict=True)]
    off = apply_percent(subtotals, percent)
    for part, quantity, subtotal, less in zip(goods, quantities, subtotals, off, strict=True):
        product, variant, title, sku, _, deleted = part
        total = subtotal - less
        extra = (("Engraving", "Hi “you” / me"),) if rng.random() < 0.05 else ()
        taxes = taxes_on(subtotal, total, rates)
        yield Line(product, variant, deleted, title, sku, quantity, subtotal, total, taxes, extra)


def _goods(
    rng: Random, shop: Shop, sellable: list[int]
) -> tuple[int | None, int | None, str, str, int, bool]:
    draw = rng.random()
    if draw < 0.02 or not sellable:
        return None, None, "Custom work – by hand", "", 500 + int(rng.random() * 9_000), False
    index = sellable[int(rng.random() * len(sellable))]
    product = shop.products[index]
    deleted = 0.02 <= draw < 0.03
    if product.kind == "variable" and product.variants:
        at = int(rng.random() * len(product.variants))
        variant = product.variants[at]
        price = variant.sale or variant.price or 1_000
        return index, at, f"{product.title} - {variant.label}", variant.sku, price, deleted
    return index, None, product.title, product.sku, product.sale or product.price or 0, deleted


def _deliveries(rng: Random, rates: tuple[TaxRate, ...]) -> tuple[Delivery, ...]:
    draw = rng.random()
    if draw < 0.1:
        return ()
    total = (0, 500, 750, 1295)[int(rng.random() * 4)]
    first = Delivery("Flat rate", total, taxes_on(total, total, rates))
    return (first,) if draw < 0.98 else (first, Delivery("Express", 999, taxes_on(999, 999, rates)))


def _fees(rng: Random, rates: tuple[TaxRate, ...]) -> tuple[Fee, ...]:
    if rng.random() > 0.06:
        return ()
    title = words.FEES[int(rng.random() * len(words.FEES))]
    total = -150 if title == "Loyalty discount" else 333
    return (Fee(title, total, taxes_on(total, total, rates)),)


def _coupons(
    percent: tuple[str, int] | None, lines: tuple[Line, ...], rates: tuple[TaxRate, ...]
) -> tuple[Coupon, ...]:
    if percent is None:
        return ()
    off = [line.subtotal - line.total for line in lines]
    taxes = sum(less * rate.share // 100_000 for less in off for rate in rates)
    return (Coupon(percent[0], percent[1], sum(off), taxes),)


def _refunds(
    rng: Random,
    state: str,
    created: int,
    lines: tuple[Line, ...],
    deliveries: tuple[Delivery, ...],
    fees: tuple[Fee, ...],
) -> tuple[tuple[Refund, ...], str]:
    """Refunds of one order, oldest first, and the state they leave it in."""
    at = created + 2 * 86_400 + int(rng.random() * 86_400)
    reason = words.REASONS[int(rng.random() * len(words.REASONS))]
    whole = sum(line.total + sum(t.after for t in line.taxes) for line in lines)
    whole += sum(d.total + sum(t.after for t in d.taxes) for d in deliveries)
    whole += sum(f.total + sum(t.after for t in f.taxes) for f in fees)
    draw = rng.random()
    if draw < 0.04:
        return (Refund(None, "", at, False),), state
    if draw < 0.30 and whole > 0:
        return (Refund(whole, "Order fully refunded.", at, False),), "returned"
    if draw < 0.60 and lines and lines[0].total > 0:
        part = _part(lines[0])
        money = part.total + sum(cents for _, cents in part.taxes)
        return (Refund(money, reason, at, rng.random() < 0.5, (part,)),), state
    if whole < 300:
        return (), state
    first = Refund(whole // 5, reason, at, rng.random() < 0.5)
    if draw < 0.9:
        return (first,), state
    return (first, Refund(100, "dup", at + 60, False), Refund(100, "dup", at + 60, False)), state


def _part(line: Line) -> RefundLine:
    """One piece of a line; the cents that do not divide stay with the rest."""
    taxes = tuple((tax.rate, tax.after // line.quantity) for tax in line.taxes)
    return RefundLine(0, 1, line.total // line.quantity, taxes)


def _extra(rng: Random, number: int) -> tuple[tuple[str, Any], ...]:
    draw = rng.random()
    if draw < 0.5:
        return ()
    if draw < 0.8:
        return (("_wc_order_attribution_source_type", "typein"), ("po", f"PO{number}"))
    if draw < 0.9:
        return (("_tracking", [{"a": 1, "code": f"T{number}"}]), ("is_vat_exempt", "no"))
    return (("_gift", {"from": "Zoë", "lines": ["one", "two"], "wrap": True}),)
