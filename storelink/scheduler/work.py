"""What a job does: the passes of one store that are due in one lane."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Any, cast

import psycopg
import structlog

from storelink.config import Settings
from storelink.db import Database
from storelink.errors import (
    AuthFailed,
    DatabaseAway,
    LaneHeld,
    LaneLost,
    NeedsDecision,
    Rejected,
    Retryable,
    Stopped,
    StorelinkError,
    TooLarge,
)
from storelink.models import ConnectorConfig
from storelink.scheduler.queue import Kind, Psycopg
from storelink.secrets.keyring import Keyring
from storelink.sync import compliance, due, guardian, hint
from storelink.sync.due import Due
from storelink.sync.lane import FULL, POLL, Lane
from storelink.sync.opening import open_subject
from storelink.sync.stopping import Stoppable
from storelink.sync.subject import Subject
from storelink.sync.synchronize import PassResult, check_drift, fetch_named, follow, read_all

log = structlog.get_logger(__name__)

HELD_WAIT = 5.0
"""Seconds, and up to as much again, after which a job that found its lane held is run again."""

RETRY_MOST = 600.0
"""Seconds between tries at most, for hints and subscriptions."""

Stop = Callable[[], bool]


@dataclass(slots=True)
class Work:
    """What jobs work with, in one process."""

    database: Database
    keyring: Keyring
    settings: Settings
    stopping: threading.Event = field(default_factory=threading.Event)
    chance: Random = field(default_factory=Random)
    misses: dict[tuple[str, uuid.UUID], int] = field(default_factory=dict)
    """Failures in a row of jobs that count theirs nowhere else."""
    _open: dict[int, Callable[[], None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def connection(self) -> Iterator[Psycopg]:
        """A connection of psycopg's for a few statements. Raises `DatabaseAway`."""
        pooled = self.database.borrow()
        try:
            with self.database.translated():
                connection = cast(Psycopg, pooled.driver_connection)
                connection.rollback()
                yield connection
                connection.commit()
        finally:
            pooled.close()

    @contextmanager
    def subject(self, name: str, stop: Stop) -> Iterator[Subject]:
        """The store `name`, for passes that end when `stop` says so."""
        with open_subject(self.database, self.keyring, name, self.settings, announced=True) as subject:
            with self._lock:
                self._open[id(subject)] = subject.store.close
            try:
                yield replace(subject, store=Stoppable(subject.store, stop))
            finally:
                with self._lock:
                    del self._open[id(subject)]

    def cut(self) -> None:
        """End every request that is under way: whoever was asked to stop waits for it no longer."""
        with self._lock:
            closers = list(self._open.values())
        for close in closers:
            with suppress(Exception):
                close()


def run_polls(work: Work, connector_id: uuid.UUID, stop: Stop) -> float | None:
    """The incremental passes that are due, then the customers that orders named."""
    return _run(work, connector_id, POLL, stop)


def run_full(work: Work, connector_id: uuid.UUID, stop: Stop) -> float | None:
    """First reads, or what is left of them, and the daily verify."""
    return _run(work, connector_id, FULL, stop)


def run_hints(work: Work, connector_id: uuid.UUID, stop: Stop) -> float | None:
    """The records that webhooks named."""

    def follow_them(subject: Subject) -> None:
        done = hint.follow_hints(work.database, subject)
        log.info(
            "pass", store=subject.name, kind="targeted", deliveries=done.deliveries, records=done.records,
            requests=done.requests,
        )  # fmt: skip

    return _beside(work, connector_id, stop, "hint", follow_them)


def run_guard(work: Work, connector_id: uuid.UUID, stop: Stop) -> float | None:
    """Webhook subscriptions, put right."""
    return _beside(
        work, connector_id, stop, "guard",
        lambda subject: guardian.guard(work.database, work.keyring, subject),
    )  # fmt: skip


def run_requests(work: Work, connector_id: uuid.UUID, _stop: Stop) -> float | None:
    """What the platform asked for in its customers' name, of stores that are read no more too."""
    try:
        compliance.follow_requests(work.database, work.keyring, connector_id)
    except DatabaseAway:
        raise
    except StorelinkError as error:
        log.error("privacy.failed", connector=str(connector_id), error=str(error))
        return work.chance.uniform(60, 120)
    return None


_HINTED = (
    "SELECT connector_id, min(received_at) AS since FROM webhook_delivery"
    " WHERE status = 'received' AND resource IS NOT NULL GROUP BY connector_id"
)

POLLS = Kind("poll", "poll", due.STORES[POLL], run_polls)
FULLS = Kind("full", "full", due.STORES[FULL], run_full, priority=-10)
HINTS = Kind("hint", "poll", _HINTED, run_hints, priority=10)
GUARDS = Kind("guard", "poll", guardian.DUE, run_guard)
REQUESTS = Kind("request", "poll", compliance.DUE, run_requests)
KINDS = (POLLS, FULLS, HINTS, GUARDS, REQUESTS)


def _beside(
    work: Work, connector_id: uuid.UUID, stop: Stop, name: str, do: Callable[[Subject], object]
) -> float | None:
    """What has no due time of its own in `sync_state`; after a failure it waits longer each time."""
    store = active(work, connector_id)
    if store is None:
        return None
    told = log.bind(store=store.name, kind=name)
    try:
        with work.subject(store.name, stop) as subject:
            do(subject)
    except (Stopped, AuthFailed, NeedsDecision):
        work.misses.pop((name, connector_id), None)
        return None  # said by the next verify, or by an alert
    except LaneHeld:
        return work.chance.uniform(HELD_WAIT, 2 * HELD_WAIT)
    except DatabaseAway:
        raise
    except Exception as error:
        if not isinstance(error, StorelinkError):
            log.exception("job.broke", store=store.name, kind=name)
        misses = work.misses[name, connector_id] = work.misses.get((name, connector_id), 0) + 1
        (told.warning if misses == 1 else told.info)("pass.failed", error=str(error), failures=misses)
        return min(HELD_WAIT * 2.0 ** min(misses - 1, 10), RETRY_MOST) * work.chance.uniform(0.75, 1.25)
    if work.misses.pop((name, connector_id), 0):
        told.warning("pass.recovered")
    return None


def active(work: Work, connector_id: uuid.UUID) -> ConnectorConfig | None:
    """The store, if anything may be done with it."""
    with work.database.session() as session:
        store = session.get(ConnectorConfig, connector_id)
    return store if store is not None and store.status == "active" else None


def _run(work: Work, connector_id: uuid.UUID, kind: str, stop: Stop) -> float | None:
    store = active(work, connector_id)
    with work.connection() as connection:
        waiting = due.resources(connection, connector_id, kind) if store else []
    if store is None or not waiting:
        return None
    job = _Job(work, store, kind)
    try:
        with work.subject(store.name, stop) as subject:
            waiting.sort(key=lambda one: subject.connector.resources.index(one.resource))
            job.run(subject, waiting)
    except Stopped:
        return None
    except DatabaseAway:
        raise
    except Exception as error:  # it could not even be opened, or the fault is ours
        if not isinstance(error, StorelinkError):
            log.exception("pass.broke", store=store.name, kind=kind)
        job.put_off(waiting, error)
    return work.chance.uniform(HELD_WAIT, 2 * HELD_WAIT) if job.held else None


class _Overtaken(Exception):
    """Another process ran the pass between our look at what is due and our holding its lane."""


@dataclass(slots=True)
class _Job:
    work: Work
    store: ConnectorConfig
    kind: str
    held: bool = False
    done: set[str] = field(default_factory=set)

    def run(self, subject: Subject, waiting: list[Due]) -> None:
        """The passes, one after the other; one that fails for itself alone does not stop the others."""
        for one in waiting:
            try:
                self._pass(subject, one)
            except LaneHeld:
                self.held = True
            except _Overtaken:
                pass
            except (Stopped, DatabaseAway):
                raise
            except NeedsDecision as decision:
                # the pass came to its end, and who is to decide is told by an alert
                log.info("pass.withheld", store=self.store.name, resource=one.resource, words=str(decision))
                _tell_recovery(self.store, one)
            except (StorelinkError, psycopg.Error) as error:  # the pass has noted it
                self.done.add(one.resource)
                _tell_failure(self.store, one, error)
                if not _alone(error):
                    if not isinstance(error, AuthFailed):
                        self.put_off(waiting, error)
                    return
            self.done.add(one.resource)

    def _look(self, one: Due) -> Callable[[Lane], None]:
        """Somebody may have been taken for dead, and its job run by us, or ours by another."""

        def look(lane: Lane) -> None:
            now = due.resources(lane.connection, self.store.id, self.kind)
            if not any((it.resource, it.phase) == (one.resource, one.phase) for it in now):
                raise _Overtaken

        return look

    def _pass(self, subject: Subject, one: Due) -> None:
        database = self.work.database
        if self.kind == POLL:
            _tell(self.store, one, follow(database, subject, one.resource, look=self._look(one)))
            if one.resource == "orders" and "customers" in subject.connector.resources:
                named = fetch_named(database, subject)
                if named:
                    _tell(self.store, replace(one, failures=0), named)
        elif one.phase != "live":
            _tell(self.store, one, read_all(database, subject, one.resource, look=self._look(one)))
        else:
            (ledger,) = check_drift(
                database, subject, [one.resource], fix=True, share=one.share, look=self._look(one)
            )
            with self.work.connection() as connection:
                due.next_share(connection, self.store.id, one.resource)
            log.info(
                "pass", store=self.store.name, resource=one.resource, kind="verify", in_store=ledger.in_store,
                found=ledger.found, fixed=ledger.fixed, deep=ledger.deep, drift=ledger.drift,
                requests=ledger.requests,
            )  # fmt: skip

    def put_off(self, waiting: list[Due], error: Exception) -> None:
        """Note a failure of those whose own pass did not: the store as a whole is in trouble, or we are."""
        left = [one for one in waiting if one.resource not in self.done]
        words = str(error) if isinstance(error, StorelinkError) else f"{type(error).__name__}: {error}"
        with self.work.connection() as connection:
            due.put_off(connection, self.store.id, left, self.kind, words, interval=self.store.sync_interval)
        for one in left:
            _tell_failure(self.store, one, error)


def _alone(error: Exception) -> bool:
    """Whether it is about one resource rather than about the store or its keys."""
    if isinstance(error, Retryable) and not isinstance(error, TooLarge):
        return error.status == 500
    return isinstance(error, LaneLost | Rejected | TooLarge | psycopg.Error)


def _tell(store: ConnectorConfig, one: Due, result: PassResult) -> None:
    """One line a pass; one more when it is the first that came through again."""
    counts = {item.name: getattr(result.counts, item.name) for item in fields(result.counts)}
    told: dict[str, Any] = {name: count for name, count in counts.items() if count}
    log.info(
        "pass", store=store.name, resource=result.resource, kind=result.kind, requests=result.requests,
        seconds=round(result.seconds, 3), **told,
    )  # fmt: skip
    _tell_recovery(store, one)


def _tell_recovery(store: ConnectorConfig, one: Due) -> None:
    if one.failures:
        log.warning("pass.recovered", store=store.name, resource=one.resource, after_failures=one.failures)


def _tell_failure(store: ConnectorConfig, one: Due, error: Exception) -> None:
    """An outage is said when it begins; its further passes say it in their one line only."""
    begins = not one.failures and not isinstance(error, AuthFailed)  # that one is an alert's
    say = log.warning if begins else log.info
    say("pass.failed", store=store.name, resource=one.resource, error=str(error), failures=one.failures + 1)
