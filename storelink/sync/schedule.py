"""When the resources of a store are read: its rows of `sync_state`, as people's deeds set them."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import case, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from storelink.models import ConnectorConfig, SyncState


def start(session: Session, connector_id: uuid.UUID, resources: Sequence[str]) -> None:
    """A `sync_state` row for each resource, due now; one that is there keeps how far it is."""
    fresh = {
        "next_due_at": func.now(),
        "full_due_at": func.now(),
        "consecutive_failures": 0,
        "last_error": None,
    }
    for resource in resources:
        session.exec(
            insert(SyncState)
            .values(connector_id=connector_id, resource=resource, phase="new", **fresh)
            .on_conflict_do_update(index_elements=["connector_id", "resource"], set_=fresh)
        )


def make_due(session: Session, row: ConnectorConfig) -> None:
    """Every resource is due now, and so is what is left of a first read."""
    unfinished = case((col(SyncState.phase) != "live", func.now()), else_=col(SyncState.full_due_at))
    session.exec(
        update(SyncState)
        .where(col(SyncState.connector_id) == row.id)
        .values(next_due_at=func.now(), full_due_at=unfinished)
    )


def make_sooner(session: Session, row: ConnectorConfig, seconds: int, resource: str | None) -> None:
    """A shorter interval counts from now; a longer one from the next pass."""
    which = col(SyncState.interval).is_(None) if resource is None else col(SyncState.resource) == resource
    session.exec(
        update(SyncState)
        .where(col(SyncState.connector_id) == row.id, which)
        .values(next_due_at=func.least(SyncState.next_due_at, func.now() + timedelta(seconds=seconds)))
    )
