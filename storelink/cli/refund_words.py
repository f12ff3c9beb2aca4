"""What people see of refunds: plans before, requests afterwards."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from storelink.cli import show
from storelink.cli.words import clock

if TYPE_CHECKING:
    from storelink.models import RefundRequest

TONES = {"settled": show.GOOD, "failed": show.BAD, "needs_attention": show.BAD, "unknown": show.WARN,
         "waiting_approval": show.WARN}  # fmt: skip


def money(value: Any, currency: str | None = None) -> str:
    """`12.50 EUR`; `—` where there is none."""
    from storelink.sync.order_search import amount

    if value is None:
        return "—"
    text = amount(Decimal(value))
    return f"{text} {currency}" if currency else text


def show_plan(plan: Mapping[str, Any], name: str) -> None:
    """A preview, as it is kept: to the cent, with what should be known before."""
    currency = plan["currency"]
    what = f"{money(plan['amount'], currency)} would be given back"
    if plan["refusals"]:
        what = "this cannot be given back"
    show.headline(f"Order {plan['number']} of {name}: {what}.")
    lines = [line for line in plan["lines"] if line["quantity"] or line["left"]]
    if lines:
        show.table(
            ["line", "sku", "title", "back", "of", "amount", "tax"],
            [
                [
                    line["item_id"], line["sku"] or "", line["title"], str(line["quantity"]),
                    str(line["left"]), money(line["amount"]), money(line["tax"]),
                ]
                for line in lines
            ],
            right=["back", "of", "amount", "tax"], indent=2,
        )  # fmt: skip
    shipping = Decimal(plan["shipping"]) + Decimal(plan["shipping_tax"])
    show.facts(
        [
            ("shipping", f"{money(shipping)} of {money(plan['shipping_left'])} left, taxes included"),
            ("paid", f"{money(plan['total'], currency)}{_before(plan)}"),
            ("left", money(plan["left"], currency)),
            ("customer sees", _presentment(plan)),
            *[("way back", _payment(one)) for one in plan["payments"] if Decimal(one["amount"])],
        ],
        indent=2,
    )
    show_refunds(plan["refunds"])
    for one in plan["warnings"]:
        show.say(show.Toned(f"Note: {one['words']}", show.WARN))
    for one in plan["refusals"]:
        show.say(show.Toned(f"Cannot be: {one['words']}", show.BAD))


def show_refunds(refunds: Sequence[Mapping[str, Any]]) -> None:
    """The refunds that an order has now."""
    if refunds:
        show.say("Refunds of the order so far:", indent=2)
        show.table(
            ["refund", "amount", "money", "ours", "made"],
            [
                [one["id"], money(one["amount"], one["currency"]), one["money"], one["reference"] or "",
                 (one["at"] or "")[:19].replace("T", " ")]
                for one in refunds
            ],
            right=["amount"], indent=4,
        )  # fmt: skip


def _before(plan: Mapping[str, Any]) -> str:
    return f", {money(plan['refunded'])} given back before" if Decimal(plan["refunded"]) else ""


def _presentment(plan: Mapping[str, Any]) -> str:
    shown = plan["presentment"]
    return money(shown["amount"], shown["currency"]) if shown else ""


def _payment(one: Mapping[str, Any]) -> str:
    how = "" if one["automatic"] else ": by hand, the store cannot move it"
    return f"{money(one['amount'], one['currency'])} by {one['title'] or one['gateway']}{how}"


def show_request(row: "RefundRequest", name: str) -> None:
    """One request, as it stands."""
    show.headline(
        f"Refund {short_id(row.id)} of {money(row.amount, row.currency)}: {stage_words(row.stage)}.",
        TONES.get(row.stage or "", ""),
    )
    show.facts(
        [
            ("id", str(row.id)),
            ("order", f"{number_of(row)} of {name}, id {row.order_id}"),
            ("requested", f"{clock(row.requested_at)} by {row.requested_by}"),
            ("approved", f"{clock(row.approved_at)} by {row.approved_by}" if row.approved_by else ""),
            ("reason", row.reason or ""),
            ("note", row.note or ""),
            ("mark", row.reference or ""),
            ("lines", ", ".join(f"{line['quantity']} × {line['title']}" for line in row.lines)),
            ("shipping", money(row.shipping_amount, row.currency) if row.shipping_amount else ""),
            ("kind", "recorded by hand, no money moves" if row.by_hand else ""),
            ("sent", f"{row.attempts} ×, first {clock(row.sent_at)}" if row.sent_at else ""),
            ("store's refund", row.refund_id or ""),
            ("money moved", money(row.moved_amount, row.currency) if row.moved_amount is not None else ""),
            ("ended", clock(row.settled_at)),
            ("why", row.error or ""),
            ("next look", clock(row.next_try_at)),
        ],
        indent=2,
    )
    if row.alarm and row.alarm_over_at is None:
        show.say(show.Toned(_ALARMS.get(row.alarm, row.alarm), show.BAD))


_ALARMS = {
    "over_refunded": "The order's refunds come to more than its total: look at it in the store.",
    "twin": "An equal refund was made elsewhere at the same time: it may have been given back twice.",
}


_LINE = ("item_id", "sku", "title", "quantity", "amount", "tax")


def stage_words(stage: str | None) -> str:
    """A stage as people say it."""
    return (stage or "not ours").replace("_", " ")


def number_of(row: "RefundRequest") -> str:
    """The order's number as it was when the request was made; its id where that is not known."""
    return str((row.plan or {}).get("number") or row.order_id)


def short_id(request_id: Any) -> str:
    """Enough of an id to name it."""
    return str(request_id)[:8]


def request_document(row: "RefundRequest", name: str) -> dict[str, Any]:
    """One request for scripts."""
    return {
        "id": row.id,
        "store": name,
        "order_id": row.order_id,
        "status": row.status,
        "stage": row.stage,
        "amount": None if row.amount is None else money(row.amount),
        "shipping_amount": None if row.shipping_amount is None else money(row.shipping_amount),
        "currency": row.currency,
        "lines": [{name: line.get(name) for name in _LINE} for line in row.lines],
        "reason": row.reason,
        "restock": row.restock,
        "notify": row.notify,
        "by_hand": row.by_hand,
        "reference": row.reference,
        "requested_by": row.requested_by,
        "requested_at": row.requested_at,
        "approved_by": row.approved_by,
        "attempts": row.attempts,
        "sent_at": row.sent_at,
        "refund_id": row.refund_id,
        "moved_amount": None if row.moved_amount is None else money(row.moved_amount),
        "settled_at": row.settled_at,
        "error": row.error,
        "alarm": row.alarm if row.alarm_over_at is None else None,
    }
