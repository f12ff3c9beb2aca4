"""One order: what was bought, paid, refunded, sent where, and by whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import orjson
from babel import Locale
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from storelink.access.role import Right
from storelink.connectors import registry
from storelink.connectors.action import Address
from storelink.connectors.personal import personal_of, prune
from storelink.connectors.presenting import OrderFace, presenter_of
from storelink.errors import AuthFailed, StorelinkError
from storelink.models import ConnectorConfig, OrderItem, OrderRefund, PlatformOrder, RefundRequest
from storelink.sync import hint, order_story
from storelink.sync.opening import open_subject
from storelink.web.api.caller import store_for, stores_for
from storelink.web.console import refund_state, timeline
from storelink.web.console.opened import read_order, title_of
from storelink.web.console.orders import face_of, name_of, order_link, payment_state, shipping_state
from storelink.web.console.page import TEMPLATES, show
from storelink.web.console.signed import OwnForm, Reader
from storelink.web.console.words import spell
from storelink.web.services import Use

router = APIRouter(include_in_schema=False)

Store = Annotated[str, Path(max_length=63)]
Order = Annotated[str, Path(max_length=64)]
PATIENCE = 8.0
"""Seconds a person waits for a store to be read again."""
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Item:
    """A line as it is drawn: amounts with their taxes where the shop shows prices so."""

    row: OrderItem
    each: Decimal
    before: Decimal | None
    """Each before its discount; None without one."""
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Sum:
    """What the amounts add up to, in rows of (words, amount)."""

    rows: Sequence[tuple[str, Decimal]]
    total: str


@router.get("/orders/{store}/{order_id}")
def look(
    request: Request, caller: Reader, services: Use, store: Store, order_id: Order,
    t: Annotated[str, Query(max_length=20)] = "", road: Annotated[str, Query(max_length=20)] = "",
    read: Annotated[str, Query(max_length=20)] = "",
) -> Response:  # fmt: skip
    """The page of an order."""
    row = store_for(services, caller, store)
    told = read_order(services, row, order_id)
    order = told.story.order
    face = face_of(order.platform, order.shipping_address, order.billing_address, order.attributes)
    found = timeline.events(told, face)
    with services.database.session() as session:
        ids = [one.id for one in stores_for(services, caller)]
        under_way = [
            refund_state.state_of(session, caller, one, services.settings) for one in _under_way(told)
        ]
        others = order_story.count_of(session, ids, order.email) if order.email else 0
    trouble = next((one.stage for one in told.story.requests if isinstance(one, RefundRequest)
                    and one.stage in ("unknown", "needs_attention")), None)  # fmt: skip
    items = [_item(one, face.taxes_included) for one in told.story.items]
    return show(
        request, "order.html", caller, told=told, order=order, store=row, face=face, items=items,
        sum=_sum(order, items, face), link=order_link(row.name, order_id), admin=admin_url(row, order_id),
        platform=title_of(row), name=name_of(face.shipping) or name_of(face.billing),
        payment=payment_state(order.financial_status, trouble),
        shipping=shipping_state(order.fulfillment_status, order.status, order.deleted_at),
        refunds=[_refund(one, told) for one in told.story.refunds], others=others,
        under_way=under_way, whole=False, wrong="", events=timeline.narrowed(found, t, road), t=t,
        road=road, read=read, days=_days, gone=order.deleted_at is not None, addresses=_addresses(face),
    )  # fmt: skip


@router.post("/orders/{store}/{order_id}/read", dependencies=[OwnForm])
def read_again(caller: Reader, services: Use, store: Store, order_id: Order) -> Response:
    """Ask the store for the order now, for a few seconds at most."""
    row = store_for(services, caller, store)
    read_order(services, row, order_id)  # only what is held: ids of others' making are asked nowhere
    hasty = services.settings.model_copy(update={"http_timeout": PATIENCE, "http_retries": 0})
    said = "done"
    try:
        with open_subject(services.database, services.keyring, row.name, hasty, refresh=False,
                          announced=True) as subject:  # fmt: skip
            hint.read_now(services.database, subject, "orders", [order_id])
    except AuthFailed:
        said = "refused"
    except StorelinkError:
        said = "failed"
    return RedirectResponse(f"{order_link(store, order_id)}?read={said}", 303)


@router.get("/orders/{store}/{order_id}/raw")
def raw(request: Request, caller: Reader, services: Use, store: Store, order_id: Order) -> Response:
    """The record as the store gave it; without what may be about a person for those who only look."""
    row = store_for(services, caller, store)
    order = read_order(services, row, order_id).story.order
    whole = caller.may(Right.ACT)
    document = {**order.attributes, "line_items": order.line_items}
    if not whole:
        personal = personal_of(registry.get(row.platform))
        document = {**(prune(order.attributes, personal.order) or {}),
                    "line_items": prune(order.line_items, personal.line)}  # fmt: skip
    words = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
    return show(request, "raw.html", caller, order=order, store=row, link=order_link(store, order_id),
                words=words[:150_000], cut=len(words) > 150_000, whole=whole)  # fmt: skip


# -- in words ----------------------------------------------------------------------------------------


def admin_url(row: ConnectorConfig, order_id: str) -> str | None:
    """The order in the store's own admin."""
    try:
        presenter = presenter_of(registry.get(row.platform))
    except StorelinkError:
        return None
    return presenter.admin_url(row.store_url, order_id, row.settings) if presenter else None


def country_of(code: str) -> str:
    """`DE` → `Germany`."""
    return str(Locale("en").territories.get(code, code))


def address_lines(address: Address) -> list[str]:
    """An address as it stands on a parcel, in English order."""
    name = " ".join(filter(None, (address.first_name, address.last_name)))
    province = address.province if address.province.isalpha() else ""  # `JP-13` says nothing to people
    place = " ".join(filter(None, (address.postcode, address.city, province)))
    lines = (address.company, name, address.address1, address.address2, place, country_of(address.country))
    return [line for line in lines if line]


def lag_words(seconds: float) -> str:
    """`1.2 s after`, `2 min after`."""
    return f"{seconds:.1f} s after" if seconds < 60 else f"{spell(seconds)} after"


TEMPLATES.filters["lag"] = lag_words


# -- parts of the page -------------------------------------------------------------------------------


def _item(row: OrderItem, taxed: bool) -> Item:
    net, tax = row.total_amount, row.tax_amount
    amount = net + tax if taxed else net
    each = (amount / row.quantity).quantize(Decimal("0.01")) if row.quantity else row.price
    before = None
    if row.discount_amount and row.quantity:
        share = (1 + tax / net) if taxed and net else Decimal(1)
        before = ((net + row.discount_amount) * share / row.quantity).quantize(Decimal("0.01"))
    return Item(row, each, before, amount)


def _sum(order: PlatformOrder, items: Sequence[Item], face: OrderFace) -> Sum:
    """Rows that add up to the total, whichever way prices are shown."""
    goods, total = sum((one.amount for one in items), ZERO), order.total_amount
    tax = order.tax_amount or ZERO
    way = f"Shipping, {face.shipped_by}" if face.shipped_by else "Shipping"
    rows = [("Items", goods)]
    if face.taxes_included:
        rest = total - goods
        rows.append((f"{way} and fees" if order.fee_amount else way, rest))
        return Sum(
            rows, f"Total, with {TEMPLATES.filters['money'](tax, order.currency)} tax" if tax else "Total"
        )
    rows.append((way, order.shipping_amount or ZERO))
    if order.fee_amount:
        rows.append(("Fees", order.fee_amount))
    rows.append(("Tax", tax))
    rest = total - sum((amount for _, amount in rows), ZERO)
    if rest:
        rows.append(("Rounding and other", rest))
    return Sum(rows, "Total")


def _refund(row: OrderRefund, told: order_story.Told) -> dict[str, Any]:
    titles = {item.item_id: item.title for item in told.story.items}
    request = next((one for one in told.story.requests if one.id == row.refund_request_id), None)
    return {
        "row": row,
        "what": ", ".join(timeline.units_of(row.items, titles)) or "An amount",
        "by": timeline.person(request.requested_by or "", told.names) if request else None,
        "request": request,
    }


def _under_way(told: order_story.Told) -> list[RefundRequest]:
    """Refunds of ours that have no end yet, or one that somebody has to see to."""
    return [
        one for one in told.story.requests
        if isinstance(one, RefundRequest)
        and (one.status == "pending" or (one.alarm is not None and one.alarm_over_at is None))
    ]  # fmt: skip


def _addresses(face: OrderFace) -> Mapping[str, Sequence[str]]:
    return {"shipping": address_lines(face.shipping), "billing": address_lines(face.billing)}


def _days(found: Sequence[timeline.Event], clock: Any) -> list[tuple[str, list[timeline.Event]]]:
    days: dict[str, list[timeline.Event]] = {}
    for event in found:
        days.setdefault(clock.day(event.at), []).append(event)
    return list(days.items())
