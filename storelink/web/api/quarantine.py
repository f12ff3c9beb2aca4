"""`/v1/stores/{store}/quarantine`: records that could not be understood."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col, select

from storelink.connectors import registry
from storelink.models import QuarantinedRecord
from storelink.sync.lane import hold
from storelink.sync.opening import open_subject
from storelink.sync.quarantine import list_quarantined, retry
from storelink.web.api.caller import Name, Operator, store_for
from storelink.web.api.problem import Problem, documented
from storelink.web.services import Use

router = APIRouter(prefix="/stores/{store}/quarantine", tags=["quarantine"])


class SetAside(BaseModel):
    """A record that was set aside, without its payload, which is personal data."""

    resource: str
    id: str
    error: str = Field(description="Why, in words.")
    seen: int
    first_seen_at: str
    last_seen_at: str


class SetAsideList(BaseModel):
    """The latest first."""

    data: list[SetAside]


class SetAsideRecord(SetAside):
    """With its payload as the store gave it."""

    payload: Any


class Again(BaseModel):
    """Which records to try again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"resource": "orders"}]})

    resource: str
    ids: list[str] | None = Field(None, max_length=1000, description="All of the resource's, if left out.")


class Retried(BaseModel):
    """What came of it."""

    stored: int
    still: int = Field(description="Set aside as before.")


@router.get("", response_model=SetAsideList, responses=documented(401, 403, 404, 422, 429))
def list_set_aside(
    caller: Operator, services: Use, store: Name, limit: Annotated[int, Query(ge=1, le=250)] = 100
) -> dict[str, Any]:
    """What is set aside of a store, the latest first."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        return {"data": [_document(one) for one in list_quarantined(session, row.id)[:limit]]}


@router.get("/{resource}/{record_id}", response_model=SetAsideRecord,
            responses=documented(401, 403, 404, 422, 429))  # fmt: skip
def show_set_aside(
    caller: Operator, services: Use, store: Name, resource: str, record_id: str
) -> dict[str, Any]:
    """One record, with its payload."""
    row = store_for(services, caller, store)
    if "\0" in resource + record_id:
        raise Problem(404, "not_found", "Nothing like that is set aside.")
    with services.database.session() as session:
        found = session.exec(
            select(QuarantinedRecord).where(
                QuarantinedRecord.connector_id == row.id,
                QuarantinedRecord.resource == resource,
                col(QuarantinedRecord.external_id) == record_id,
            )
        ).first()
    if found is None:
        raise Problem(404, "not_found", f"No record {record_id!r} of {resource} is set aside.")
    return _document(found) | {"payload": found.payload}


@router.post("/retry", response_model=Retried, responses=documented(401, 403, 404, 409, 422, 429, 502, 503))
def retry_set_aside(caller: Operator, services: Use, store: Name, body: Again) -> dict[str, Any]:
    """Try records again: those that have a payload as they are kept, the others from the store."""
    row = store_for(services, caller, store)
    if body.resource not in registry.get(row.platform).resources:
        raise Problem(422, "resource", f"There is no resource {body.resource!r}.")
    with (
        open_subject(
            services.database, services.keyring, row.name, services.settings, announced=True
        ) as subject,
        hold(services.database, row.id, body.resource, None) as lane,
    ):
        done = retry(lane, subject, body.ids)
    return {"stored": done.released, "still": done.tried - done.released}


def _document(one: QuarantinedRecord) -> dict[str, Any]:
    return {
        "resource": one.resource, "id": one.external_id, "error": one.error, "seen": one.seen,
        "first_seen_at": one.first_seen_at.isoformat(), "last_seen_at": one.last_seen_at.isoformat(),
    }  # fmt: skip
