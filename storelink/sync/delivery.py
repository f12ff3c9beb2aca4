"""Deliveries of webhooks: written down as hints, as many at once as are waiting.

What was written down is safe; what it means is found out later, by `hint.follow_hints`. Only rows
are added here, so that no delivery ever waits for a pass that is writing.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

from storelink.connectors.hook import Hint, Notice
from storelink.sync.lane import Psycopg

REQUESTS = frozenset(("export", "erase", "erase_shop", "uninstalled"))
"""What a store may ask for, or tell, that stays open until `compliance` saw to it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One row of `webhook_delivery` to be."""

    connector_id: uuid.UUID
    topic: str
    resource: str | None = None
    external_id: str | None = None
    dedupe_key: str | None = None
    triggered: datetime | None = None
    status: str = "received"


def arrivals(connector_id: uuid.UUID, notice: Notice, resources: Sequence[str]) -> list[Arrival]:
    """The rows of one delivery: one a hint, and one for what is no hint at all."""
    rows: list[tuple[str | None, str | None, str]] = [
        (hint.resource, written(hint), "received") for hint in notice.hints if hint.resource in resources
    ]
    if notice.request:
        status = "received" if notice.request in REQUESTS else "ignored"
        rows += [(None, about, status) for about in notice.about or (None,)]
    elif not rows:
        rows = [(None, None, "ignored")]
    return [
        Arrival(
            connector_id, notice.topic, resource, key, _numbered(notice.dedupe, at), notice.triggered, status
        )
        for at, (resource, key, status) in enumerate(rows)
    ]


def _numbered(dedupe: str | None, at: int) -> str | None:
    return dedupe if dedupe is None or at == 0 else f"{dedupe}#{at}"


def written(hint: Hint) -> str:
    """A hint's id as `webhook_delivery.external_id`: a part's id has the part's word before it."""
    return f"{hint.part}:{hint.id}" if hint.part or ":" in hint.id else hint.id


def read(external_id: str) -> tuple[str, str]:
    """The reverse: (part, id)."""
    part, colon, key = external_id.partition(":")
    return (part, key) if colon else ("", external_id)


def record(connection: Psycopg, rows: Sequence[Arrival]) -> int:
    """Write them in one transaction and commit it. Repeated ones are left out; returns how many are new.

    A store that was purged meanwhile gets none.
    """
    done = connection.execute(
        _RECORD,
        (
            [row.connector_id for row in rows],
            [row.topic.replace("\x00", "") for row in rows],
            [row.resource for row in rows],
            [row.external_id for row in rows],
            [row.dedupe_key for row in rows],
            [row.triggered for row in rows],
            [row.status for row in rows],
        ),
    )
    connection.commit()
    return done.rowcount


_RECORD = """
INSERT INTO webhook_delivery
    (connector_id, topic, resource, external_id, dedupe_key, received_at, triggered_at, status, attempts)
SELECT g.connector, g.topic, g.resource, g.external_id, g.dedupe_key, clock_timestamp(), g.triggered,
       g.status, 0
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[])
    WITH ORDINALITY AS g (connector, topic, resource, external_id, dedupe_key, triggered, status, at)
JOIN connector_config c ON c.id = g.connector
ORDER BY g.at
ON CONFLICT (connector_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
"""

# -- what is there ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """An active store with hints that nobody has followed yet."""

    connector_id: uuid.UUID
    name: str
    hints: int
    oldest: datetime


def waiting(session: Session) -> list[Waiting]:
    """The stores whose hints `follow_hints` should be called for, the longest waiting first."""
    found = session.execute(text(_WAITING)).all()
    return [Waiting(*row) for row in found]


_WAITING = """
SELECT d.connector_id, c.name, d.hints, d.oldest
FROM (SELECT connector_id, count(*) AS hints, min(received_at) AS oldest FROM webhook_delivery
      WHERE status = 'received' AND resource IS NOT NULL GROUP BY connector_id) d
JOIN connector_config c ON c.id = d.connector_id AND c.status = 'active'
ORDER BY d.oldest
"""


@dataclass(frozen=True, slots=True)
class Road:
    """How changes of one resource came in the last 24 hours: by webhook, by polling, by verify, …"""

    resource: str
    kind: str
    """As in `sync_run.kind`; `webhook` are records that were read because of a delivery."""
    changes: int
    last: datetime


def roads(session: Session, connector_id: uuid.UUID) -> list[Road]:
    """By which road changes came lately, the latest first."""
    return roads_of(session, [connector_id]).get(connector_id, [])


def roads_of(session: Session, stores: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Road]]:
    """The same for many stores; those without a change are left out."""
    found: dict[uuid.UUID, list[Road]] = {}
    for connector_id, *row in session.execute(text(_ROADS), {"stores": list(stores)}):
        found.setdefault(connector_id, []).append(Road(*row))
    return found


_ROADS = """
SELECT connector_id, resource, kind, sum(inserted + updated + deleted)::int,
       max(coalesce(finished_at, started_at))
FROM sync_run
WHERE connector_id = ANY(:stores) AND started_at > clock_timestamp() - interval '24 hours'
  AND inserted + updated + deleted > 0
GROUP BY connector_id, resource, kind ORDER BY 5 DESC
"""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Deliveries of one store in the last 24 hours, by topic and what became of them."""

    topic: str
    status: str
    count: int
    last: datetime


def traffic(session: Session, connector_id: uuid.UUID) -> list[Traffic]:
    """What was delivered lately, the busiest topic first."""
    found = session.execute(text(_TRAFFIC), {"connector": connector_id}).all()
    return [Traffic(*row) for row in found]


_TRAFFIC = """
SELECT topic, status, count(*), max(received_at) FROM webhook_delivery
WHERE connector_id = :connector AND received_at > clock_timestamp() - interval '24 hours'
GROUP BY topic, status ORDER BY 3 DESC, 1
"""


def forget(session: Session, older_than: timedelta, *, most: int = 10_000) -> int:
    """Delete deliveries that were seen to longer ago than this, at most so many. Commits."""
    done = session.execute(text(_FORGET), {"age": older_than, "most": most})
    session.commit()
    return int(done.rowcount)  # type: ignore[attr-defined]


_FORGET = """
DELETE FROM webhook_delivery WHERE id IN (
    SELECT id FROM webhook_delivery
    WHERE status IN ('done', 'ignored', 'failed') AND received_at < clock_timestamp() - :age
    ORDER BY id LIMIT :most)
"""
