"""One store, pass by pass: what `storelink sync` and the scheduler run."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import psycopg

from storelink.db import Database
from storelink.errors import AuthFailed, LaneHeld, LaneLost, NeedsDecision, Retryable, Stopped, StorelinkError
from storelink.sync import state
from storelink.sync.backfill import backfill
from storelink.sync.incremental import incremental, targeted
from storelink.sync.lane import FULL, POLL, Lane, hold
from storelink.sync.run import Counts
from storelink.sync.subject import Subject
from storelink.sync.verify import Ledger, verify

T = TypeVar("T")

Look = Callable[[Lane], None]
"""Called when the lane is held and nothing was read yet; what it raises ends the pass, as no failure."""


def nothing(_: Lane) -> None:
    """Look at nothing."""


@dataclass(frozen=True, slots=True)
class PassResult:
    """What one pass did."""

    resource: str
    kind: str
    counts: Counts
    requests: int
    seconds: float


def synchronize(
    database: Database, subject: Subject, resources: Sequence[str], *, full: bool = False
) -> list[PassResult]:
    """Bring these resources up to date: the first read where there was none, else an incremental.

    Customers that orders named are fetched at the end. Raises at the first pass that fails.
    """
    results = []
    for resource in resources:
        if full or _phase(database, subject.id, resource) != "live":
            results.append(read_all(database, subject, resource, restart=full))
        else:
            results.append(follow(database, subject, resource))
    if "customers" in subject.connector.resources and "orders" in resources:
        named = fetch_named(database, subject)
        results += [named] if named else []
    return results


def fetch_named(database: Database, subject: Subject) -> PassResult | None:
    """Fetch the customers that orders named and that are not here; None if there were none."""
    with hold(database, subject.id, "customers", None) as lane:
        began = lane.clock()
        run = _guarded(subject, lane, "targeted", lambda: targeted(lane, subject))
        if not run.requests:
            return None
        took = (lane.clock() - began).total_seconds()
    return PassResult("customers", "targeted", run.counts, run.requests, took)


def check_drift(
    database: Database,
    subject: Subject,
    resources: Sequence[str],
    *,
    fix: bool = False,
    deep: bool = False,
    share: int | None = None,
    look: Look = nothing,
) -> list[Ledger]:
    """`verify` for these resources, each in its lane."""
    ledgers = []
    for resource in resources:
        with hold(database, subject.id, resource, FULL) as lane:
            look(lane)
            ledgers.append(
                _guarded(
                    subject, lane, "verify",
                    lambda lane=lane: verify(lane, subject, fix=fix, deep=deep, share=share),  # type: ignore[misc]
                )
            )  # fmt: skip
    return ledgers


def read_all(
    database: Database, subject: Subject, resource: str, *, restart: bool = False, look: Look = nothing
) -> PassResult:
    """Read everything, or the rest of it, in the full lane."""
    with hold(database, subject.id, resource, FULL) as lane:
        look(lane)
        began = lane.clock()
        run = _guarded(subject, lane, "backfill", lambda: backfill(lane, subject, restart=restart))
        took = (lane.clock() - began).total_seconds()
    return PassResult(resource, run.kind, run.counts, run.requests, took)


def follow(database: Database, subject: Subject, resource: str, *, look: Look = nothing) -> PassResult:
    """Read what changed, in the incremental lane; the resource has a watermark."""
    with hold(database, subject.id, resource, POLL) as lane:
        look(lane)
        began = lane.clock()
        run = _guarded(subject, lane, "incremental", lambda: incremental(lane, subject))
        took = (lane.clock() - began).total_seconds()
    return PassResult(resource, run.kind, run.counts, run.requests, took)


def _phase(database: Database, connector_id: uuid.UUID, resource: str) -> str:
    with hold(database, connector_id, resource, None) as lane:
        return state.load(lane).phase


def _guarded(subject: Subject, lane: Lane, kind: str, run: Callable[[], T]) -> T:
    """Run a pass; note its failure in `sync_state`, and stop the schedule if the keys were refused."""
    began = lane.clock()
    try:
        return run()
    except (LaneHeld, LaneLost, NeedsDecision, Stopped):
        raise  # whoever took the lane says how things stand
    except (StorelinkError, psycopg.Error) as error:
        _note_failure(lane, subject, kind, began, error)
        raise


def _note_failure(lane: Lane, subject: Subject, kind: str, began: datetime, error: Exception) -> None:
    """Write the failure down, if the database is still there to be written to."""
    words = str(error) or type(error).__name__
    try:
        after = error.after if isinstance(error, Retryable) else None
        state.fail(lane.connection, lane, subject, words, after)
        where = (lane.connector_id, lane.resource, kind)
        noted = lane.connection.execute(_FAILED, (words, *where))
        if not noted.rowcount:  # it failed before it had written anything
            lane.connection.execute(_FAILED_AT_ONCE, (uuid.uuid4(), *where, began, words))
        if isinstance(error, AuthFailed):
            lane.connection.execute(
                "UPDATE connector_config SET status = 'auth_failed' WHERE id = %s AND status = 'active'",
                (lane.connector_id,),
            )
        lane.connection.commit()
    except psycopg.Error:
        return  # the pass carries on from its cursor when the database is back


_FAILED = """
UPDATE sync_run SET status = 'failed', finished_at = clock_timestamp(), error = %s
WHERE connector_id = %s AND resource = %s AND kind = %s AND status = 'running'
"""

_FAILED_AT_ONCE = """
INSERT INTO sync_run (id, connector_id, resource, kind, status, started_at, finished_at, error, fetched,
    inserted, updated, unchanged, deleted, quarantined, requests, bytes, throttled_seconds)
VALUES (%s, %s, %s, %s, 'failed', %s, clock_timestamp(), %s, 0, 0, 0, 0, 0, 0, 0, 0, 0)
"""
