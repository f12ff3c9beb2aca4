"""`/v1/stores/{store}/runs` and `…/verify`: what passes did, and how far a store was compared."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlmodel import select

from storelink.models import ConnectorConfig, SyncState
from storelink.scheduler import ask
from storelink.sync import status
from storelink.web.api.caller import Name, Operator, Reader, store_for
from storelink.web.api.paging import After, read_latest, written
from storelink.web.api.problem import documented
from storelink.web.api.store_shapes import Compared, Comparison, Ledger, Queued, Runs, resources_of
from storelink.web.services import Services, Use

router = APIRouter(prefix="/stores/{store}", tags=["stores"])

_REFUSED = (401, 403, 404, 422, 429)
Kind = Literal["backfill", "incremental", "targeted", "webhook", "verify"]


@router.get("/runs", response_model=Runs, responses=documented(*_REFUSED))
def list_runs(
    caller: Reader, services: Use, store: Name, resource: str | None = None, kind: Kind | None = None,
    failed: bool = False, limit: Annotated[int, Query(ge=1, le=250)] = 50, after: After = None,
) -> dict[str, Any]:  # fmt: skip
    """What passes did, the latest first. One that changed nothing leaves no trace."""
    row = store_for(services, caller, store)
    if resource is not None:
        resources_of(row, [resource])
    before = read_latest(after)
    with services.database.session() as session:
        found = status.read_runs(
            session, row.id, resource=resource, kind=kind, failed=failed, before=before, limit=limit + 1
        )
    runs = [run for _, run in found[:limit]]
    more = len(found) > limit
    return {
        "data": [run.model_dump(mode="json", exclude={"connector_id"}) for run in runs],
        "next": written([runs[-1].started_at, runs[-1].id]) if more else None,
    }


@router.get("/verify", response_model=Ledger, responses=documented(*_REFUSED))
def show_ledger(caller: Reader, services: Use, store: Name) -> dict[str, Any]:
    """How each resource compared with the store the last time, and what that found."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        _, found = status.read_status(session, [row.name])
        kept = dict(
            session.exec(
                select(SyncState.resource, SyncState.ledger).where(SyncState.connector_id == row.id)
            ).all()
        )
    entries = [_entry(one, kept.get(one.resource)) for one in found[0].resources]
    known = [one for one in entries if one["verified_at"] is not None]
    return {
        "name": row.name,
        "in_step": len(known) == len(entries) and not any(one["drift"] for one in known),
        "resources": entries,
    }


@router.post("/verify", response_model=Queued, status_code=202, responses=documented(*_REFUSED))
def verify_store(caller: Operator, services: Use, store: Name, body: Compared) -> dict[str, Any]:
    """Have it compared with the store now, and what differs fetched. `GET` shows the end."""
    row = store_for(services, caller, store)
    wanted = resources_of(row, body.resources)
    ask.verify_now(services.database, row.name, wanted, actor=caller.actor)
    return queued(services, row, wanted)


def queued(services: Services, row: ConnectorConfig, wanted: list[str]) -> dict[str, Any]:
    """What will be read, and how many workers are there to do it."""
    with services.database.session() as session:
        workers = ask.queue_standing(session, services.settings).workers
    return {"name": row.name, "resources": wanted, "workers": workers}


def _entry(one: status.ResourceStatus, kept: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "resource": one.resource, "verified_at": one.last_verified_at, "drift": one.last_drift,
        "next_at": one.next_verify_at, "withheld": one.withheld, "found": _found(kept) if kept else None,
    }  # fmt: skip


def _found(kept: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: kept.get(name, 0) for name in Comparison.model_fields if name != "differing"}
    return counts | {
        "fix": bool(kept.get("fix")),
        "differing": [{"id": key, "why": why} for key, why in kept.get("differing", ())],
    }
