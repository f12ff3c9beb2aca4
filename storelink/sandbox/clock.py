"""The shop's own clock: whole seconds, sometimes wrong, sometimes held still."""

import time
from datetime import UTC, datetime, tzinfo
from email.utils import formatdate
from functools import lru_cache
from zoneinfo import ZoneInfo


class Clock:
    """Time as the shop sees it.

    `offset` seconds are added to the real time. `hold` freezes it at a moment, which then only
    `advance` moves; `release` lets it run on from there.
    """

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self._held: float | None = None

    def seconds(self) -> float:
        """Now, in seconds since 1970, UTC."""
        return self._held if self._held is not None else time.time() + self.offset

    def stamp(self) -> int:
        """Now in whole seconds, as records are stamped."""
        return int(self.seconds())

    def date_header(self) -> str:
        """Now, as an HTTP `Date`."""
        return formatdate(self.stamp(), usegmt=True)

    def hold(self, at: float | None = None) -> None:
        """Stand still, at `at` or where it is."""
        self._held = self.seconds() if at is None else at

    def release(self) -> None:
        """Run on from the present moment."""
        self.offset = self.seconds() - time.time()
        self._held = None

    def advance(self, by: float) -> None:
        """Move on by so many seconds, held or not."""
        if self._held is None:
            self.offset += by
        else:
            self._held += by


@lru_cache(4096)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * 86_400, UTC).date().isoformat()


@lru_cache(4096)
def _offset(half_hour: int, zone: tzinfo) -> int:
    """Seconds east of Greenwich; clocks change on a full or half hour."""
    offset = datetime.fromtimestamp(half_hour * 1800, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def written(stamp: int) -> str:
    """`1790812800` → `"2026-10-01T00:00:00"`, in UTC."""
    day, second = divmod(stamp, 86_400)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{_day(day)}T{hour:02d}:{minute:02d}:{second:02d}"


def written_at(stamp: int, zone: tzinfo) -> str:
    """The same on the wall clock of a time zone."""
    return written(stamp + _offset(stamp // 1800, zone))


def zone_of(name: str) -> tzinfo:
    """A time zone by its name, or a fixed offset like `+05:30`, which some shops are set to."""
    if name[:1] in ("+", "-"):
        offset = datetime.strptime(name, "%z").tzinfo
        assert offset is not None
        return offset
    return ZoneInfo(name)


def read(text: str) -> int:
    """The reverse of `written`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
