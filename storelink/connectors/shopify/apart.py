"""A list whose records come whole, read in several places at once while the bucket has points to spare.

A cursor is only known when the page before it has come. So where waiting for answers, and not the
bucket, is what holds a read up, a list of ids and times alone goes ahead: it costs little, and each
of its pages is a stretch of the list that is then read whole beside others. Its own requests still come
one after the other: what is gained is the time in which whole pages are made, not that of the way.
Docs: https://shopify.dev/docs/api/usage/pagination-graphql
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from storelink.connectors.shopify.ahead import in_order
from storelink.connectors.shopify.asking import Asker
from storelink.connectors.shopify.kind import Kind
from storelink.connectors.shopify.pagesize import PageSize
from storelink.connectors.shopify.told import updated
from storelink.connectors.shopify.walk import Order, Page, page_of

AT_ONCE = 3
"""Stretches read at once: each is a page of whole records in memory."""
FEW = 10
"""Records that are asked for where a stretch should have ended."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a list: what stands after the cursor `after`, as far as the last record of `lines`."""

    after: str
    lines: Page

    def ends(self, page: Page, order: Order) -> bool:
        """Whether a page reaches its end; a record that was edited meanwhile is not there any more."""
        if page.last or not self.lines.nodes:
            return True
        if not page.nodes:
            return False
        end = self.lines.nodes[-1]
        if any(node.get("id") == end.get("id") for node in page.nodes):
            return True
        until, moments = updated(end), [updated(node) for node in page.nodes]
        return min(moments) < until if order.reverse else max(moments) > until


def apart(client: Asker, kind: Kind, size: PageSize, order: Order, width: int) -> Iterator[Page]:
    """The pages of a list by UPDATED_AT, in its order. Records may come twice where some are edited."""

    def whole(part: Stretch | Page) -> list[Page]:
        return [part] if isinstance(part, Page) else _whole(client, kind, size, order, part)

    for pages in in_order(whole, _parts(client, kind, size, order), min(AT_ONCE, width)):
        yield from pages


def _parts(client: Asker, kind: Kind, size: PageSize, order: Order) -> Iterator[Stretch | Page]:
    """Whole pages while the bucket is what is waited for, else stretches for others to read."""
    page = page_of(client, kind.page, size, order, None)
    while True:
        yield page
        if page.last:
            return
        after = page.cursor
        while page.spare:
            page = page_of(client, kind.list, PageSize(1, rows=size.rows), order, after)
            yield Stretch(after, page)
            if page.last:
                return
            after = page.cursor
        page = page_of(client, kind.page, size, order, after)


def _whole(client: Asker, kind: Kind, size: PageSize, order: Order, stretch: Stretch) -> list[Page]:
    """A stretch with its records; the list's last page is the last of a stretch that goes to its end."""
    pages: list[Page] = []
    after, left = stretch.after, len(stretch.lines.nodes)
    while True:
        page = page_of(
            client, kind.page, size, order, after, most=None if stretch.lines.last else max(left, FEW)
        )
        pages.append(replace(page, last=page.last and stretch.lines.last))
        if page.last or (not stretch.lines.last and stretch.ends(page, order)):
            return pages
        after, left = page.cursor, left - len(page.nodes)
