"""What is known of how one order came to be as it is: what its store said, by which road, who did what."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from storelink.models import AuditEvent, ConnectorConfig, ConsoleUser
from storelink.models.columns import Moment
from storelink.sync.order_search import Story, story

RECENT = 10_000
"""Deliveries and changes of all stores that are looked through, newest first: neither table has an index
by record, which every delivery and every pass would pay for. Neither is looked through where the order was
not read since the first of them: nothing of it can be there."""
SOON = timedelta(minutes=2)
"""A read so long after a delivery is put down to it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that named the order."""

    received_at: datetime
    triggered_at: Moment
    topic: str


@dataclass(frozen=True, slots=True)
class Change:
    """A read that changed our copy of the order. `op` is insert, update or delete."""

    at: datetime
    op: str


@dataclass(frozen=True, slots=True)
class Told:
    """An order, its story, and what is known of the roads. `names` are people by the audit's words."""

    store: ConnectorConfig
    story: Story
    read_at: Moment
    deliveries: Sequence[Delivery]
    changes: Sequence[Change]
    deeds: Sequence[AuditEvent]
    names: dict[str, str]

    def heard(self, at: datetime, within: timedelta = SOON) -> Delivery | None:
        """The first delivery within so long after a moment."""
        near = [one for one in self.deliveries if timedelta(seconds=-2) <= one.received_at - at <= within]
        return min(near, key=lambda one: one.received_at, default=None)

    def brought(self, change: Change) -> Delivery | None:
        """The delivery that a read followed."""
        near = [one for one in self.deliveries if timedelta() <= change.at - one.received_at <= SOON]
        return max(near, key=lambda one: one.received_at, default=None)


def tell(session: Session, store: ConnectorConfig, order_id: str) -> Told:
    """All of one order. Raises `Misconfigured` where it is not held."""
    found = story(session, store, order_id)
    run = session.connection().execute
    read_at = run(text(_READ_AT), {"store": store.id, "order": order_id}).scalar()
    ids = {"store": store.id, "order": order_id, "recent": RECENT, "read_at": read_at}
    deliveries = [Delivery(*row) for row in run(text(_DELIVERIES), ids)]
    changes = [Change(*row) for row in run(text(_CHANGES), ids)]
    deeds = session.exec(
        select(AuditEvent)
        .where(
            AuditEvent.connector_id == store.id,
            col(AuditEvent.subject).in_([str(one.id) for one in found.requests]),
        )
        .order_by(col(AuditEvent.id))
    ).all()
    return Told(store, found, read_at, deliveries, changes, deeds, names_of(session))


def names_of(session: Session) -> dict[str, str]:
    """Names of the people who sign in, by what the audit calls them."""
    return {
        f"user:{name}": full for name, full in session.exec(select(ConsoleUser.name, ConsoleUser.full_name))
    }


def count_of(session: Session, connector_ids: Sequence[uuid.UUID], email: str) -> int:
    """How many orders that e-mail address placed in these stores, counted up to a hundred."""
    values: dict[str, Any] = {"stores": list(connector_ids), "email": email.lower()}
    return int(session.connection().execute(text(_COUNT), values).scalar_one())


_READ_AT = """
SELECT read_finished_at FROM source_record
WHERE connector_id = :store AND resource = 'orders' AND record_id = :order
"""

_DELIVERIES = """
SELECT received_at, triggered_at, topic FROM (
    SELECT * FROM webhook_delivery ORDER BY id DESC LIMIT :recent) d
WHERE connector_id = :store AND resource = 'orders' AND external_id = :order
    AND CAST(:read_at AS timestamptz) >= (
        SELECT received_at FROM webhook_delivery
        WHERE id > (SELECT max(id) - :recent FROM webhook_delivery) ORDER BY id LIMIT 1)
ORDER BY id DESC LIMIT 50
"""

_CHANGES = """
SELECT at, op FROM (SELECT * FROM change_event ORDER BY id DESC LIMIT :recent) c
WHERE connector_id = :store AND entity = 'order' AND key = :order
    AND CAST(:read_at AS timestamptz) >= (
        SELECT at FROM change_event
        WHERE id > (SELECT max(id) - :recent FROM change_event) ORDER BY id LIMIT 1)
ORDER BY id DESC LIMIT 50
"""

_COUNT = """
SELECT count(*) FROM (
    SELECT 1 FROM platform_order WHERE lower(email) = :email AND connector_id = ANY(:stores) LIMIT 100
) f
"""
