"""Orders of all stores: searched by any word, narrowed down, a page at a time."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import text

from storelink.access.role import Caller
from storelink.connectors import registry
from storelink.connectors.action import Address
from storelink.connectors.presenting import OrderFace, presenter_of
from storelink.errors import StorelinkError
from storelink.models import ConnectorConfig
from storelink.sync import order_list, since
from storelink.sync.order_list import Page, Place, Row, Wanted
from storelink.sync.order_words import tokens
from storelink.web.api.caller import stores_for
from storelink.web.console.marking import marks
from storelink.web.console.page import TEMPLATES, clock_of, show
from storelink.web.console.signed import Reader
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)
TEMPLATES.filters["marks"] = marks

Text = Annotated[str, Query(max_length=200)]
Cursor = Annotated[str, Query(max_length=300)]

PAYMENTS = {"paid": "Paid", "unpaid": "Not paid", "partially_refunded": "Partly refunded",
            "refunded": "Refunded", "voided": "Voided"}  # fmt: skip
SHIPPINGS = {"unfulfilled": "Not shipped", "fulfilled": "Shipped"}
SAVED = 10_000
"""Orders that one file takes."""
AGES = {"30": "Last 30 days", "365": "Last 12 months"}

State = tuple[str, str, str]
"""Tone, sign and words of a state."""

PAYMENT_STATES: Mapping[str, State] = {
    "paid": ("ok", "ok", "Paid"),
    "pending": ("second", "todo", "Not paid"),
    "authorized": ("info", "wait", "Authorized, not captured"),
    "partially_paid": ("warn", "warn", "Partly paid"),
    "partially_refunded": ("warn", "warn", "Partly refunded"),
    "refunded": ("second", "ok", "Refunded"),
    "voided": ("second", "bad", "Voided"),
}
SHIPPING_STATES: Mapping[str, State] = {
    "fulfilled": ("ok", "ok", "Shipped"),
    "unfulfilled": ("second", "todo", "Not shipped"),
}
TROUBLES: Mapping[str, State] = {
    "unknown": ("bad", "unknown", "Refund outcome unknown"),
    "needs_attention": ("bad", "unknown", "Refund needs a person"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the list, as it is drawn."""

    row: Row
    link: str
    name: str
    contact: str
    items: str
    sku: str
    payment: State
    shipping: State


@router.get("/orders")
def browse(
    request: Request, caller: Reader, services: Use, q: Text = "", store: Text = "", paid: Text = "",
    shipped: Text = "", placed: Text = "", after: Cursor = "", before: Cursor = "",
) -> Response:  # fmt: skip
    """The list; a search that can only mean one order opens it."""
    wanted, stores, searched = wanted_in(request, caller, services, q, store, paid, shipped, placed)
    q, words = wanted.text, tokens(wanted.text)
    with services.database.session() as session:
        session.connection().execute(text(_PATIENCE))
        page = order_list.read_page(session, wanted, after=read_place(after), before=read_place(before))
        late = order_list.behind(session, wanted.stores)
        bounds = since.told(session, wanted.stores)
    if page.only is not None and not (after or before):
        return RedirectResponse(order_link(*page.only), 303)
    filters = {"q": q, "store": store, "paid": paid, "shipped": shipped, "placed": placed}
    return show(
        request, "orders.html", caller, page=page, lines=[line_of(row, words) for row in page.rows],
        stores=stores, searched=searched, late=late, bounds=bounds, filters=filters, words=words,
        too_short=wanted.too_short, payments=PAYMENTS, shippings=SHIPPINGS, ages=AGES,
        head=_head(page, q), newer=_link(filters, "before", page.newer),
        older=_link(filters, "after", page.older), csv=_csv(filters), more=_more(page), most=SAVED,
    )  # fmt: skip


def wanted_in(
    request: Request, caller: Caller, services: Services, q: str, store: str, paid: str, shipped: str,
    placed: str,
) -> tuple[Wanted, Sequence[ConnectorConfig], Sequence[ConnectorConfig]]:  # fmt: skip
    """What the page's address asks for; all stores that the caller sees, and those of them searched."""
    stores = stores_for(services, caller)
    searched = [one for one in stores if one.name == store] if store else stores
    wanted = Wanted(
        tuple(one.id for one in searched), q.replace("\0", ""), payment=paid if paid in PAYMENTS else None,
        shipping=shipped if shipped in SHIPPINGS else None, since=_since(request, placed),
    )  # fmt: skip
    return wanted, stores, searched


def _csv(filters: Mapping[str, str]) -> str:
    kept = {key: value for key, value in filters.items() if value}
    return "/console/orders.csv" + (f"?{urlencode(kept)}" if kept else "")


def _more(page: Page) -> bool:
    """Whether there may be more than a file of them takes."""
    if page.count is not None and page.count <= order_list.COUNTED:
        return False
    return page.newer is not None or page.older is not None


_PATIENCE = "SET LOCAL statement_timeout = '10s'"


def order_link(store: str, order_id: str) -> str:
    """The page of an order."""
    return f"/console/orders/{quote(store, safe='')}/{quote(order_id, safe='')}"


def _since(request: Request, placed: str) -> datetime | None:
    return clock_of(request).now - timedelta(days=int(placed)) if placed in AGES else None


def _head(page: Page, q: str) -> str:
    if page.count is None:
        return "All orders"
    if page.count > order_list.COUNTED:
        return f"More than {order_list.COUNTED:,} orders match “{q}”"
    verb = "matches" if page.count == 1 else "match"
    return f"{page.count:,} order{'' if page.count == 1 else 's'} {verb} “{q}”"


def line_of(row: Row, wanted: Sequence[str]) -> Line:
    """A row in words; `wanted` are the words that were searched for."""
    face = face_of(row.platform, row.shipping_address, row.billing_address, {})
    name = name_of(face.shipping) or name_of(face.billing)
    skus = [sku for sku in row.skus if sku]
    first = next((sku for sku in skus if "<mark>" in marks(sku, wanted)), skus[0] if skus else "")
    units = f"{row.units.normalize():f}"
    items = f"{units} in {row.lines} lines" if row.lines > 1 else units
    more = f" and {row.lines - 1} more" if row.lines > 1 else ""
    return Line(
        row, order_link(row.store, row.order_id), name or "No name", row.email or _contact(face),
        items, first + more, payment_state(row.payment, row.trouble),
        shipping_state(row.shipping, row.status, row.deleted_at),
    )  # fmt: skip


def _contact(face: OrderFace) -> str:
    return "guest, phone only" if face.billing.phone or face.shipping.phone else "no e-mail"


def payment_state(payment: str | None, trouble: str | None = None) -> State:
    """How it is paid, or what is wrong with a refund of it."""
    if (found := TROUBLES.get(trouble or "")) is not None:
        return found
    return PAYMENT_STATES.get(payment or "", ("second", "todo", (payment or "Unknown").capitalize()))


def shipping_state(shipping: str | None, status: str, deleted_at: datetime | None) -> State:
    """How far it is with the parcel, or why there is none."""
    if deleted_at is not None:
        return ("second", "close", "Deleted in the store")
    if status == "cancelled":
        return ("second", "close", "Cancelled")
    if status == "failed":
        return ("second", "bad", "Failed")
    return SHIPPING_STATES.get(shipping or "", ("second", "todo", "Not said"))


def face_of(platform: str, shipping: Any, billing: Any, raw: Mapping[str, Any]) -> OrderFace:
    """The order as its platform shows it; empty for one that was taken away."""
    try:
        presenter = presenter_of(registry.get(platform))
    except StorelinkError:
        presenter = None
    return presenter.face(shipping, billing, raw) if presenter else OrderFace()


def name_of(address: Address) -> str:
    """A person, else a company, else ""."""
    return " ".join(filter(None, (address.first_name, address.last_name))) or address.company


# -- places in the list ------------------------------------------------------------------------------


def write_place(place: Place) -> str:
    """A place as it stands in a link."""
    return "~".join((place.at.isoformat(), str(place.count), place.store.hex, place.order))


def read_place(words: str) -> Place | None:
    """The place of a link; None for what is none."""
    parts = words.replace("\0", "").split("~", 3)
    try:
        at, count, store, order = parts
        found = Place(datetime.fromisoformat(at), uuid.UUID(store), order, int(count))
    except ValueError:
        return None
    return found if found.at.tzinfo is not None and 0 <= found.count < 10**9 else None


def _link(filters: Mapping[str, str], name: str, place: Place | None) -> str | None:
    if place is None:
        return None
    kept = {key: value for key, value in filters.items() if value}
    return "/console/orders?" + urlencode({**kept, name: write_place(place)})


def store_words(stores: Sequence[ConnectorConfig]) -> str:
    """`in 6 stores`, or the one's name."""
    return f"in {stores[0].name}" if len(stores) == 1 else f"in {len(stores)} stores"


TEMPLATES.filters["store_words"] = store_words
