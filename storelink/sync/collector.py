"""Python's cyclic garbage collector, told that pages of JSON are no garbage.

A page is some ten thousand containers without a cycle among them, freed when it is written. At the
collector's usual thresholds it walks them all again and again: more work than parsing them.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 200_000
"""New containers before a collection: several pages."""

_lock = threading.Lock()
_usual: list[tuple[int, int, int]] = []


@contextmanager
def unhurried() -> Iterator[None]:
    """Collect seldom while this lasts; passes of several threads may overlap."""
    with _lock:
        _usual.append(_usual[0] if _usual else gc.get_threshold())
        gc.set_threshold(YOUNG, 20, 20)
    try:
        yield
    finally:
        with _lock:
            usual = _usual.pop()
            if not _usual:
                gc.set_threshold(*usual)
