"""What a person should hear of: found in the tables, told once, and once more when it is over.

Troubles are not reported by whoever meets them but looked up, so that it makes no difference which
process met one, nor how many look at the same time.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from sqlmodel import Session, col, select

from storelink.models import Alert

FAILURES = 3
"""Passes in a row that fail before a store is called down; fewer mend themselves more often than not."""
RENEWING = 120
"""Seconds for which a token may fail to be renewed; it is good for five minutes when that begins."""
REFRESHING = 14
"""Days before its end at which a refresh token that nobody uses is told of; Shopify's last 90."""
PATIENCE = 60
"""Seconds between two alerts of one store that each say of more that needs a person."""
OF_PEOPLE = ("needs_attention", "over_refunded")
"""Kinds that gather: each further one is news, though the alert is open."""
_LIMITS = {
    "failures": FAILURES, "renewing": RENEWING, "refreshing": REFRESHING, "patience": PATIENCE,
    "of_people": list(OF_PEOPLE),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """A trouble that began or ended just now."""

    connector_id: uuid.UUID
    store: str
    kind: str
    words: str
    over: bool


def sweep(connection: psycopg.Connection[Any]) -> list[Change]:
    """Open what is so and has no alert, close what is over. Commits. Each change is returned once.

    What needs a person and came to an alert that is open already opens it anew, with a number of its own:
    whoever looked at the first ones would not know of it.
    """
    connection.execute(_TROUBLES + _RENEWED, _LIMITS)
    began = connection.execute(_TROUBLES + _OPENED, _LIMITS).fetchall()
    ended = connection.execute(_TROUBLES + _CLOSED, _LIMITS).fetchall()
    connection.commit()
    return [_change(row, False) for row in began] + [_change(row, True) for row in ended]


@dataclass(frozen=True, slots=True)
class Open:
    """A trouble that lasts. `told_at` is when STORELINK_ALERT_URL took it; None without one."""

    kind: str
    words: str
    opened_at: datetime
    told_at: datetime | None


def still_open(session: Session, stores: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Open]]:
    """What lasts, by store, the oldest first."""
    query = (
        select(Alert)
        .where(col(Alert.connector_id).in_(stores), col(Alert.closed_at).is_(None))
        .order_by(col(Alert.id))
    )
    found: dict[uuid.UUID, list[Open]] = {}
    for one in session.exec(query):
        found.setdefault(one.connector_id, []).append(Open(one.kind, one.words, one.opened_at, one.told_at))
    return found


def _change(row: Sequence[Any], over: bool) -> Change:
    connector_id, store, kind, words = row
    return Change(connector_id, store, kind, words, over)


_TROUBLES = """
WITH stuck AS (
    SELECT connector_id, 'needs_attention' AS kind, id, 'refund.needs_attention' AS action, requested_at
    FROM refund_request WHERE stage = 'needs_attention'
    UNION ALL
    SELECT connector_id, 'needs_attention', id, 'address.needs_attention', requested_at
    FROM address_update_request WHERE stage = 'needs_attention'
    UNION ALL
    SELECT connector_id, 'over_refunded', id, 'refund.' || alarm, requested_at
    FROM refund_request WHERE alarm IS NOT NULL AND alarm_over_at IS NULL
),
troubles AS (
    SELECT c.id AS connector_id, 'auth_failed' AS kind, 'the store refuses our keys' || coalesce(
        (SELECT ': ' || max(s.last_error) FROM sync_state s WHERE s.connector_id = c.id), '') AS words
    FROM connector_config c WHERE c.status = 'auth_failed'
    UNION ALL
    SELECT s.connector_id, 'store_down',
        'the last passes over ' || string_agg(s.resource, ', ' ORDER BY s.resource) || ' failed: '
        || max(s.last_error)
    FROM sync_state s JOIN connector_config c ON c.id = s.connector_id
    WHERE s.consecutive_failures >= %(failures)s AND c.status = 'active' GROUP BY 1
    UNION ALL
    SELECT s.connector_id, 'drift',
        string_agg(s.last_drift || ' ' || s.resource, ', ' ORDER BY s.resource) || ' differ from the store'
    FROM sync_state s JOIN connector_config c ON c.id = s.connector_id
    WHERE s.last_drift > s.withheld AND c.status = 'active' GROUP BY 1
    UNION ALL
    SELECT s.connector_id, 'deletes_withheld',
        string_agg(s.withheld || ' ' || s.resource, ', ' ORDER BY s.resource)
        || ' are gone from the store; they are kept until somebody accepts it'
    FROM sync_state s JOIN connector_config c ON c.id = s.connector_id
    WHERE s.withheld > 0 AND c.status = 'active' GROUP BY 1
    UNION ALL
    SELECT q.connector_id, 'quarantine', count(*) || ' records were set aside within a day'
    FROM quarantined_record q JOIN connector_config c ON c.id = q.connector_id
    WHERE q.first_seen_at > clock_timestamp() - interval '1 day' AND c.status = 'active' GROUP BY 1
    UNION ALL
    SELECT c.id, 'subscription_lost', 'the webhooks are not as they should be, and could not be put right'
    FROM connector_config c
    WHERE c.status = 'active' AND c.settings #>> '{webhooks,public_url}' IS NOT NULL
      AND c.settings #>> '{webhooks,looked_at}' IS NOT NULL
      AND coalesce((c.settings #>> '{webhooks,healthy_at}')::timestamptz, '-infinity')
          < (c.settings #>> '{webhooks,looked_at}')::timestamptz
    UNION ALL
    SELECT c.id, 'token_expiring', CASE
        WHEN c.token_expires_at < clock_timestamp() THEN 'the token ended and nothing has renewed it'
        WHEN c.settings #>> '{token,failed_at}' IS NOT NULL
            THEN 'the token cannot be renewed, and ends in a few minutes'
        ELSE 'what renews the token ends on ' || left(c.settings #>> '{token,refresh_until}', 10) END
    FROM connector_config c
    WHERE (c.status = 'active' AND (
        c.token_expires_at < clock_timestamp() - greatest(c.sync_interval, 300) * interval '1 second'
        OR (c.settings #>> '{token,failed_at}')::timestamptz
            < clock_timestamp() - %(renewing)s * interval '1 second'))
      OR (c.status IN ('active', 'paused') AND (c.settings #>> '{token,refresh_until}')::timestamptz
            < clock_timestamp() + %(refreshing)s * interval '1 day')
    UNION ALL
    SELECT connector_id, kind, count(*) || CASE
        WHEN kind = 'over_refunded' AND count(*) = 1 THEN ' refund was made twice, or is more than the order'
        WHEN kind = 'over_refunded' THEN ' refunds were made twice, or are more than the order'
        WHEN count(*) = 1 THEN ' request needs a person, since '
        ELSE ' requests need a person, the oldest since ' END || CASE WHEN kind = 'needs_attention'
            THEN to_char(min(requested_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC' ELSE '' END
    FROM stuck GROUP BY 1, 2
)"""

# More than the alert says, or another one: it is closed in silence, and opened with what is so now. The
# number is compared too, since what was written down just before may have been committed just after.
_RENEWED = """
UPDATE alert a SET
    words = CASE WHEN more.so THEN a.words ELSE t.words END,
    closed_at = CASE WHEN more.so THEN clock_timestamp() END,
    told_at = CASE WHEN more.so THEN coalesce(a.told_at, clock_timestamp()) ELSE a.told_at END,
    over_told_at = CASE WHEN more.so THEN clock_timestamp() END
FROM troubles t CROSS JOIN LATERAL (
    SELECT b.id, substring(t.words FROM '^[0-9]+')::int > substring(b.words FROM '^[0-9]+')::int OR EXISTS (
        SELECT 1 FROM stuck s JOIN audit_event e
            ON e.connector_id = s.connector_id AND e.subject = s.id::text AND e.action = s.action
        WHERE s.connector_id = b.connector_id AND s.kind = b.kind AND e.at > b.opened_at) AS so
    FROM alert b WHERE b.connector_id = t.connector_id AND b.kind = t.kind AND b.closed_at IS NULL) more
WHERE a.id = more.id AND a.closed_at IS NULL AND t.kind = ANY(%(of_people)s)
  AND CASE WHEN more.so THEN a.opened_at < clock_timestamp() - %(patience)s * interval '1 second'
           ELSE a.words <> t.words END
"""

_OPENED = """
, opened AS (
    INSERT INTO alert (connector_id, kind, words, opened_at)
    SELECT connector_id, kind, words, clock_timestamp() FROM troubles t
    WHERE NOT EXISTS (SELECT 1 FROM alert a
        WHERE a.connector_id = t.connector_id AND a.kind = t.kind AND a.closed_at IS NULL)
      AND (t.kind <> 'subscription_lost' OR EXISTS (SELECT 1 FROM connector_config c -- no look under way
        WHERE c.id = t.connector_id
          AND (c.settings #>> '{webhooks,looked_at}')::timestamptz < clock_timestamp() - interval '30 s'))
    ON CONFLICT (connector_id, kind) WHERE closed_at IS NULL DO NOTHING
    RETURNING connector_id, kind, words
)
SELECT o.connector_id, c.name, o.kind, o.words FROM opened o JOIN connector_config c ON c.id = o.connector_id
ORDER BY 2, 3
"""

# New keys prove nothing before a pass has come through with them; a pause says nothing either way, except
# about what people settle themselves.
_CLOSED = """
, closed AS (
    UPDATE alert a SET closed_at = clock_timestamp()
    FROM connector_config c
    WHERE a.closed_at IS NULL AND c.id = a.connector_id
      AND a.kind IN ('auth_failed', 'store_down', 'drift', 'deletes_withheld', 'quarantine',
                     'subscription_lost', 'token_expiring', 'needs_attention', 'over_refunded')
      AND (c.status <> 'paused' OR a.kind = ANY(%(of_people)s))
      AND NOT EXISTS (SELECT 1 FROM troubles t WHERE t.connector_id = a.connector_id AND t.kind = a.kind)
      AND (a.kind NOT IN ('auth_failed', 'store_down') OR c.status = 'uninstalled'
          OR EXISTS (SELECT 1 FROM sync_state s
              WHERE s.connector_id = a.connector_id AND s.last_success_at > a.opened_at))
    RETURNING a.connector_id, c.name, a.kind, a.words
)
SELECT * FROM closed ORDER BY 2, 3
"""
