"""The cost bucket of an app in a shop: who may ask now, and who has to wait.

Shopify admits a query by its requested cost, from a bucket that refills steadily, and gives back
what the answer did not cost. Every answer says how full the bucket is and how fast it refills.
Docs: https://shopify.dev/docs/api/usage/limits#graphql-admin-api-rate-limits

The bucket belongs to the app in the shop, so all threads and processes draw from one. Threads of a
process share a `Bucket` and queue in it. Processes do not know of each other: what is missing from
the bucket and was not drawn here was drawn by others. Alone, a `Gauge` spends all that comes in, and
leaves a little less than half of the bucket for whoever comes. With others it goes by how full the
bucket is, which is what all of them see: the less is left the slower, so that all end at the same
rate, with enough left for the dearest query.
"""

import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from storelink.errors import Retryable

CAP = 1000.0
"""What a single query may cost at most, on every plan; so much is kept for one of unknown cost."""
_MEMORY = 20.0
"""Seconds in which the use by others is forgotten, by two thirds."""
_COMPANY = 60.0
"""Seconds after the last sign of others in which they are thought to be there. Costs nothing: at nine
tenths of the bucket all of the refill is drawn in either way."""
_LEFT = 0.45
"""Share of the bucket that is left in it: whoever comes new gets a query in, and is noticed by that."""
_LEAST = 0.1
"""Share of the refill that is drawn even from an empty bucket, as others may be greedy."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one answer said of its cost, in points. `actual` is None where it was throttled."""

    requested: float
    actual: float | None
    available: float
    maximum: float
    restore: float
    """Points a second."""


@dataclass(slots=True)
class Ticket:
    """Points drawn for one request that is under way."""

    number: int
    cost: float
    at: float
    spent: float
    """What had been spent in all when this was drawn."""
    rate: float = 0.0
    """Points a second that were our share then, with others there."""


class Gauge:
    """How full the bucket is, as far as this process can tell. Pure: it is told the time.

    `_level` is what is surely there if nobody else draws; `_alone` is what would be there if nobody
    else had drawn since the last sign of others. All times are monotonic seconds.
    """

    def __init__(self) -> None:
        self.maximum = self.restore = 0.0
        self._level: float | None = None
        self._alone = 0.0
        self._at = 0.0
        self._out: dict[int, Ticket] = {}
        self._numbers = itertools.count()
        self._latency = 0.0
        self._spent = 0.0
        self._others = 0.0
        self._company = -math.inf
        self._next = 0.0

    @property
    def shared(self) -> bool:
        """Whether others have drawn from the bucket lately."""
        return self._at < self._company

    def wait(self, cost: float, now: float) -> float | None:
        """Seconds until `cost` points may be drawn; None: not before a request has come back."""
        if self._level is None:
            return None if self._out else 0.0
        self._advance(now)
        left = _LEFT * self.maximum + min(cost, 0.1 * self.maximum)
        needed = min(max(left, cost + 0.005 * self.maximum), self.maximum)
        turn = self._next - now if self.shared else 0.0
        return max(0.0, (needed - self._level) / self._gain(), turn)

    def take(self, cost: float, now: float) -> Ticket:
        """Draw `cost` points."""
        ticket = Ticket(next(self._numbers), cost, now, self._spent)
        self._out[ticket.number] = ticket
        if self._level is not None:
            self._advance(now)
            if self.shared:
                ticket.rate = self._rate()
                self._next = max(self._next, now) + cost / ticket.rate
            self._level -= cost
            self._alone -= cost
        return ticket

    def lost(self, ticket: Ticket) -> None:
        """The request came back without a word about costs: its points are taken for spent."""
        self._out.pop(ticket.number, None)

    def report(self, ticket: Ticket, cost: Cost, now: float) -> None:
        """The request came back and said how full the bucket was, at some time since it left."""
        self._out.pop(ticket.number, None)
        self.maximum, self.restore = max(cost.maximum, 1.0), max(cost.restore, 0.1)
        took = now - ticket.at
        self._latency = max(took, 0.95 * self._latency)
        # whatever was under way meanwhile may have reached Shopify after this was said
        unsure = sum(other.cost for other in self._out.values()) + self._spent - ticket.spent
        self._spent += cost.actual or 0.0
        surely = cost.available - unsure
        first = self._level is None
        self._advance(now)
        back = ticket.cost - (cost.actual or 0.0)
        if first:
            self._alone = cost.available - sum(other.cost for other in self._out.values())
        else:
            self._alone = min(self._alone + back, self.maximum)
        if ticket.rate:
            self._next -= max(0.0, back) / ticket.rate
        slack = self.restore * self._latency
        missing = self._alone - slack - (cost.available + self.restore * took)
        if missing > 0.01 * self.maximum:
            self._others += (self._alone - cost.available) / _MEMORY
            self._company = now + _COMPANY
            self._alone = cost.available
            self._level = surely
            return
        self._alone = max(self._alone, surely)
        known = surely if first else max(surely, (self._level or 0.0) + back)
        self._level = min(cost.available, known)

    def _advance(self, now: float) -> None:
        passed, self._at = max(0.0, now - self._at), max(now, self._at)
        if self._level is None or not passed:
            return
        self._alone = min(self.maximum, self._alone + passed * self.restore)
        # a full bucket gains nothing until what is under way has been drawn from it
        most = self.maximum - sum(ticket.cost for ticket in self._out.values())
        self._level = max(self._level, min(most, self._level + passed * self._gain()))
        self._others *= math.exp(-passed / _MEMORY)

    def _gain(self) -> float:
        """Points a second by which the bucket fills, as far as we do not draw from it."""
        return self.restore - (min(self._others, 0.9 * self.restore) if self.shared else 0.0)

    def _rate(self) -> float:
        """Points a second that are our share: none of it at half the bucket, all at nine tenths.

        Everyone goes by the same rule and sees the same bucket, so all shares are equal; the
        dearest query, of half the smallest bucket, always finds its points.
        """
        full = ((self._level or 0.0) / self.maximum - 0.5) / 0.4
        return self.restore * min(1.0, max(_LEAST, full))


class Bucket:
    """A `Gauge` that the threads of this process wait at, first come first served."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._gauge = Gauge()
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._known: dict[str, dict[tuple[tuple[str, int], ...], float]] = {}

    def take(self, cost: float, closed: Callable[[], bool] = lambda: False) -> tuple[Ticket, float]:
        """Wait until `cost` points are there and draw them; also the seconds waited.

        Raises `Retryable` when `closed` says so; `wake` makes those who wait look.
        """
        started, me = self._now(), object()
        with self._changed:
            self._queue.append(me)
            try:
                while True:
                    if closed():
                        raise Retryable("the store was not asked: the client is closed", code="cut")
                    first = self._queue[0] is me
                    wait = self._gauge.wait(cost, self._now()) if first else None
                    if wait is not None and wait <= 0:
                        break
                    self._changed.wait(None if wait is None else wait + 0.001)
                now = self._now()
                return self._gauge.take(cost, now), now - started
            finally:
                self._queue.remove(me)
                self._changed.notify_all()

    def settle(self, ticket: Ticket, cost: Cost | None) -> None:
        """The request is over; `cost` is what its answer said, if it did."""
        with self._changed:
            if cost is None:
                self._gauge.lost(ticket)
            else:
                self._gauge.report(ticket, cost, self._now())
            self._changed.notify_all()

    def wake(self) -> None:
        """Let those who wait look whether their client is closed."""
        with self._changed:
            self._changed.notify_all()

    # -- what queries cost ---------------------------------------------------------------------------

    def learn(self, document: str, variables: Mapping[str, Any], requested: float) -> None:
        """A query of these sizes costs `requested` points."""
        with self._changed:
            if len(self._known) > 500:  # documents are few, unless somebody writes values into them
                self._known.clear()
            self._known.setdefault(document, {})[_sizes(variables)] = requested

    def estimate(self, document: str, variables: Mapping[str, Any], at_least: float | None = None) -> float:
        """What the query will be admitted for: as reported before, else enough for any."""
        sizes = _sizes(variables)
        with self._changed:
            known = self._known.get(document, {})
            found = known.get(sizes)
            if found is None:
                found = min((cost for of, cost in known.items() if _covers(of, sizes)), default=CAP)
        return max(found, at_least or 0.0)


def _sizes(variables: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """The variables that a query's cost depends on: page sizes, and how many ids there are."""
    found = {}
    for name, value in variables.items():
        if isinstance(value, int):
            found[name] = int(value)
        elif isinstance(value, list | tuple):
            found[name] = len(value)
    return tuple(sorted(found.items()))


def _covers(more: tuple[tuple[str, int], ...], less: tuple[tuple[str, int], ...]) -> bool:
    """Whether a query with the sizes `less` costs no more than one with the sizes `more`."""
    upper = dict(more)
    return upper.keys() == dict(less).keys() and all(size <= upper[name] for name, size in less)


_shared: WeakValueDictionary[str, Bucket] = WeakValueDictionary()
_shared_lock = threading.Lock()


def shared_bucket(key: str) -> Bucket:
    """The bucket of this process for `key` (an app in a shop), for as long as anybody holds it."""
    with _shared_lock:
        return _shared.setdefault(key, Bucket())
