"""The first page: is every store in step, and if not, what to do."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import text
from sqlmodel import Session

from storelink.access.role import Caller, Right
from storelink.sync.activity import changes_of, last_day
from storelink.sync.marks import OVERVIEW
from storelink.sync.status import StoreStatus, read_status
from storelink.web.console import health
from storelink.web.console.chart import draw
from storelink.web.console.live import marked
from storelink.web.console.page import clock_of, show
from storelink.web.console.signed import Reader
from storelink.web.console.words import count, money, spell
from storelink.web.services import Use

router = APIRouter(include_in_schema=False)

MOST = 20
"""Requests that have a line each."""


@router.get("/overview")
def overview(request: Request, caller: Reader, services: Use) -> Response:
    """Every store, what needs a person, and the last day; for htmx alone what moves of that."""
    mark = marked(services, OVERVIEW)
    with services.database.session() as session:
        now, stores = read_status(session)
        stores = sorted(stores, key=health.rank)
        ids = [store.id for store in stores]
        settings = dict(session.execute(text("SELECT id, settings->>'currency' FROM connector_config")).all())
        changed, subscriptions = changes_of(session, ids), _subscriptions(session)
        partial = bool(request.headers.get("hx-request"))
        hours = None if partial else last_day(session, ids)
        asked, requests = _requests(session, caller)
        todo = requests + [one for store in stores for one in health.deeds(store)]
    head, lede = health.heading(stores, asked)
    rows = [
        _row(store, now) | {
            "currency": settings.get(store.id), "changes": changed.get(store.id, 0),
            "webhooks": subscriptions.get(store.id, "Not installed"),
        }
        for store in stores
    ]  # fmt: skip
    shown: dict[str, Any] = {"mark": mark, "head": head, "lede": lede, "todo": todo, "rows": rows}
    if hours is None:
        return show(request, "overview_part.html", caller, **shown)
    return show(
        request, "overview.html", caller, **shown, chart=draw(hours, clock_of(request)),
        as_table=request.query_params.get("chart") == "table",
    )  # fmt: skip


def _row(store: StoreStatus, now: datetime) -> dict[str, Any]:
    """What the status alone says of a store, for its line in the table."""
    return {
        "store": store,
        "title": {"woocommerce": "WooCommerce", "shopify": "Shopify"}.get(store.platform, store.platform),
        "health": health.health(store),
        "fresh": health.freshness(store, now),
        "drift": _drift(store),
        "quarantined": sum(one.quarantined for one in store.resources),
    }


def _drift(store: StoreStatus) -> int | None:
    """Records that differed at the last check; None where none is known and not all was checked yet."""
    found = sum(one.differing for one in store.resources)
    return None if not found and any(one.last_drift is None for one in store.resources) else found


def _subscriptions(session: Session) -> dict[Any, str]:
    """What is known of each store's webhooks, without asking it."""
    found = session.execute(
        text(
            "SELECT c.id, c.settings->'webhooks', a.id IS NOT NULL FROM connector_config c"
            " LEFT JOIN alert a ON a.connector_id = c.id AND a.closed_at IS NULL"
            " AND a.kind = 'subscription_lost'"
        )
    ).all()
    return {
        row[0]: "Not installed" if not row[1] else "Being repaired" if row[2] else "All deliver"
        for row in found
    }


def _requests(session: Session, caller: Caller) -> tuple[health.Asked, list[health.Deed]]:
    """Refunds and changes of address that wait for a person: how many, and a line for each."""
    found = session.execute(text(_WAITING)).mappings().all()
    deeds = []
    for row in found[:MOST]:
        to = f"/console/requests/{row['kind']}/{row['id']}"
        what = (
            f"A refund of {money(row['amount'], row['currency'])}" if row["kind"] == "refund"
            else "A change of address"
        )  # fmt: skip
        deeds.append(
            health.Deed(
                "bad",
                "unknown",
                f"{what} has an unknown outcome",
                f"{row['name']}, order {row['order_id']}",
                row["error"] or "Nobody should send it again before it is decided.",
                to,
                "Look and decide",
                row["requested_at"],
            )
        )
    if len(found) > MOST:
        head = f"{count(len(found) - MOST, 'more request')} have an unknown outcome"
        deeds.append(health.Deed("bad", "unknown", head, "", "", "/console/requests", "See them"))
    approvals = session.execute(text(_APPROVALS)).one()
    refunds = sum(row["kind"] == "refund" for row in found)
    asked = health.Asked(frozenset(row["name"] for row in found), refunds, len(found) - refunds, approvals[0])
    if approvals[0] and caller.may(Right.ACT):
        deeds.append(
            health.Deed(
                "info",
                "wait",
                asked.waits,
                approvals[1],
                f"The oldest has waited {spell(float(approvals[2]))}.",
                "/console/approvals",
                "Review",
            )
        )
    return asked, deeds


_WAITING = """
SELECT r.*, c.name FROM (
    SELECT 'refund' AS kind, id, connector_id, order_id, amount, currency, error, requested_at
    FROM refund_request WHERE stage = 'needs_attention'
    UNION ALL
    SELECT 'address', id, connector_id, order_id, NULL, NULL, error, requested_at
    FROM address_update_request WHERE stage = 'needs_attention') r
JOIN connector_config c ON c.id = r.connector_id ORDER BY r.requested_at LIMIT 1000
"""

_APPROVALS = """
SELECT count(*), coalesce(string_agg(DISTINCT c.name, ', '), ''),
       coalesce(extract(epoch FROM clock_timestamp() - min(requested_at)), 0)
FROM refund_request r JOIN connector_config c ON c.id = r.connector_id WHERE r.stage = 'waiting_approval'
"""
