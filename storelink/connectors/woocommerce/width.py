"""How many requests at once serve a store best: found by trying, and tried again now and then.

A shop answers as many requests at once as it has cores; more only makes each of them slower, for
its customers too. So the width is the smallest one that loses next to nothing.
"""

import time
from collections.abc import Callable

CLIMB = 1.04
"""A greater width has to bring at least this share of the speed before, or it is not worth it."""
SHRINK = 0.97
"""A smaller width has to keep at least this share."""
FIRST_REST = 40
LONGEST_REST = 320


class Width:
    """Climbs from 2 by doubling while pages come faster; then tries its neighbours, ever more seldom.

    Feed it with `landed` as pages arrive in order, from one thread. `value` is from 1 to `most`.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = max(1, most)
        self.value = min(2, self.most)
        self._clock = clock
        self._climbing = True
        self._before: tuple[int, float] | None = None
        """The width that was in use until this trial, and its pages a second."""
        self._rest, self._up = FIRST_REST, False
        self._begin(min(4, 2 * self.value))

    def landed(self) -> None:
        """One more page has arrived and was taken."""
        now = self._clock()
        if self._skip:
            # begun under the width before; and the first page of all has no beginning to count from
            self._skip -= 1
            self._start = now
            return
        self._pages += 1
        if self._pages >= self._wanted and now > self._start:
            self._decide(self._pages / (now - self._start))

    def _begin(self, pages: int) -> None:
        self._skip, self._pages, self._wanted = self.value, 0, pages
        self._start = self._clock()

    def _decide(self, speed: float) -> None:
        if self._before is None:
            self._leave(speed)
            return
        width, known = self._before
        better = speed > known * CLIMB if self.value > width else speed >= known * SHRINK
        if not better:
            self.value = width
            self._settle()
        elif self._climbing:
            self._leave(speed)
        else:
            self._rest = FIRST_REST
            self._settle()

    def _leave(self, speed: float) -> None:
        """Go from a width whose speed is known to the next that is to be tried."""
        step = self._next()
        if step == self.value:
            self._settle()
            return
        self._before = (self.value, speed)
        self.value = step
        self._begin(2 * step)

    def _next(self) -> int:
        if self._climbing:
            return min(2 * self.value, self.most)
        self._up = not self._up
        return max(1, min(self.value + (1 if self._up else -1), self.most))

    def _settle(self) -> None:
        """Stay for a while; the rest is itself the measurement that the next trial is held to."""
        self._climbing, self._before = False, None
        self._begin(self._rest)
        self._rest = min(2 * self._rest, LONGEST_REST)
