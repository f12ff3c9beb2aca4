"""How long to wait for something on a machine that does other things too."""

import os
import time

CORES = os.cpu_count() or 1


def crowd() -> float:
    """How many times slower than alone a process of our niceness gets on, from 1 to 40.

    The kernel gives a process a quarter more or less for each step of niceness; who waits is in the load.
    """
    share = 1.25 ** max(os.nice(0), 0) if os.getloadavg()[0] > CORES else 1.0
    return min(max(os.getloadavg()[0] / CORES, 1.0) * share, 40.0)


class Patience:
    """So many seconds of a machine that we had to ourselves; longer where many others want it."""

    def __init__(self, seconds: float) -> None:
        self._left, self._at = seconds, time.monotonic()

    def over(self) -> bool:
        """Whether that is spent."""
        now = time.monotonic()
        self._left -= (now - self._at) / crowd()
        self._at = now
        return self._left < 0
