"""The clock: every second it looks in the database for what is due, and has it enqueued.

Several clocks, in one process each, may run side by side: they claim different stores, and what one
leaves undone the next tick of any finds again. Nothing is kept here that a restart would lose.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from storelink.errors import DatabaseAway
from storelink.scheduler import queue
from storelink.scheduler.acting import claim_acts, sweep_refunds
from storelink.scheduler.work import KINDS, Work
from storelink.sync import alert, feed, order_words, process, retention, telling

log = structlog.get_logger(__name__)

CONNECTIONS = 2
"""Of the process's pool, at most."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Something that is done again and again, `every` so many seconds."""

    name: str
    every: float
    do: Callable[[Work], None]


def claim_due(work: Work) -> None:
    """Enqueue what is due."""
    for kind in KINDS:
        if kind.due is not None:
            with work.connection() as connection:
                while queue.claim(connection, kind) == queue.LIMIT:
                    continue


def publish_changes(work: Work) -> None:
    """Number the events that were committed since."""
    with work.connection() as connection:
        while feed.publish(connection) == feed.BATCH:
            continue


def gather_words(work: Work) -> None:
    """Gather what orders are found by, for half a second at most: passes go first."""
    until = monotonic() + 0.5
    with work.connection() as connection:
        while order_words.catch_up(connection) and monotonic() < until and not work.stopping.is_set():
            continue


def sweep_alerts(work: Work) -> None:
    """Say what went wrong or right since, once."""
    with work.connection() as connection:
        changes = alert.sweep(connection)
    for change in changes:
        say = log.warning if change.over else log.error
        say(
            "alert.over" if change.over else "alert",
            store=change.store, kind=change.kind, words=change.words,
        )  # fmt: skip


def tell_alerts(work: Work) -> None:
    """Post what went wrong or right since to whoever is to hear of it, once."""
    with work.connection() as connection:
        telling.tell(connection, work.settings.alert_url)


def cut_history(work: Work) -> None:
    """Throw away what is older than the settings say."""
    with work.connection() as connection:
        gone = retention.cut(connection, retention.kept_by(work.settings))
    if any((gone.deliveries, gone.runs, gone.alerts, gone.changes, gone.payloads)):
        log.info("retention", **asdict(gone))


def measure_queue(work: Work) -> None:
    """Keep the planner's idea of the queue fresh: with a stale one it is ten times slower."""
    with work.connection() as connection:
        queue.analyze(connection)


def report_keys(work: Work) -> None:
    """Say which master keys this process can open."""
    with work.database.session() as session:
        process.report(session, work.keyring)
        session.commit()


REPORT = Tick("report_keys", 60.0, report_keys)
TICKS = (
    Tick("claim_due", 1.0, claim_due),
    Tick("claim_acts", 1.0, claim_acts),
    Tick("sweep_refunds", 30.0, sweep_refunds),
    Tick("publish_changes", 0.25, publish_changes),
    Tick("gather_words", 1.0, gather_words),
    Tick("sweep_alerts", 2.0, sweep_alerts),
    Tick("tell_alerts", 5.0, tell_alerts),
    Tick("cut_history", 3600.0, cut_history),
    Tick("measure_queue", 60.0, measure_queue),
    REPORT,
)


@dataclass(slots=True)
class Clock:
    """Runs ticks in threads of its own."""

    work: Work
    ticks: tuple[Tick, ...] = TICKS
    _scheduler: Any = None
    _ill: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Begin; every tick runs at once, then at its pace."""
        scheduler = BackgroundScheduler(
            timezone="UTC", daemon=True, executors={"default": ThreadPoolExecutor(CONNECTIONS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )  # fmt: skip
        for tick in self.ticks:
            scheduler.add_job(
                self._run, "interval", seconds=tick.every, args=[tick], id=tick.name,
                next_run_time=datetime.now(UTC),
            )  # fmt: skip
        scheduler.start()
        self._scheduler = scheduler

    def stop(self) -> None:
        """No further ticks; those that run end by themselves, which takes moments."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    @property
    def up(self) -> bool:
        """Whether it ticks."""
        return self._scheduler is not None and self._scheduler.running

    def _run(self, tick: Tick) -> None:
        try:
            if not self.work.stopping.is_set():
                tick.do(self.work)
        except DatabaseAway:
            return  # said by the database itself, once
        except Exception:
            if tick.name not in self._ill and not self.work.stopping.is_set():
                self._ill.add(tick.name)
                log.exception("clock.broke", tick=tick.name)
        else:
            if tick.name in self._ill:
                self._ill.discard(tick.name)
                log.warning("clock.mended", tick=tick.name)
