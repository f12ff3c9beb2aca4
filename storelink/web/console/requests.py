"""What was asked of the stores: what waits for approval, and every request with how it stands."""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import RowMapping, text
from sqlmodel import Session

from storelink.access.role import Caller
from storelink.errors import Misconfigured
from storelink.scheduler.acting import enqueue_order
from storelink.sync import refund_decision
from storelink.sync.limit import Asker, limits_of
from storelink.sync.order_story import names_of
from storelink.sync.request import Refused
from storelink.web.api.paging import read, written
from storelink.web.console.health import Health
from storelink.web.console.orders import face_of, name_of
from storelink.web.console.page import show
from storelink.web.console.signed import Actor, OwnForm, Reader
from storelink.web.console.timeline import person
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)

LIMIT = 50
STAGES = {
    "requested": Health("info", "wait", "Waits for a worker"),
    "waiting_approval": Health("info", "lock", "Waits for approval"),
    "sent": Health("info", "run", "Sent to the store"),
    "unknown": Health("warn", "unknown", "Outcome not known yet"),
    "needs_attention": Health("bad", "unknown", "Needs a person"),
    "settled": Health("ok", "ok", "Settled"),
    "failed": Health("bad", "bad", "Not done"),
}
_CHANGED = Health("ok", "ok", "Changed, read back")
_UNKNOWN = Health("second", "todo", "Not one of ours")


@router.get("/requests")
def browse(
    request: Request, caller: Reader, services: Use,
    k: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:  # fmt: skip
    """Every request, open ones first."""
    kind = kind_of(k)
    with services.database.session() as session:
        rows = listed(session, caller, kind, after, LIMIT + 1)
        names = names_of(session)
        cards = _approvals(session, caller, names)
        stuck = sum(row["stage"] == "needs_attention" for row in rows)
    more, rows = len(rows) > LIMIT, rows[:LIMIT]
    last = place_of(rows[-1]) if more else None
    return show(
        request, "requests.html", caller, rows=rows, kind=kind, cards=cards, state_of=state_of,
        person=lambda actor: person(actor or "nobody known", names), stuck=stuck,
        csv="/console/requests.csv" + (f"?k={kind}" if kind else ""),
        older=f"/console/requests?k={kind}&after={last}" if last else None,
        newer=f"/console/requests?k={kind}" if after else None,
    )  # fmt: skip


@router.get("/approvals")
def approvals(request: Request, caller: Actor, services: Use) -> Response:
    """What waits for a second person."""
    return _show_approvals(request, caller, services)


@router.post("/approvals/{request_id}/{deed}", dependencies=[OwnForm])
def decide(
    request: Request, caller: Actor, services: Use, request_id: uuid.UUID, deed: str,
    why: Annotated[str, Form(max_length=2000)] = "",
) -> Response:  # fmt: skip
    """Approve as the second person, or decline with a word why."""
    asker = Asker(caller.actor, caller.role)
    try:
        with services.database.session() as session:
            if deed == "approve":
                refund_decision.approve(
                    session, request_id, asker=asker, limits=limits_of(services.settings),
                    enqueue=enqueue_order,
                )  # fmt: skip
            elif deed == "decline":
                refund_decision.resolve(
                    session, request_id, moved=False, why=why, asker=asker, enqueue=enqueue_order
                )
            else:
                raise Misconfigured("There is no such deed.")
            session.commit()
    except (Refused, Misconfigured) as error:
        return _show_approvals(request, caller, services, status=409, wrong=(str(request_id), str(error)))
    return RedirectResponse("/console/approvals", 303)


def _show_approvals(
    request: Request, caller: Caller, services: Services, *, status: int = 200,
    wrong: tuple[str, str] | None = None,
) -> Response:  # fmt: skip
    with services.database.session() as session:
        cards = _approvals(session, caller, names_of(session))
    return show(request, "approvals.html", caller, status=status, cards=cards, wrong=wrong)


def kind_of(text: str) -> str:
    """`refund`, `address`, or "" for both."""
    return text if text in ("refund", "address") else ""


def state_of(row: Mapping[str, Any]) -> Health:
    """How a request of the list stands, in the words of its kind."""
    if row["kind"] == "address" and row["stage"] == "settled":
        return _CHANGED
    return STAGES.get(row["stage"] or "", _UNKNOWN)


def _approvals(session: Session, caller: Caller, names: Mapping[str, str]) -> list[dict[str, Any]]:
    rows = session.execute(text(_WAITING)).mappings().all()
    return [_card(row, caller, names) for row in rows if caller.sees(row["connector_id"])]


def _card(row: RowMapping, caller: Caller, names: Mapping[str, str]) -> dict[str, Any]:
    """A refund that waits for a second person, with what somebody needs to know to decide."""
    plan = row["plan"] or {}
    face = face_of(row["platform_name"], row["shipping_address"], row["billing_address"], {})
    units = [f"{one['quantity']} {one['title']}" for one in plan.get("lines", ()) if one.get("quantity")]
    if Decimal(plan.get("shipping") or 0):
        units.append("shipping")
    ways = [str(one.get("title") or one.get("gateway") or "") for one in plan.get("payments", ())]
    return dict(row) | {
        "own": row["requested_by"] == caller.actor, "by": person(row["requested_by"] or "", names),
        "customer": name_of(face.shipping) or name_of(face.billing) or row["order_email"] or "",
        "what": ", ".join(units), "ways": ", ".join(filter(None, ways)),
    }  # fmt: skip


def place_of(row: Mapping[str, Any]) -> str:
    """Where the list goes on after a row."""
    return written([str(row["rank"]), row["age"], str(row["id"])])


def listed(
    session: Session, caller: Caller, kind: str, after: str | None, limit: int
) -> list[dict[str, Any]]:
    """The requests after a place, those that wait for somebody first. Raises `Problem` for no place."""
    rank, age, key = read(after, (str, str, str)) if after else ("-1", "0", "")
    if not (rank.lstrip("-").isdecimal() and age.replace(".", "", 1).isdecimal()):
        rank, age = "-1", "0"
    stores = None if caller.connectors is None else list(caller.connectors)
    rows = session.execute(
        text(_EVERY),
        {"kind": kind, "rank": int(rank), "age": age, "key": key, "limit": limit, "stores": stores},
    ).mappings()
    return [dict(row) for row in rows]


_WAITING = """
SELECT r.*, c.name AS store, c.platform AS platform_name, o.order_number, o.total_amount,
       o.refunded_amount, o.email AS order_email, o.shipping_address, o.billing_address
FROM refund_request r JOIN connector_config c ON c.id = r.connector_id
LEFT JOIN platform_order o ON o.connector_id = r.connector_id AND o.order_id = r.order_id
WHERE r.stage = 'waiting_approval' ORDER BY r.requested_at LIMIT 100
"""

_EVERY = """
WITH every AS (
    SELECT 'refund' AS kind, id, connector_id, order_id, stage, amount, currency, requested_by, requested_at,
           settled_at, error, refund_id, alarm IS NOT NULL AND alarm_over_at IS NULL AS alarmed
    FROM refund_request WHERE :kind IN ('', 'refund')
    UNION ALL
    SELECT 'address', id, connector_id, order_id, stage, NULL, NULL, requested_by, requested_at,
           settled_at, error, NULL, false
    FROM address_update_request WHERE :kind IN ('', 'address')
), ranked AS (
    SELECT *, CASE stage WHEN 'needs_attention' THEN 0 WHEN 'waiting_approval' THEN 1 WHEN 'unknown' THEN 2
              WHEN 'sent' THEN 3 WHEN 'requested' THEN 4 ELSE 5 END AS rank,
           (4102444800 - extract(epoch FROM requested_at))::text AS age
    FROM every WHERE CAST(:stores AS uuid[]) IS NULL OR connector_id = ANY(CAST(:stores AS uuid[]))
)
SELECT r.*, c.name AS store, o.order_number FROM ranked r
JOIN connector_config c ON c.id = r.connector_id
LEFT JOIN platform_order o ON o.connector_id = r.connector_id AND o.order_id = r.order_id
WHERE (rank, age::numeric, r.id::text) > (:rank, CAST(:age AS numeric), :key)
ORDER BY rank, age::numeric, r.id::text LIMIT :limit
"""
