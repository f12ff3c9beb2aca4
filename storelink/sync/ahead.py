"""Run a generator in a thread of its own, a few items ahead of whoever takes them.

Postgres works on one page while Python prepares the next.
"""

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class _Ended(Generic[T]):
    """The last thing in the queue: the source is exhausted, or failed."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


@contextmanager
def ahead(source: Generator[T, None, None], depth: int = 2) -> Iterator[Iterator[T]]:
    """Yields an iterator over `source`; at most `depth` items wait. Errors come out in their place.

    On leaving, the source is closed and its thread has ended, whether it was read to its end or not.
    """
    waiting: queue.Queue[T | _Ended[T]] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: T | _Ended[T]) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        error: BaseException | None = None
        try:
            with closing(source):
                for item in source:
                    if not put(item):
                        return
        except BaseException as failure:
            error = failure
        put(_Ended(error))

    def take() -> Iterator[T]:
        while True:
            item = waiting.get()
            if isinstance(item, _Ended):
                if item.error is not None:
                    raise item.error
                return
            yield item

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stop.set()
        thread.join()
