"""`sync_state`: how far a resource is read, and when it is due again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from storelink.sync.lane import Lane, Psycopg
from storelink.sync.run import Run
from storelink.sync.subject import Subject

LIST_SHARE = 100
"""A list that took t seconds is not repeated before 100 t, so that it costs the store 1 % of its time."""


@dataclass(frozen=True, slots=True)
class State:
    """A row of `sync_state`, as a pass reads it."""

    phase: str
    cursor: dict[str, Any] | None
    watermark: datetime | None


def load(lane: Lane) -> State:
    """Read it and leave no transaction open."""
    row = lane.connection.execute(
        "SELECT phase, cursor, watermark FROM sync_state WHERE connector_id = %s AND resource = %s",
        (lane.connector_id, lane.resource),
    ).fetchone()
    lane.connection.commit()
    assert row is not None, "the lane was taken on this row"
    return State(*row)


def put(lane: Lane, **columns: Any) -> None:
    """Set columns in the present transaction; `cursor` is given as a dict."""
    if "cursor" in columns and columns["cursor"] is not None:
        columns["cursor"] = orjson.dumps(columns["cursor"]).decode()
    changes = ", ".join(f"{name} = %({name})s" for name in columns)
    lane.connection.execute(
        f"UPDATE sync_state SET {changes} WHERE connector_id = %(_c)s AND resource = %(_r)s",  # noqa: S608
        {**columns, "_c": lane.connector_id, "_r": lane.resource},
    )


def complete(lane: Lane, subject: Subject, run: Run, **columns: Any) -> None:
    """The pass ran to its end: note it, say when the next is due, commit. Raises `LaneLost`."""
    lane.check()
    quiet = not run.counts.changed
    put(lane, **columns, last_error=None, consecutive_failures=0)
    lane.connection.execute(
        _SUCCESS,
        {
            "connector": lane.connector_id, "resource": lane.resource, "interval": subject.interval,
            "share": LIST_SHARE if lane.resource in subject.connector.listed_whole else 0,
            "quiet": int(quiet), "requests": run.requests if quiet else 0,
        },
    )  # fmt: skip
    run.finish()
    lane.connection.commit()


def fail(connection: Psycopg, lane: Lane, subject: Subject, error: str) -> None:
    """The pass failed: note why and try again after the interval. Commits."""
    connection.rollback()
    connection.execute(
        _FAILURE,
        {"connector": lane.connector_id, "resource": lane.resource, "error": error,
         "interval": subject.interval},
    )  # fmt: skip
    connection.commit()


_SUCCESS = """
UPDATE sync_state SET last_success_at = clock_timestamp(),
    next_due_at = clock_timestamp() + greatest(
        coalesce("interval", %(interval)s), %(share)s * coalesce(list_seconds, 0)) * interval '1 second',
    quiet_passes = quiet_passes + %(quiet)s, quiet_requests = quiet_requests + %(requests)s
WHERE connector_id = %(connector)s AND resource = %(resource)s
"""

_FAILURE = """
UPDATE sync_state SET last_error = %(error)s, consecutive_failures = consecutive_failures + 1,
    next_due_at = clock_timestamp() + coalesce("interval", %(interval)s) * interval '1 second'
WHERE connector_id = %(connector)s AND resource = %(resource)s
"""
