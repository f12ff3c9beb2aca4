"""Making and deleting refunds: no lock, no idempotency, and the gateway asked by default (facts §6)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from storelink.sandbox.money import RATES, amount, cents
from storelink.sandbox.woocommerce import refunds
from storelink.sandbox.woocommerce.answers import Answer, Later, Refused
from storelink.sandbox.woocommerce.body import Body, Kind, check_body, items, truth
from storelink.sandbox.woocommerce.customers import Doc
from storelink.sandbox.woocommerce.edits import Edits
from storelink.sandbox.woocommerce.ledger import declined, payment_of
from storelink.sandbox.woocommerce.order_writes import merge_meta
from storelink.sandbox.woocommerce.orders import item_meta, judge
from storelink.sandbox.woocommerce.php import decode, encode
from storelink.sandbox.woocommerce.singles import REFUND_ALLOW, refund
from storelink.sandbox.woocommerce.stock import move
from storelink.sandbox.woocommerce.store import Store

SCHEMA: dict[str, Kind] = {
    "amount": "string",
    "reason": "string",
    "refunded_by": "integer",
    "meta_data": "array",
    "line_items": "array",
    "api_refund": "boolean",
    "api_restock": "boolean",
}
_BOOLEANS = frozenset(("false", "0", ""))


def create(store: Store, order: int, body: Body) -> Answer | Later:
    """`POST /orders/<id>/refunds`.

    What is left is checked, and a moment later the refund is stored with its reason; then the
    gateway is asked, which may take its time; only then follow `refunded_payment`, the metadata and
    the restocking. Nothing stops a second one meanwhile. A refusal of the gateway takes the refund
    away again.
    """
    check_body(SCHEMA, body)
    doc = store.doc("orders", order)
    if doc is None:
        raise Refused(500, "woocommerce_rest_invalid_order_id", "Invalid order ID.", data=404)
    money = _amount(doc, body)
    given = _parts(store, doc, body)
    made = refunds.refund_doc(
        store.site,
        store.numbers,
        doc,
        store.numbers.next_post(),
        money=money,
        reason=str(body.get("reason", "")),
        at=store.clock.stamp(),
        paid_back=False,
        lines=given.lines,
        taxes={rate: given.taxes.get(rate.number, 0) for rate in RATES},
        sent_taxes={rate: given.sent_taxes.get(rate.number, 0) for rate in RATES},
        sent=given.sent,
        fees=given.fees,
        kind="partial",
    )
    notes, made["meta_data"] = made["meta_data"], []
    asks = _asks_gateway(body)
    if asks:
        store.ledger.check(doc["payment_method"])
    finish = _finisher(store, made, notes, body, doc, asks=asks)

    def keep() -> Answer | Later:
        _keep(store, made)
        seconds = max(store.site.gateway_seconds, store.ledger.seconds(order))
        if asks and seconds:
            return Later(seconds, finish)
        return finish()

    return Later(store.site.check_seconds, keep) if store.site.check_seconds else keep()


def _asks_gateway(body: Body) -> bool:
    """True unless it is plainly false: leaving it out moves money."""
    return str(body.get("api_refund", True)).lower() not in _BOOLEANS


def _amount(doc: Doc, body: Body) -> str:
    """The amount as it will stand, checked against what is left, and against nothing else."""
    if "amount" in body:
        text = str(body["amount"])
        value = cents(text)
        if value < 0:
            raise Refused(
                500,
                "woocommerce_rest_invalid_order_refund",
                "Refund amount must be greater than zero.",
                data=400,
            )
        junk = value == 0 and text.strip("0.") != ""
        if junk:
            raise declined("Invalid refund amount.")
    elif items(body.get("line_items")):
        value = sum(_line_money(part) for part in items(body["line_items"]))
    else:
        return ""
    left = cents(doc["total"]) + sum(cents(part["total"]) for part in doc["refunds"])
    if value > left:
        raise declined("Invalid refund amount.")
    return amount(value)


def _line_money(part: Body) -> int:
    taxes = items(part.get("refund_tax"))
    return cents(part.get("refund_total", 0)) + sum(cents(t.get("refund_total", 0)) for t in taxes)


@dataclass(slots=True)
class _Parts:
    """The refund's own lines by kind, and what it gives back of each tax rate, shipping apart."""

    lines: list[Doc] = field(default_factory=list)
    sent: list[Doc] = field(default_factory=list)
    fees: list[Doc] = field(default_factory=list)
    taxes: dict[int, int] = field(default_factory=dict)
    sent_taxes: dict[int, int] = field(default_factory=dict)


def _parts(store: Store, doc: Doc, body: Body) -> _Parts:
    """Lines, shipping and fees are all given back by their own ids; unknown ones are ignored."""
    found = _Parts()
    groups = {"line_items": found.lines, "shipping_lines": found.sent, "fee_lines": found.fees}
    for part in items(body.get("line_items")):
        for group, into in groups.items():
            source = next((p for p in doc[group] if p["id"] == part.get("id")), None)
            if source is None:
                continue
            taxes = [
                (int(tax["id"]), cents(tax.get("refund_total", 0)))
                for tax in items(part.get("refund_tax"))
                if "id" in tax
            ]
            sums = found.sent_taxes if group == "shipping_lines" else found.taxes
            for rate, money in taxes:
                sums[rate] = sums.get(rate, 0) + money
            quantity, total = int(part.get("quantity", 0)), cents(part.get("refund_total", 0))
            if quantity or total or taxes:
                into.append(refunds.given_back(store.numbers, source, quantity, total, taxes))
    return found


def _keep(store: Store, made: Doc) -> None:
    """Store the refund and show it in its order, stamped."""
    doc = store.doc("orders", made["parent_id"])
    store.put("refunds", made)
    if doc is not None:
        doc["refunds"].insert(0, refunds.short_form(made))
        store.touch(doc)
        store.put("orders", doc)


def _ask_gateway(store: Store, made: Doc, order: Doc) -> None:
    """Let it pay, or take the refund away again with its words. A worker that dies says nothing."""
    says = store.ledger.says(order["id"])
    if says == "DIES_BEFORE" or store.site.gateway_dies == "before":
        raise RuntimeError("worker died before the money moved")
    try:
        store.ledger.pay_back(payment_of(order, made, store.clock.stamp()))
        if says == "FAILS_AFTER":
            raise declined("Could not reach the mail server.")
    except Refused:
        if made["id"] in store.drawers["refunds"].rows:
            Edits(store).delete("refunds", made["id"])
        raise
    if says == "DIES_AFTER" or store.site.gateway_dies:
        raise RuntimeError("worker died after the money moved")
    made["refunded_payment"] = True


def _finisher(
    store: Store, made: Doc, notes: list[Doc], body: Body, gateway: Doc, *, asks: bool
) -> Callable[[], Answer]:
    def finish() -> Answer:
        order = made["parent_id"]
        if asks:
            _ask_gateway(store, made, gateway)
        if truth(body.get("api_restock", True)):
            _restock(store, order, made)
        made["meta_data"] = notes
        merge_meta(store, made, body.get("meta_data"))
        _complete(store, order, made)
        store.put("refunds", made)
        found = Answer(201, encode(refunds.without_parent(made)), allow="GET, POST")
        place = "orders/(?P<order_id>[\\d]+)/refunds"
        found.headers.append(("Location", f"{store.site.api}/{place}/{made['id']}"))
        return found

    return finish


def _restock(store: Store, order: int, made: Doc) -> None:
    doc = store.doc("orders", order)
    if doc is None:
        return
    for part in made["line_items"]:
        back = -part["quantity"]
        source_id = next((int(m["value"]) for m in part["meta_data"] if m["key"] == "_refunded_item_id"), 0)
        line = next((p for p in doc["line_items"] if p["id"] == source_id), None)
        if not back or line is None or not move(store, line, back):
            continue
        _note(store, line, "_reduced_stock", -back)
        _note(store, line, "_restock_refunded_items", back)
    store.put("orders", doc)


def _note(store: Store, line: Doc, key: str, by: int) -> None:
    held = next((part for part in line["meta_data"] if part["key"] == key), None)
    if held is None:
        line["meta_data"].append(item_meta(store.numbers, key, str(by)))
    else:
        held["value"] = held["display_value"] = str(int(held["value"]) + by)


def _complete(store: Store, order: int, made: Doc) -> None:
    """A refund of all that was left sets the order's status."""
    doc = store.doc("orders", order)
    if doc is None:
        return
    left = cents(doc["total"]) + sum(cents(part["total"]) for part in doc["refunds"])
    if left > 0 or not made["amount"]:
        return
    for note in made["meta_data"]:
        if note["key"] == "_refund_type":
            note["value"] = "full"
    if doc["status"] != "trash":
        doc["status"] = "refunded"
        judge(doc)
        store.put("orders", doc)


def delete(store: Store, order: int, number: int, query: Body) -> Answer:
    """`DELETE /orders/<id>/refunds/<id>?force=true`: no money moves, no date of the order."""
    found = refund(store, order, number)
    if not truth(query.get("force", False)):
        raise Refused(
            501,
            "woocommerce_rest_trash_not_supported",
            "The shop_order_refund does not support trashing.",
        )
    Edits(store).delete("refunds", number)
    return Answer(200, encode(found), allow=REFUND_ALLOW)


def by_hand(store: Store, order: int, money: str, reason: str, gateway: bool, lines: list[Doc]) -> Doc:
    """What a person does on the store's refund page. Raises ValueError with the store's words."""
    body = {
        "amount": money,
        "reason": reason,
        "api_refund": gateway,
        "api_restock": False,
        "line_items": lines,
    }
    try:
        found = create(store, order, body)
        while isinstance(found, Later):
            found = found.finish()
    except (Refused, RuntimeError) as error:
        raise ValueError(str(error)) from None
    made: Doc = decode(found.body)
    return made
