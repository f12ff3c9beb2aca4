"""One request for a refund: how it stands, live, and what a person decides about it."""

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from storelink.access.role import Caller
from storelink.errors import Misconfigured, StorelinkError
from storelink.models import ConnectorConfig, RefundRequest
from storelink.scheduler.acting import enqueue_order
from storelink.sync import refund_decision
from storelink.sync.limit import limits_of
from storelink.sync.plan_document import read_wish
from storelink.sync.request import ATTENTION, Refused
from storelink.web.api.problem import Problem, problem_of
from storelink.web.console.page import show
from storelink.web.console.refund import asker_of, preview_of, shown_of
from storelink.web.console.refund_state import State, state_of
from storelink.web.console.signed import Actor, OwnForm, Reader
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)

Why = Annotated[str, Form(max_length=2000)]
STOP_POLLING = 286
"""htmx swaps what came, and asks no more."""


@router.get("/requests/refund/{request_id}")
def look(request: Request, caller: Reader, services: Use, request_id: uuid.UUID) -> Response:
    """The page of a request."""
    return _page(request, caller, services, request_id)


@router.get("/requests/refund/{request_id}/state")
def state(
    request: Request, caller: Reader, services: Use, request_id: uuid.UUID,
    was: Annotated[str, Query(max_length=100)] = "", whole: bool = True,
) -> Response:  # fmt: skip
    """The box alone, if there is something new in it; htmx asks every 2 s until it rests."""
    with services.database.session() as session:
        found = _state(session, services, caller, request_id)
    if was == found.mark and not found.rests:
        return Response(status_code=204)
    status = STOP_POLLING if found.rests else 200
    return show(request, "refund_state.html", caller, status=status, state=found, whole=whole, wrong="")


@router.post("/requests/refund/{request_id}/withdraw", dependencies=[OwnForm])
def withdraw(request: Request, caller: Actor, services: Use, request_id: uuid.UUID) -> Response:
    """Take back what was not sent."""
    return _decide(request, caller, services, request_id, moved=False, why="Taken back before it was sent.")


@router.post("/requests/refund/{request_id}/approve", dependencies=[OwnForm])
def approve(request: Request, caller: Actor, services: Use, request_id: uuid.UUID) -> Response:
    """Agree, as a second person."""
    try:
        with services.database.session() as session:
            _state(session, services, caller, request_id)
            refund_decision.approve(
                session, request_id, asker=asker_of(caller), limits=limits_of(services.settings),
                enqueue=enqueue_order,
            )  # fmt: skip
            session.commit()
    except (Refused, Misconfigured) as error:
        return _page(request, caller, services, request_id, wrong=str(error))
    return _to(request_id)


@router.post("/requests/refund/{request_id}/decide", dependencies=[OwnForm])
def decide(
    request: Request, caller: Actor, services: Use, request_id: uuid.UUID, why: Why = "",
    found: Annotated[str, Form(max_length=20)] = "",
    refund_id: Annotated[str, Form(max_length=64)] = "",
) -> Response:  # fmt: skip
    """What a person found who looked: shown once more, with what follows of it, before it is done."""
    if found not in ("moved", "not_moved", "again"):
        return _page(request, caller, services, request_id, wrong="Say what you found.")
    if found != "again" and not why.strip():
        return _page(
            request, caller, services, request_id, wrong="Say what shows it; it is kept with your name."
        )
    with services.database.session() as session:
        now = _state(session, services, caller, request_id)
        row = session.get_one(ConnectorConfig, now.row.connector_id)
    if now.row.stage != ATTENTION:
        return _page(request, caller, services, request_id, wrong="It does not need a person any more.")
    shown = None
    if found == "again":
        try:
            made = preview_of(services, caller, row, now.row.order_id, read_wish(now.row.wish))
        except StorelinkError as error:
            return _page(request, caller, services, request_id, wrong=problem_of(error).detail)
        shown = shown_of(services, caller, made)
    return show(request, "refund_decide.html", caller, state=now, found=found, why=why.strip(),
                refund_id=refund_id.strip(), shown=shown, plan=shown.plan if shown else None)  # fmt: skip


@router.post("/requests/refund/{request_id}/resolve", dependencies=[OwnForm])
def resolve(
    request: Request, caller: Actor, services: Use, request_id: uuid.UUID, why: Why = "",
    found: Annotated[Literal["moved", "not_moved", "seen"], Form()] = "seen",
    refund_id: Annotated[str, Form(max_length=64)] = "",
) -> Response:  # fmt: skip
    """Settle by hand, as confirmed; or an alarm was seen to."""
    moved = {"moved": True, "not_moved": False}.get(found)
    return _decide(request, caller, services, request_id, moved=moved, why=why, refund_id=refund_id)


@router.post("/requests/refund/{request_id}/again", dependencies=[OwnForm])
def send_again(
    request: Request, caller: Actor, services: Use, request_id: uuid.UUID,
    preview_id: Annotated[uuid.UUID | None, Form()] = None,
) -> Response:  # fmt: skip
    """Send it again as the fresh preview shows it; or, without one, have what waits looked at at once."""
    try:
        with services.database.session() as session:
            _state(session, services, caller, request_id)
            refund_decision.retry(
                session, request_id, preview_id, asker=asker_of(caller), enqueue=enqueue_order
            )
            session.commit()
    except (Refused, Misconfigured) as error:
        return _page(request, caller, services, request_id, wrong=str(error))
    return _to(request_id)


# -- shared ------------------------------------------------------------------------------------------


def _decide(
    request: Request, caller: Caller, services: Services, request_id: uuid.UUID, *, moved: bool | None,
    why: str, refund_id: str = "",
) -> Response:  # fmt: skip
    try:
        with services.database.session() as session:
            _state(session, services, caller, request_id)
            refund_decision.resolve(
                session, request_id, moved=moved, why=why.replace("\0", ""), asker=asker_of(caller),
                refund_id=refund_id.replace("\0", "").strip() or None, enqueue=enqueue_order,
            )  # fmt: skip
            session.commit()
    except (Refused, Misconfigured) as error:
        return _page(request, caller, services, request_id, wrong=str(error).replace(" (--why)", ""))
    return _to(request_id)


def _to(request_id: uuid.UUID) -> Response:
    return RedirectResponse(f"/console/requests/refund/{request_id}", 303)


def _page(
    request: Request, caller: Caller, services: Services, request_id: uuid.UUID, *, wrong: str = ""
) -> Response:
    with services.database.session() as session:
        found = _state(session, services, caller, request_id)
    return show(request, "refund_request.html", caller, status=409 if wrong else 200, state=found,
                whole=True, wrong=wrong)  # fmt: skip


def _state(session: Session, services: Services, caller: Caller, request_id: uuid.UUID) -> State:
    row = session.get(RefundRequest, request_id, populate_existing=True)
    if row is None or not caller.sees(row.connector_id):
        raise Problem(404, "not_found", "There is no such request.")
    return state_of(session, caller, row, services.settings)
