"""The queue: kinds of jobs, and the one way to enqueue them.

A job names a kind and a store, no more: what is to be done stands in the tables. Its `lock` keeps a
second one of the same kind and store from running, its `queueing_lock` from waiting; a job too many
finds nothing due and ends.
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
LIMIT = 500
"""Stores that one claim takes."""

Psycopg = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job. `due` is a query for `connector_id` and `since`; None: others enqueue it."""

    name: str
    queue: str
    due: str | None
    run: Callable[[Any, uuid.UUID, Callable[[], bool]], float | None]
    """Does it, given a `Work`, the store and what says whether to stop. Returns seconds after which
    to run again, or None."""
    priority: int = 0

    def lock(self, connector_id: uuid.UUID) -> str:
        """One of a kind and store at a time."""
        return f"{self.name}/{connector_id}"


_INSERTING = JobManager(procrastinate.SyncPsycopgConnector())  # works on connections that it is given


def enqueue(connection: Psycopg, kind: Kind, stores: Iterable[uuid.UUID], *, delay: float = 0.0) -> int:
    """Enqueue a job for each store, in the caller's transaction; those that have one waiting keep it.

    Returns how many were added. `delay` is in seconds.
    """
    path, now = _enter(connection)
    at = now + timedelta(seconds=delay) if delay else None
    jobs = [_job(kind, store, at) for store in stores]
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


def _job(kind: Kind, store: uuid.UUID, at: datetime | None) -> Job:
    lock = kind.lock(store)
    return Job(
        id=None, queue=kind.queue, priority=kind.priority, lock=lock, queueing_lock=lock,
        task_name=kind.name, task_kwargs={"connector": str(store)}, scheduled_at=at,
    )  # fmt: skip


def claim(connection: Psycopg, kind: Kind) -> int:
    """Enqueue what is due and has no job; commits. Clocks side by side take different stores."""
    assert kind.due is not None
    with connection.transaction():
        found = connection.execute(
            _CLAIM.format(due=kind.due), {"prefix": f"{kind.name}/", "limit": LIMIT}
        ).fetchall()
        return enqueue(connection, kind, [row[0] for row in found]) if found else 0


_CLAIM = """
SELECT c.id FROM connector_config c JOIN ({due}) d ON d.connector_id = c.id
WHERE c.status = 'active' AND NOT EXISTS (
    SELECT 1 FROM storelink_jobs.procrastinate_jobs j
    WHERE j.lock = %(prefix)s || c.id::text AND j.status IN ('todo', 'doing'))
ORDER BY d.since LIMIT %(limit)s FOR NO KEY UPDATE OF c SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the queue stands: workers with a sign of life, jobs waiting by kind, and running."""

    workers: int
    waiting: Mapping[str, int]
    running: int


def standing(connection: Psycopg, silent: float) -> Standing:
    """The queue as it is now; a worker counts unless it was silent for so many seconds. Commits."""
    row = connection.execute(
        "SELECT count(*) FROM storelink_jobs.procrastinate_workers"
        " WHERE last_heartbeat > now() - %s * interval '1 second'",
        (silent,),
    ).fetchone()
    jobs = connection.execute(
        "SELECT task_name, status = 'doing', count(*) FROM storelink_jobs.procrastinate_jobs"
        " WHERE status IN ('todo', 'doing') GROUP BY 1, 2"
    ).fetchall()
    connection.commit()
    waiting = {name: count for name, running, count in jobs if not running}
    return Standing(row[0] if row else 0, waiting, sum(count for _, running, count in jobs if running))


def analyze(connection: Psycopg) -> None:
    """Tell the planner how large the tables of jobs are now; autovacuum may take a minute. Commits."""
    for table in ("procrastinate_jobs", "procrastinate_events"):
        connection.execute(f"ANALYZE storelink_jobs.{table}")
    connection.commit()
