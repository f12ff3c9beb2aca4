"""`…/orders/{order_id}/refunds` and `…/addresses`: money given back and addresses changed, each once.

A preview asks the store and is good for one request. A request is carried out by a worker; it is settled
when it was read back from the store. With an `Idempotency-Key` the same call makes no second one.
"""

import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel
from sqlmodel import Session, select

from storelink.access.role import Caller
from storelink.connectors.action import Wish, WishedLine
from storelink.models import ActionPreview, AddressUpdateRequest, ConnectorConfig, RefundRequest
from storelink.scheduler.acting import enqueue_order
from storelink.sync import address, refund, refund_decision, request_search
from storelink.sync.limit import Asker, limits_of
from storelink.sync.opening import open_subject
from storelink.sync.plan_document import read_wish
from storelink.sync.request import AnyRequest
from storelink.web.api.caller import Actor, Name, Reader, store_for, stores_for
from storelink.web.api.paging import After, Limit, plain, read_latest, written
from storelink.web.api.problem import Problem, documented
from storelink.web.api.request_shapes import (
    AddressChange,
    AddressChangeList,
    Again,
    Fields,
    Looked,
    NewChange,
    NewRefund,
    Preview,
    Refund,
    RefundList,
    RefundWish,
    Seen,
)
from storelink.web.services import Services, Use

router = APIRouter(tags=["requests"])
R = TypeVar("R", RefundRequest, AddressUpdateRequest)

_SHOWN = (401, 403, 404, 422, 429)
_ASKED = (*_SHOWN, 409, 502, 503)

Order = Annotated[str, Path(description="The store's id of the order.", max_length=64)]
Id = Annotated[uuid.UUID, Path(description="The request's id.")]
Which = Literal["shipping", "billing"]
Key = Annotated[
    str | None,
    Header(
        min_length=1, max_length=refund.KEY_MOST, pattern="^[!-~]+$",
        description="Of your making: the same key makes the same request, however often it is sent.",
    ),
]  # fmt: skip


# -- refunds -----------------------------------------------------------------------------------------

_REFUNDS = "/stores/{store}/orders/{order_id}/refunds"


@router.post(f"{_REFUNDS}/preview", response_model=Preview, status_code=201, responses=documented(*_ASKED))
def preview_refund(
    caller: Actor, services: Use, store: Name, order_id: Order, body: RefundWish
) -> dict[str, Any]:
    """Ask the store what it would give back, to the cent. Moves nothing."""
    wish = Wish(
        **(body.model_dump() | {"lines": tuple(WishedLine(one.item_id, one.quantity) for one in body.lines)})
    )
    return _preview_refund(services, caller, store, order_id, wish)


@router.post(_REFUNDS, response_model=Refund, status_code=201, responses=documented(*_ASKED))
def request_refund(
    caller: Actor, services: Use, store: Name, order_id: Order, body: NewRefund, response: Response,
    idempotency_key: Key = None,
) -> dict[str, Any]:  # fmt: skip
    """Request what was previewed. 200 where the key had made it already."""
    row = store_for(services, caller, store)
    said = refund.Particulars(
        reason=body.reason, note=body.note, notify=body.notify, again=body.again,
        idempotency_key=idempotency_key,
    )  # fmt: skip
    with services.database.session() as session:
        _of_order(session, body.preview_id, row, order_id)
        made = refund.create(
            session, body.preview_id, said, asker=_asker(caller), limits=limits_of(services.settings),
            enqueue=enqueue_order,
        )  # fmt: skip
        session.commit()
        document = _refund(row.name, made.request)
    response.status_code = 201 if made.new else 200
    response.headers["Location"] = f"/v1/refunds/{made.request.id}"
    return document


@router.get("/refunds", response_model=RefundList, responses=documented(*_SHOWN))
def list_refunds(
    caller: Reader, services: Use,
    store: Annotated[list[str] | None, Query(max_length=50)] = None,
    order_id: Annotated[str | None, Query(max_length=64)] = None,
    stage: Annotated[list[str] | None, Query(max_length=10)] = None,
    limit: Limit = 50, after: After = None,
) -> dict[str, Any]:  # fmt: skip
    """Requests for refunds, the newest first."""
    return _listed(services, caller, RefundRequest, _refund, store, order_id, stage, limit, after)


@router.get("/refunds/{request_id}", response_model=Refund, responses=documented(*_SHOWN))
def show_refund(caller: Reader, services: Use, request_id: Id) -> dict[str, Any]:
    """One request and how it stands."""
    with services.database.session() as session:
        row, store = _request(session, caller, RefundRequest, request_id)
        return _refund(store, row)


@router.post("/refunds/{request_id}/approve", response_model=Refund, responses=documented(*_ASKED))
def approve_refund(caller: Actor, services: Use, request_id: Id) -> dict[str, Any]:
    """Agree, as a second person."""
    with services.database.session() as session:
        _, store = _request(session, caller, RefundRequest, request_id)
        row = refund_decision.approve(
            session, request_id, asker=_asker(caller), limits=limits_of(services.settings),
            enqueue=enqueue_order,
        )  # fmt: skip
        session.commit()
        session.refresh(row)
        return _refund(store, row)


@router.post("/refunds/{request_id}/retry/preview", response_model=Preview, status_code=201,
             responses=documented(*_ASKED))  # fmt: skip
def preview_retry(caller: Actor, services: Use, request_id: Id) -> dict[str, Any]:
    """What sending it again would do now, and which refunds the order has."""
    with services.database.session() as session:
        row, store = _request(session, caller, RefundRequest, request_id)
        order_id, wish = row.order_id, read_wish(row.wish)
    return _preview_refund(services, caller, store, order_id, wish)


@router.post("/refunds/{request_id}/retry", response_model=Refund, responses=documented(*_ASKED))
def retry_refund(caller: Actor, services: Use, request_id: Id, body: Again) -> dict[str, Any]:
    """Send again what needs a person, or have looked at at once what waits."""
    with services.database.session() as session:
        _, store = _request(session, caller, RefundRequest, request_id)
        row = refund_decision.retry(
            session, request_id, body.preview_id, asker=_asker(caller), enqueue=enqueue_order
        )
        session.commit()
        session.refresh(row)
        return _refund(store, row)


@router.post("/refunds/{request_id}/resolve", response_model=Refund, responses=documented(*_ASKED))
def resolve_refund(caller: Actor, services: Use, request_id: Id, body: Seen) -> dict[str, Any]:
    """Say what is so, as a person who has looked; or withdraw what was not sent."""
    with services.database.session() as session:
        _, store = _request(session, caller, RefundRequest, request_id)
        row = refund_decision.resolve(
            session, request_id, moved=body.moved, why=body.why, asker=_asker(caller),
            refund_id=body.refund_id, enqueue=enqueue_order,
        )  # fmt: skip
        session.commit()
        session.refresh(row)
        return _refund(store, row)


def _preview_refund(
    services: Services, caller: Caller, store: str, order_id: str, wish: Wish
) -> dict[str, Any]:
    row = store_for(services, caller, store)
    with open_subject(services.database, services.keyring, row.name, services.settings,
                      announced=True) as subject:  # fmt: skip
        made = refund.preview(services.database, subject, _usable(order_id), wish, _asker(caller))
    return {"preview_id": made.id, "plan": made.document}


# -- addresses ---------------------------------------------------------------------------------------

_ADDRESSES = "/stores/{store}/orders/{order_id}/addresses/{kind}"


@router.post(f"{_ADDRESSES}/preview", response_model=Preview, status_code=201, responses=documented(*_ASKED))
def preview_address(
    caller: Actor, services: Use, store: Name, order_id: Order, kind: Which, body: Fields
) -> dict[str, Any]:
    """What the change would do: old beside new, what is wrong with it, what the store does besides."""
    row = store_for(services, caller, store)
    wish = body.model_dump(exclude_none=True)
    with open_subject(services.database, services.keyring, row.name, services.settings,
                      announced=True) as subject:  # fmt: skip
        made = address.preview(services.database, subject, _usable(order_id), kind, wish, _asker(caller))
    return {"preview_id": made.id, "plan": made.document}


@router.post(_ADDRESSES, response_model=AddressChange, status_code=201, responses=documented(*_ASKED))
def request_address(
    caller: Actor, services: Use, store: Name, order_id: Order, kind: Which, body: NewChange,
    response: Response, idempotency_key: Key = None,
) -> dict[str, Any]:  # fmt: skip
    """Request what was previewed. 200 where the key had made it already."""
    row = store_for(services, caller, store)
    said = address.Particulars(
        force=body.force, again=body.again, note=body.note, idempotency_key=idempotency_key
    )
    with services.database.session() as session:
        _of_order(session, body.preview_id, row, order_id, kind)
        made = address.create(session, body.preview_id, said, asker=_asker(caller), enqueue=enqueue_order)
        session.commit()
        document = _change(row.name, made.request)
    response.status_code = 201 if made.new else 200
    response.headers["Location"] = f"/v1/address-changes/{made.request.id}"
    return document


@router.get("/address-changes", response_model=AddressChangeList, responses=documented(*_SHOWN))
def list_changes(
    caller: Reader, services: Use,
    store: Annotated[list[str] | None, Query(max_length=50)] = None,
    order_id: Annotated[str | None, Query(max_length=64)] = None,
    stage: Annotated[list[str] | None, Query(max_length=10)] = None,
    limit: Limit = 50, after: After = None,
) -> dict[str, Any]:  # fmt: skip
    """Requests for other addresses, the newest first."""
    return _listed(services, caller, AddressUpdateRequest, _change, store, order_id, stage, limit, after)


@router.get("/address-changes/{request_id}", response_model=AddressChange, responses=documented(*_SHOWN))
def show_change(caller: Reader, services: Use, request_id: Id) -> dict[str, Any]:
    """One request and how it stands."""
    with services.database.session() as session:
        row, store = _request(session, caller, AddressUpdateRequest, request_id)
        return _change(store, row)


@router.post("/address-changes/{request_id}/restore/preview", response_model=Preview, status_code=201,
             responses=documented(*_ASKED))  # fmt: skip
def preview_restore(caller: Actor, services: Use, request_id: Id) -> dict[str, Any]:
    """What putting the old address back would do; `POST …/addresses/{kind}` then requests it."""
    with services.database.session() as session:
        row, store = _request(session, caller, AddressUpdateRequest, request_id)
        session.expunge(row)
    with open_subject(services.database, services.keyring, store, services.settings,
                      announced=True) as subject:  # fmt: skip
        made = address.preview_restore(services.database, subject, row, _asker(caller))
    return {"preview_id": made.id, "plan": made.document}


@router.post("/address-changes/{request_id}/resolve", response_model=AddressChange,
             responses=documented(*_ASKED))  # fmt: skip
def resolve_change(caller: Actor, services: Use, request_id: Id, body: Looked) -> dict[str, Any]:
    """Say what is so, as a person who has looked at the store; or withdraw what was not sent."""
    with services.database.session() as session:
        _, store = _request(session, caller, AddressUpdateRequest, request_id)
        row = address.resolve(
            session, request_id, updated=body.updated, why=body.why, asker=_asker(caller),
            enqueue=enqueue_order,
        )  # fmt: skip
        session.commit()
        session.refresh(row)
        return _change(store, row)


# -- what they have in common ------------------------------------------------------------------------


def _asker(caller: Caller) -> Asker:
    return Asker(caller.actor, caller.role)


def _usable(order_id: str) -> str:
    """Raises `Problem` 404 for what is no id of any store: it would become part of an address."""
    if not order_id.isascii() or not order_id.isdecimal():
        raise Problem(404, "not_found", f"No order has the id {order_id!r}.")
    return order_id


def _of_order(
    session: Session, preview_id: uuid.UUID, store: ConnectorConfig, order_id: str, kind: str | None = None
) -> None:
    """The preview is of this very order. Raises `Problem` 404."""
    shown = session.get(ActionPreview, preview_id)
    here = shown is not None and (shown.connector_id, shown.order_id) == (store.id, order_id)
    if shown is None or not here or (kind is not None and shown.kind != kind):
        raise Problem(404, "not_found", f"There is no preview {preview_id} of this order.")


def _request(session: Session, caller: Caller, model: type[R], request_id: uuid.UUID) -> tuple[R, str]:
    """(The request, its store's name). Raises `Problem` 404, also where the store may not be seen."""
    row = session.get(model, request_id)
    store = None if row is None else session.get(ConnectorConfig, row.connector_id)
    if row is None or store is None or not caller.sees(store.id):
        raise Problem(404, "not_found", f"There is no request {request_id}.")
    return row, store.name


def _listed(
    services: Services, caller: Caller, model: type[R], document: Callable[[str, R], Any],
    names: list[str] | None, order_id: str | None, stages: list[str] | None, limit: int, after: str | None,
) -> dict[str, Any]:  # fmt: skip
    if any("\0" in one for one in [order_id or "", *(stages or ())]):
        raise Problem(422, "invalid", "A NUL character is in no record.")
    stores = {row.id: row.name for row in stores_for(services, caller, names)}
    before = read_latest(after)
    found: list[R] = []
    with services.database.session() as session:
        for store_id in [None] if names is None and caller.connectors is None else list(stores):
            found += request_search.listed(
                session, model, connector_id=store_id, order_id=order_id, stages=stages or (),
                before=before, limit=limit + 1,
            )  # fmt: skip
        every = dict(session.exec(select(ConnectorConfig.id, ConnectorConfig.name)).all())
    found.sort(key=lambda one: (one.requested_at, one.id), reverse=True)
    rows, more = found[:limit], len(found) > limit
    return {
        "data": [document(every[one.connector_id], one) for one in rows],
        "next": written([rows[-1].requested_at, rows[-1].id]) if more else None,
    }


def _refund(store: str, row: RefundRequest) -> dict[str, Any]:
    return _document(store, row, Refund)


def _change(store: str, row: AddressUpdateRequest) -> dict[str, Any]:
    return _document(store, row, AddressChange)


def _document(store: str, row: AnyRequest, shape: type[BaseModel]) -> dict[str, Any]:
    values = plain(row.model_dump())
    return {name: store if name == "store" else values[name] for name in shape.model_fields}
