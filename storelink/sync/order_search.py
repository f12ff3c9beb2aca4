"""Orders as support looks for them: by e-mail, number or SKU over all stores, and one with its story."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from storelink.errors import Misconfigured
from storelink.models import (
    AddressUpdateRequest,
    AuditEvent,
    ConnectorConfig,
    OrderItem,
    OrderRefund,
    PlatformOrder,
    RefundRequest,
)
from storelink.sync.request import AnyRequest


@dataclass(frozen=True, slots=True)
class Found:
    """An order, and the store it is from."""

    store: str
    order: PlatformOrder


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an order's story. `request` is the id of the request that it is about."""

    at: datetime
    what: str
    who: str = ""
    request: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """An order with all that belongs to it."""

    order: PlatformOrder
    items: Sequence[OrderItem]
    refunds: Sequence[OrderRefund]
    requests: Sequence[AnyRequest]
    timeline: Sequence[Happening]


def find(
    session: Session,
    *,
    email: str | None = None,
    number: str | None = None,
    sku: str | None = None,
    connector_id: uuid.UUID | None = None,
    limit: int = 50,
) -> list[Found]:
    """Orders to which all of that applies, the newest first. Raises `Misconfigured` for nothing at all."""
    if not (email or number or sku):
        raise Misconfigured("Say what to look for: --email, --number or --sku.")
    query = (
        select(PlatformOrder, ConnectorConfig.name)
        .join(ConnectorConfig, col(ConnectorConfig.id) == col(PlatformOrder.connector_id))
        .order_by(col(PlatformOrder.created_at).desc().nulls_last())
        .limit(limit)
    )
    if email:
        query = query.where(func.lower(col(PlatformOrder.email)) == email.strip().lower())
    if number:
        query = query.where(col(PlatformOrder.order_number).in_(_spellings(number)))
    if sku:
        query = query.where(
            select(OrderItem.id)
            .where(
                OrderItem.connector_id == PlatformOrder.connector_id,
                OrderItem.order_id == PlatformOrder.order_id,
                OrderItem.sku == sku,
            )
            .exists()
        )
    if connector_id is not None:
        query = query.where(PlatformOrder.connector_id == connector_id)
    return [Found(name, order) for order, name in session.exec(query).all()]


def order_id_of(session: Session, store: ConnectorConfig, wanted: str) -> str:
    """The id of the order that somebody named by its number or id; `id:17` is certainly an id.

    What is not held is taken for an id: the store knows. Raises `Misconfigured` where it is one order's
    id and another's number.
    """
    text = wanted.strip()
    if text.startswith("id:"):
        return text.removeprefix("id:")
    rows = session.exec(
        select(PlatformOrder.order_id).where(
            PlatformOrder.connector_id == store.id,
            or_(col(PlatformOrder.order_id) == text, col(PlatformOrder.order_number).in_(_spellings(text))),
        )
    ).all()
    if len(rows) > 1:
        others = ", ".join(f"id:{one}" for one in sorted(rows))
        raise Misconfigured(f"{wanted!r} may be any of several orders of {store.name!r}: say {others}.")
    return rows[0] if rows else text.removeprefix("#")


def item_id_of(session: Session, store: ConnectorConfig, order_id: str, wanted: str) -> str:
    """The id of a line that somebody named by its id or SKU. What is not held is taken for an id.

    Raises `Misconfigured` where several lines have that SKU.
    """
    rows = session.exec(
        select(OrderItem.item_id).where(
            OrderItem.connector_id == store.id,
            OrderItem.order_id == order_id,
            or_(col(OrderItem.item_id) == wanted, col(OrderItem.sku) == wanted),
        )
    ).all()
    if len(rows) > 1 and wanted not in rows:
        raise Misconfigured(f"Several lines have the SKU {wanted!r}: name one by its id, {', '.join(rows)}.")
    return wanted if wanted in rows or not rows else rows[0]


def story(session: Session, store: ConnectorConfig, order_id: str) -> Story:
    """All of one order. Raises `Misconfigured` where it is not held."""
    order = session.get(PlatformOrder, (store.id, order_id))
    if order is None:
        raise Misconfigured(f"{store.name!r} has no order {order_id!r} that storelink has read.")

    def of_order(table: Any, *order_by: Any) -> Any:
        query = select(table).where(table.connector_id == store.id, table.order_id == order_id)
        return session.exec(query.order_by(*order_by)).all()

    refunds = of_order(OrderRefund, OrderRefund.created_at, OrderRefund.refund_id)
    requests = sorted(
        [
            *of_order(RefundRequest, RefundRequest.requested_at),
            *of_order(AddressUpdateRequest, AddressUpdateRequest.requested_at),
        ],
        key=lambda one: one.requested_at,
    )
    items = of_order(OrderItem, OrderItem.item_id)
    return Story(order, items, refunds, requests, _timeline(session, order, refunds, requests))


def _timeline(
    session: Session,
    order: PlatformOrder,
    refunds: Sequence[OrderRefund],
    requests: Sequence[AnyRequest],
) -> list[Happening]:
    told = [
        Happening(at, what)
        for at, what in (
            (order.created_at, "placed"),
            (order.cancelled_at, "cancelled"),
            (order.source_updated_at, "last changed in the store"),
            (order.deleted_at, "gone from the store"),
        )
        if at is not None
    ]
    ours = {one.id for one in requests}
    for refund in refunds:
        if refund.created_at is not None and refund.refund_request_id not in ours:
            told.append(
                Happening(
                    refund.created_at, f"refund of {amount(refund.amount)} {refund.currency} made elsewhere"
                )
            )
    by_id = {str(one.id): one for one in requests}
    events = session.exec(
        select(AuditEvent)
        .where(AuditEvent.connector_id == order.connector_id, col(AuditEvent.subject).in_(by_id))
        .order_by(col(AuditEvent.id))
    ).all()
    for event in events:
        request = by_id[str(event.subject)]
        told.append(Happening(event.at, _deed(event.action, request), event.actor, request.id))
    return sorted(told, key=lambda one: one.at)


def _deed(action: str, request: AnyRequest) -> str:
    kind, _, deed = action.partition(".")
    what = _DEEDS.get(deed, deed.replace("_", " "))
    if isinstance(request, RefundRequest):
        thing = f"refund of {amount(request.amount)} {request.currency}"
    else:
        thing = f"change of the {request.kind} {kind}"
    return f"{thing} {what}"


_DEEDS = {
    "sent": "sent to the store",
    "sent_again": "sent again, the very same",
    "not_sent": "could not be sent",
    "answered": "answered by the store",
    "unknown": "not answered: looked for in the store",
    "needs_attention": "needs a person",
    "waiting_approval": "requested; waits for a second person",
    "hurried": "looked at again",
    "over_refunded": "comes to more than the order's total",
    "twin": "was made elsewhere too, it seems",
}


def amount(value: Any) -> str:
    """Money as people write it: two places, more only where they are not empty."""
    if value is None:
        return "?"
    whole = f"{value:.4f}"
    return whole[:-2] if whole.endswith("00") else whole.rstrip("0")


def _spellings(number: str) -> list[str]:
    bare = number.strip().removeprefix("#")
    return [bare, f"#{bare}"]
