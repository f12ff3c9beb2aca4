"""What the last day was like: changes an hour by road, and how late they came."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

HOURS = 24
_SAMPLE = 2_000
"""Rows of each table and store group that the lag is judged by, the latest."""


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour: rows that changed because of webhooks and by other roads; `lag` in seconds, 95th percentile.

    `lag` goes by rows that have not changed since; None where none is known.
    """

    begins: datetime
    by_webhook: int
    by_poll: int
    lag: float | None


def last_day(session: Session, stores: Sequence[uuid.UUID]) -> list[Hour]:
    """The last 24 hours, the present one last. First reads are not counted."""
    rows = session.execute(text(_DAY), {"stores": list(stores), "hours": HOURS, "sample": _SAMPLE}).all()
    return [Hour(*row) for row in rows]


def changes_of(session: Session, stores: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Rows changed in the last 24 hours by store, first reads included."""
    rows = session.execute(text(_BY_STORE), {"stores": list(stores)}).all()
    return {row[0]: int(row[1]) for row in rows}


_DAY = """
WITH hours AS (
    SELECT begins, begins + interval '1 hour' AS ends FROM generate_series(
        date_trunc('hour', clock_timestamp()) - (:hours - 1) * interval '1 hour',
        date_trunc('hour', clock_timestamp()), interval '1 hour') AS begins
), runs AS (
    SELECT date_trunc('hour', coalesce(finished_at, started_at)) AS begins, kind,
           inserted + updated + deleted AS changed
    FROM sync_run WHERE connector_id = ANY(:stores) AND kind <> 'backfill'
        AND started_at > clock_timestamp() - interval '25 hours'
), lags AS (
    SELECT date_trunc('hour', synced_at) AS begins,
           extract(epoch FROM synced_at - source_updated_at) AS lag
    FROM unnest(CAST(:stores AS uuid[])) AS store CROSS JOIN LATERAL (
        SELECT synced_at, source_updated_at FROM platform_order
        WHERE connector_id = store
        ORDER BY created_at DESC NULLS LAST LIMIT :sample) AS latest
    WHERE synced_at > clock_timestamp() - interval '24 hours'
      AND source_updated_at BETWEEN synced_at - interval '6 hours' AND synced_at
)
SELECT h.begins,
       coalesce((SELECT sum(changed) FROM runs r WHERE r.begins = h.begins AND r.kind = 'webhook'), 0)::int,
       coalesce((SELECT sum(changed) FROM runs r WHERE r.begins = h.begins AND r.kind <> 'webhook'), 0)::int,
       (SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY lag) FROM lags l WHERE l.begins = h.begins)
FROM hours h ORDER BY h.begins
"""

_BY_STORE = """
SELECT connector_id, sum(inserted + updated + deleted) FROM sync_run
WHERE connector_id = ANY(:stores) AND started_at > clock_timestamp() - interval '24 hours'
GROUP BY connector_id
"""
