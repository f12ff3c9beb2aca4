"""Run a generator in a thread of its own, some items ahead of whoever takes them.

Postgres works on some pages while Python prepares the next. Whatever waits is taken at once: the
slower the writing, the more it does in one transaction. Where it is the faster one, it lingers for a
moment: a transaction costs the same for few pages as for many.
"""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Generic, TypeVar

LINGER = 0.25
"""Seconds to wait for more, at most."""

T = TypeVar("T")


class _Waiting(Generic[T]):
    """What is ready and not taken; weighs at most `limit`, or is one item."""

    def __init__(self, weigh: Callable[[T], int], limit: int) -> None:
        self._weigh, self._limit = weigh, limit
        self._changed = threading.Condition()
        self._items: list[T] = []
        self._weight = 0
        self._full = False
        """Whether there is no room for the next."""
        self._over = False
        self._error: BaseException | None = None

    def put(self, item: T) -> bool:
        """Wait for room. False: nobody takes any more."""
        weight = self._weigh(item)
        with self._changed:
            while self._items and self._weight + weight > self._limit and not self._over:
                self._full = True
                self._changed.notify_all()
                self._changed.wait()
            if self._over:
                return False
            self._items.append(item)
            self._weight += weight
            self._changed.notify_all()
            return True

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more will be put; `error` is why."""
        with self._changed:
            self._over, self._error = True, self._error or error
            self._changed.notify_all()

    def take(self) -> list[T]:
        """All that waits, at least one item; empty at the end. Raises what the source raised, last."""
        with self._changed:
            while not self._items and not self._over:
                self._changed.wait()
            self._changed.wait_for(self._is_enough, LINGER)
            items, self._items, self._weight, self._full = self._items, [], 0, False
            self._changed.notify_all()
        if not items and self._error is not None:
            raise self._error
        return items

    def _is_enough(self) -> bool:
        return self._over or self._full or 2 * self._weight >= self._limit


@contextmanager
def ahead(
    source: Generator[T, None, None], weigh: Callable[[T], int], limit: int
) -> Iterator[Iterator[list[T]]]:
    """Yields an iterator over the items of `source`, several at a time; at most `limit` waits.

    Errors come out in their place. On leaving, the source is closed and its thread has ended,
    whether it was read to its end or not.
    """
    waiting = _Waiting(weigh, limit)

    def work() -> None:
        error: BaseException | None = None
        try:
            with closing(source):
                for item in source:
                    if not waiting.put(item):
                        return
        except BaseException as failure:
            error = failure
        waiting.end(error)

    def take() -> Iterator[list[T]]:
        while items := waiting.take():
            yield items

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        waiting.end()
        thread.join()
