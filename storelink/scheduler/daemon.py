"""A process that works for long: the worker, with or without the clock, over one pool of connections."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from storelink.config import Settings
from storelink.db import Database, open_database
from storelink.errors import DatabaseAway, Misconfigured
from storelink.scheduler.clock import CONNECTIONS, REPORT, TICKS, Clock
from storelink.scheduler.work import Work
from storelink.scheduler.worker import Worker
from storelink.secrets.keyring import Keyring
from storelink.sync import process

log = structlog.get_logger(__name__)

QUEUE_CONNECTIONS = 2
"""One that takes jobs, one that listens for them."""
FINISHING = 5.5
"""Seconds that pages in hand have; then requests under way are cut off."""
CUT = 3.0
"""Seconds that passes have to notice; all in all less than the 10 s that a stop may take."""


class Daemon:
    """Clock and worker of this process."""

    def __init__(self, work: Work, concurrency: int, *, clock: bool) -> None:
        self.work = work
        self._worker = Worker(work, concurrency)
        self._clock = Clock(work, TICKS if clock else (REPORT,))

    @property
    def database(self) -> Database:
        """The database it works on."""
        return self.work.database

    def start(self) -> None:
        """Begin to work."""
        self._worker.start()
        self._clock.start()

    def running(self) -> bool:
        """Whether the clock ticks and the worker takes jobs."""
        return self._clock.up and self._worker.up.is_set()

    def wait_until_up(self, timeout: float) -> bool:
        """Wait for the worker's first look at the queue."""
        return self._worker.up.wait(timeout)

    def stop(self) -> bool:
        """Finish the pages in hand and take no more; False if something did not end in time."""
        self.work.stopping.set()
        self._clock.stop()
        self._worker.wake()
        if not self._worker.join(FINISHING):
            self.work.cut()
        ended = self._worker.join(CUT)
        with suppress(DatabaseAway), self.database.session() as session:
            process.withdraw(session)
            session.commit()
        return ended


@contextmanager
def prepared(
    settings: Settings, keyring: Keyring, *, concurrency: int | None, clock: bool
) -> Iterator[Daemon]:
    """A daemon that is not started yet, its database open. Raises as `open_database` does."""
    places = usual_concurrency(settings) if concurrency is None else concurrency
    if places > usual_concurrency(settings):
        raise Misconfigured(
            f"{places} jobs at once need {places + QUEUE_CONNECTIONS + CONNECTIONS} database connections:"
            f" set STORELINK_DATABASE_POOL to that, it is {settings.database_pool}."
        )
    pool = max(settings.database_pool - QUEUE_CONNECTIONS, 2)
    with open_database(settings.model_copy(update={"database_pool": pool})) as database:
        yield Daemon(Work(database, keyring, settings), places, clock=clock)


def usual_concurrency(settings: Settings) -> int:
    """As many jobs at once as the pool has connections for, beside those of the queue and the clock."""
    return max(settings.database_pool - QUEUE_CONNECTIONS - CONNECTIONS, 1)
