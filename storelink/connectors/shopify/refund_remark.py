"""What a person should know before money of a Shopify order is given back. Pure."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from storelink.connectors.action import Remark, Standing, Wish
from storelink.connectors.money import ZERO
from storelink.connectors.shopify.item import count
from storelink.connectors.shopify.kind import key_of
from storelink.connectors.shopify.payment import Part
from storelink.connectors.shopify.refund_wish import CANCEL, NO_RESTOCK, RETURN, Input, lines_by_id, title_of
from storelink.connectors.shopify.shape import Record, flag
from storelink.connectors.shopify.standing import pending

OLD = timedelta(days=180)
"""After which PayPal and many banks take nothing back. Shopify does not say what a gateway allows."""


def remarks_on(
    order: Record,
    wish: Wish,
    standing: Standing,
    lines: Sequence[Input],
    parts: Sequence[Part],
    duties: Decimal,
) -> tuple[Remark, ...]:
    """All that can be seen from the order and its payments."""
    return (
        *_payments(wish, parts),
        *_age(standing, parts),
        *_money(order, standing),
        *_stock(order, wish, lines),
        *_duties(wish, duties),
    )


def _payments(wish: Wish, parts: Sequence[Part]) -> Iterator[Remark]:
    if len(parts) > 1:
        names = ", ".join(f"{part.amount} by {part.purse.title}" for part in parts)
        yield Remark("split_payment", f"paid in parts: back go {names}")
    for part in parts:
        if part.purse.gateway == "gift_card":
            yield Remark("gift_card", f"{part.amount} go back onto the gift card they came from")
        if part.purse.manual and wish.by_hand:
            yield Remark("by_hand", "Shopify only records it: a person has to move the money")
        elif part.purse.manual:
            words = f"{part.purse.title} pays nothing back by itself: a person has to move {part.amount}"
            yield Remark("gateway_cannot", words)


def _age(standing: Standing, parts: Sequence[Part]) -> Iterator[Remark]:
    now = standing.read.store_time or standing.read.started
    times = [part.purse.paid_at for part in parts if part.purse.paid_at and not part.purse.manual]
    if times and now - min(times) >= OLD:
        days = (now - min(times)).days
        yield Remark("old_order", f"paid {days} days ago: many gateways take nothing back after 180")


def _money(order: Record, standing: Standing) -> Iterator[Remark]:
    if standing.presentment is not None:
        words = f"the customer paid in {standing.presentment.currency}, and gets that back"
        yield Remark("presentment_currency", f"{words}; it may differ from the shop's amount by the rate")
    if pending(order):
        words = "an earlier refund is pending: what it gives back counts as given"
        yield Remark("pending_refund", words)
    if not flag(order, "refundable"):
        yield Remark("not_refundable", "Shopify says that the payments of this order cannot be given back")
    if flag(order, "test"):
        yield Remark("test", "a test order: no money moves")


def _stock(order: Record, wish: Wish, lines: Sequence[Input]) -> Iterator[Remark]:
    held = lines_by_id(order)
    units: dict[str, dict[str, int]] = {}
    for one in lines:
        units.setdefault(key_of(one["lineItemId"]), {})[one["restockType"]] = one["quantity"]
    for key, kinds in units.items():
        line, title = held[key], title_of(held[key])
        if kinds.keys() == {CANCEL, RETURN}:
            words = f"{title}: {kinds[CANCEL]} are taken off what is to be sent, {kinds[RETURN]} come back"
            yield Remark("sent_in_part", words)
        if NO_RESTOCK not in kinds:
            continue
        if wish.restock:
            yield Remark(
                "not_restockable", f"{title} cannot go back into stock: its product is gone or not kept"
            )
        if unsent := min(kinds[NO_RESTOCK], int(count(line, "unfulfilledQuantity"))):
            alone = unsent == 1
            words = (
                f"{title}: {unsent} {'is' if alone else 'are'} not sent yet and still will be; restock"
                f" {'it' if alone else 'them'} to keep {'it' if alone else 'them'} back"
            )
            yield Remark("still_sent", words)


def _duties(wish: Wish, duties: Decimal) -> Iterator[Remark]:
    if duties > ZERO and wish.everything:
        yield Remark("duties", f"{duties} of it are duties")
    elif duties > ZERO and wish.lines:
        yield Remark(
            "duties", f"duties stay: {duties} of them are left, and go back with everything or by amount"
        )
