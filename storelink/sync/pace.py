"""What a store was asked lately, how far its lists are read, and what the last pass of each did."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from storelink.models.columns import Moment


@dataclass(frozen=True, slots=True)
class Pace:
    """The last 24 hours of one store. Passes that changed nothing leave no row and are counted apart."""

    passes: int
    failed: int
    requests: int
    bytes: int
    waited: float
    """Seconds, because the store asked for it."""
    records_a_second: float | None
    """Of the passes that read many records; None where there was none."""
    quiet_passes: int
    """Since the store was registered."""
    quiet_requests: int


@dataclass(frozen=True, slots=True)
class Step:
    """How far one resource is read. `watermark` is the store's clock; `last` the last pass that changed."""

    resource: str
    watermark: Moment
    interval: int | None
    """Its own, in seconds; None: the store's."""
    last_at: Moment
    fetched: int
    inserted: int
    updated: int
    deleted: int
    quarantined: int
    ledger: dict[str, Any] | None = None
    """What the last verify found; see `verify`."""
    rate: dict[str, Any] | None = None
    """What the store last said of its rate limit: available, maximum, restored (a second), at."""


def pace(session: Session, connector_id: uuid.UUID) -> Pace:
    """How much the store was asked in the last 24 hours."""
    row = session.execute(text(_PACE), {"connector": connector_id}).one()
    speed = None if row.speed is None else float(row.speed)
    return Pace(
        row.passes, row.failed, row.requests, row.bytes, float(row.waited), speed, row.quiet_passes,
        row.quiet_requests,
    )  # fmt: skip


def steps(session: Session, connector_id: uuid.UUID) -> dict[str, Step]:
    """By resource, how far it is read."""
    rows = session.execute(text(_STEPS), {"connector": connector_id}).all()
    return {row[0]: Step(*row) for row in rows}


def speeds(session: Session, connector_id: uuid.UUID) -> dict[str, float]:
    """By resource that is being read whole now, records a second since its pass began."""
    rows = session.execute(text(_SPEEDS), {"connector": connector_id}).all()
    return {row.resource: float(row.speed) for row in rows if row.speed}


_SPEEDS = """
SELECT DISTINCT ON (resource) resource,
       fetched / greatest(extract(epoch FROM clock_timestamp() - started_at), 1) AS speed
FROM sync_run WHERE connector_id = :connector AND kind = 'backfill' AND status = 'running'
ORDER BY resource, started_at DESC
"""

_PACE = """
SELECT count(*)::int AS passes, count(*) FILTER (WHERE status = 'failed')::int AS failed,
       coalesce(sum(requests), 0)::bigint AS requests, coalesce(sum(bytes), 0)::bigint AS bytes,
       coalesce(sum(throttled_seconds), 0) AS waited,
       (sum(fetched) FILTER (WHERE fetched >= 100 AND finished_at > started_at)
         / nullif(extract(epoch FROM sum(finished_at - started_at)
             FILTER (WHERE fetched >= 100 AND finished_at > started_at)), 0)) AS speed,
       (SELECT coalesce(sum(quiet_passes), 0)::bigint FROM sync_state WHERE connector_id = :connector)
         AS quiet_passes,
       (SELECT coalesce(sum(quiet_requests), 0)::bigint FROM sync_state WHERE connector_id = :connector)
         AS quiet_requests
FROM sync_run WHERE connector_id = :connector AND started_at > clock_timestamp() - interval '24 hours'
"""

_STEPS = """
SELECT s.resource, s.watermark, s."interval", r.at, coalesce(r.fetched, 0), coalesce(r.inserted, 0),
       coalesce(r.updated, 0), coalesce(r.deleted, 0), coalesce(r.quarantined, 0), s.ledger, s.rate
FROM sync_state s LEFT JOIN LATERAL (
    SELECT coalesce(finished_at, started_at) AS at, fetched, inserted, updated, deleted, quarantined
    FROM sync_run WHERE connector_id = s.connector_id AND resource = s.resource AND kind <> 'webhook'
    ORDER BY started_at DESC LIMIT 1) AS r ON true
WHERE s.connector_id = :connector
"""
