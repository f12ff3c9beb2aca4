"""What others ask of the scheduler: to read something now, and how the queue stands."""

from collections.abc import Sequence
from typing import cast

from sqlmodel import Session

from storelink.config import Settings
from storelink.db import Database
from storelink.scheduler import queue
from storelink.scheduler.queue import Psycopg, Standing
from storelink.scheduler.work import FULLS, POLLS
from storelink.scheduler.worker import SILENT
from storelink.sync import due


def read_now(
    database: Database, name: str, wanted: Sequence[str], *, full: bool = False, actor: str | None = None
) -> None:
    """Have the store's `wanted` resources read by a worker at once; with `full` whole.

    Returns when that is written down. Raises `Misconfigured` for a store that is not active.
    """
    with database.session() as session:
        store = due.make_due(session, name, wanted, full=full, actor=actor)
        for kind in (POLLS, FULLS):
            queue.enqueue(_psycopg(session), kind, [store.id])
        session.commit()


def verify_now(
    database: Database, name: str, wanted: Sequence[str], *, accepted: int = 0, actor: str | None = None
) -> None:
    """Have `wanted` compared with the store by a worker at once; what differs is fetched.

    `accepted` are so many deletions of each that a person accepts. Returns when that is written down.
    Raises `Misconfigured` for a store that is not active.
    """
    with database.session() as session:
        store = due.make_compared(session, name, wanted, accepted=accepted, actor=actor)
        queue.enqueue(_psycopg(session), FULLS, [store.id])
        session.commit()


def queue_standing(session: Session, settings: Settings) -> Standing:
    """Workers that live, jobs that wait and run. Commits."""
    return queue.standing(_psycopg(session), SILENT * settings.worker_pulse)


def _psycopg(session: Session) -> Psycopg:
    return cast(Psycopg, session.connection().connection.driver_connection)
