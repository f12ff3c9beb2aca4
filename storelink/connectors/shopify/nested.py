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
from storelink.connectors.shopify.told import advanced, connection
from storelink.errors import Retryable


class Unread(Exception):
    """What is at hand of a record is not whole, or is of two times. The text says why."""


@dataclass(slots=True)
class Completion:
    """Makes records whole. `finished` is when the last of what they needed had arrived."""

    client: Asker
    kind: Kind
    read: Read

    def whole(self, node: dict[str, Any]) -> Raw:
        """The record of a node; connections are lists by id. Raises `Unread`, and what `ask` raises."""
        self._join(node, self.kind.nested)
        for name, connections in self.kind.listed.items():
            items = node.get(name)
            if not (isinstance(items, list) and all(type(item) is dict for item in items)):
                raise Unread(f"Shopify's answer is not as documented: {name} is no list of objects")
            for item in items:
                self._join(item, connections)
        return node

    def _join(self, node: dict[str, Any], connections: Iterable[Nested]) -> None:
        for nested in connections:
            try:
                part = connection(node, nested.key)
            except Retryable as error:
                raise Unread(str(error)) from error
            items = part.items
            if part.more:
                items += self._rest(node, nested, part.end)
            node[nested.key] = in_order(items)

    def _rest(self, node: dict[str, Any], nested: Nested, after: Any) -> list[Raw]:
        """The rest of a connection, of the same version of its record."""
        items: list[Raw] = []
        document, size = queries.load(nested.more), PageSize(1, rows=MOST)
        while True:
            answer = ask_sized(self.client, document, size, {"id": node["id"], "after": after})
            self.read = joined(self.read, answer.read)
            found = answer.data.get("node")
            if not isinstance(found, dict) or found.get("updatedAt") != node.get("updatedAt"):
                raise Unread("it changed each time while it was read")
            part = connection(found, "more")
            items += part.items
            if not part.more:
                return items
            after = advanced(after, part.end)


def joined(first: Read, second: Read) -> Read:
    """One read of two."""
    return Read(min(first.started, second.started), max(first.finished, second.finished), first.store_time)
