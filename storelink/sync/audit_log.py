"""The audit log as people look through it: by whom, what about, in which store, from day to day."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, or_, select

from storelink.models import AuditEvent, ConnectorConfig


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted. `stores` None is all, and what is of no store; `about` are beginnings of actions."""

    stores: Sequence[uuid.UUID] | None = None
    actor: str | None = None
    about: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """One row: `subject` and `detail` say what it was done to."""

    id: int
    at: datetime
    actor: str
    action: str
    store: str | None
    subject: str | None
    detail: dict[str, Any]


def read(session: Session, asked: Asked, *, before: int | None = None, limit: int = 50) -> list[Deed]:
    """The latest deeds first, those written before the one with the id `before`."""
    query = select(AuditEvent, ConnectorConfig.name).join(
        ConnectorConfig, col(ConnectorConfig.id) == col(AuditEvent.connector_id), isouter=True
    )
    if asked.stores is not None:
        query = query.where(col(AuditEvent.connector_id).in_(asked.stores))
    if asked.actor is not None:
        query = query.where(AuditEvent.actor == asked.actor)
    if asked.about:
        begins = [col(AuditEvent.action).startswith(one, autoescape=True) for one in asked.about]
        query = query.where(or_(*begins))
    if asked.since is not None:
        query = query.where(col(AuditEvent.at) >= asked.since)
    if asked.until is not None:
        query = query.where(col(AuditEvent.at) < asked.until)
    if before is not None:
        query = query.where(col(AuditEvent.id) < before)
    rows = session.exec(query.order_by(col(AuditEvent.id).desc()).limit(limit)).all()
    return [
        Deed(one.id or 0, one.at, one.actor, one.action, name, one.subject, dict(one.detail or {}))
        for one, name in rows
    ]
