"""The payments of an order: what each can still give back, and giving it back.

Each amount is kept twice, in minor units of the shop's currency and of the buyer's. The buyer's is
what a gateway moves; the shop's follows from it, so that both end at nothing at the same time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from storelink.sandbox.shopify.amounts import converted, read_minor
from storelink.sandbox.shopify.order_parts import make_transaction

Doc = dict[str, Any]


@dataclass(slots=True)
class Room:
    """What one payment can still give back: `left` in the shop's currency, `shown` in the buyer's."""

    part: Doc
    whole_shown: int
    left: int
    shown: int

    def shop_value(self, shown: int) -> int:
        """What so much of the buyer's money is in the shop's."""
        if shown == self.shown:
            return self.left
        whole: int = self.part["amountSet"]
        return min(self.left, (2 * whole * shown + self.whole_shown) // (2 * self.whole_shown))

    def shown_value(self, doc: Doc, value: int) -> int:
        """What so much of the shop's money is in the buyer's."""
        return self.shown if value == self.left else min(self.shown, in_shown(doc, value))


def shown_of(doc: Doc, part: Doc) -> int:
    """A transaction's amount in the buyer's currency."""
    kept = part.get("_shown")
    return kept["amountSet"] if kept else in_shown(doc, part["amountSet"])


def rooms(doc: Doc) -> list[Room]:
    """The payments that were received, oldest first. A refund that is pending takes its room, too."""
    found = [
        Room(part, shown_of(doc, part), part["amountSet"], shown_of(doc, part))
        for part in doc["_transactions"]
        if part["kind"] in ("SALE", "CAPTURE") and part["status"] == "SUCCESS"
    ]
    for part in doc["_transactions"]:
        if found and part["kind"] == "REFUND" and part["status"] in ("SUCCESS", "PENDING"):
            room = next((room for room in found if room.part["id"] == part["_parent"]), found[0])
            room.left -= part["amountSet"]
            room.shown -= shown_of(doc, part)
    return found


def left_shown(doc: Doc) -> int:
    """What may still be given back, in the buyer's currency."""
    return sum(room.shown for room in rooms(doc))


def give_back(doc: Doc, room: Room, value: int, shown: int, at: int, status: str) -> Doc:
    """A transaction that gives back `value` of the shop's money, `shown` of the buyer's."""
    parent = room.part
    made = make_transaction(
        doc,
        "REFUND",
        status,
        value,
        at,
        parent["gateway"],
        _parent=parent["id"],
        formattedGateway=parent["formattedGateway"],
        manualPaymentGateway=parent["manualPaymentGateway"],
    )
    if doc["currencyCode"] != doc["presentmentCurrencyCode"]:
        made["_shown"] = {"amountSet": shown}
    room.left -= value
    room.shown -= shown
    return made


def spread(doc: Doc, value: int, at: int, status: str) -> Iterator[Doc]:
    """Give back so much of the shop's money, from the oldest payment on."""
    for room in rooms(doc):
        part = min(value, room.left)
        if part > 0:
            value -= part
            yield give_back(doc, room, part, room.shown_value(doc, part), at, status)
    if value > 0:  # of a payment that nobody recorded
        yield make_transaction(doc, "REFUND", status, value, at, "manual", manualPaymentGateway=True)


def receive(doc: Doc, at: int, payments: Sequence[tuple[str, str | None]], kind: str = "SALE") -> None:
    """Pay a settled order in parts (gateway, amount as text); the last one is the rest."""
    rest, rest_shown = doc["totalPriceSet"], in_shown(doc, doc["totalPriceSet"])
    for place, (gateway, amount) in enumerate(payments, 1):
        value = rest if place == len(payments) else min(rest, read_minor(amount, doc["currencyCode"]))
        if not value:
            continue
        shown = rest_shown if place == len(payments) else in_shown(doc, value)
        made = make_transaction(doc, kind, "SUCCESS", value, at, gateway)
        if doc["currencyCode"] != doc["presentmentCurrencyCode"]:
            made["_shown"] = {"amountSet": shown}
        rest, rest_shown = rest - value, rest_shown - shown


def in_shown(doc: Doc, value: int) -> int:
    """An amount of the shop's currency in the buyer's, by the order's rate."""
    return converted(value, doc["currencyCode"], doc["presentmentCurrencyCode"], doc["_rate"])
