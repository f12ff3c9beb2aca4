"""Small reads of the database that only the command line needs."""

import uuid
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from storelink.models import AuditEvent, SourceRecord, SyncState


def resource_intervals(session: Session, connector_id: uuid.UUID) -> dict[str, int | None]:
    """Resource → seconds of its own, None where the store's interval holds."""
    rows = session.exec(
        select(SyncState.resource, SyncState.interval)
        .where(SyncState.connector_id == connector_id)
        .order_by(SyncState.resource)
    ).all()
    return dict(rows)


def held_records(session: Session, connector_id: uuid.UUID) -> dict[str, int]:
    """Resource → records known of it."""
    rows = session.exec(
        select(SourceRecord.resource, func.count())
        .where(SourceRecord.connector_id == connector_id)
        .group_by(col(SourceRecord.resource))
        .order_by(SourceRecord.resource)
    ).all()
    return dict(rows)


def entered_at(session: Session, connector_id: uuid.UUID) -> dict[str, Any]:
    """When the present credentials were entered, and by whom."""
    event = session.exec(
        select(AuditEvent)
        .where(
            AuditEvent.connector_id == connector_id,
            col(AuditEvent.action).in_(("connector.add", "connector.set_credentials")),
        )
        .order_by(col(AuditEvent.id).desc())
    ).first()
    return {"entered_at": event.at if event else None, "entered_by": event.actor if event else None}
