"""The fields of the graph that make, show and delete webhook subscriptions."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from storelink.sandbox.shopify.access import SCOPES
from storelink.sandbox.shopify.context import Context
from storelink.sandbox.shopify.deliveries import Deliveries, Subscribed
from storelink.sandbox.shopify.graph import Graph
from storelink.sandbox.shopify.parts import Page, page_of
from storelink.sandbox.shopify.refusal import not_implemented
from storelink.sandbox.shopify.roots import number_of

Args = Mapping[str, Any]
Doc = dict[str, Any]
_HERE = frozenset(("127.0.0.1", "::1", "localhost"))
_NEEDED = {
    "PRODUCTS": "Product",
    "CUSTOMERS": "Customer",
    "ORDERS": "Order",
    "REFUNDS": "Order",
    "ORDER": "Order",
    "INVENTORY": "InventoryLevel",
}


def register(graph: Graph, deliveries: Deliveries) -> None:
    """Give a graph its webhook subscriptions."""
    graph.mutations["webhookSubscriptionCreate"] = lambda context, args: _create(deliveries, context, args)
    graph.mutations["webhookSubscriptionUpdate"] = lambda context, args: _update(deliveries, context, args)
    graph.mutations["webhookSubscriptionDelete"] = lambda context, args: _delete(deliveries, context, args)
    graph.roots["webhookSubscription"] = lambda context, args: _one(graph, deliveries, context, args["id"])
    graph.roots["webhookSubscriptions"] = lambda context, args: _many(graph, deliveries, context, args)
    graph.finders["WebhookSubscription"] = lambda context, text: _one(graph, deliveries, context, text)


def _create(deliveries: Deliveries, context: Context, args: Args) -> Doc:
    given = args["webhookSubscription"]
    uri, topic = _uri(given) or "", args["topic"]
    wrong = _wrong(uri)
    if wrong is None and not _may(context, topic):
        wrong = "You cannot create a webhook subscription with the specified topic"
    if wrong is None and any((one.topic, one.uri) == (topic, uri) for one in deliveries.of(context.app)):
        wrong = "Address for this topic has already been taken"
    if wrong is not None:
        return _refused(wrong)
    made = deliveries.add(context.app, topic, uri, given.get("format") or "JSON")
    return {"webhookSubscription": _doc(made), "userErrors": []}


def _update(deliveries: Deliveries, context: Context, args: Args) -> Doc:
    found = _find(deliveries, context, args["id"])
    if found is None:
        return _refused("Webhook subscription does not exist", ["id"])
    uri = _uri(args["webhookSubscription"])
    if uri is not None:
        wrong = _wrong(uri)
        if wrong is not None:
            return _refused(wrong)
        found.uri = uri
    return {"webhookSubscription": _doc(found), "userErrors": []}


def _delete(deliveries: Deliveries, context: Context, args: Args) -> Doc:
    found = _find(deliveries, context, args["id"])
    if found is None:
        error = {"field": ["id"], "message": "Webhook subscription does not exist"}
        return {"deletedWebhookSubscriptionId": None, "userErrors": [error]}
    del deliveries.subscriptions[found.number]
    return {"deletedWebhookSubscriptionId": found.gid, "userErrors": []}


def _uri(given: Args) -> str | None:
    value = given.get("uri", given.get("callbackUrl"))
    return None if value is None else str(value)


def _wrong(uri: str) -> str | None:
    """What is wrong with an address. Plain http goes nowhere but to this machine, which Shopify lacks."""
    parts = urlsplit(uri)
    if not uri.strip():
        return "Address can't be blank"
    if parts.hostname in _HERE and parts.scheme in ("http", "https"):
        return None
    if parts.scheme != "https":
        return f"Address protocol {parts.scheme}:// is not supported"
    if (parts.hostname or "").endswith(".myshopify.com"):
        return "Address cannot be a Shopify or an internal domain"
    return None


def _may(context: Context, topic: str) -> bool:
    kind = _NEEDED.get(topic.partition("_")[0])
    held = context.scopes | {f"read_{scope[6:]}" for scope in context.scopes if scope.startswith("write_")}
    return kind is None or any(scope in held for scope in SCOPES[kind])


def _refused(message: str, at: list[str] | None = None) -> Doc:
    error = {"field": at or ["webhookSubscription", "callbackUrl"], "message": message}
    return {"webhookSubscription": None, "userErrors": [error]}


def _find(deliveries: Deliveries, context: Context, text: str) -> Subscribed | None:
    found = deliveries.subscriptions.get(number_of(text, "WebhookSubscription"))
    return found if found is not None and found.app == context.app else None


def _one(_graph: Graph, deliveries: Deliveries, context: Context, text: str) -> Doc | None:
    found = _find(deliveries, context, text)
    return None if found is None else _doc(found)


def _many(_graph: Graph, deliveries: Deliveries, context: Context, args: Args) -> Page:
    if args.get("query"):
        raise not_implemented("how to search webhookSubscriptions")
    topics, uri, form = args.get("topics"), args.get("uri") or args.get("callbackUrl"), args.get("format")
    chosen = {
        one.number: one
        for one in deliveries.of(context.app)
        if (not topics or one.topic in topics)
        and (not uri or one.uri == uri)
        and (not form or one.format == form)
    }
    run: Any = SimpleNamespace(context=context)
    return page_of(
        run, args, sorted(chosen), lambda number: (number, number), lambda number: _doc(chosen[number])
    )


def _doc(one: Subscribed) -> Doc:
    return {
        "__typename": "WebhookSubscription",
        "id": one.gid,
        "legacyResourceId": str(one.number),
        "topic": one.topic,
        "uri": one.uri,
        "callbackUrl": one.uri,
        "format": one.format,
        "createdAt": one.created,
        "updatedAt": one.created,
        "includeFields": [],
        "metafieldNamespaces": [],
        "metafields": [],
        "filter": None,
        "name": None,
    }
