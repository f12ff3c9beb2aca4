"""Lists by cursor, and what their limits ask for: no list goes on after 25,000 objects.

Docs: https://shopify.dev/docs/api/usage/pagination-graphql and …/usage/limits#pagination-limits
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from storelink.connectors.protocol import Read
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.asking import Asker
from storelink.connectors.shopify.pagesize import PageSize, ask_sized
from storelink.connectors.shopify.told import advanced, connection, key

REACH = 24_000
"""Objects after which a list is begun anew from where it is."""


def zulu(moment: datetime) -> str:
    """A moment as a filter takes it: whole seconds, UTC; to be put in quotes."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Page:
    """Some nodes of a list, in its order. `last` where there are none after them.

    `cursor` is where the next page begins. `spare` where the bucket was more than half full then: the
    bucket is not what is waited for.
    """

    nodes: list[dict[str, Any]]
    read: Read
    last: bool
    cursor: str = ""
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What a list holds and how it is sorted. `sort` is UPDATED_AT or ID."""

    sort: str
    query: str | None = None
    reverse: bool = False


def walk(client: Asker, name: str, size: PageSize, order: Order) -> Iterator[Page]:
    """The pages of one list, up to its end; the caller minds `REACH`."""
    after: str | None = None
    while True:
        page = page_of(client, name, size, order, after)
        yield page
        if page.last:
            return
        after = page.cursor


def page_of(
    client: Asker, name: str, size: PageSize, order: Order, after: str | None, most: int | None = None
) -> Page:
    """The page after a cursor, of `most` nodes at most. Raises `Retryable` if the list goes in a circle.

    A list of everything, or one that has begun, does not end with an empty page: then that is asked
    for once more.
    """
    document = queries.load(name)
    variables = {"sort": order.sort, "query": order.query, "reverse": order.reverse, "after": after}
    for doubtful in (order.sort == "ID" or after is not None, False):
        answer = ask_sized(client, document, size, variables, most)
        part = connection(answer.data, "page")
        if part.items or part.more or not doubtful:
            break
    cursor = advanced(after, part.end) if part.more else ""
    cost = answer.cost
    spare = cost is not None and cost.available > cost.maximum / 2
    return Page(part.items, answer.read, not part.more, cursor, spare)


def changed_since(since: datetime) -> str:
    """The search for what changed at `since` or later."""
    return f"updated_at:>='{zulu(since)}'"


def made_since(since: datetime | None) -> str | None:
    """The search for what was made at `since` or later; None: for everything."""
    return None if since is None else f"created_at:>='{zulu(since)}'"


def by_id(
    client: Asker, name: str, size: PageSize, last_id: str | None, search: str | None = None
) -> Iterator[Page]:
    """Every record after `last_id` that a search finds, by id, however many there are."""
    while True:
        further = f"id:>={int(last_id) + 1}" if last_id else None
        query = " ".join(filter(None, (further, search))) or None
        seen, last = 0, True
        for page in walk(client, name, size, Order("ID", query)):
            yield page
            seen, last = seen + len(page.nodes), page.last
            if page.nodes:
                last_id = key(page.nodes[-1])
            if seen >= REACH:
                break
        if last:
            return
