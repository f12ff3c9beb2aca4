"""What people take away as files: a list of orders or requests, and a record that was set aside."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from storelink.access.role import Caller, Right
from storelink.models import QuarantinedRecord
from storelink.sync import audit, order_list
from storelink.sync.masking import masked
from storelink.sync.order_story import names_of
from storelink.web.api.caller import store_for
from storelink.web.api.problem import Problem
from storelink.web.console import orders, requests, sheet
from storelink.web.console.orders import Text
from storelink.web.console.page import clock_of
from storelink.web.console.signed import Reader
from storelink.web.console.timeline import person
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)

MOST = orders.SAVED
"""Orders in one file; the page says so where there are more."""
PAGE = 500
_ORDER_HEAD = ("store", "order", "order id", "placed", "items", "lines", "total", "refunded", "currency",
               "payment", "shipping", "status in the store", "gone since")  # fmt: skip
_PERSON_HEAD = ("customer", "e-mail")
_REQUEST_HEAD = ("request", "kind", "store", "order", "state", "asked by", "asked", "ended", "amount",
                 "currency", "refund in the store")  # fmt: skip


@router.get("/orders.csv")
def save_orders(
    request: Request, caller: Reader, services: Use, q: Text = "", store: Text = "", paid: Text = "",
    shipped: Text = "", placed: Text = "",
) -> Response:  # fmt: skip
    """The orders of a search, the newest first; names and e-mail addresses for those who may act."""
    wanted, _, _ = orders.wanted_in(request, caller, services, q, store, paid, shipped, placed)
    whole, clock = caller.may(Right.ACT), clock_of(request)
    _note(services, caller, "orders", personal=whole)
    head = _ORDER_HEAD + (_PERSON_HEAD if whole else ())
    return sheet.answer(
        f"orders-{clock.now:%Y-%m-%d}", head, _orders(services, wanted, whole=whole), clock.zone
    )


def _orders(services: Services, wanted: order_list.Wanted, *, whole: bool) -> Iterator[Sequence[sheet.Cell]]:
    place, left = None, MOST
    with services.database.session() as session:
        while left > 0:
            page = order_list.read_page(session, wanted, after=place, limit=min(PAGE, left))
            session.rollback()
            yield from (_order(row, whole=whole) for row in page.rows)
            place, left = page.older, left - len(page.rows)
            if place is None:
                return


def _order(row: order_list.Row, *, whole: bool) -> tuple[sheet.Cell, ...]:
    line = orders.line_of(row, ())
    said = (row.store, row.number, row.order_id, row.created_at, f"{row.units.normalize():f}", row.lines,
            row.total, row.refunded, row.currency, line.payment[2], line.shipping[2], row.status,
            row.deleted_at)  # fmt: skip
    return said + ((line.name, row.email) if whole else ())


@router.get("/requests.csv")
def save_requests(request: Request, caller: Reader, services: Use, k: Text = "") -> Response:
    """Every request of a kind or of all, open ones first."""
    clock = clock_of(request)
    _note(services, caller, "requests")
    rows = _requests(services, caller, requests.kind_of(k))
    return sheet.answer(f"requests-{clock.now:%Y-%m-%d}", _REQUEST_HEAD, rows, clock.zone)


def _requests(services: Services, caller: Caller, kind: str) -> Iterator[Sequence[sheet.Cell]]:
    after = None
    with services.database.session() as session:
        names = names_of(session)
        while True:
            rows = requests.listed(session, caller, kind, after, PAGE)
            session.rollback()
            for row in rows:
                yield (str(row["id"]), row["kind"], row["store"], row["order_number"] or row["order_id"],
                       requests.state_of(row).words, person(row["requested_by"] or "", names),
                       row["requested_at"], row["settled_at"], row["amount"], row["currency"],
                       row["refund_id"])  # fmt: skip
            if len(rows) < PAGE:
                return
            after = requests.place_of(rows[-1])


@router.get("/stores/{store}/quarantine/{resource}/payload")
def save_payload(
    caller: Reader, services: Use, store: Annotated[str, Path(max_length=63)],
    resource: Annotated[str, Path(max_length=63)], record: Annotated[str, Query(max_length=300)] = "",
) -> Response:  # fmt: skip
    """A record that was set aside, whole, with personal fields hidden, to be sent to whoever mends it."""
    row = store_for(services, caller, store)
    held = None
    if "\0" not in record + resource:
        with services.database.session() as session:
            held = session.get(QuarantinedRecord, (row.id, resource, record))
    if held is None or held.payload is None:
        raise Problem(404, "not_found", "No payload of this record is held. It may have been read since.")
    safe = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in record)[:60]
    return Response(
        orjson.dumps(masked(held.payload), option=orjson.OPT_INDENT_2), media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{row.name}-{resource}-{safe}.json"'},
    )  # fmt: skip


def _note(services: Services, caller: Caller, what: str, *, personal: bool = False) -> None:
    """That somebody took it away is in the audit log; what was searched for may name a person and is not."""
    with services.database.session() as session:
        audit.record(session, "list.save", actor=caller.actor, subject=what, personal=personal)
        session.commit()
