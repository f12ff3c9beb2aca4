"""`/v1/stores/{store}/quarantine`: records that could not be understood."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import literal, or_, tuple_
from sqlmodel import Session, col, select

from storelink.connectors import registry
from storelink.models import QuarantinedRecord
from storelink.sync import audit
from storelink.sync.lane import hold
from storelink.sync.masking import masked
from storelink.sync.opening import open_subject
from storelink.sync.quarantine import forget, retry
from storelink.web.api.caller import Name, Operator, store_for
from storelink.web.api.paging import After, read, written
from storelink.web.api.problem import Problem, documented
from storelink.web.api.store_shapes import resources_of
from storelink.web.services import Use

router = APIRouter(prefix="/stores/{store}/quarantine", tags=["quarantine"])


class SetAside(BaseModel):
    """A record that was set aside, without its payload, which is personal data."""

    resource: str = Field(examples=["orders"])
    id: str = Field(examples=["1041"])
    error: str = Field(description="Why, in words.", examples=["total: 'n/a' is no amount"])
    seen: int = Field(examples=[3])
    first_seen_at: str = Field(examples=["2026-11-20T08:11:00+00:00"])
    last_seen_at: str = Field(examples=["2026-11-21T14:03:02+00:00"])


class SetAsideList(BaseModel):
    """What was set aside last comes first."""

    data: list[SetAside]
    next: str | None = Field(description="To be sent as `after`; null on the last page.")


class SetAsideRecord(SetAside):
    """With its payload as the store gave it, personal fields hidden."""

    payload: Any = Field(examples=[{"id": 1041, "total": "n/a", "billing": {"first_name": "A••••"}}])


class Again(BaseModel):
    """Which records to try again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"resource": "orders"}]})

    resource: str
    ids: list[str] | None = Field(None, max_length=1000, description="All of the resource's, if left out.")


class Retried(BaseModel):
    """What came of it."""

    stored: int = Field(examples=[1])
    still: int = Field(description="Set aside as before.", examples=[0])


@router.get("", response_model=SetAsideList, responses=documented(401, 403, 404, 422, 429))
def list_set_aside(
    caller: Operator, services: Use, store: Name, resource: str | None = None,
    limit: Annotated[int, Query(ge=1, le=250)] = 100, after: After = None,
) -> dict[str, Any]:  # fmt: skip
    """What is set aside of a store: what was set aside last comes first."""
    row = store_for(services, caller, store)
    at, kind, key = (
        col(QuarantinedRecord.first_seen_at), col(QuarantinedRecord.resource),
        col(QuarantinedRecord.external_id),
    )  # fmt: skip
    query = select(QuarantinedRecord).where(QuarantinedRecord.connector_id == row.id)
    if resource is not None:
        query = query.where(kind == resources_of(row, [resource])[0])
    if after is not None:
        seen, *rest = read(after, (datetime, str, str))
        if seen is None or None in rest:
            raise Problem(422, "after", "`after` is not the `next` of a page.")
        later = tuple_(kind, key) > tuple_(*(literal(one) for one in rest))
        query = query.where(or_(at < seen, (at == seen) & later))
    with services.database.session() as session:
        found = session.exec(query.order_by(at.desc(), kind, key).limit(limit + 1)).all()
    rows, last = found[:limit], found[limit - 1] if len(found) > limit else None
    ends = written([last.first_seen_at, last.resource, last.external_id]) if last is not None else None
    return {"data": [_document(one) for one in rows], "next": ends}


@router.get("/{resource}/{record_id}", response_model=SetAsideRecord,
            responses=documented(401, 403, 404, 422, 429))  # fmt: skip
def show_set_aside(
    caller: Operator, services: Use, store: Name, resource: str, record_id: str,
    reveal: Annotated[bool, Query(description="Personal fields too. The audit log says who asked.")] = False,
) -> dict[str, Any]:  # fmt: skip
    """One record, with its payload; personal fields are hidden unless they are asked for."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        found = _held(session, row.id, resource, record_id)
        if reveal:
            audit.record(
                session, "quarantine.reveal", actor=caller.actor, connector_id=row.id,
                subject=f"{resource}/{record_id}",
            )  # fmt: skip
            session.commit()
        return _document(found) | {"payload": found.payload if reveal else masked(found.payload)}


@router.delete("/{resource}/{record_id}", status_code=204, response_class=Response,
               responses=documented(401, 403, 404, 409, 422, 429))  # fmt: skip
def drop_set_aside(caller: Operator, services: Use, store: Name, resource: str, record_id: str) -> None:
    """Forget a record that came without an id. One that has an id goes once the store's can be understood."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        found = _held(session, row.id, resource, record_id)
        forget(session, found, actor=caller.actor)
        session.commit()


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


def _held(session: Session, store: uuid.UUID, resource: str, record_id: str) -> QuarantinedRecord:
    """The record. Raises `Problem` 404."""
    if "\0" in resource + record_id:
        raise Problem(404, "not_found", "Nothing like that is set aside.")
    found = session.exec(
        select(QuarantinedRecord).where(
            QuarantinedRecord.connector_id == store,
            QuarantinedRecord.resource == resource,
            col(QuarantinedRecord.external_id) == record_id,
        )
    ).first()
    if found is None:
        raise Problem(404, "not_found", f"No record {record_id!r} of {resource} is set aside.")
    return found


def _document(one: QuarantinedRecord) -> dict[str, Any]:
    return {
        "resource": one.resource, "id": one.external_id, "error": one.error, "seen": one.seen,
        "first_seen_at": one.first_seen_at.isoformat(), "last_seen_at": one.last_seen_at.isoformat(),
    }  # fmt: skip
