"""The queue: kinds of jobs, and the one way to enqueue them.

A job names a kind and a store, and an order where that is what is acted on, no more: what is to be done
stands in the tables. Its `lock` keeps a second one of the same from running, its `queueing_lock` from
waiting; a job too many finds nothing due and ends.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import procrastinate
import psycopg
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job
from procrastinate.manager import JobManager

SCHEMA = "storelink_jobs"
ACT, POLL, READ = "act", "poll", "full"
"""Queues: what a person waits for, what is over soon, and reads of hours."""
LIMIT = 500
"""Stores that one claim takes."""

Psycopg = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job. `due` is a query for `connector_id` and `since`; None: others enqueue it."""

    name: str
    queue: str
    due: str | None
    run: Callable[..., float | None]
    """Does it, given a `Work`, the store, what says whether to stop, and the order if it is about one.
    Returns seconds after which to run again, or None."""
    priority: int = 0

    def lock(self, connector_id: uuid.UUID, order: str | None = None) -> str:
        """One of a kind and store, or order, at a time."""
        return f"{self.name}/{connector_id}" + (f"/{order}" if order is not None else "")


_INSERTING = JobManager(procrastinate.SyncPsycopgConnector())  # works on connections that it is given


def enqueue(
    connection: Psycopg,
    kind: Kind,
    stores: Iterable[uuid.UUID],
    *,
    delay: float = 0.0,
    order: str | None = None,
) -> int:
    """Enqueue a job for each store, in the caller's transaction; those that have one waiting keep it.

    Returns how many were added. `delay` is in seconds; `order` for a kind that acts on one.
    """
    return _add(connection, kind, [(store, order) for store in stores], delay)


def _add(
    connection: Psycopg, kind: Kind, wanted: Iterable[tuple[uuid.UUID, str | None]], delay: float
) -> int:
    path, now = _enter(connection)
    at = now + timedelta(seconds=delay) if delay else None
    jobs = [_job(kind, store, order, at) for store, order in wanted]
    try:
        if not jobs or _insert(connection, jobs):
            return len(jobs)
        return sum(_insert(connection, [job]) for job in jobs)
    finally:
        connection.execute("SELECT set_config('search_path', %s, true)", (path,))


def _enter(connection: Psycopg) -> tuple[str, datetime]:
    """Make the queue's tables found by name; returns what was before, and the database's time."""
    row = connection.execute("SELECT current_setting('search_path'), clock_timestamp()").fetchone()
    assert row is not None
    connection.execute("SELECT set_config('search_path', %s, true)", (SCHEMA,))
    return row[0], row[1]


def _insert(connection: Psycopg, jobs: list[Job]) -> bool:
    try:
        with connection.transaction():
            _INSERTING.batch_defer_jobs(jobs, connection)
    except AlreadyEnqueued:
        return False
    return True


def _job(kind: Kind, store: uuid.UUID, order: str | None, at: datetime | None) -> Job:
    lock = kind.lock(store, order)
    return Job(
        id=None, queue=kind.queue, priority=kind.priority, lock=lock, queueing_lock=lock,
        task_name=kind.name, scheduled_at=at,
        task_kwargs={"connector": str(store), **({} if order is None else {"order": order})},
    )  # fmt: skip


def claim(connection: Psycopg, kind: Kind) -> int:
    """Enqueue what is due and has no job; commits. Clocks side by side take different stores."""
    assert kind.due is not None
    with connection.transaction():
        found = connection.execute(
            _CLAIM.format(due=kind.due), {"prefix": f"{kind.name}/", "limit": LIMIT}
        ).fetchall()
        return enqueue(connection, kind, [row[0] for row in found]) if found else 0


def claim_orders(connection: Psycopg, kind: Kind) -> int:
    """The same for a kind that acts on orders: its `due` names those too. Commits."""
    assert kind.due is not None
    with connection.transaction():
        turn = connection.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 1))", (f"claim {kind.name}",)
        ).fetchone()
        if turn is None or not turn[0]:
            return 0  # another clock is at it
        found = connection.execute(
            _CLAIM_ORDERS.format(due=kind.due), {"prefix": f"{kind.name}/", "limit": LIMIT}
        ).fetchall()
        return _add(connection, kind, [(row[0], row[1]) for row in found], 0.0) if found else 0


_CLAIM_ORDERS = """
SELECT d.connector_id, d.order_id
FROM ({due}) d JOIN connector_config c ON c.id = d.connector_id AND c.status = 'active'
WHERE NOT EXISTS (
    SELECT 1 FROM storelink_jobs.procrastinate_jobs j
    WHERE j.lock = %(prefix)s || c.id::text || '/' || d.order_id AND j.status IN ('todo', 'doing'))
LIMIT %(limit)s
"""

_CLAIM = """
SELECT c.id FROM connector_config c JOIN ({due}) d ON d.connector_id = c.id
WHERE c.status = 'active' AND NOT EXISTS (
    SELECT 1 FROM storelink_jobs.procrastinate_jobs j
    WHERE j.lock = %(prefix)s || c.id::text AND j.status IN ('todo', 'doing'))
ORDER BY d.since LIMIT %(limit)s FOR NO KEY UPDATE OF c SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the queue stands: workers with a sign of life, jobs waiting by kind, running, and put off.

    Those put off wait too, for a time that is still to come: after a failure, or a lane that was held.
    """

    workers: int
    waiting: Mapping[str, int]
    running: int
    put_off: int = 0


def standing(connection: Psycopg, silent: float) -> Standing:
    """The queue as it is now; a worker counts unless it was silent for so many seconds. Commits."""
    row = connection.execute(
        "SELECT count(*) FROM storelink_jobs.procrastinate_workers"
        " WHERE last_heartbeat > now() - %s * interval '1 second'",
        (silent,),
    ).fetchone()
    jobs = connection.execute(
        "SELECT task_name, status = 'doing', count(*), count(*) FILTER (WHERE scheduled_at > now())"
        " FROM storelink_jobs.procrastinate_jobs WHERE status IN ('todo', 'doing') GROUP BY 1, 2"
    ).fetchall()
    connection.commit()
    return Standing(
        row[0] if row else 0,
        {name: count for name, running, count, _ in jobs if not running},
        sum(count for _, running, count, _ in jobs if running),
        sum(later for _, running, _, later in jobs if not running),
    )


def analyze(connection: Psycopg) -> None:
    """Tell the planner how large the tables of jobs are now; autovacuum may take a minute. Commits."""
    for table in ("procrastinate_jobs", "procrastinate_events"):
        connection.execute(f"ANALYZE storelink_jobs.{table}")
    connection.commit()
