"""What a wish would give back of an order: to the last cent, with what is to be known before. Pure.

WooCommerce checks nothing but that the amount is not more than what is left, so everything else is
checked here. Where money was given back without naming lines, there is less left than the parts say;
then their amounts are lowered in proportion, so that parts and amount always agree.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#create-a-refund
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from storelink.connectors.action import Money as Sum
from storelink.connectors.action import Payment, Plan, PlannedLine, Remark, Standing, Wish
from storelink.connectors.money import ZERO
from storelink.connectors.text import text
from storelink.connectors.woocommerce.remark import remarks_on
from storelink.connectors.woocommerce.shape import Record
from storelink.connectors.woocommerce.share import (
    LINE,
    SHIPPING,
    Part,
    entries_of,
    left_of,
    scaled,
    some_of,
    to_json,
    total_of,
    with_rest,
)

Settings = Mapping[str, Any]
DIGITS = 14
"""So many does PHP keep of a JSON number."""


@dataclass(frozen=True, slots=True)
class Gateways:
    """The store's ways to be paid: id → whether it can pay back. None where the store does not tell."""

    can_refund: Mapping[str, bool] | None

    def asks(self, order: Record, wish: Wish) -> bool:
        """Whether the store is to let its gateway move the money."""
        return not wish.by_hand and (self.can_refund is None or self.can_refund.get(gateway_of(order), False))


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is given back: its parts add up to `amount`, or there are none."""

    parts: tuple[Part, ...] = ()
    amount: Decimal = ZERO
    remarks: tuple[Remark, ...] = ()
    refusals: tuple[Remark, ...] = ()


def plan_of(
    order: Record,
    refunds: Sequence[Record],
    gateways: Gateways,
    standing: Standing,
    wish: Wish,
    settings: Settings,
) -> Plan:
    """The plan of `wish`. One that cannot be has refusals. Raises `Unfit` for an order that is junk."""
    unit = unit_of(order)
    left = left_of(order, refunds, unit)
    refusals = _forbidden(standing)
    most = standing.left.quantize(unit, ROUND_FLOOR)
    taken = _Taken() if refusals else _take(left, wish, most, unit)
    if any(len(value.as_tuple().digits) > DIGITS for part in taken.parts for value in (part.net, part.tax)):
        taken = _refused("too_large", "WooCommerce does not keep so many digits")
    by_id = {part.item_id: part for part in taken.parts}
    sent = [part for part in taken.parts if part.kind == SHIPPING]
    asks = gateways.asks(order, wish)
    return Plan(
        wish=wish,
        standing=standing,
        lines=tuple(_line(part, by_id) for part in left if part.kind != SHIPPING and _shown(part, by_id)),
        shipping=sum((part.net for part in sent), ZERO),
        shipping_tax=sum((part.tax for part in sent), ZERO),
        shipping_left=total_of(part for part in left if part.kind == SHIPPING),
        amount=taken.amount,
        payments=_payments(order, standing, taken.amount, asks=asks),
        warnings=(*taken.remarks, *remarks_on(order, wish, standing, gateways.can_refund, settings)),
        refusals=(*refusals, *taken.refusals),
        detail={
            "amount": format(taken.amount.quantize(unit), "f"),
            "ask_gateway": asks,
            "parts": [to_json(part) for part in taken.parts if part.units or part.net or part.tax],
        },
    )


def unit_of(order: Record) -> Decimal:
    """The smallest amount that the store shows, as its `total` is written: 0.01, 1 or 0.001."""
    whole, point, places = str(order.get("total") or "").strip().partition(".")
    return Decimal(1).scaleb(-len(places)) if point and whole and len(places) <= 4 else Decimal(1)


def gateway_of(order: Record) -> str:
    """The id of the gateway that the order was paid with, "" for none."""
    return text(order.get("payment_method"), "payment_method") or ""


def _forbidden(standing: Standing) -> tuple[Remark, ...]:
    if "trashed" in standing.states:
        return (Remark("trashed", "the order is in the trash; restore it first"),)
    if "unpaid" in standing.states:
        return (Remark("unpaid", "the order was never paid: there is nothing to give back"),)
    if standing.left <= 0:
        return (Remark("nothing_left", "everything of the order is given back already"),)
    return ()


def _shown(part: Part, taken: Mapping[str, Part]) -> bool:
    """Lines always, fees where something of them is given back."""
    return part.kind == LINE or (part.item_id in taken and bool(taken[part.item_id].total))


def _line(part: Part, taken: Mapping[str, Part]) -> PlannedLine:
    mine = taken.get(part.item_id)
    return PlannedLine(
        item_id=part.item_id,
        title=part.title,
        sku=part.sku,
        quantity=int(mine.units) if mine else 0,
        left=int(part.units),
        amount=mine.net if mine else ZERO,
        tax=mine.tax if mine else ZERO,
    )


def _payments(order: Record, standing: Standing, amount: Decimal, *, asks: bool) -> tuple[Payment, ...]:
    title = text(order.get("payment_method_title"), "payment_method_title")
    gateway = gateway_of(order)
    money = Sum(amount, standing.total.currency)
    return (Payment(gateway, title or gateway or "by hand", money, standing.left, automatic=asks),)


# -- how much --------------------------------------------------------------------------------------


def _take(left: Sequence[Part], wish: Wish, most: Decimal, unit: Decimal) -> _Taken:
    if wish.everything:
        return _everything(left, most, unit)
    chosen, refusals = _chosen(left, wish, unit)
    if refusals:
        return _Taken(refusals=refusals)
    if wish.amount is not None:
        return _amount(chosen, wish.amount, most, unit)
    return _sum_of(chosen, most, unit, entries_of(left))


def _sum_of(chosen: tuple[Part, ...], most: Decimal, unit: Decimal, entries: int) -> _Taken:
    """What lines and shipping come to."""
    asked = total_of(chosen)
    if asked <= 0:
        return _refused("nothing_wished", "nothing is to be given back; name lines, shipping or an amount")
    if asked <= most:
        return _Taken(chosen, asked)
    if asked - most <= unit * entries:
        rounding = Remark("rounding", f"lowered by {asked - most}: the store rounds the order as a whole")
        return _Taken(scaled(chosen, most, unit), most, (rounding,))
    return _refused(
        "more_than_left",
        f"{asked} is more than the {most} that is left of the order, as money was given back without naming "
        "lines; name a smaller amount, or all that is left",
    )


def _refused(code: str, words: str) -> _Taken:
    return _Taken(refusals=(Remark(code, words),))


def _everything(left: Sequence[Part], most: Decimal, unit: Decimal) -> _Taken:
    parts = tuple(part for part in left if part.total or part.units)
    sum_ = total_of(parts)
    if sum_ == most:
        return _Taken(parts, most)
    rounding = abs(sum_ - most) <= unit * entries_of(left)
    if sum_ > most:
        words = "money was given back before without naming lines; what is left is spread over all of them"
        return _Taken(scaled(parts, most, unit), most, () if rounding else (Remark("spread", words),))
    if parts and rounding:
        return _Taken(with_rest(parts, most - sum_), most)
    words = (
        f"{most - sum_} of the order belongs to none of its lines, and is given back with the amount alone"
    )
    return _Taken(parts if sum_ > 0 else (), most, (Remark("unnamed_rest", words),))


def _amount(chosen: tuple[Part, ...], wanted: Decimal, most: Decimal, unit: Decimal) -> _Taken:
    """An amount by itself, or in place of what lines and shipping add up to."""
    if wrong := _unusable(wanted, most, unit, "of the order"):
        return _Taken(refusals=(wrong,))
    if not chosen:
        return _Taken((), wanted)
    if wanted > (asked := total_of(chosen)):
        return _refused("more_than_lines", f"{wanted} is more than the {asked} that these lines came to")
    return _Taken(scaled(chosen, wanted, unit), wanted)


def _unusable(wanted: Decimal, most: Decimal, unit: Decimal, of: str) -> Remark | None:
    """Why an amount that somebody typed cannot be given back."""
    if not wanted.is_finite() or wanted <= 0:
        return Remark("nothing_wished", "the amount must be greater than zero")
    if wanted > most:
        return Remark("more_than_left", f"{wanted} is more than the {most} {of} that is left")
    if wanted != wanted.quantize(unit):
        return Remark("too_fine", f"{wanted} has more decimal places than the store has for this order")
    return None


# -- which parts -----------------------------------------------------------------------------------


def _chosen(left: Sequence[Part], wish: Wish, unit: Decimal) -> tuple[tuple[Part, ...], tuple[Remark, ...]]:
    wanted: dict[str, int] = {}
    refusals: list[Remark] = []
    for wished in wish.lines:
        wanted[wished.item_id] = wanted.get(wished.item_id, 0) + wished.quantity
        if wished.quantity <= 0:
            refusals.append(Remark("no_units", f"line {wished.item_id}: {wished.quantity} units are none"))
    lines = {part.item_id: part for part in left if part.kind == LINE}
    for item_id, quantity in wanted.items():
        if item_id not in lines:
            refusals.append(Remark("unknown_line", f"the order has no line {item_id}"))
        elif quantity > lines[item_id].units:
            words = f"line {item_id}: {quantity} units are more than the {int(lines[item_id].units)} left"
            refusals.append(Remark("more_units_than_left", words))
    shipping, refused = _shipping(left, wish, unit)
    if refusals or refused:
        return (), (*refusals, *refused)
    found = [some_of(part, wanted[part.item_id], unit) for part in left if part.item_id in wanted]
    return (*found, *shipping), ()


def _shipping(left: Sequence[Part], wish: Wish, unit: Decimal) -> tuple[tuple[Part, ...], tuple[Remark, ...]]:
    if wish.shipping is None and not wish.whole_shipping:
        return (), ()
    parts = tuple(part for part in left if part.kind == SHIPPING and part.total > 0)
    if not parts:
        return (), (Remark("no_shipping_left", "no shipping is left to give back"),)
    if wish.shipping is None or wish.whole_shipping:
        return parts, ()
    if wrong := _unusable(wish.shipping, total_of(parts), unit, "of shipping"):
        return (), (wrong,)
    return scaled(parts, wish.shipping, unit), ()
