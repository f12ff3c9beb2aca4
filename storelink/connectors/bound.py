"""Orders from a time on: the part of the seam that not every platform has.

A connector whose `capabilities` have `since` opens stores that are a `BoundedStore`: what they list and read
whole can be bounded by when records were made. What is asked for by change or by id never is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from storelink.connectors.protocol import Connector, Cursor, ListPage, RawPage, Store

SINCE = "since"
"""The capability."""
RESOURCE = "orders"
"""The one resource that is bounded: all else is small beside it, and orders lead to it by its ids."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How many records there are, and when the oldest of them was made; None where the store does not say."""

    count: int | None
    oldest: datetime | None


class BoundedStore(Store, Protocol):
    """A store that can be read from a time on. A record whose making is not known belongs to it."""

    def list_all(self, resource: str, since: datetime | None = None) -> Iterator[ListPage]:
        """Every version, trashed ones included, of records made at `since` or later; None: of all."""

    def backfill(
        self, resource: str, cursor: Cursor | None, since: datetime | None = None
    ) -> Iterator[RawPage]:
        """Every record made then or later. A cursor is good for the same `since` only."""

    def extent(self, resource: str, since: datetime | None = None) -> Extent:
        """How much that is, trash left out; one or two requests. About: a few more may be counted."""


def can_bound(connector: Connector) -> bool:
    """Whether orders of this platform can be read from a time on.

    Where a resource cannot be listed by change, an older record that changes would never be seen.
    """
    return SINCE in connector.capabilities and RESOURCE not in connector.listed_whole


def list_all(store: Store, resource: str, since: datetime | None) -> Iterator[ListPage]:
    """`Store.list_all`, or what of it was made since then."""
    return store.list_all(resource) if since is None else cast(BoundedStore, store).list_all(resource, since)


def backfill(store: Store, resource: str, cursor: Cursor | None, since: datetime | None) -> Iterator[RawPage]:
    """`Store.backfill`, or what of it was made since then."""
    if since is None:
        return store.backfill(resource, cursor)
    return cast(BoundedStore, store).backfill(resource, cursor, since)
