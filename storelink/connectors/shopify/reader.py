"""Reading a Shopify store: lists of versions, records by id, and everything.

What is read whole goes through bulk operations, which cost nothing of the rate limit; where a token
may not run them, through pages by id.
Docs: https://shopify.dev/docs/api/usage/bulk-operations/queries and …/usage/pagination-graphql
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from storelink.connectors.bound import Extent
from storelink.connectors.protocol import Cursor, FetchPage, Limits, Listed, ListPage, Raw, RawPage, Read
from storelink.connectors.shopify import queries, windows
from storelink.connectors.shopify.apart import apart
from storelink.connectors.shopify.asking import Asker
from storelink.connectors.shopify.bulk import Bulk, Lost, Result, Unavailable
from storelink.connectors.shopify.everything import ATTEMPTS, DONE, Everything, span
from storelink.connectors.shopify.jsonl import Assembly, Damaged, Layout
from storelink.connectors.shopify.kind import KINDS, Kind, key_of
from storelink.connectors.shopify.moment import moment_or_none
from storelink.connectors.shopify.nested import Completion, Unread
from storelink.connectors.shopify.nodes import Nodes
from storelink.connectors.shopify.pagesize import PageSize
from storelink.connectors.shopify.told import advanced, connection, key, updated
from storelink.connectors.shopify.walk import REACH, Order, Page, by_id, changed_since, made_since, walk
from storelink.errors import Rejected, Retryable

OVERLAP = timedelta(minutes=15)
"""The search index lags behind the records."""
LATELY = timedelta(days=1)
"""How far back a whole list asks for what was destroyed."""
LINES = 5000
"""Versions of a bulk list in one page."""
SHORT = 512 * 1024
"""Bytes in a partition of such a list: its lines are short, and much is kept beside each."""

_log = structlog.get_logger(__name__)


class Reader:
    """One store, read. Safe for several threads; every iterator belongs to the thread that runs it."""

    def __init__(
        self,
        client: Asker,
        settings: Mapping[str, Any],
        limits: Limits,
        *,
        sleep: Callable[[float], object] | None = None,
        large: int | None = None,
    ) -> None:
        """`settings` are what the check learnt: `scopes`. `large` is for tests; it is `windows.LARGE`."""
        self._client = client
        self._closed = threading.Event()
        self._bulk = Bulk(client, sleep or self._wait)
        self._width = min(4, limits.width)
        self._nodes = Nodes(client, settings.get("scopes") or (), self._width)
        self._everything = Everything(
            client, self._bulk, self._nodes, windows.LARGE if large is None else large
        )
        self._sizes: dict[str, PageSize] = {}

    def close(self) -> None:
        """Wake what waits for an operation; it ends as `Retryable`."""
        self._closed.set()

    def fetch(self, resource: str, ids: Sequence[str]) -> Iterator[FetchPage]:
        """See `protocol.Store`."""
        return self._nodes.fetch(KINDS[resource], ids)

    # -- everything --------------------------------------------------------------------------------

    def backfill(
        self, resource: str, cursor: Cursor | None, since: datetime | None = None
    ) -> Iterator[RawPage]:
        """See `bound.BoundedStore`. The cursor is a `Place` in bulk operations or `{after: last id}`."""
        kind = KINDS[resource]
        if cursor == DONE:
            return
        if cursor is None or "bulk" in cursor:
            try:
                yield from self._everything.pages(kind, cursor, since)
            except Unavailable as error:
                _log.warning("no bulk operation; reading by pages", resource=resource, reason=str(error))
                cursor = None
            else:
                return
        yield from self._by_pages(kind, cursor.get("after") if cursor else None, made_since(since))

    def _by_pages(self, kind: Kind, after: str | None, search: str | None) -> Iterator[RawPage]:
        """Everything that a search finds by pages, in the order of ids."""
        for page in by_id(self._client, kind.page, self._size(kind), after, search):
            found, unread, read = self._whole(kind, page)
            if page.nodes:
                after = key(page.nodes[-1], kind)
            cursor: Cursor = DONE if page.last and not unread else {"after": after}
            # what changed under our hands is fetched; if that does not help, the list shows it later
            yield RawPage(list(found.values()), read, cursor)
            for again in self._nodes.fetch(kind, unread):
                yield RawPage(list(again.found.values()), again.read, DONE if page.last else cursor)

    def _whole(self, kind: Kind, page: Page) -> tuple[dict[str, Raw], list[str], Read]:
        """The records of a page by id, and ids of those that could not be read whole."""
        completion = Completion(self._client, kind, page.read)
        found: dict[str, Raw] = {}
        unread: list[str] = []
        for node in page.nodes:
            name = key(node, kind)
            try:
                found[name] = completion.whole(node)
            except Unread:
                unread.append(name)
        return found, unread, completion.read

    # -- lists -------------------------------------------------------------------------------------

    def extent(self, resource: str, since: datetime | None = None) -> Extent:
        """See `bound.BoundedStore`. Of orders alone; for others nothing is said."""
        return span(self._client, since) if resource == "orders" else Extent(None, None)

    def list_all(self, resource: str, since: datetime | None = None) -> Iterator[ListPage]:
        """See `bound.BoundedStore`. Ends with what was destroyed lately: the list may still have it."""
        kind = KINDS[resource]
        now = datetime.now(UTC)
        for page in self._listed_whole(kind, made_since(since)):
            now = page.read.store_time or now
            yield page
        yield from self._destroyed(kind, now - LATELY)

    def list_since(self, resource: str, watermark: datetime) -> Iterator[ListPage]:
        """See `protocol.Store`. Begins with what was destroyed.

        Most of what a list shows is new where the watermark is older than the overlap: then the
        records come with it, which costs less than to fetch them by id.
        """
        kind = KINDS[resource]
        since = watermark - OVERLAP
        first = self._destroyed(kind, since)
        now = datetime.now(UTC)
        for page in first:
            now = page.read.store_time or now
            yield page
        whole = now - watermark > OVERLAP
        if kind.exact:
            yield from self._since(kind, since, whole)
        else:
            yield from self._since_backwards(kind, since, whole)

    def _since(self, kind: Kind, since: datetime, whole: bool) -> Iterator[ListPage]:
        """What changed since then, oldest change first."""
        while True:
            query = changed_since(since)
            seen, oldest = 0, since
            for page in self._pages(kind, Order("UPDATED_AT", query), whole):
                yield self._versions(kind, page, whole)
                if page.last:
                    return
                seen += len(page.nodes)
                oldest = min((updated(node) for node in page.nodes), default=oldest)
                if seen >= REACH:
                    break
            if oldest <= since:  # more records of one second than a list can reach
                yield from self._listed_whole(kind, changed_since(since))
                return
            since = oldest

    def _since_backwards(self, kind: Kind, since: datetime, whole: bool) -> Iterator[ListPage]:
        """The same where the filter knows only days: newest first, up to the first page that is older."""
        query = changed_since(since - timedelta(days=1))
        seen = 0
        for page in self._pages(kind, Order("UPDATED_AT", query, reverse=True), whole):
            nodes = [node for node in page.nodes if updated(node) >= since]
            yield self._versions(kind, Page(nodes, page.read, page.last), whole)
            seen += len(page.nodes)
            if page.nodes and not nodes:
                return
            if seen >= REACH and not page.last:
                yield from self._listed_whole(kind, changed_since(since))
                return

    def _pages(self, kind: Kind, order: Order, whole: bool) -> Iterator[Page]:
        if whole:
            return apart(self._client, kind, self._size(kind), order, self._width)
        return walk(self._client, kind.list, PageSize(1, rows=250), order)

    def _versions(self, kind: Kind, page: Page, whole: bool) -> ListPage:
        """A page as lines of versions, with the records where they came too."""
        lines = [_listed(node, kind) for node in page.nodes]
        if not whole:
            return ListPage(lines, page.read)
        found, _, read = self._whole(kind, page)
        return ListPage(lines, read, found=found)

    def _listed_whole(self, kind: Kind, search: str | None) -> Iterator[ListPage]:
        """Every version (or those that a search finds) by bulk, else by pages."""
        query = queries.inlined(kind.bulk_list)
        if search is not None:
            query = queries.filtered(query, search)
        try:
            yield from self._listed_by_bulk(kind, query)
        except Unavailable as error:
            _log.warning("no bulk operation; listing by pages", resource=kind.resource, reason=str(error))
            for page in by_id(self._client, kind.list, PageSize(1, rows=250), None, search):
                yield ListPage([_listed(node, kind) for node in page.nodes], page.read)

    def _listed_by_bulk(self, kind: Kind, query: str) -> Iterator[ListPage]:
        """A list by bulk. Raises `Unavailable` where that cannot be had."""
        reason = ""
        for _ in range(ATTEMPTS):
            started = self._bulk.start(query)
            try:
                result = self._bulk.result(started)
                with Assembly(Layout(kind.type), result.size, partition=SHORT) as assembly:
                    self._bulk.take(result, assembly)
                    yield from _list_pages(kind, result, assembly)
                return
            except (Lost, Damaged) as error:
                reason = str(error)
                _log.warning("bulk list begun anew", resource=kind.resource, reason=reason)
        raise Unavailable(f"{ATTEMPTS} operations brought no whole list; the last: {reason}")

    def _destroyed(self, kind: Kind, since: datetime) -> Iterator[ListPage]:
        """Ids that the feed of events says were destroyed. Not every app may read it."""
        query = f"action:destroy AND subject_type:{kind.type.upper()} AND {made_since(since)}"
        document, after = queries.load("destroyed"), None
        while True:
            try:
                answer = self._client.ask(document, {"first": 250, "after": after, "query": query})
            except Rejected:
                return
            if answer.data.get("events") is None:
                return
            events = connection(answer.data, "events")
            gids = [gid for event in events.items if isinstance(gid := event.get("subjectId"), str)]
            yield ListPage([], answer.read, destroyed=[key_of(gid) for gid in gids])
            if not events.more:
                return
            after = advanced(after, events.end)

    def _size(self, kind: Kind) -> PageSize:
        return self._sizes.setdefault(kind.resource, PageSize(kind.lines))

    def _wait(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise Retryable("the client was closed while a bulk operation was waited for", code="cut")


def _list_pages(kind: Kind, result: Result, assembly: Assembly) -> Iterator[ListPage]:
    """The versions of a whole result, at least one page. Its time is the operation's end.

    What was edited while it ran is not stamped in the future.
    """
    read = result.read
    ended = result.operation.created + (read.finished - read.started)
    read = Read(read.started, read.finished, ended)
    yield ListPage([], read, result.roots)
    for rows in assembly.rows(LINES):
        yield ListPage([_listed(row, kind) for row in rows], read, result.roots)


def _listed(node: Mapping[str, Any], kind: Kind) -> Listed:
    return Listed(key(node, kind), moment_or_none(node.get("updatedAt")))
