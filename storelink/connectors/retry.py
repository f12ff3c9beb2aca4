"""When a read is tried again: retry as a value, and the hints that stores give."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

import httpx
import tenacity

from storelink.errors import Retryable, TooLarge


@dataclass(frozen=True, slots=True)
class Retry:
    """How a read is tried again. A value: it knows nothing of any request."""

    attempts: int = 6
    """Tries in all, the first one counted."""
    base: float = 0.5
    """Upper bound of the first wait, in seconds; each further one is twice the one before."""
    cap: float = 30.0
    """Upper bound of any wait that the store did not ask for."""
    patience: float = 60.0
    """A longer wait that the store asks for is not made here: the error goes up, with its hint."""

    def again(self, error: BaseException) -> bool:
        """Whether the same request may be sent again now."""
        if not isinstance(error, Retryable) or isinstance(error, TooLarge):
            return False
        return error.after is None or error.after <= self.patience

    def wait(self, tries: int, error: BaseException | None, chance: float) -> float:
        """Seconds to wait after `tries` tries; `chance` is from 0 to 1 (full jitter)."""
        hint = getattr(error, "after", None)
        if hint is not None:
            return float(hint)
        bound: float = min(self.cap, self.base * 2.0 ** min(tries - 1, 60))
        return bound * chance

    def runner(
        self,
        attempts: int | None,
        sleep: Callable[[float], object],
        chance: Callable[[], float],
        before_sleep: Callable[[tenacity.RetryCallState], None] | None = None,
    ) -> tenacity.Retrying:
        """This value as tenacity runs it; `attempts` overrides its own."""

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return self.wait(state.attempt_number, error, chance())

        return tenacity.Retrying(
            stop=tenacity.stop_after_attempt(attempts or self.attempts),
            wait=wait,
            retry=tenacity.retry_if_exception(self.again),
            sleep=sleep,  # type: ignore[arg-type]  # what it returns is not looked at
            before_sleep=before_sleep,
            reraise=True,
        )


def retry_after(headers: httpx.Headers, now: datetime) -> float | None:
    """Seconds of `Retry-After`, given as seconds or as a date (by the store's own clock).

    None where it is missing, junk or not in the future; at most a day.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        when = http_date(value)
        if when is None:
            return None
        seconds = (when - (http_date(headers.get("date", "")) or now)).total_seconds()
    return min(seconds, 86400.0) if 0 < seconds < float("inf") else None


@lru_cache(maxsize=64)
def http_date(value: str) -> datetime | None:
    """A `Date` header as an aware time; None for junk."""
    try:
        when = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
