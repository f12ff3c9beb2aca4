"""An order and its refunds as they are now, from WooCommerce's JSON. Pure.

A refund is saved with its `reason` before the gateway is asked; `refunded_payment` and the metadata come
after the gateway has paid. One whose gateway declines is taken away again.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#order-refund-properties
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from storelink.connectors.action import (
    BILLING,
    SHIPPING,
    Money,
    ReturnedLine,
    SeenRefund,
    Standing,
    reference_in,
)
from storelink.connectors.money import ZERO, amount
from storelink.connectors.protocol import Read
from storelink.connectors.text import text
from storelink.connectors.unfit import Unfit
from storelink.connectors.woocommerce.address_change import address_of
from storelink.connectors.woocommerce.moment import gmt, moment, moment_or_none
from storelink.connectors.woocommerce.shape import Record, meta, optional_id, record_id, records
from storelink.connectors.woocommerce.share import GROUPS

Settings = Mapping[str, Any]

_STATES = {
    "cancelled": "cancelled",
    "completed": "fulfilled",
    "refunded": "refunded",
    "on-hold": "on_hold",
    "trash": "trashed",
}
_PAID = frozenset(("processing", "completed", "refunded"))


def standing_of(order: Record, refunds: Sequence[Record], read: Read, settings: Settings) -> Standing:
    """The order with all its refunds; `read` is that of the first of the answers. Raises `Unfit`."""
    total = amount(order.get("total"), "total")
    if total is None:
        raise Unfit("total is empty")
    key = record_id(order.get("id"), "id")
    currency = text(order.get("currency"), "currency") or text(settings.get("currency"), "currency") or ""
    seen = tuple(refund_of(raw, currency) for raw in refunds)
    refunded = sum((one.amount for one in seen), ZERO)
    return Standing(
        order_id=key,
        number=text(order.get("number"), "number") or key,
        version=moment(order, "date_modified", settings),
        read=read,
        total=Money(total, currency),
        refunded=refunded,
        left=max(total - refunded, ZERO),
        states=_states(order, total, refunded, settings),
        refunds=seen,
        addresses={kind: address_of(order.get(kind)) for kind in (SHIPPING, BILLING)},
    )


def _states(order: Record, total: Decimal, refunded: Decimal, settings: Settings) -> frozenset[str]:
    status = text(order.get("status"), "status") or ""
    found = {_STATES[status]} if status in _STATES else set()
    if status not in _PAID and moment_or_none(order, "date_paid", settings) is None:
        found.add("unpaid")
    if refunded > 0:
        found.add("refunded" if refunded >= total else "partly_refunded")
    return frozenset(found)


def refund_of(raw: Record, currency: str) -> SeenRefund:
    """One refund, as a list of them or the answer to making one has it. Raises `Unfit`."""
    given = (amount(raw.get("amount"), "amount") or ZERO).copy_abs()
    moved = raw.get("refunded_payment") is True
    reason = text(raw.get("reason"), "reason") or ""
    return SeenRefund(
        id=record_id(raw.get("id"), "refund id"),
        amount=given,
        currency=currency,
        money="moved" if moved else "none",
        moved=given if moved else ZERO,
        reference=reference_in(reason),
        words=reason,
        created_at=gmt(raw.get("date_created_gmt")),
        lines=_lines(raw),
    )


def _lines(raw: Record) -> tuple[ReturnedLine, ...]:
    """Lines, shipping and fees alike: each names the part of the order that it is of."""
    found = []
    for group in GROUPS:
        for part in records(raw.get(group), group):
            item_id = optional_id(meta(part, "_refunded_item_id"), "_refunded_item_id")
            if item_id is None:
                continue
            quantity = amount(part.get("quantity"), "quantity") or ZERO
            found.append(
                ReturnedLine(
                    item_id=item_id,
                    quantity=quantity.copy_abs(),
                    amount=-(amount(part.get("total"), "total") or ZERO),
                    tax=-(amount(part.get("total_tax"), "total_tax") or ZERO),
                )
            )
    return tuple(found)
