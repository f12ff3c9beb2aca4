"""A store that can be told to stop: no page is begun any more, the one in hand is finished."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import TypeVar, cast

from storelink.connectors import bound
from storelink.connectors.protocol import Checkup, Cursor, FetchPage, ListPage, RawPage, Store
from storelink.errors import Stopped, StorelinkError

P = TypeVar("P")


class Stoppable:
    """The same store; its pages end with `Stopped` once `stop` says so. What fails then is no failure."""

    def __init__(self, store: Store, stop: Callable[[], bool]) -> None:
        self._store, self._stop = store, stop
        self.traffic = store.traffic

    @property
    def inner(self) -> Store:
        """The store itself, for what is not made of pages: its webhooks."""
        return self._store

    def check(self) -> Checkup:
        """See `Store`."""
        return self._store.check()

    def list_all(self, resource: str, since: datetime | None = None) -> Iterator[ListPage]:
        """See `BoundedStore`."""
        return self._watched(bound.list_all(self._store, resource, since))

    def list_since(self, resource: str, watermark: datetime) -> Iterator[ListPage]:
        """See `Store`."""
        return self._watched(self._store.list_since(resource, watermark))

    def fetch(self, resource: str, ids: Sequence[str]) -> Iterator[FetchPage]:
        """See `Store`."""
        return self._watched(self._store.fetch(resource, ids))

    def backfill(
        self, resource: str, cursor: Cursor | None, since: datetime | None = None
    ) -> Iterator[RawPage]:
        """See `BoundedStore`."""
        return self._watched(bound.backfill(self._store, resource, cursor, since))

    def close(self) -> None:
        """See `Store`."""
        self._store.close()

    def _watched(self, pages: Iterator[P]) -> Iterator[P]:
        with closing(cast("Generator[P]", pages)):
            while True:
                self._demand()
                try:
                    page = next(pages)
                except StopIteration:
                    return
                except StorelinkError:
                    self._demand()
                    raise
                yield page

    def _demand(self) -> None:
        if self._stop():
            raise Stopped("asked to stop; the next pass carries on from here")
