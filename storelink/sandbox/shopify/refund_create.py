"""The mutation `refundCreate`: what it checks, in which words it refuses, what it does (facts §7).

Wordings marked "seen" were recorded from live shops; the others are ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from storelink.sandbox.shopify import refunds
from storelink.sandbox.shopify.amounts import fixed, read_minor
from storelink.sandbox.shopify.context import SIXTY_DAYS, Context
from storelink.sandbox.shopify.graph import Graph
from storelink.sandbox.shopify.idempotency import KeyRefused, Keys
from storelink.sandbox.shopify.ids import split_gid
from storelink.sandbox.shopify.order_edits import OrderEdits
from storelink.sandbox.shopify.parts import Part
from storelink.sandbox.shopify.payments import Room, give_back, in_shown, left_shown, rooms
from storelink.sandbox.shopify.refusal import Refusal, not_implemented
from storelink.sandbox.shopify.roots import LOCATION
from storelink.sandbox.shopify.settle import settle
from storelink.sandbox.shopify.site import read_stamp
from storelink.sandbox.shopify.switches import Switches

Args = Mapping[str, Any]
Doc = dict[str, Any]
_RESTOCK = frozenset(("RETURN", "CANCEL"))
_NAME = "refundCreate"
_BROKEN = "Internal error. Looks like something went wrong on our end."


class UserError(Exception):
    """What the mutation refuses; `at` is the path in the input, without `input`."""

    def __init__(self, words: str, *at: str) -> None:
        super().__init__(words)
        self.at = list(at) or None

    def shown(self) -> Doc:
        return {"field": self.at, "message": str(self)}


@dataclass(slots=True)
class Asked:
    """A refund that has passed every check: pieces by line and restocking, money by payment."""

    lines: list[tuple[int, int, str]] = field(default_factory=list)
    shipping: int = 0
    payments: list[tuple[Room, int]] = field(default_factory=list)


def register(graph: Graph, edits: OrderEdits, keys: Keys, switches: Switches) -> None:
    """Give a graph the mutation."""
    graph.keyed[_NAME] = partial(_answer, edits, keys, switches)


def check_scope(context: Context, name: str) -> None:
    """Raise unless the app may change orders."""
    if "write_orders" not in context.scopes:
        raise Refusal(
            f"Access denied for {name} field. Required access: `write_orders` access scope.",
            "ACCESS_DENIED",
            documentation="https://shopify.dev/api/usage/access-scopes",
            requiredAccess="`write_orders` access scope.",
        )


def visible_order(edits: OrderEdits, context: Context, text: str) -> Doc | None:
    """An order that the app may see, settled."""
    found = split_gid(text)
    doc = edits.store.doc("orders", found[1]) if found and found[0] == "Order" else None
    if doc is None:
        return None
    oldest = 0 if context.all_orders else edits.store.clock.stamp() - SIXTY_DAYS
    if read_stamp(doc["createdAt"]) < oldest:
        return None
    settle(doc)
    return doc


def _answer(edits: OrderEdits, keys: Keys, switches: Switches, context: Context, args: Args, key: str) -> Doc:
    check_scope(context, _NAME)
    name, asked = (context.app, _NAME, key), args["input"]
    try:
        kept = keys.find(name, asked)
    except KeyRefused as refused:
        if switches.key_errors == "top":
            raise Refusal(str(refused), refused.code) from None
        return {"refund": None, "order": None, "userErrors": [{"field": None, "message": str(refused)}]}
    if kept is not None:  # told anew of what there is now
        return _payload(edits, *kept.result)
    says = edits.gateway.says((split_gid(asked["orderId"]) or ("", 0))[1])
    if says == "DIES_BEFORE":
        raise Refusal(_BROKEN, "INTERNAL_SERVER_ERROR")
    result = _carry_out(edits, context, asked)
    keys.keep(name, asked, result)
    if says == "DIES_AFTER":
        raise Refusal(_BROKEN, "INTERNAL_SERVER_ERROR")
    return _payload(edits, *result)


def _payload(edits: OrderEdits, order: int | None, refund: int | None, errors: Sequence[Doc]) -> Doc:
    doc = None if order is None else edits.store.doc("orders", order)
    made = next((part for part in doc["_refunds"] if part["id"] == refund), None) if doc else None
    return {"refund": Part(made, doc) if made else None, "order": doc, "userErrors": list(errors)}


def _carry_out(edits: OrderEdits, context: Context, asked: Args) -> tuple[int | None, int | None, list[Doc]]:
    """Order, refund and what is wrong."""
    doc = visible_order(edits, context, asked["orderId"])
    if doc is None:
        return None, None, [UserError("Order does not exist", "orderId").shown()]  # seen
    try:
        wanted = _checked(doc, asked)
        if edits.gateway.says(doc["id"]) == "DECLINED" and wanted.payments:
            raise UserError("The refund was refused by the payment provider: the charge is disputed.")
    except UserError as error:
        return doc["id"], None, [error.shown()]
    at = edits.store.clock.stamp()
    made = refunds.blank_refund(doc, at, asked.get("note"))
    made["_notify"] = bool(asked.get("notify"))
    worth = sum(refunds.refund_line(doc, made, *line) for line in wanted.lines)
    worth += refunds.refund_shipping(doc, made, wanted.shipping)
    paid = 0
    for room, shown in wanted.payments:
        outcome = edits.gateway.status(doc["id"], room.part)
        part = give_back(doc, room, room.shop_value(shown), shown, at, outcome)
        part["errorCode"] = None if outcome in ("SUCCESS", "PENDING") else "PROCESSING_ERROR"
        made["_transactions"].append(part["id"])
        edits.gateway.record(doc, made, part, at)
        paid += part["amountSet"]
    refunds.adjust(doc, made, worth - paid)
    doc["_refunds"].append(made)
    edits.keep(doc)
    for number, count, kind in wanted.lines:
        if kind in _RESTOCK:
            line = next(part for part in doc["_lines"] if part["id"] == number)
            edits.take_stock(line["_variant"], -count)
    return doc["id"], made["id"], []


# -- checks --------------------------------------------------------------------------------------------


def _checked(doc: Doc, asked: Args) -> Asked:
    for name in ("refundDuties", "refundMethods"):
        if asked.get(name):
            raise not_implemented(f"{name} of refundCreate")
    lines = _lines(doc, asked.get("refundLineItems") or ())
    currency = _currency(doc, asked)
    shipping = _shipping(doc, asked.get("shipping") or {}, currency)
    given = asked.get("transactions") or ()
    if not given and doc["_left"] > 0:
        raise not_implemented("how the system determines to apply a refund without transactions")
    payments = _payments(doc, given, currency)
    if not (lines or shipping or payments):
        raise UserError("Refund must have at least one line item, shipping or transaction")
    return Asked(lines, shipping, payments)


def _lines(doc: Doc, given: Sequence[Args]) -> list[tuple[int, int, str]]:
    found = []
    left = {line["id"]: line["refundableQuantity"] for line in doc["_lines"]}
    unsent = {line["id"]: line["unfulfilledQuantity"] for line in doc["_lines"]}
    for place, one in enumerate(given):
        at = ("refundLineItems", str(place))
        parts = split_gid(one["lineItemId"])
        if parts is None or parts[0] != "LineItem" or parts[1] not in left:
            raise UserError("Line item does not exist", *at, "lineItemId")
        number, count, kind = parts[1], one["quantity"], one.get("restockType") or "NO_RESTOCK"
        if count <= 0:
            raise UserError("Quantity must be greater than 0", *at, "quantity")
        left[number] -= count
        if left[number] < 0:
            raise UserError("Quantity cannot refund more items than were purchased", *at, "quantity")  # seen
        if kind == "LEGACY_RESTOCK":
            raise UserError("Restock type is not accepted", *at, "restockType")
        if kind == "CANCEL":
            unsent[number] -= count
            if unsent[number] < 0:
                raise UserError("Cannot cancel more than the unfulfilled quantity", *at, "restockType")
        _check_place(one.get("locationId"), kind, at)
        found.append((number, count, kind))
    return found


def _check_place(given: str | None, kind: str, at: tuple[str, ...]) -> None:
    if kind not in _RESTOCK:
        return
    if given is None:
        raise UserError("Location must be specified when restocking", *at, "locationId")
    if split_gid(given) != ("Location", LOCATION):
        raise UserError("Location does not exist", *at, "locationId")


def _currency(doc: Doc, asked: Args) -> str:
    """The currency that the amounts are in."""
    shop, buyer = doc["currencyCode"], doc["presentmentCurrencyCode"]
    given = asked.get("currency")
    if given is None and shop != buyer and (asked.get("transactions") or asked.get("shipping")):
        raise UserError("Currency is required for orders with a different presentment currency", "currency")
    if given not in (None, buyer):
        raise UserError("Currency must be the presentment currency of the order", "currency")
    return str(buyer)


def _shipping(doc: Doc, given: Args, currency: str) -> int:
    """So much of the shipping, before tax unless the prices have it in them; in the shop's currency."""
    open_ = refunds.open_shipping(doc)
    if given.get("fullRefund"):
        return open_
    if given.get("amount") is None:
        return 0
    shown, most = _read(given["amount"], currency, "shipping", "amount"), in_shown(doc, open_)
    if shown < 0 or shown > most:
        raise UserError("Refund amount for shipping is more than what is left of it", "shipping", "amount")
    return open_ if shown == most else (2 * open_ * shown + most) // (2 * most)


def _payments(doc: Doc, given: Sequence[Args], currency: str) -> list[tuple[Room, int]]:
    held = {room.part["id"]: room for room in rooms(doc)}
    taken = dict.fromkeys(held, 0)
    found = []
    for one in given:
        kind = one["kind"]
        if kind != "REFUND":
            raise UserError(f"Kind {kind.lower()} is not a valid transaction")  # seen
        parts = split_gid(one.get("parentId") or "")
        order = split_gid(one["orderId"])
        if parts is None or parts[1] not in held or order != ("Order", doc["id"]):
            raise UserError("Transactions require a parent_id associated with the order", "transactions")
        shown = _read(one["amount"], currency, "transactions")
        if shown <= 0:
            raise UserError("Amount must be greater than 0", "transactions")
        taken[parts[1]] += shown
        found.append((held[parts[1]], shown))
    total, left = sum(taken.values()), left_shown(doc)
    if total > left:
        _too_much(total, left, currency)  # seen; allowOverRefunding makes no difference
    for number, shown in taken.items():
        if shown > held[number].shown:
            _too_much(shown, held[number].shown, currency)
    return found


def _too_much(wanted: int, left: int, currency: str) -> None:
    sign = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}.get(currency, "")
    told = [f"{sign}{fixed(value, currency)}" for value in (wanted, max(left, 0))]
    raise UserError(f"Refund amount {told[0]} is greater than net payment received {told[1]}")


def _read(value: Any, currency: str, *at: str) -> int:
    try:
        return read_minor(value, currency)
    except ValueError:
        raise UserError("Amount is not valid", *at) from None
