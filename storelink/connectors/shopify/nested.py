"""Records as pages bring them: their connections are read to the end and become plain lists."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from storelink.connectors.protocol import Raw, Read
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.asking import Asker
from storelink.connectors.shopify.jsonl import in_order
from storelink.connectors.shopify.kind import Kind, Nested
from storelink.connectors.shopify.pagesize import MOST, PageSize, ask_sized
from storelink.errors import Retryable


class Moved(Exception):
    """A record changed while the rest of it was read: what is at hand is of two times."""


@dataclass(slots=True)
class Completion:
    """Makes records whole. `finished` is when the last of what they needed had arrived."""

    client: Asker
    kind: Kind
    read: Read

    def whole(self, node: dict[str, Any]) -> Raw:
        """The record of a node; connections are lists by id. Raises `Moved`, and what `ask` raises."""
        self._join(node, self.kind.nested)
        for name, connections in self.kind.listed.items():
            for item in node.get(name) or ():
                self._join(item, connections)
        return node

    def _join(self, node: dict[str, Any], connections: Iterable[Nested]) -> None:
        for nested in connections:
            connection = node.get(nested.key)
            if not isinstance(connection, dict):
                raise Retryable(f"Shopify left out {nested.key} of {node.get('id')}", code="null")
            items = [item for item in connection["nodes"] if item is not None]
            if connection["pageInfo"]["hasNextPage"]:
                items += self._rest(node, nested, connection["pageInfo"]["endCursor"])
            node[nested.key] = in_order(items)

    def _rest(self, node: dict[str, Any], nested: Nested, after: str | None) -> list[Raw]:
        """The rest of a connection, of the same version of its record."""
        items: list[Raw] = []
        document, size = queries.load(nested.more), PageSize(1, rows=MOST)
        while True:
            answer = ask_sized(self.client, document, size, {"id": node["id"], "after": after})
            self.read = joined(self.read, answer.read)
            found = answer.data.get("node")
            if not found or found["updatedAt"] != node["updatedAt"]:
                raise Moved(node["id"])
            connection = found["more"]
            items += [item for item in connection["nodes"] if item is not None]
            if not connection["pageInfo"]["hasNextPage"]:
                return items
            after = advanced(after, connection["pageInfo"]["endCursor"])


def advanced(before: str | None, after: str | None) -> str:
    """The next cursor. Raises `Retryable` where a list goes round in a circle."""
    if after is None or after == before:
        raise Retryable("Shopify's list does not go on: the cursor stays where it is", code="cursor")
    return after


def joined(first: Read, second: Read) -> Read:
    """One read of two."""
    return Read(min(first.started, second.started), max(first.finished, second.finished), first.store_time)
