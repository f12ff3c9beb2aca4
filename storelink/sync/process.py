"""What running storelink processes say of the master keys they hold.

A rotation is refused while one of them could not follow it. A process reports when it first opens
secrets and again every minute or so if it lives long, and withdraws its report when it ends; the
report of one that was killed counts for five minutes.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import psutil
from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from storelink.errors import DatabaseAway
from storelink.models import KeyReport, MasterKey
from storelink.secrets.keyring import Keyring

ALIVE = timedelta(minutes=5)
"""How long a report counts."""
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Process:
    """A running process. `name` is not used again when its number is."""

    name: str
    host: str
    pid: int


def this_process() -> Process:
    """The process that calls."""
    host, pid = socket.gethostname(), os.getpid()
    return Process(f"{host}:{pid}:{psutil.Process(pid).create_time():.2f}", host, pid)


def report(session: Session, keyring: Keyring, process: Process | None = None) -> None:
    """Write down which master keys `process` (this one) can open; asks the provider afresh.

    A key that is not the one the database knows by its id is left out. Raises `Misconfigured`.
    """
    process = process or this_process()
    keyring.reload()
    known = dict(session.exec(select(MasterKey.key_id, MasterKey.check_value)).all())
    held = [key.id for key in keyring.keys if key.id not in known or key.matches(known[key.id])]
    row = {"host": process.host, "pid": process.pid, "key_ids": held, "seen_at": func.now()}
    session.exec(
        insert(KeyReport)
        .values(process=process.name, **row)
        .on_conflict_do_update(index_elements=["process"], set_=row)
    )
    session.exec(delete(KeyReport).where(col(KeyReport.seen_at) < func.now() - _KEPT))


def withdraw(session: Session, process: Process | None = None) -> None:
    """Take back the report of `process` (this one), which ends."""
    process = process or this_process()
    session.exec(delete(KeyReport).where(col(KeyReport.process) == process.name))


def live_reports(session: Session) -> Sequence[KeyReport]:
    """The reports that still count, this process's own included, by host and process id."""
    return session.exec(
        select(KeyReport)
        .where(col(KeyReport.seen_at) > func.now() - ALIVE)
        .order_by(KeyReport.host, col(KeyReport.pid))
        .execution_options(populate_existing=True)
    ).all()


def other_reports(session: Session) -> list[KeyReport]:
    """The reports of other processes that still count; what this one holds it can look up."""
    own = this_process().name
    return [report for report in live_reports(session) if report.process != own]


@contextmanager
def reported(sessions: Callable[[], Session], keyring: Keyring) -> Iterator[None]:
    """Around work that needs secrets for longer than a moment: report first, withdraw after."""
    with sessions() as session:
        report(session, keyring)
        session.commit()
    try:
        yield
    finally:
        with suppress(DatabaseAway), sessions() as session:  # then it is forgotten by itself
            withdraw(session)
            session.commit()
