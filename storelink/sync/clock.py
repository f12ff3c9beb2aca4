"""The database's clock, read once and then carried on by this process's monotonic clock.

Reads of several machines are put in order by it, so wall clocks of the machines never matter.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class DatabaseClock:
    """Call it for the present time (aware). `error` is how far off it may be."""

    base: datetime
    mark: float
    error: timedelta

    def __call__(self) -> datetime:
        return self.base + timedelta(seconds=time.monotonic() - self.mark)


def read_clock(connection: Any) -> DatabaseClock:
    """Measure the database's clock over a psycopg connection; leaves no transaction open."""
    before = time.monotonic()
    (now,) = connection.execute("SELECT clock_timestamp()").fetchone()
    after = time.monotonic()
    connection.commit()
    return DatabaseClock(now, (before + after) / 2, timedelta(seconds=(after - before) / 2))
