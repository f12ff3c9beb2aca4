"""How Python is set while pages are read and written, and set back after.

The cyclic garbage collector is told that pages of JSON are no garbage: a page is some ten thousand
containers without a cycle among them, freed when it is written, and at the usual thresholds they
are walked again and again, for more work than parsing them.

And threads hand over to each other sooner. The one that writes needs the interpreter for a moment
between two answers of Postgres; if it waits the usual 5 ms each time for one that parses, Postgres
idles half of a backfill.

And glibc's threads share one heap: with one each, every reader keeps the room of its largest page.
"""

import ctypes
import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache

YOUNG = 200_000
"""New containers before a collection: several pages."""
HANDOVER = 0.0002
"""Seconds that a thread may keep the interpreter while another wants it."""
HEAPS = 1
_M_ARENA_MAX = -8
"""Its name in glibc's malloc.h."""


@dataclass(frozen=True, slots=True)
class _Usual:
    thresholds: tuple[int, int, int]
    interval: float


_lock = threading.Lock()
_passes: list[_Usual] = []


@contextmanager
def set_for_passes() -> Iterator[None]:
    """Set it so while this lasts; passes of several threads may overlap. The heaps stay few."""
    _share_heaps()
    with _lock:
        _passes.append(_passes[0] if _passes else _Usual(gc.get_threshold(), sys.getswitchinterval()))
        gc.set_threshold(YOUNG, 20, 20)
        sys.setswitchinterval(HANDOVER)
    try:
        yield
    finally:
        with _lock:
            usual = _passes.pop()
            if not _passes:
                gc.set_threshold(*usual.thresholds)
                sys.setswitchinterval(usual.interval)


@cache
def _share_heaps() -> None:
    with suppress(AttributeError, OSError):  # another C library than glibc
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, HEAPS)
