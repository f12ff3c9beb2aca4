"""Work done a few at a time, taken in its order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


def in_order(ask: Callable[[K], T], keys: Iterable[K], width: int) -> Iterator[T]:
    """`ask(key)` for each key, at most `width` at once; `keys` is read only as far as needed."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(width, thread_name_prefix="storelink-read") as pool:
        try:
            for key in keys:
                if len(waiting) >= width:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(ask, key))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
