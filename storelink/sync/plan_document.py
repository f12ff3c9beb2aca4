"""Wishes and plans of refunds as JSON: what is shown to a person, kept, and compared before it is sent.

Money is text in all of them, so that not a cent depends on how a number is read.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson

from storelink.connectors.action import Money, Payment, Plan, PlannedLine, SeenRefund, Wish, WishedLine

Json = dict[str, Any]


def wish_document(wish: Wish) -> Json:
    """A wish as JSON."""
    return {
        "everything": wish.everything,
        "lines": [{"item_id": line.item_id, "quantity": line.quantity} for line in wish.lines],
        "shipping": _text(wish.shipping),
        "whole_shipping": wish.whole_shipping,
        "amount": _text(wish.amount),
        "restock": wish.restock,
        "location": wish.location,
        "by_hand": wish.by_hand,
    }


def read_wish(document: Mapping[str, Any]) -> Wish:
    """The wish of such a document."""
    return Wish(
        everything=bool(document.get("everything")),
        lines=tuple(
            WishedLine(line["item_id"], int(line["quantity"])) for line in document.get("lines") or ()
        ),
        shipping=_number(document.get("shipping")),
        whole_shipping=bool(document.get("whole_shipping")),
        amount=_number(document.get("amount")),
        restock=bool(document.get("restock")),
        location=document.get("location"),
        by_hand=bool(document.get("by_hand")),
    )


def plan_document(plan: Plan, under_way: Iterable[str] = ()) -> Json:
    """A plan as JSON. `under_way` are the marks of refunds of ours that the store need not show yet."""
    standing = plan.standing
    return {
        "order": standing.order_id,
        "number": standing.number,
        "version": standing.version.isoformat() if standing.version else None,
        "currency": standing.total.currency,
        "total": str(standing.total.amount),
        "refunded": str(standing.refunded),
        "left": str(standing.left),
        "states": sorted(standing.states),
        "lines": [_line(line) for line in plan.lines],
        "shipping": str(plan.shipping),
        "shipping_tax": str(plan.shipping_tax),
        "shipping_left": str(plan.shipping_left),
        "amount": str(plan.amount),
        "presentment": _money(plan.presentment),
        "payments": [_payment(payment) for payment in plan.payments],
        "warnings": [{"code": one.code, "words": one.words} for one in plan.warnings],
        "refusals": [{"code": one.code, "words": one.words} for one in plan.refusals],
        "refunds": [seen_document(refund) for refund in standing.refunds],
        "under_way": sorted(under_way),
    }


def seen_document(refund: SeenRefund) -> Json:
    """A refund of the store as JSON."""
    return {
        "id": refund.id,
        "amount": str(refund.amount),
        "currency": refund.currency,
        "money": refund.money,
        "moved": str(refund.moved),
        "reference": refund.reference,
        "at": refund.created_at.isoformat() if refund.created_at else None,
    }


def digest(document: Mapping[str, Any]) -> str:
    """The same for plans that would do the same to an order in the same state."""
    parts = [_effect(document), sorted(one["id"] for one in document["refunds"]), document["version"]]
    return blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def changes_since(shown: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is other than it was shown, in words; nothing, if the same may be done."""
    known = {one["id"] for one in shown["refunds"]}
    ours = set(shown["under_way"])
    words = [
        f"a refund of {one['amount']} {one['currency']} was made"
        for one in now["refunds"]
        if one["id"] not in known and one["reference"] not in ours
    ]
    for name, what in _NAMES.items():
        before, after = _effect(shown)[name], _effect(now)[name]
        if before != after:
            words.append(what.format(before=before, after=after))
    return words


_NAMES = {
    "currency": "its currency is {after}, it was {before}",
    "total": "its total is {after}, it was {before}",
    "amount": "it would give back {after} instead of {before}",
    "lines": "its lines would be refunded otherwise",
    "shipping": "the shipping would be refunded otherwise",
    "presentment": "the customer's currency would be refunded otherwise",
    "payments": "the money would go back another way",
}


def _effect(document: Mapping[str, Any]) -> Json:
    """What a plan does, as it is compared: equal numbers are equal however they are written."""
    presentment = document["presentment"]
    return {
        "currency": document["currency"],
        "total": _bare(document["total"]),
        "amount": _bare(document["amount"]),
        "lines": [
            [line["item_id"], line["quantity"], _bare(line["amount"]), _bare(line["tax"])]
            for line in document["lines"]
            if line["quantity"]
        ],
        "shipping": [_bare(document["shipping"]), _bare(document["shipping_tax"])],
        "presentment": [presentment["currency"], _bare(presentment["amount"])] if presentment else None,
        "payments": [
            [one["gateway"], one["currency"], _bare(one["amount"]), one["automatic"]]
            for one in document["payments"]
        ],
    }


def _bare(amount: str) -> str:
    number = Decimal(amount)
    return format(number.normalize() + 0, "f")


def _line(line: PlannedLine) -> Json:
    return {
        "item_id": line.item_id,
        "title": line.title,
        "sku": line.sku,
        "quantity": line.quantity,
        "left": line.left,
        "amount": str(line.amount),
        "tax": str(line.tax),
    }


def _payment(payment: Payment) -> Json:
    return {
        "gateway": payment.gateway,
        "title": payment.title,
        "amount": str(payment.amount.amount),
        "currency": payment.amount.currency,
        "most": _text(payment.most),
        "automatic": payment.automatic,
    }


def _money(money: Money | None) -> Json | None:
    return {"amount": str(money.amount), "currency": money.currency} if money else None


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _number(text: Any) -> Decimal | None:
    return None if text is None else Decimal(text)
