"""Requests about a person's orders, and what is personal in them: addresses, notes, reasons."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, literal, null, update
from sqlmodel import Session, col

from storelink.models import ActionPreview, AddressUpdateRequest, ConnectorConfig, RefundRequest
from storelink.sync.person import Person, among, rows_of

WORDS = "Erased, with the person's other data."
UNFINISHED = "The person was erased before it was known what became of this: look at the order in the store."


def held_requests(
    session: Session, store: ConnectorConfig, person: Person
) -> dict[str, list[dict[str, Any]]]:
    """The requests about the person's orders, by table, as JSON."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table in (RefundRequest, AddressUpdateRequest):
        rows: Sequence[Any] = rows_of(session, table, store, among(table.order_id, person.orders))
        found[f"{table.__tablename__}s"] = [row.model_dump(mode="json") for row in rows]
    return found


def blank_requests(session: Session, store: ConnectorConfig, person: Person) -> None:
    """Take what is personal out of the requests about the person's orders, in the present transaction.

    A change of address has nothing left to be carried on with: one under way ends as failed. A refund goes
    on, without its note; its public words stay until it is over, as they are part of what may be resent.
    """
    shown = col(ActionPreview.connector_id) == store.id, among(ActionPreview.order_id, person.orders)
    session.execute(delete(ActionPreview).where(*shown))
    _end_addresses(session, store, person)
    session.execute(
        update(AddressUpdateRequest)
        .where(*_theirs(AddressUpdateRequest, store, person), col(AddressUpdateRequest.redacted_at).is_(None))
        .values(
            wish={}, plan=null(), new_address=null(), old_address=null(), body=null(), note=null(),
            response=null(), seen=null(), error=_words(), redacted_at=func.now(),
        )
    )  # fmt: skip
    over = col(RefundRequest.status) != "pending"
    theirs = _theirs(RefundRequest, store, person)
    session.execute(update(RefundRequest).where(*theirs).values(note=null(), redacted_at=func.now()))
    session.execute(
        update(RefundRequest)
        .where(*theirs, over)
        .values(
            reason=null(), body=null(), error=case((col(RefundRequest.error).is_(None), null()), else_=WORDS),
            response=_without_words(RefundRequest.response), seen=_without_words(RefundRequest.seen),
        )
    )  # fmt: skip


def _end_addresses(session: Session, store: ConnectorConfig, person: Person) -> None:
    session.execute(
        update(AddressUpdateRequest)
        .where(
            *_theirs(AddressUpdateRequest, store, person),
            col(AddressUpdateRequest.status) == "pending",
            col(AddressUpdateRequest.stage).is_not(None),
        )
        .values(stage="failed", status="failed", settled_at=func.now(), next_try_at=null(), error=UNFINISHED)
    )


def _without_words(column: Any) -> ColumnElement[Any]:
    """What was seen, without the gateway's own words and those of whoever settled it."""
    without = col(column).op("-")(literal("detail")).op("-")(literal("why"))
    return case((func.jsonb_typeof(col(column)) == "object", without), else_=col(column))


def _words() -> ColumnElement[Any]:
    """What is left of why: an error may quote an address."""
    error = col(AddressUpdateRequest.error)
    return case((error == UNFINISHED, UNFINISHED), (error.is_(None), null()), else_=WORDS)


def _theirs(table: Any, store: ConnectorConfig, person: Person) -> tuple[ColumnElement[bool], ...]:
    return col(table.connector_id) == store.id, among(table.order_id, person.orders)
