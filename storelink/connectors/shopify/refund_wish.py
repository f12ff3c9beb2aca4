"""What somebody wants given back of an order, checked against what there is, and as Shopify is asked. Pure.

Units go back into stock as `CANCEL` where they were never sent and as `RETURN` where they were; of a line
that was sent in part both are needed. `NO_RESTOCK` leaves units to be sent that were not.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/enums/RefundLineItemRestockType
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from storelink.connectors.action import Remark, Standing, Wish
from storelink.connectors.shopify.item import count
from storelink.connectors.shopify.places import is_payable
from storelink.connectors.shopify.shape import Record, flag, gid, records
from storelink.connectors.text import one_line

NO_RESTOCK, RETURN, CANCEL = "NO_RESTOCK", "RETURN", "CANCEL"
Input = dict[str, Any]
"""A `RefundLineItemInput`."""


def lines_by_id(order: Record) -> dict[str, Record]:
    """The lines of an order. Raises `Unfit`."""
    return {gid(line.get("id"), "LineItem", "lineItems.id"): line for line in records(order, "lineItems")}


def wanted(order: Record, wish: Wish) -> dict[str, int]:
    """Units by line. Lines that are named twice are added up."""
    if wish.everything:
        held = {key: int(count(line, "refundableQuantity")) for key, line in lines_by_id(order).items()}
        return {key: units for key, units in held.items() if units}
    found: dict[str, int] = {}
    for line in wish.lines:
        found[line.item_id] = found.get(line.item_id, 0) + line.quantity
    return found


def refusals_of(order: Record, standing: Standing, wish: Wish) -> tuple[Remark, ...]:
    """Why the wish cannot be, as far as the order itself says."""
    currency = standing.total.currency
    if "unpaid" in standing.states:
        return (Remark("unpaid", "nothing was received for the order: there is nothing to give back"),)
    if standing.left <= 0:
        return (Remark("nothing_left", "everything of the order is given back already"),)
    return (*_nothing(wish), *_lines(order, wish), *_sums(wish, standing.left, currency))


def _nothing(wish: Wish) -> Iterator[Remark]:
    parts = (wish.everything, wish.lines, wish.whole_shipping, wish.shipping is not None)
    if not any(parts) and wish.amount is None:
        yield Remark("nothing_wished", "nothing is to be given back; name lines, shipping or an amount")


def _lines(order: Record, wish: Wish) -> Iterator[Remark]:
    held = lines_by_id(order)
    for key, units in wanted(order, wish).items():
        if key not in held:
            yield Remark("unknown_line", f"the order has no line {key}")
            continue
        left = int(count(held[key], "refundableQuantity"))
        if units <= 0:
            yield Remark("no_quantity", f"{title_of(held[key])}: {units} is no number of units")
        elif units > left:
            words = f"{title_of(held[key])}: {units} cannot be given back, {left} are left"
            yield Remark("too_many", words)


def _sums(wish: Wish, left: Decimal, currency: str) -> Iterator[Remark]:
    for amount, what in ((wish.amount, "amount"), (wish.shipping, "shipping")):
        if amount is None:
            continue
        if not (amount.is_finite() and amount > 0 and amount < 10**15 and is_payable(amount, currency)):
            yield Remark("no_amount", f"{amount} {currency} is no {what} that can be given back")
        elif amount > left:
            yield Remark("more_than_left", f"{amount} is more than the {left} {currency} that are left")


def inputs_of(order: Record, units: Mapping[str, int], *, restock: bool) -> list[Input]:
    """The lines as Shopify is asked and told, those that were sent apart from those that were not."""
    held = lines_by_id(order)
    found = []
    for key, quantity in units.items():
        line = held[key]
        for kind, part in _kinds(line, quantity, restock=restock):
            found.append({"lineItemId": line["id"], "quantity": part, "restockType": kind})
    return found


def _kinds(line: Record, quantity: int, *, restock: bool) -> Iterator[tuple[str, int]]:
    if not (restock and flag(line, "restockable")):
        yield NO_RESTOCK, quantity
        return
    unsent = min(quantity, int(count(line, "unfulfilledQuantity")))
    if unsent:
        yield CANCEL, unsent
    if quantity > unsent:
        yield RETURN, quantity - unsent


def title_of(line: Record) -> str:
    """What people call a line."""
    return one_line(line.get("name"), "name") or one_line(line.get("title"), "title") or str(line.get("id"))
