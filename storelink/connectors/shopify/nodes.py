"""Records by id, and what it means when Shopify answers null for one.

Docs: https://shopify.dev/docs/api/admin-graphql/latest/queries/nodes
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from storelink.connectors.protocol import FetchPage, Raw, Read
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.ahead import in_order
from storelink.connectors.shopify.asking import Asker
from storelink.connectors.shopify.kind import Kind, key_of
from storelink.connectors.shopify.nested import Completion, Unread, joined
from storelink.connectors.shopify.pagesize import PageSize, too_much
from storelink.connectors.shopify.profile import implied, scopes_of
from storelink.connectors.shopify.told import as_documented
from storelink.connectors.shopify.walk import zulu
from storelink.errors import Retryable, StorelinkError

VISIBLE = timedelta(days=59)
"""Without `read_all_orders` an app sees the orders of 60 days; a day less, for clocks and time zones."""
ATTEMPTS = 3
"""Reads of one record that changes while it is read."""
_LARGEST = 2**63 - 1


class Nodes:
    """Fetches records of a store by id. Safe for several threads."""

    def __init__(self, client: Asker, scopes: Iterable[str], width: int) -> None:
        """`scopes` are those that the check found granted; empty where nothing was checked yet."""
        self._client, self._scopes, self._width = client, implied(scopes), width
        self._sizes: dict[str, PageSize] = {}

    def fetch(self, kind: Kind, ids: Sequence[str]) -> Iterator[FetchPage]:
        """These records, in pages as large as their cost allows, a few asked for at once."""
        size = self.size(kind)
        if len(ids) <= size.rows:
            if ids:
                yield self._page(kind, ids)
            return
        yield from in_order(lambda chunk: self._page(kind, chunk), _chunks(ids, size), self._width)

    def size(self, kind: Kind) -> PageSize:
        """How many records of this kind are asked for at once."""
        return self._sizes.setdefault(kind.resource, PageSize(kind.lines, rows=25))

    def _page(self, kind: Kind, ids: Sequence[str]) -> FetchPage:
        """One page; in halves where it is too dear, or where Shopify fails over some record in it."""
        wanted = [key for key in dict.fromkeys(ids) if _fit(key)]
        strange = {key: "Shopify has no ids like this" for key in ids if not _fit(key)}
        if not wanted:
            read = self._client.ask(queries.load("granted_scopes")).read
            return FetchPage({}, read, unanswered=strange)
        pages: list[FetchPage] = []
        waiting = [wanted]
        while waiting:
            part = waiting.pop()
            page = self._part(kind, part)
            if page is None:
                waiting += _halves(part)
            else:
                pages.append(page)
        return _together(pages, strange)

    def _part(self, kind: Kind, ids: list[str]) -> FetchPage | None:
        """The answer for some ids; None where fewer should be asked for at once."""
        size = self.size(kind)
        document = queries.load(kind.nodes)
        variables = {"ids": [kind.gid(key) for key in ids], "lines": size.lines}
        try:
            answer = self._client.ask(document, variables)
        except StorelinkError as error:
            if too_much(error):
                size.shrink(len(ids), error)
                return None
            if not (isinstance(error, Retryable) and error.code == "INTERNAL_SERVER_ERROR"):
                raise
            if len(ids) > 1:
                return None
            read = self._client.ask(queries.load("granted_scopes")).read
            return FetchPage({}, read, unanswered={ids[0]: str(error)})
        size.learn(len(ids), answer.cost)
        nodes = answer.data.get("nodes")
        # each has its place, and null in it says it is not there
        if not isinstance(nodes, list) or len(nodes) != len(ids):
            return FetchPage({}, answer.read, unanswered=dict.fromkeys(ids, "no answer to each id"))
        return self._sorted(kind, ids, nodes, answer.read)

    def _sorted(self, kind: Kind, ids: list[str], nodes: Sequence[Any], read: Read) -> FetchPage:
        """What came, and what did not."""
        completion = Completion(self._client, kind, read)
        found: dict[str, Raw] = {}
        unread: dict[str, str] = {}
        for key, node in zip(ids, nodes, strict=True):
            if node is not None:
                try:
                    found[key] = completion.whole(_of(kind, key, node))
                except Unread as error:
                    unread[key] = str(error)
        missing = [key for key in ids if key not in found and key not in unread]
        gone, hidden = self._judged(kind, missing)
        page = FetchPage(found, completion.read, gone=gone, unanswered=unread, out_of_sight=hidden)
        return self._again(kind, page)

    def _again(self, kind: Kind, page: FetchPage) -> FetchPage:
        """Read records once more that changed under our hands."""
        for key in page.unanswered:
            for _ in range(ATTEMPTS - 1):
                answer = self._client.ask(
                    queries.load(kind.nodes), {"ids": [kind.gid(key)], "lines": self.size(kind).lines}
                )
                completion = Completion(self._client, kind, answer.read)
                try:
                    with as_documented("nodes"):
                        (node,) = answer.data["nodes"]
                    record = None if node is None else completion.whole(_of(kind, key, node))
                except Unread:
                    continue
                if record is not None:
                    still = {name: why for name, why in page.unanswered.items() if name != key}
                    read = joined(page.read, completion.read)
                    page = FetchPage(
                        {**page.found, key: record}, read,
                        gone=page.gone, unanswered=still, out_of_sight=page.out_of_sight,
                    )  # fmt: skip
                break
        return page

    # -- what null means ---------------------------------------------------------------------------

    def _judged(self, kind: Kind, ids: list[str]) -> tuple[list[str], list[str]]:
        """Of ids that were answered with null, those that are gone and those that we may not see."""
        if not ids:
            return [], []
        answer = self._client.ask(queries.load("granted_scopes"))
        scopes = scopes_of(answer.data)
        if scopes is None:
            raise Retryable("Shopify's answer is not as documented: accessScopes", code="shape")
        granted = implied(scopes)
        if f"read_{kind.scope}" not in granted or self._scopes - granted:
            return [], ids
        if kind.resource != "orders" or "read_all_orders" in granted:
            return ids, []
        since = self._oldest_visible(answer.read.store_time or datetime.now(UTC))
        gone = [key for key in ids if since is not None and int(key) >= since]
        return gone, [key for key in ids if key not in gone]

    def _oldest_visible(self, now: datetime) -> int | None:
        """The id of the oldest order that we surely see: ids rise, so what is above it is younger."""
        query = f"created_at:>='{zulu(now - VISIBLE)}'"
        answer = self._client.ask(queries.load("oldest_order"), {"query": query})
        with as_documented("orders"):
            found = answer.data["orders"]["nodes"]
            return int(key_of(found[0]["id"])) if found else None


def _of(kind: Kind, key: str, node: Any) -> dict[str, Any]:
    """The record that was answered for an id. Raises `Unread` where it is another one."""
    if not isinstance(node, dict) or node.get("id") != kind.gid(key):
        raise Unread("Shopify answered with something else")
    return node


def _fit(key: str) -> bool:
    return key.isascii() and key.isdigit() and 0 < int(key) <= _LARGEST


def _chunks(ids: Sequence[str], size: PageSize) -> Iterator[Sequence[str]]:
    """The ids in pages; how large they may be is learnt on the way."""
    first = 0
    while first < len(ids):
        rows = size.rows
        yield ids[first : first + rows]
        first += rows


def _halves(ids: list[str]) -> list[list[str]]:
    middle = (len(ids) + 1) // 2
    return [half for half in (ids[:middle], ids[middle:]) if half]


def _together(pages: Sequence[FetchPage], strange: Mapping[str, str]) -> FetchPage:
    """One page of several."""
    read = pages[0].read
    found: dict[str, Raw] = {}
    unanswered = dict(strange)
    for page in pages:
        read = joined(read, page.read)
        found.update(page.found)
        unanswered.update(page.unanswered)
    return FetchPage(
        found,
        read,
        gone=[key for page in pages for key in page.gone],
        unanswered=unanswered,
        out_of_sight=[key for page in pages for key in page.out_of_sight],
    )
