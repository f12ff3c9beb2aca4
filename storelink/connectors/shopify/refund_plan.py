"""What a wish would give back of an order: as Shopify itself suggests, to the last cent. Pure.

Shopify is asked twice in one go: what all that is left comes to (`whole`), and what is wished for
(`asked`). Its sums are taken as they are, and payments always named: left to itself "the system will
determine how to apply the refund". Where money was given back without naming lines, lines are worth more
than is left; the difference stands in the refund as a discrepancy, and what is paid is what is left.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/objects/SuggestedRefund
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from storelink.connectors.action import Money, Payment, Plan, PlannedLine, Remark, Standing, Wish
from storelink.connectors.money import ZERO
from storelink.connectors.shopify.item import count
from storelink.connectors.shopify.kind import key_of
from storelink.connectors.shopify.money import in_shop, in_shown
from storelink.connectors.shopify.payment import Part, Purse, as_suggested, purses_of, spread
from storelink.connectors.shopify.places import even, unit_of, written
from storelink.connectors.shopify.refund_remark import remarks_on
from storelink.connectors.shopify.refund_wish import NO_RESTOCK, Input, lines_by_id, title_of
from storelink.connectors.shopify.shape import Record, an_object, flag, records
from storelink.connectors.text import short

PLACE = "gid://shopify/Location/"
Said = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What Shopify was asked: the lines, and the shipping as its input says it."""

    lines: Sequence[Input] = ()
    shipping: Mapping[str, Any] = field(default_factory=dict)
    """`{"fullRefund": true}`, `{"amount": "5.00"}` or nothing."""
    remarks: tuple[Remark, ...] = ()
    refusals: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Worth:
    """What lines and shipping come to in the shop's currency; amounts of lines are before tax."""

    lines: Mapping[str, tuple[int, Decimal, Decimal]]
    shipping: Decimal
    shipping_tax: Decimal
    duties: Decimal
    total: Decimal

    @property
    def parts(self) -> Decimal:
        """The sum of what stands in a plan."""
        goods = sum((amount + tax for _, amount, tax in self.lines.values()), ZERO)
        return goods + self.shipping + self.shipping_tax


def worth_of(suggested: Said, currency: str, *, taxes_included: bool) -> Worth:
    """A suggestion, read. Raises `Unfit`."""
    lines: dict[str, tuple[int, Decimal, Decimal]] = {}
    for one in records(suggested, "refundLineItems"):
        key = key_of(str(an_object(one, "lineItem").get("id")))
        tax = _value(one, "totalTaxSet", currency)
        amount = _value(one, "subtotalSet", currency) - (tax if taxes_included else ZERO)
        units, before, taxes = lines.get(key, (0, ZERO, ZERO))
        lines[key] = (units + int(count(one, "quantity")), before + amount, taxes + tax)
    shipping = an_object(suggested, "shipping")
    tax = _value(shipping, "taxSet", currency)
    return Worth(
        lines=lines,
        shipping=_value(shipping, "amountSet", currency) - (tax if taxes_included else ZERO),
        shipping_tax=tax,
        duties=sum((_value(one, "amountSet", currency) for one in records(suggested, "refundDuties")), ZERO),
        total=_value(suggested, "amountSet", currency),
    )


def refused(order: Record, standing: Standing, wish: Wish, refusals: tuple[Remark, ...]) -> Plan:
    """The plan of a wish that cannot be, before Shopify was asked anything."""
    return Plan(
        wish=wish,
        standing=standing,
        lines=_lines(order, {}),
        shipping=ZERO,
        shipping_tax=ZERO,
        shipping_left=ZERO,
        amount=ZERO,
        refusals=refusals,
    )


def plan_of(order: Record, standing: Standing, wish: Wish, said: Said, asked: Asked) -> Plan:
    """The plan of a wish, with what Shopify said to it. Raises `Unfit` for an answer that is junk."""
    currency, included = standing.total.currency, flag(order, "taxesIncluded")
    suggested, whole = an_object(said, "asked"), an_object(said, "whole")
    worth = worth_of(suggested, currency, taxes_included=included)
    left = worth_of(whole, currency, taxes_included=included)
    paid = _currency_of(standing)
    shown = paid != currency
    purses = purses_of(order, whole, paid, shown=shown)
    if wish.by_hand:
        purses = [purse for purse in purses if purse.manual]
    amount = _amount(wish, worth, standing)
    target = _in_payment(order, amount, standing, suggested, worth, purses, paid)
    parts = (
        None
        if wish.amount is not None or wish.everything
        else as_suggested(purses, suggested, paid, target, shown=shown)
    )
    if parts is None:
        parts = spread(purses, target)
    places, unplaced = _placed(asked.lines, suggested, wish)
    refusals = asked.refusals or (
        *_disagreement(asked.lines, worth),
        *_too_much(wish, worth, amount, standing, currency),
        *_unpayable(wish, target, parts, purses, paid),
        *unplaced,
    )
    return Plan(
        wish=wish,
        standing=standing,
        lines=_lines(order, worth.lines),
        shipping=worth.shipping,
        shipping_tax=worth.shipping_tax,
        shipping_left=left.shipping + left.shipping_tax,
        amount=amount,
        presentment=Money(target, paid) if shown else None,
        payments=tuple(_payment(part, paid) for part in parts),
        warnings=(
            *asked.remarks,
            *_differences(wish, worth, amount, currency),
            *remarks_on(order, wish, standing, asked.lines, parts, left.duties),
        ),
        refusals=refusals,
        detail={
            "currency": paid if shown else None,
            "lines": places,
            "shipping": dict(asked.shipping) if worth.shipping + worth.shipping_tax else {},
            "duties": _duties(wish, whole),
            "transactions": [
                {
                    "gateway": part.purse.gateway,
                    "amount": written(part.amount, paid),
                    "parentId": part.purse.parent,
                }
                for part in parts
            ],
        },
    )


# -- amounts -----------------------------------------------------------------------------------------


def _currency_of(standing: Standing) -> str:
    """The currency that the customer paid in."""
    return standing.presentment.currency if standing.presentment else standing.total.currency


def _value(record: Said, name: str, currency: str) -> Decimal:
    return even(in_shop(record, name, currency), currency)


def _amount(wish: Wish, worth: Worth, standing: Standing) -> Decimal:
    if wish.amount is not None:
        return even(wish.amount, standing.total.currency)
    if wish.everything:
        return standing.left
    return min(worth.total, standing.left)


def _in_payment(
    order: Record,
    amount: Decimal,
    standing: Standing,
    suggested: Said,
    worth: Worth,
    purses: Sequence[Purse],
    paid: str,
) -> Decimal:
    """The amount in the currency that the customer paid in."""
    if paid == standing.total.currency:
        return amount
    most = sum((purse.most for purse in purses), ZERO)
    if amount == standing.left:
        return most
    if amount == worth.total:
        return min(even(in_shown(suggested, "amountSet", paid), paid), most)
    net, net_shown = (
        in_shop(order, "netPaymentSet", standing.total.currency),
        in_shown(order, "netPaymentSet", paid),
    )
    if net <= 0:
        return ZERO
    return min((amount * net_shown / net).quantize(unit_of(paid), ROUND_HALF_UP), most)


# -- why not -----------------------------------------------------------------------------------------


def _disagreement(lines: Sequence[Input], worth: Worth) -> list[Remark]:
    """What Shopify would take back is what it was asked, or it is not done."""
    units: dict[str, int] = {}
    for line in lines:
        key = key_of(line["lineItemId"])
        units[key] = units.get(key, 0) + line["quantity"]
    if units == {key: quantity for key, (quantity, _, _) in worth.lines.items() if quantity}:
        return []
    return [
        Remark("store_differs", "Shopify would give back other units than were asked for; look at it there")
    ]


def _too_much(wish: Wish, worth: Worth, amount: Decimal, standing: Standing, currency: str) -> list[Remark]:
    named = bool(wish.everything or wish.lines or wish.whole_shipping or wish.shipping is not None)
    if wish.amount is not None and named and not wish.everything and wish.amount > worth.total:
        words = f"{wish.amount} is more than the {worth.total} {currency} that lines and shipping come to"
        return [Remark("more_than_parts", words)]
    if amount > standing.left:
        return [
            Remark("more_than_left", f"{amount} is more than the {standing.left} {currency} that are left")
        ]
    return []


def _unpayable(
    wish: Wish, target: Decimal, parts: Sequence[Part], purses: Sequence[Purse], paid: str
) -> list[Remark]:
    most = sum((purse.most for purse in purses), ZERO)
    if target <= 0 and most > 0:  # Shopify must never be asked without payments
        return [Remark("no_money", f"what is named comes to nothing in {paid}: no money would go back")]
    if parts and sum((part.amount for part in parts), ZERO) == target:
        return []
    if wish.by_hand:
        words = (
            "only payments that were taken by hand can be given back by hand; Shopify pays the others back"
            " through their gateway, whatever it is told"
        )
        return [Remark("by_hand_impossible", f"{words} ({most} {paid} were taken by hand)")]
    words = f"{target} {paid} are to go back, and only {most} can, the way they were paid"
    return [Remark("more_than_payments", words)]


def _placed(lines: Sequence[Input], suggested: Said, wish: Wish) -> tuple[list[Input], list[Remark]]:
    """The lines with the place that their units go back to."""
    named = None
    if wish.location is not None:
        named = wish.location if wish.location.startswith(PLACE) else PLACE + wish.location
    known: dict[tuple[str, str], str] = {}
    for one in records(suggested, "refundLineItems"):
        place = an_object(one, "location").get("id")
        if isinstance(place, str):
            key = str(an_object(one, "lineItem").get("id"))
            known[key, str(one.get("restockType"))] = place
            known.setdefault((key, ""), place)
    found: list[Input] = []
    missing: list[Remark] = []
    for line in lines:
        if line["restockType"] == NO_RESTOCK:
            found.append(dict(line))
            continue
        place = (
            named
            or known.get((line["lineItemId"], line["restockType"]))
            or known.get((line["lineItemId"], ""))
        )
        if place is None and not missing:
            words = "Shopify does not say where the units go back to; name the location, or do not restock"
            missing.append(Remark("no_location", words))
        found.append({**line, "locationId": place})
    return found, missing


# -- what is shown -------------------------------------------------------------------------------------


def _lines(order: Record, taken: Mapping[str, tuple[int, Decimal, Decimal]]) -> tuple[PlannedLine, ...]:
    found = []
    for key, line in lines_by_id(order).items():
        left = int(count(line, "refundableQuantity"))
        units, amount, tax = taken.get(key, (0, ZERO, ZERO))
        if left or units:
            sku = short(line.get("sku"), "sku")
            found.append(PlannedLine(key, title_of(line), sku, units, left, amount, tax))
    return tuple(found)


def _payment(part: Part, paid: str) -> Payment:
    purse = part.purse
    return Payment(
        purse.gateway, purse.title, Money(part.amount, paid), purse.most, automatic=not purse.manual
    )


def _differences(wish: Wish, worth: Worth, amount: Decimal, currency: str) -> list[Remark]:
    """Where the money is not what the parts come to."""
    named = bool(wish.everything or worth.lines or worth.shipping)
    gap = worth.parts + (worth.duties if wish.everything else ZERO) - amount
    if not named or not gap or wish.amount is not None:
        return []
    if gap > 0:
        words = f"lines and shipping come to {gap} {currency} more than is left; what is left goes back"
        return [Remark("less_left", words)]
    words = f"{-gap} {currency} belong to no line and no shipping, and go back with the rest"
    return [Remark("unnamed_rest", words)]


def _duties(wish: Wish, whole: Said) -> list[dict[str, str]]:
    if not wish.everything or wish.amount is not None:
        return []
    found = [an_object(one, "originalDuty").get("id") for one in records(whole, "refundDuties")]
    return [{"dutyId": key, "refundType": "FULL"} for key in found if isinstance(key, str)]
