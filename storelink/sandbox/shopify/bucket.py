"""The leaky bucket of each app on the shop, on the shop's own clock.

https://shopify.dev/docs/api/usage/rate-limits: a query is let in if the bucket holds what it may cost;
what it did not use flows back at once, and the rest with so many points a second.
"""

from dataclasses import dataclass
from typing import Any

from storelink.sandbox.clock import Clock

#: plan → points a second; a bucket holds twenty seconds' worth
RATES = {
    "development": 100,
    "basic": 100,
    "standard": 100,
    "advanced": 200,
    "plus": 1_000,
    "enterprise": 2_000,
}
SECONDS = 20


@dataclass(slots=True)
class Spent:
    """What an app has asked for in all, and how often it was turned away."""

    requested: int = 0
    actual: int = 0
    queries: int = 0
    throttled: int = 0


class Bucket:
    """One app's points. `rate` a second, at most `size`."""

    def __init__(self, clock: Clock, rate: float, size: float | None = None) -> None:
        self._clock = clock
        self.rate = rate
        self.size = rate * SECONDS if size is None else size
        self.spent = Spent()
        self._level = self.size
        self._at = clock.seconds()

    def level(self) -> float:
        """How many points there are now."""
        now = self._clock.seconds()
        self._level = min(self.size, self._level + max(0.0, now - self._at) * self.rate)
        self._at = now
        return self._level

    def take(self, points: int) -> bool:
        """Take what a query may cost, if it is there."""
        if self.level() + 1e-3 < points:  # clocks count in floats
            self.spent.throttled += 1
            return False
        self._level -= points
        self.spent.queries += 1
        self.spent.requested += points
        return True

    def settle(self, requested: int, actual: int) -> None:
        """Give back what a query did not use."""
        self._level = min(self.size, self._level + requested - actual)
        self.spent.actual += actual

    def drain(self, left: float = 0.0) -> None:
        """Have no more than so many points: others of the same app took the rest."""
        self._level = min(self.level(), left)

    def become(self, rate: float) -> None:
        """Another plan: another rate and size, full."""
        self.rate, self.size = rate, rate * SECONDS
        self._level, self._at = self.size, self._clock.seconds()

    def status(self) -> dict[str, Any]:
        """The `throttleStatus`: amounts as floats, as they may be."""
        return {
            "maximumAvailable": float(self.size),
            "currentlyAvailable": int(self.level() + 1e-3),
            "restoreRate": float(self.rate),
        }
