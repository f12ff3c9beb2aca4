"""Records that a bulk result cannot carry whole, fetched by id beside it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from storelink.connectors.protocol import FetchPage
from storelink.connectors.shopify.pagesize import PageSize

AT_ONCE = 2
MOST = 2
"""Pages under way or not yet taken; with more, the bulk result waits for them."""
PAGE = 100
"""Records a page at most: several pages are in memory at once."""


class Late:
    """Ids wait until they fill a page, which is then fetched by another thread. A context."""

    def __init__(self, fetch: Callable[[Sequence[str]], Iterable[FetchPage]], size: PageSize) -> None:
        self._fetch, self._size = fetch, size
        self._waiting: list[str] = []
        self._going: deque[tuple[list[str], Future[list[FetchPage]]]] = deque()
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def ids(self) -> list[str]:
        """Those not taken yet: a read that goes on later must ask for them again."""
        return [key for chunk, _ in self._going for key in chunk] + self._waiting

    def add(self, ids: Iterable[str]) -> None:
        """Have these fetched."""
        self._waiting += ids
        while len(self._waiting) >= (rows := min(PAGE, self._size.rows)):
            self._begin(rows)

    def ready(self) -> Iterator[FetchPage]:
        """What has come by now; waits where too much is under way."""
        while self._going and (len(self._going) > MOST or self._going[0][1].done()):
            yield from self._going.popleft()[1].result()

    def rest(self) -> Iterator[FetchPage]:
        """All that is left."""
        if self._waiting:
            self._begin(len(self._waiting))
        while self._going:
            yield from self._going.popleft()[1].result()

    def _begin(self, count: int) -> None:
        chunk, self._waiting = self._waiting[:count], self._waiting[count:]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="storelink-late")
        self._going.append((chunk, self._pool.submit(lambda: list(self._fetch(chunk)))))
