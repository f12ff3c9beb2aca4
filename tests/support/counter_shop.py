"""A shop at the seam between reader and client: answers by operation name, from lists of records.

For what the reader does with answers. What Shopify itself does is tested against the sandbox.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import orjson

from storelink.connectors.protocol import Read
from storelink.errors import Rejected, StorelinkError

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OPERATION = re.compile(r"(?:query|mutation) (\w+)")
BULK_NAMES = {"Orders": "Order", "Products": "Product", "Customers": "Customer"}


@dataclass
class Operation:
    """A bulk operation. `statuses` are given one a poll, the last for ever."""

    id: str
    query: str
    created: datetime
    body: bytes
    statuses: list[str]
    objects: int
    roots: int
    url: str | None
    error: str | None = None
    polls: int = 0


@dataclass
class CounterShop:
    """`nodes` by gid, in the shape that nodes and pages have; `ask` and `download` as the client's."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=lambda: ["read_orders", "read_products", "read_customers"])
    now: datetime = NOW
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    new: Callable[[Operation], None] = lambda operation: None
    """Called with each new operation, to make it go wrong."""
    refuse: list[list[dict[str, Any]]] = field(default_factory=list)
    """userErrors of the next starts."""
    expired: set[str] = field(default_factory=set)
    failing: dict[str, list[StorelinkError]] = field(default_factory=dict)
    """Operation name → errors of its next calls."""
    destroyed: list[str] = field(default_factory=list)
    too_dear: int = 10**9
    """`MAX_COST_EXCEEDED` for more records at once than this."""
    cost: float = 900.0
    slept: list[float] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    """gids of records that change whenever the rest of them is read."""

    # -- the client's face

    def ask(self, document: str, variables: Mapping[str, Any] | None = None, *, repeat: bool = True) -> Any:
        name = OPERATION.search(document)[1]
        given = dict(variables or {})
        self.asked.append((name, given))
        if self.failing.get(name):
            raise self.failing[name].pop(0)
        data = getattr(self, f"_{name}")(given)
        read = Read(self.now, self.now + timedelta(seconds=1), self.now.replace(microsecond=0))
        self.now += timedelta(seconds=1)
        cost = SimpleNamespace(requested=self.cost, available=900.0, maximum=2000.0)
        return SimpleNamespace(data=data, read=read, cost=cost)

    @contextmanager
    def download(self, url: str, offset: int = 0) -> Iterator[Iterator[bytes]]:
        if url in self.expired:
            raise Rejected("expired", code="download_expired", status=403)
        (operation,) = [each for each in self.operations if each.url == url]
        body = operation.body[offset:]
        yield iter([body[at : at + 1000] for at in range(0, len(body), 1000)])

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def names(self) -> Counter[str]:
        return Counter(name for name, _ in self.asked)

    # -- records

    def add(self, kind: str, key: int, **fields: Any) -> dict[str, Any]:
        """A record with its connections as lists; they are cut into pages as they are asked for."""
        node = {"id": f"gid://shopify/{kind}/{key}", "updatedAt": "2026-11-20T10:00:00Z", **fields}
        node.setdefault("createdAt", "2026-11-20T10:00:00Z")
        if kind == "Order":
            node = {"lineItems": [], "shippingLines": [], "refunds": [], **node}
        elif kind == "Product":
            node = {"variants": [], **node}
        else:
            node = {"addresses": [], **node}
        self.nodes[node["id"]] = node
        return node

    def _paged(self, value: Any, lines: int) -> Any:
        """Copies a record, every list of objects with ids but refunds as a connection of `lines`."""
        if isinstance(value, dict):
            return {name: self._field(name, item, lines) for name, item in value.items()}
        return value

    def _field(self, name: str, item: Any, lines: int) -> Any:
        if name == "refunds":
            return [self._paged(refund, lines) for refund in item]
        if isinstance(item, list):
            return connection([dict(row) for row in item], lines, 0)
        return item

    def _all(self, kind: str) -> list[dict[str, Any]]:
        return [node for gid, node in self.nodes.items() if gid.split("/")[3] == kind]

    # -- operations

    def _OrderNodes(self, given: dict[str, Any]) -> Any:
        if len(given["ids"]) > self.too_dear:
            raise Rejected("too dear", code="MAX_COST_EXCEEDED")
        return {
            "nodes": [
                self._paged(self.nodes[gid], given["lines"]) if gid in self.nodes else None
                for gid in given["ids"]
            ]
        }

    _ProductNodes = _CustomerNodes = _OrderNodes

    def _page(self, kind: str, given: dict[str, Any], whole: bool) -> Any:
        if given["first"] > self.too_dear:
            raise Rejected("too dear", code="MAX_COST_EXCEEDED")
        by = (lambda node: (node["updatedAt"], node["id"])) if given["sort"] == "UPDATED_AT" else number
        found = sorted(self._all(kind), key=by, reverse=given["reverse"])
        query = given["query"] or ""
        if match := re.search(r"updated_at:>='([^']+)'", query):
            since = match[1] if kind != "Customer" else match[1][:10]
            found = [node for node in found if node["updatedAt"] >= since]
        if match := re.search(r"id:>=(\d+)", query):
            found = [node for node in found if number(node) >= int(match[1])]
        page = connection(found, given["first"], int(given["after"] or 0))
        cut = (lambda node: self._paged(node, given["lines"])) if whole else thin
        return {"page": {**page, "nodes": [cut(node) for node in page["nodes"]]}}

    def _OrderPage(self, given: dict[str, Any]) -> Any:
        return self._page("Order", given, True)

    def _ProductPage(self, given: dict[str, Any]) -> Any:
        return self._page("Product", given, True)

    def _CustomerPage(self, given: dict[str, Any]) -> Any:
        return self._page("Customer", given, True)

    def _OrderList(self, given: dict[str, Any]) -> Any:
        return self._page("Order", given, False)

    def _CustomerList(self, given: dict[str, Any]) -> Any:
        return self._page("Customer", given, False)

    def _more(self, name: str, given: dict[str, Any]) -> Any:
        owner = self._owner(given["id"])
        if given["id"] in self.touched:
            owner["updatedAt"] = (datetime.fromisoformat(owner["updatedAt"]) + timedelta(seconds=1)).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            )
        more = connection([dict(row) for row in owner[name]], given["first"], int(given["after"]))
        return {"node": {"updatedAt": owner["updatedAt"], "more": more}}

    def _owner(self, gid: str) -> dict[str, Any]:
        refunds = [refund for node in self._all("Order") for refund in node["refunds"]]
        return {**self.nodes, **{refund["id"]: refund for refund in refunds}}[gid]

    def _MoreLineItems(self, given: dict[str, Any]) -> Any:
        return self._more("lineItems", given)

    def _MoreRefundLineItems(self, given: dict[str, Any]) -> Any:
        return self._more("refundLineItems", given)

    def _MoreVariants(self, given: dict[str, Any]) -> Any:
        return self._more("variants", given)

    def _MoreAddresses(self, given: dict[str, Any]) -> Any:
        return self._more("addresses", given)

    def _GrantedScopes(self, given: dict[str, Any]) -> Any:
        scopes = [{"handle": scope} for scope in self.scopes]
        return {"currentAppInstallation": {"accessScopes": scopes}}

    def _OldestOrder(self, given: dict[str, Any]) -> Any:
        since = re.search(r"created_at:>='([^']+)'", given["query"])[1]
        found = sorted((node for node in self._all("Order") if node["createdAt"] >= since), key=number)
        return {"orders": {"nodes": [thin(node) for node in found[:1]]}}

    def _OrderSpan(self, given: dict[str, Any]) -> Any:
        created = sorted(node["createdAt"] for node in self._all("Order"))
        oldest = [{"createdAt": each} for each in created[:1]]
        return {"ordersCount": {"count": len(created)}, "orders": {"nodes": oldest}}

    def _Destroyed(self, given: dict[str, Any]) -> Any:
        gids = [
            gid for gid in self.destroyed if f"subject_type:{gid.split('/')[3].upper()} " in given["query"]
        ]
        return {"events": connection([{"subjectId": gid} for gid in gids], 2, int(given["after"] or 0))}

    # -- bulk

    def _BulkStart(self, given: dict[str, Any]) -> Any:
        if self.refuse:
            return {"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": self.refuse.pop(0)}}
        operation = self.begin(given["query"])
        return {"bulkOperationRunQuery": {"bulkOperation": self._node(operation), "userErrors": []}}

    def begin(self, query: str) -> Operation:
        """A new operation, as another process may have begun it too."""
        kind = BULK_NAMES[re.search(r"Storelink(?:Read|List)([A-Za-z]+)", query)[1]]
        lines = [line for node in self._all(kind) for line in jsonl_of(node, "List" in query)]
        body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        gid = f"gid://shopify/BulkOperation/{len(self.operations) + 1}"
        operation = Operation(
            gid,
            query,
            self.now.replace(microsecond=0),
            body,
            ["RUNNING", "COMPLETED"],
            len(lines),
            len(self._all(kind)),
            f"https://files/{len(self.operations) + 1}" if lines else None,
        )
        self.operations.append(operation)
        self.new(operation)
        return operation

    def _node(self, operation: Operation) -> dict[str, Any]:
        status = operation.statuses[min(operation.polls, len(operation.statuses) - 1)]
        done = status == "COMPLETED"
        return {
            "id": operation.id,
            "status": status,
            "type": "QUERY",
            "errorCode": operation.error,
            "createdAt": operation.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "objectCount": str(operation.objects),
            "rootObjectCount": str(operation.roots),
            "fileSize": str(len(operation.body)) if done else None,
            "url": operation.url if done else None,
            "query": operation.query,
        }

    def _BulkStatus(self, given: dict[str, Any]) -> Any:
        found = [operation for operation in self.operations if operation.id == given["id"]]
        if not found:
            return {"bulkOperation": None}
        node = self._node(found[0])
        found[0].polls += 1
        return {"bulkOperation": node}

    def _BulkRecent(self, given: dict[str, Any]) -> Any:
        return {"bulkOperations": {"nodes": [self._node(each) for each in reversed(self.operations)]}}


def connection(items: list[Any], first: int, after: int) -> dict[str, Any]:
    """One page; its cursor is how many came before."""
    end = after + first
    more = end < len(items)
    return {"pageInfo": {"hasNextPage": more, "endCursor": str(end)}, "nodes": items[after:end]}


def number(node: Mapping[str, Any]) -> int:
    return int(node["id"].rpartition("/")[2])


def thin(node: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": node["id"], "updatedAt": node["updatedAt"]}


def jsonl_of(node: Mapping[str, Any], listed: bool) -> Iterator[dict[str, Any]]:
    """The lines of one record, its parts before it."""
    if listed:
        yield thin(node)
        return
    own = dict(node)
    for name in ("lineItems", "shippingLines", "variants", "addresses"):
        for part in own.pop(name, ()):
            yield {"__typename": part["id"].split("/")[3], **part, "__parentId": own["id"]}
    if "refunds" in own:
        own["refunds"] = [{"id": refund["id"]} for refund in own["refunds"]]
    yield own
