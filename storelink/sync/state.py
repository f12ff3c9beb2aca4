"""`sync_state`: how far a resource is read, and when it is due again."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from storelink.sync.lane import FULL, Lane, Psycopg
from storelink.sync.run import Run
from storelink.sync.subject import Subject

LIST_SHARE = 100
"""A list that took t seconds is not repeated before 100 t, so that it costs the store 1 % of its time."""
VERIFY_EVERY = 86_400
"""Seconds between two verifies of a resource, give or take a twentieth."""
RETRY_FIRST = 30
"""Seconds after the first failed pass; each further failure in a row doubles them."""
RETRY_MOST = 3600
"""Seconds at most, unless the interval is longer still."""
RETRY_VERIFY = 900
"""Seconds at least after a failed verify: it is dear, and passes go on without it."""


@dataclass(frozen=True, slots=True)
class State:
    """A row of `sync_state`, as a pass reads it."""

    phase: str
    cursor: dict[str, Any] | None
    watermark: datetime | None
    reads_from: datetime | None


def load(lane: Lane) -> State:
    """Read it and leave no transaction open."""
    row = lane.connection.execute(
        "SELECT phase, cursor, watermark, reads_from FROM sync_state"
        " WHERE connector_id = %s AND resource = %s",
        (lane.connector_id, lane.resource),
    ).fetchone()
    lane.connection.commit()
    assert row is not None, "the lane was taken on this row"
    return State(*row)


def put(lane: Lane, **columns: Any) -> None:
    """Set columns in the present transaction; JSON is given as a dict."""
    for name, value in columns.items():
        if isinstance(value, dict):
            columns[name] = orjson.dumps(value).decode()
    changes = ", ".join(f"{name} = %({name})s" for name in columns)
    lane.connection.execute(
        f"UPDATE sync_state SET {changes} WHERE connector_id = %(_c)s AND resource = %(_r)s",  # noqa: S608
        {**columns, "_c": lane.connector_id, "_r": lane.resource},
    )


def complete(lane: Lane, subject: Subject, run: Run, **columns: Any) -> None:
    """The pass ran to its end: note it, say when the next is due, commit. Raises `LaneLost`."""
    lane.check()
    quiet = not run.counts.changed
    put(lane, **columns, **seen_rate(run), last_error=None, consecutive_failures=0)
    lane.connection.execute(
        _SUCCESS,
        {
            "connector": lane.connector_id, "resource": lane.resource, "interval": subject.interval,
            "share": LIST_SHARE if lane.resource in subject.connector.listed_whole else 0,
            "quiet": int(quiet), "requests": run.requests if quiet else 0,
            "full": lane.kind == FULL, "verify": VERIFY_EVERY, "started": run.started,
        },
    )  # fmt: skip
    run.finish()
    lane.connection.commit()


def seen_rate(run: Run) -> dict[str, Any]:
    """The column `rate`, if the store said something of its rate limit."""
    rate = run.traffic.rate
    return {} if rate is None else {"rate": {**asdict(rate), "at": run.lane.clock().isoformat()}}


def accepted(lane: Lane) -> int:
    """So many deletions a person accepted. Leaves no transaction open."""
    row = lane.connection.execute(
        "SELECT accepted FROM sync_state WHERE connector_id = %s AND resource = %s",
        (lane.connector_id, lane.resource),
    ).fetchone()
    lane.connection.commit()
    return int(row[0]) if row else 0


def withhold(lane: Lane, count: int) -> None:
    """So many records are gone, and wait for a person to accept it. Commits.

    What was counted before stays unless it is less: only a pass over everything can say that it is over.
    """
    lane.connection.execute(
        "UPDATE sync_state SET withheld = greatest(withheld, %s) WHERE connector_id = %s AND resource = %s",
        (count, lane.connector_id, lane.resource),
    )
    lane.connection.commit()


def verified(lane: Lane, drift: int) -> None:
    """A verify ran to its end, in the present transaction: the next is due in a day."""
    lane.connection.execute(
        _VERIFIED,
        {"connector": lane.connector_id, "resource": lane.resource, "drift": drift, "verify": VERIFY_EVERY},
    )


def fail(connection: Psycopg, lane: Lane, subject: Subject, error: str, after: float | None = None) -> None:
    """The pass failed: note why, and when to try again. Commits.

    `after` is the store's own hint, in seconds.
    """
    connection.rollback()
    note_failure(
        connection, lane.connector_id, lane.resource, lane.kind, error, interval=subject.interval, after=after
    )
    connection.commit()


def note_failure(
    connection: Psycopg,
    connector_id: uuid.UUID,
    resource: str,
    kind: str | None,
    error: str,
    *,
    interval: int,
    after: float | None = None,
) -> None:
    """Count a failure of a lane (`kind`) and put off its next pass: twice as long each time, with jitter."""
    connection.execute(
        _FAILURE,
        {"connector": connector_id, "resource": resource, "error": error, "interval": interval,
         "after": after or 0, "full": kind == FULL, "first": RETRY_FIRST, "most": RETRY_MOST,
         "verify": RETRY_VERIFY},
    )  # fmt: skip


# Who asked for a pass while this one ran asked for another one: it may not have seen what they mean.
_SUCCESS = """
UPDATE sync_state SET last_success_at = clock_timestamp(),
    next_due_at = CASE WHEN next_due_at > %(started)s AND next_due_at <= clock_timestamp() THEN next_due_at
        ELSE clock_timestamp() + greatest(
            coalesce("interval", %(interval)s), %(share)s * coalesce(list_seconds, 0))
            * (0.95 + random() * 0.1) * interval '1 second' END,
    full_due_at = CASE WHEN %(full)s
        THEN clock_timestamp() + %(verify)s * (0.5 + random() * 0.5) * interval '1 second'
        ELSE full_due_at END,
    quiet_passes = quiet_passes + %(quiet)s, quiet_requests = quiet_requests + %(requests)s
WHERE connector_id = %(connector)s AND resource = %(resource)s
"""

_VERIFIED = """
UPDATE sync_state SET last_verified_at = clock_timestamp(), last_drift = %(drift)s,
    full_due_at = CASE WHEN phase <> 'live' THEN clock_timestamp() -- a full read was asked for meanwhile
        ELSE clock_timestamp() + %(verify)s * (0.95 + random() * 0.1) * interval '1 second' END
WHERE connector_id = %(connector)s AND resource = %(resource)s
"""

# Stores that failed together do not come back together: hence the jitter.
_FAILURE = """
WITH retry AS (
    SELECT clock_timestamp() + greatest(%(after)s, (0.75 + random() * 0.5) * least(
        %(first)s * power(2, least(consecutive_failures, 16)),
        greatest(%(most)s, coalesce("interval", %(interval)s)))) * interval '1 second' AS at
    FROM sync_state WHERE connector_id = %(connector)s AND resource = %(resource)s
)
UPDATE sync_state SET last_error = %(error)s, consecutive_failures = consecutive_failures + 1,
    next_due_at = CASE WHEN NOT %(full)s OR watermark IS NULL THEN retry.at ELSE next_due_at END,
    full_due_at = CASE WHEN NOT %(full)s THEN full_due_at WHEN phase <> 'live' THEN retry.at
        ELSE greatest(retry.at, clock_timestamp() + %(verify)s * interval '1 second') END
FROM retry WHERE connector_id = %(connector)s AND resource = %(resource)s
"""
