"""Answering one GraphQL request: version, cost, bucket, the graph itself."""

import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import DocumentNode

from storelink.sandbox.shopify import cost
from storelink.sandbox.shopify.bucket import RATES, Bucket
from storelink.sandbox.shopify.checking import is_dated
from storelink.sandbox.shopify.context import Context
from storelink.sandbox.shopify.gate import App
from storelink.sandbox.shopify.graph import Graph
from storelink.sandbox.shopify.store import Store
from storelink.sandbox.shopify.switches import Switches, covers

Headers = list[tuple[str, str]]
Doc = dict[str, Any]
_THEIRS = frozenset(("INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE"))
LIMITS = "https://shopify.dev/api/usage/rate-limits"
DEPRECATED = "https://shopify.dev/api/usage/versioning#deprecation-practices"
_READ = 200


class Answers:
    """The versions of one shop's API and the buckets of its apps."""

    def __init__(self, store: Store, graphs: Mapping[str, Graph], switches: Switches) -> None:
        self.store = store
        self.graphs = dict(graphs)
        self.switches = switches
        self.buckets: dict[str, Bucket] = {}
        self._asked = 0
        self._read: OrderedDict[tuple[str, str], tuple[list[Doc] | DocumentNode, str]] = OrderedDict()

    def request_id(self) -> str:
        self._asked += 1
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.store.site.domain} {self._asked}"))

    def served(self, asked: str) -> str | None:
        """The version that answers: an old one falls forward to the oldest there is; None: no such one."""
        if self.switches.served_version:
            return self.switches.served_version
        if len(asked) != 7 or asked[4] != "-" or not (asked[:4] + asked[5:]).isdigit():
            return None
        return next((version for version in sorted(self.graphs) if version >= asked), None)

    def bucket(self, app: str) -> Bucket:
        if app not in self.buckets:
            self.buckets[app] = Bucket(self.store.clock, RATES[self.store.site.plan])
        return self.buckets[app]

    def context(self, app: App) -> Context:
        """What an app may see."""
        scopes = covers(frozenset(self.switches.granted()))
        return Context(
            scopes=scopes,
            all_orders="read_all_orders" in scopes,
            protected=self.switches.protected,
            app=app.name,
        )

    def graph(self, version: str) -> Graph:
        """The graph of a version, or of the nearest there is where a switch names another."""
        known = sorted(self.graphs)
        return self.graphs.get(version) or self.graphs[known[0] if version < known[0] else known[-1]]

    def answer(
        self,
        version: str,
        app: App,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        do: Mapping[str, Any],
    ) -> tuple[Doc, str]:
        """The answer and, if something deprecated was asked for, the address that says what that means."""
        graph = self.graph(version)
        document, deprecated = self._document(graph, body["query"])
        if isinstance(document, list):
            return {"errors": document}, deprecated
        name, variables = body.get("operationName"), body.get("variables") or {}
        if do.get("error"):
            return scripted_error(headers["X-Request-Id"], do["error"]), deprecated
        schema = graph.schema.graphql
        requested = _requested(graph, document, name, variables)
        if requested > self.switches.max_cost:
            return too_dear(requested, self.switches.max_cost), deprecated
        bucket = self.bucket(app.name)
        if do.get("throttled") or not bucket.take(requested):
            return throttled(requested, bucket), deprecated
        spent = 0
        try:
            found = graph.execute(document, name, variables, self.context(app))
            if "data" not in found:
                return found, deprecated
            spent = cost.actual(schema, document, name, variables, found["data"])
        finally:
            bucket.settle(requested, spent)
        found["extensions"] = {**_cost(requested, spent, bucket), **found.get("extensions", {})}
        return found, deprecated

    def _document(self, graph: Graph, text: str) -> tuple[list[Doc] | DocumentNode, str]:
        key = (graph.version, text)
        if key not in self._read:
            found = graph.validate(text)
            old = isinstance(found, DocumentNode) and is_dated(graph.schema.graphql, found)
            self._read[key] = found, DEPRECATED if old else ""
            if len(self._read) > _READ:
                self._read.popitem(last=False)
        return self._read[key]


def _requested(graph: Graph, document: DocumentNode, name: Any, variables: Mapping[str, Any]) -> int:
    """What the query may cost; 0 where it will be refused for its variables or its operation's name."""
    try:
        return cost.requested(graph.schema.graphql, document, name, variables)
    except (LookupError, TypeError, ValueError):
        return 0


def _cost(requested: int, actual: int | None, bucket: Bucket) -> Doc:
    return {
        "cost": {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": bucket.status(),
        }
    }


def throttled(requested: int, bucket: Bucket) -> Doc:
    """The bucket does not hold what the query may cost."""
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": LIMITS}}
    return {"errors": [error], "extensions": _cost(requested, None, bucket)}


def too_dear(requested: int, most: int) -> Doc:
    """More than one query may ever cost. No `extensions.cost`: it was never let in."""
    words = (
        f"Query cost is {requested}, which exceeds the single query max cost limit ({most}).\n\nSee {LIMITS} "
        "for more information on how the\ncost of a query is calculated.\n\nTo query larger amounts of data "
        "with fewer limits, bulk operations should be used instead.\n"
        "See https://shopify.dev/api/usage/bulk-operations/queries for usage details.\n"
    )
    told = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": most, "documentation": LIMITS}
    return {"errors": [{"message": words, "extensions": told}]}


def scripted_error(request_id: str, told: str | Mapping[str, str]) -> Doc:
    """The error that a rule names: a code, or code and message."""
    code = told if isinstance(told, str) else told.get("code", "")
    message = None if isinstance(told, str) else told.get("message")
    if message is None and code in _THEIRS:
        return internal_error(request_id, code)
    extensions = {"code": code, "requestId": request_id} if code else {"requestId": request_id}
    return {"errors": [{"message": message or f"Scripted error {code}", "extensions": extensions}]}


def internal_error(request_id: str, code: str = "INTERNAL_SERVER_ERROR") -> Doc:
    """Something broke on their side: 200, no data."""
    words = (
        "Internal error. Looks like something went wrong on our end.\n"
        f"Request ID: {request_id} (include this in support requests)."
    )
    return {"errors": [{"message": words, "extensions": {"code": code, "requestId": request_id}}]}


__all__: Sequence[str] = ("Answers", "Headers", "internal_error", "throttled", "too_dear")
