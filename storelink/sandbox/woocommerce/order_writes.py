"""Creating, changing and deleting orders (facts §5, §7)."""

from typing import Any

from storelink.sandbox.money import amount, cents
from storelink.sandbox.woocommerce import blanks, refunds
from storelink.sandbox.woocommerce.answers import Answer, Refused
from storelink.sandbox.woocommerce.body import (
    BILLING,
    SHIPPING,
    Body,
    Kind,
    check_body,
    items,
    truth,
)
from storelink.sandbox.woocommerce.customers import Doc
from storelink.sandbox.woocommerce.edits import Edits
from storelink.sandbox.woocommerce.order_items import apply_coupons, set_items
from storelink.sandbox.woocommerce.orders import judge, order_links
from storelink.sandbox.woocommerce.php import encode
from storelink.sandbox.woocommerce.singles import FULL, no_order
from storelink.sandbox.woocommerce.site import STATUS_NAMES, SYMBOLS
from storelink.sandbox.woocommerce.stock import follow_status
from storelink.sandbox.woocommerce.store import Store
from storelink.sandbox.woocommerce.totals import recalculate

SCHEMA: dict[str, Kind] = {
    "status": (*STATUS_NAMES, "auto-draft"),
    "currency": tuple(SYMBOLS),
    "customer_id": "integer",
    "customer_note": "string",
    "billing": BILLING,
    "shipping": SHIPPING,
    "payment_method": "string",
    "payment_method_title": "string",
    "transaction_id": "string",
    "set_paid": "boolean",
    "meta_data": "array",
    "line_items": "array",
    "shipping_lines": "array",
    "fee_lines": "array",
    "coupon_lines": "array",
}
_PLAIN = ("customer_note", "payment_method", "payment_method_title", "transaction_id")
_GROUPS = ("line_items", "shipping_lines", "fee_lines")
_RECALCULATE = ("billing", "shipping", *_GROUPS, "coupon_lines")


def create(store: Store, body: Body, *, check: bool = True) -> Answer:
    """`POST /orders`: almost anything makes an order, an empty body too."""
    if check:
        check_body(SCHEMA, body)
    if body.get("id"):
        raise Refused(400, "woocommerce_rest_shop_order_exists", "Cannot create existing shop_order.")
    doc = blanks.order(store.site, store.numbers, store.clock.stamp())
    _apply(store, doc, body)
    recalculate(store.numbers, doc)
    _coupons(store, doc, body)
    _finish(store, doc, body, creating=True)
    found = Answer(201, encode(doc), allow="GET, POST")
    found.headers.append(("Location", f"{store.site.api}/orders/{doc['id']}"))
    return found


def update(store: Store, number: int, body: Body, *, check: bool = True) -> Answer:
    """`PUT /orders/<id>`: an address or a line in it recalculates taxes and totals."""
    if check:
        check_body(SCHEMA, body)
    doc = store.doc("orders", number)
    if doc is None:
        raise no_order(400)
    _apply(store, doc, body)
    if any(body.get(name) is not None for name in _RECALCULATE):
        recalculate(store.numbers, doc)
    _coupons(store, doc, body)
    store.touch(doc)
    _finish(store, doc, body, creating=False)
    return Answer(200, encode(store.doc("orders", number)), allow=FULL)


def delete(store: Store, number: int, query: Body) -> Answer:
    """`DELETE /orders/<id>`: into the trash, or with `force` for good. Answers what it was before."""
    doc = store.doc("orders", number)
    if doc is None:
        raise no_order()
    edits = Edits(store)
    if truth(query.get("force", False)):
        edits.delete("orders", number)
    elif doc["status"] == "trash":
        raise Refused(410, "woocommerce_rest_already_trashed", "The shop_order has already been deleted.")
    else:
        edits.trash("orders", number)
    return Answer(200, encode(doc), allow=FULL)


def _apply(store: Store, doc: Doc, body: Body) -> None:
    for name in _PLAIN:
        if body.get(name) is not None:
            doc[name] = str(body[name])
    if body.get("currency"):
        doc["currency"] = str(body["currency"])
        doc["currency_symbol"] = SYMBOLS.get(doc["currency"], "")
    if body.get("customer_id") is not None:
        _customer(store, doc, int(body["customer_id"]))
    for name in ("billing", "shipping"):
        if isinstance(body.get(name), dict):
            _address(doc[name], body[name])
    for group in _GROUPS:
        if body.get(group) is not None:
            set_items(store, doc, group, body[group])
    merge_meta(store, doc, body.get("meta_data"))


def _customer(store: Store, doc: Doc, number: int) -> None:
    if number and number not in store.drawers["customers"].rows:
        raise Refused(400, "woocommerce_rest_invalid_customer_id", "Customer ID is invalid.")
    doc["customer_id"] = number
    doc["_links"] = order_links(store.site, doc["id"], number)


def _address(held: Doc, posted: Body) -> None:
    """Only the keys sent change; what is unknown is ignored; a wrong e-mail is caught even in a batch."""
    for key, value in posted.items():
        if key not in held:
            continue
        text = "" if value is None else str(value)
        if key == "email" and text and "@" not in text:
            raise Refused(400, "order_invalid_billing_email", "Invalid billing email address")
        held[key] = text


def merge_meta(store: Store, doc: Doc, value: Any) -> None:
    """Metadata by id or key: what is there changes, what is not is added, null takes away."""
    for posted in items(value):
        key, number = posted.get("key"), posted.get("id")
        held = next((p for p in doc["meta_data"] if (p["id"] == number if number else p["key"] == key)), None)
        if posted.get("value") is None:
            doc["meta_data"] = [part for part in doc["meta_data"] if part is not held]
        elif held is not None:
            held["value"] = posted["value"]
        else:
            added = {"id": store.numbers.next_meta(), "key": str(key), "value": posted["value"]}
            doc["meta_data"].append(added)


def _coupons(store: Store, doc: Doc, body: Body) -> None:
    if body.get("coupon_lines") is not None:
        apply_coupons(store, doc, body["coupon_lines"])
        recalculate(store.numbers, doc)


def _finish(store: Store, doc: Doc, body: Body, *, creating: bool) -> None:
    """Status, payment, stock and what follows from them; then the order is stored."""
    before = doc["status"]
    if body.get("status"):
        status = str(body["status"]).removeprefix("wc-")
        doc["status"] = status if status in STATUS_NAMES else "pending"
    judge(doc)
    if truth(body.get("set_paid", False)) and (creating or doc["needs_payment"]):
        if doc["status"] in ("pending", "failed", "on-hold", "checkout-draft"):
            doc["status"] = "processing" if doc["needs_processing"] else "completed"
        _stamp(store, doc, "date_paid")
    if doc["status"] in ("processing", "completed") and doc["date_paid"] is None:
        _stamp(store, doc, "date_paid")
    if doc["status"] == "completed" and doc["date_completed"] is None:
        _stamp(store, doc, "date_completed")
    if before == "trash" and doc["status"] != "trash":
        notes = ("_wp_trash_meta_status", "_wp_trash_meta_time")
        doc["meta_data"] = [part for part in doc["meta_data"] if part["key"] not in notes]
    judge(doc)
    follow_status(store, doc)
    store.put("orders", doc)
    if doc["status"] == "refunded" and before != "refunded":
        _refund_the_rest(store, doc)


def _stamp(store: Store, doc: Doc, name: str) -> None:
    doc[name], doc[f"{name}_gmt"] = store.site.both(store.clock.stamp())


def _refund_the_rest(store: Store, doc: Doc) -> None:
    """Setting the status makes a refund of what is left; no gateway is asked (facts §6)."""
    left = cents(doc["total"]) + sum(cents(part["total"]) for part in doc["refunds"])
    if left <= 0:
        return
    made = refunds.refund_doc(
        store.site,
        store.numbers,
        doc,
        store.numbers.next_post(),
        money=amount(left),
        reason="Order fully refunded.",
        at=store.clock.stamp(),
        paid_back=False,
        lines=[],
        taxes={},
        kind="full",
    )
    store.put("refunds", made)
    doc["refunds"].insert(0, refunds.short_form(made))
    store.put("orders", doc)
