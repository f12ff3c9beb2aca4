"""What is thrown away with time: deliveries, passes, alerts, previews, numbers of the feed, payloads, and
stores that nobody went on connecting.

Rows go in batches, each in a transaction of its own, so that nobody waits for long. What erased people
are known by, and the deeds in `audit_event`, stay.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from storelink.config import Settings
from storelink.sync.lane import Psycopg

BATCH = 5000
"""Rows in one transaction."""
PREVIEWS = timedelta(days=1)
"""How long previews of refunds and changes of address stay; they are good for half an hour."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How long things are kept."""

    deliveries: timedelta
    runs: timedelta
    changes: timedelta
    quarantined: timedelta


@dataclass(frozen=True, slots=True)
class Cut:
    """How many rows went, or lost their payload."""

    deliveries: int
    runs: int
    alerts: int
    changes: int
    payloads: int
    previews: int
    pending: int = 0


def kept_by(settings: Settings) -> Kept:
    """As the settings say, in days there."""
    return Kept(
        timedelta(days=settings.keep_deliveries),
        timedelta(days=settings.keep_runs),
        timedelta(days=settings.keep_changes),
        timedelta(days=settings.keep_quarantined),
    )


def cut(connection: Psycopg, kept: Kept, batch: int = BATCH) -> Cut:
    """Throw away what is older than that. Commits after every batch; several may run side by side."""
    return Cut(
        deliveries=_repeat(connection, _DELIVERIES, batch, age=kept.deliveries),
        runs=_repeat(connection, _RUNS, batch, age=kept.runs),
        alerts=_repeat(connection, _ALERTS, batch, age=kept.runs),
        changes=_cut_changes(connection, kept.changes, batch),
        payloads=_repeat(connection, _PAYLOADS, batch, age=kept.quarantined),
        previews=_repeat(connection, _PREVIEWS, batch, age=PREVIEWS),
        pending=_repeat(connection, _PENDING, batch),
    )


def _cut_changes(connection: Psycopg, age: timedelta, batch: int) -> int:
    """Numbered events from the feed's beginning. Its row says how far before any of them goes.

    The row is locked only for that moment: whoever numbers new events needs it.
    """
    row = connection.execute(_CUT, {"age": age}).fetchone()
    connection.commit()
    return 0 if row is None else _repeat(connection, _CHANGES, batch, seq=row[0])


def _repeat(connection: Psycopg, statement: str, batch: int, **values: Any) -> int:
    gone = 0
    while True:
        done = connection.execute(statement, {**values, "batch": batch}).rowcount
        connection.commit()
        gone += done
        if done < batch:
            return gone


# A hint that waits, and a request that nobody saw to, are no history yet, however old.
_DELIVERIES = """
DELETE FROM webhook_delivery WHERE id IN (
    SELECT id FROM webhook_delivery
    WHERE received_at < clock_timestamp() - %(age)s::interval AND status <> 'received'
    ORDER BY id LIMIT %(batch)s)
"""

_RUNS = """
DELETE FROM sync_run WHERE id IN (
    SELECT id FROM sync_run
    WHERE coalesce(finished_at, started_at) < clock_timestamp() - %(age)s::interval
      AND (status <> 'running' OR started_at < clock_timestamp() - 2 * %(age)s::interval)
    LIMIT %(batch)s)
"""

_ALERTS = """
DELETE FROM alert WHERE id IN (
    SELECT id FROM alert WHERE closed_at < clock_timestamp() - %(age)s::interval LIMIT %(batch)s)
"""

_PREVIEWS = """
DELETE FROM action_preview WHERE id IN (
    SELECT id FROM action_preview WHERE made_at < clock_timestamp() - %(age)s::interval LIMIT %(batch)s)
"""

_PENDING = """
DELETE FROM pending_store WHERE id IN (
    SELECT id FROM pending_store WHERE ends_at < clock_timestamp() LIMIT %(batch)s)
"""

# Numbers go up with time, near enough: all below the first one that is young enough may go.
_CUT = """
WITH last_old AS (
    SELECT coalesce(
        (SELECT min(seq) - 1 FROM change_event
         WHERE seq IS NOT NULL AND at >= clock_timestamp() - %(age)s::interval),
        (SELECT max(seq) FROM change_event WHERE seq IS NOT NULL)) AS seq
)
UPDATE change_feed f SET cut_seq = greatest(f.cut_seq, last_old.seq)
FROM last_old WHERE f.id = 1 AND last_old.seq IS NOT NULL RETURNING f.cut_seq
"""

_CHANGES = """
DELETE FROM change_event WHERE id IN (
    SELECT id FROM change_event WHERE seq <= %(seq)s ORDER BY seq LIMIT %(batch)s)
"""

_PAYLOADS = """
UPDATE quarantined_record q SET payload = NULL FROM (
    SELECT connector_id, resource, external_id FROM quarantined_record
    WHERE payload IS NOT NULL AND first_seen_at < clock_timestamp() - %(age)s::interval
    ORDER BY 1, 2, 3 LIMIT %(batch)s FOR UPDATE) old
WHERE q.connector_id = old.connector_id AND q.resource = old.resource AND q.external_id = old.external_id
"""
