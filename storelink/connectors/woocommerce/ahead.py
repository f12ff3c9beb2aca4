"""Pages asked for before they are needed, taken in order; and other work done a few at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

from storelink.connectors.woocommerce.width import Width

K = TypeVar("K")
T = TypeVar("T")


class Ahead(Generic[K, T]):
    """At most `width.value` calls of `ask` under way or waiting to be taken.

    A context: when it is left, nothing runs any more. Without a width everything is done as it is
    asked for. Not for use from several threads.
    """

    def __init__(self, ask: Callable[[K], T], width: Width | None) -> None:
        self._ask, self._width = ask, width
        self._queue: deque[tuple[K, Future[T]]] = deque()
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def room(self) -> int:
        """How many more may be asked for."""
        return self._width.value - len(self._queue) if self._width else 0

    @property
    def last(self) -> K | None:
        """What was asked for last and is not taken yet."""
        return self._queue[-1][0] if self._queue else None

    def want(self, key: K) -> None:
        """Begin to ask for `key`, to be taken after what was wanted before."""
        if self._width is None:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._width.most, thread_name_prefix="storelink-read")
        self._queue.append((key, self._pool.submit(self._ask, key)))

    def take(self, key: K) -> T:
        """The answer for `key`. If something else was wanted first, all that was wanted is let go."""
        if self._queue and self._queue[0][0] != key:
            self.drop()
        found = self._queue.popleft()[1].result() if self._queue else self._ask(key)
        if self._width:
            self._width.landed()
        return found

    def drop(self) -> None:
        """Let go of everything that was wanted; what already runs ends unseen."""
        while self._queue:
            self._queue.pop()[1].cancel()


def in_order(ask: Callable[[K], T], keys: Iterable[K], width: Width) -> Iterator[T]:
    """`ask(key)` for each key, a few at once, in their order."""
    with Ahead(ask, width) as ahead:
        waiting: deque[K] = deque()
        for key in keys:
            if ahead.room <= 0:
                yield ahead.take(waiting.popleft())
            waiting.append(key)
            ahead.want(key)
        while waiting:
            yield ahead.take(waiting.popleft())
