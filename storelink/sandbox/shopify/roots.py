"""The fields of QueryRoot that the sandbox answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql.pyutils import Path

from storelink.sandbox.clock import written
from storelink.sandbox.drawer import Row
from storelink.sandbox.shopify import ids
from storelink.sandbox.shopify.context import Ask, Run
from storelink.sandbox.shopify.matching import matcher
from storelink.sandbox.shopify.parts import Key, Page, Part, page_of
from storelink.sandbox.shopify.products import inventory_item
from storelink.sandbox.shopify.refusal import Refusal, bad_request, not_implemented
from storelink.sandbox.shopify.site import shop_doc

Args = Mapping[str, Any]
Root = Callable[[Ask], Any]
LOCATION = 81_000_000_001
APP = 1_350_001


def _moment(value: int | None) -> str:
    return written(value or 0).replace("T", " ")


#: sort key → the value it sorts by; those of a kind come before those of all
_SORTS: dict[str, dict[str, Callable[[Row], Any]]] = {
    "": {
        "ID": lambda row: row.id,
        "CREATED_AT": lambda row: _moment(row.created),
        "UPDATED_AT": lambda row: _moment(row.modified),
    },
    "products": {"TITLE": lambda row: row.name.casefold()},
    "variants": {"SKU": lambda row: row.sku, "TITLE": lambda row: row.name.casefold()},
    "customers": {"NAME": lambda row: row.name.casefold()},
    "orders": {
        "PROCESSED_AT": lambda row: row.kind.replace("T", " ").rstrip("Z"),
        "ORDER_NUMBER": lambda row: row.name.rjust(16),
    },
}


def sort_key(kind: str, name: str) -> Callable[[Row], Key]:
    """What a sort key sorts by: a value and, where it repeats, the id."""
    value = _SORTS.get(kind, {}).get(name) or _SORTS[""].get(name)
    if value is None:
        raise not_implemented(f"the sort key {name} of {kind}")
    get = value
    return lambda row: (get(row), row.id)


def may_see(run: Run, row: Row) -> bool:
    """Whether an order is young enough for an app without `read_all_orders`."""
    return row.created >= run.oldest


def node_of(run: Run, kind: str, number: int) -> Any:
    """A record, or None where there is none or it may not be seen."""
    store = run.graph.store
    row = store.drawers[kind].rows.get(number)
    if row is None or (kind == "orders" and not may_see(run, row)):
        return None
    return store.doc(kind, number)


def rows_of(run: Run, root: str, path: Path, args: Args, sort: str) -> Sequence[Row]:
    """The rows of a root that a query finds, sorted. Kept until something changes."""
    kind = {"productVariants": "variants"}.get(root.removesuffix("Count"), root.removesuffix("Count"))
    store, query = run.graph.store, args.get("query") or ""
    key = sort_key(kind, sort)
    searches = len(run.searches)
    test = matcher(run, root, path, query) if query.strip() else None
    lagging = bool(query) and store.is_behind(kind)
    rows = store.indexed(kind).values() if query.strip() else store.drawers[kind].rows.values()

    def pick(rows: Any) -> Sequence[Row]:
        chosen = [row for row in rows if test is None or test(row)]
        if kind == "orders" and run.oldest:
            chosen = [row for row in chosen if may_see(run, row)]
        return sorted(chosen, key=key)

    if lagging or "now" in query or len(run.searches) > searches:
        return pick(rows)
    return store.drawers[kind].listed((root, query, sort, run.oldest), pick)


def _connection(root: str, kind: str, default: str) -> Root:
    def resolve(ask: Ask) -> Page:
        if ask.args.get("savedSearchId"):
            raise not_implemented("saved searches")
        sort = ask.args.get("sortKey") or default

        def load(row: Row) -> Any:
            return node_of(ask.run, kind, row.id)

        if ask.run.context.only is not None:
            held = ask.run.graph.store.drawers[kind].rows
            chosen = [held[record] for record in ask.run.context.only if record in held]
            return Page(chosen, lambda _: "", load)
        rows = rows_of(ask.run, root, ask.path, ask.args, sort)
        return page_of(ask.run, ask.args, rows, sort_key(kind, sort), load)

    return resolve


def _count(root: str) -> Root:
    def resolve(ask: Ask) -> dict[str, Any]:
        if ask.args.get("savedSearchId"):
            raise not_implemented("saved searches")
        found = len(rows_of(ask.run, root, ask.path, ask.args, "ID"))
        limit = ask.args.get("limit")
        if limit is not None and found > limit:
            return {"count": limit, "precision": "AT_LEAST"}
        return {"count": found, "precision": "EXACT"}

    return resolve


def number_of(text: object, kind: str) -> int:
    """The number in a global id that must be of this type."""
    split = ids.split_gid(str(text))
    if split is None:
        raise bad_request(f"Invalid global id '{text}'")
    if split[0] != kind:
        raise Refusal(f"Invalid id: {text}", "RESOURCE_NOT_FOUND")
    return split[1]


def _one(kind: str) -> Root:
    def resolve(ask: Ask) -> Any:
        return node_of(ask.run, kind, number_of(ask.args["id"], ids.TYPES[kind]))

    return resolve


def find(run: Run, text: str) -> Any:
    """Whatever a global id names, or None."""
    split = ids.split_gid(text)
    if split is None:
        raise bad_request(f"Invalid global id '{text}'")
    kind, number = split
    for name, shown in ids.TYPES.items():
        if shown == kind:
            return node_of(run, name, number)
    if kind in ids.PARTS:
        return _find_part(run, kind, number)
    if kind == "InventoryItem":
        variant = node_of(run, "variants", number - ids.INVENTORY)
        return None if variant is None else inventory_item(variant, run.graph.store.site.currency)
    if kind == "Shop":
        shop = shop_doc(run.graph.store.site, run.graph.store.clock.seconds())
        return shop if shop["id"] == text else None
    if kind not in run.graph.node_types:
        raise Refusal(f"Invalid id: {text}", "RESOURCE_NOT_FOUND")
    return run.graph.find_other(run, kind, text)


_PLACES = {
    "LineItem": "_lines",
    "Refund": "_refunds",
    "OrderTransaction": "_transactions",
    "ShippingLine": "_deliveries",
}


def _find_part(run: Run, kind: str, number: int) -> Any:
    if kind == "MailingAddress":
        customer = node_of(run, "customers", ids.owner_of(kind, number, "customers"))
        parts = customer["_addresses"] if customer else []
        return next((part for part in parts if part["id"] == number), None)
    if kind not in _PLACES:
        raise not_implemented(f"how to find a {kind} by its id")
    order = node_of(run, "orders", ids.owner_of(kind, number, "orders"))
    parts = order[_PLACES[kind]] if order else []
    return next((Part(part, order) for part in parts if part["id"] == number), None)


def _node(ask: Ask) -> Any:
    return find(ask.run, ask.args["id"])


def _nodes(ask: Ask) -> list[Any]:
    wanted = ask.args["ids"]
    if len(wanted) > 250:
        raise Refusal(
            f"The input array size of {len(wanted)} is greater than the maximum allowed of 250.",
            "MAX_INPUT_SIZE_EXCEEDED",
        )
    return [find(ask.run, text) for text in wanted]


def _refund(ask: Ask) -> Any:
    return _find_part(ask.run, "Refund", number_of(ask.args["id"], "Refund"))


def _inventory_item(ask: Ask) -> Any:
    number_of(ask.args["id"], "InventoryItem")
    return find(ask.run, ask.args["id"])


def _by_identifier(kind: str) -> Root:
    def resolve(ask: Ask) -> Any:
        given = ask.args["identifier"]
        if "id" in given:
            return node_of(ask.run, kind, number_of(given["id"], ids.TYPES[kind]))
        if kind == "products" and "handle" in given:
            query = {"query": f"handle:'{given['handle']}'"}
            rows = rows_of(ask.run, "products", ask.path, query, "ID")
            return node_of(ask.run, kind, rows[0].id) if rows else None
        raise not_implemented(f"how to find {kind} by {', '.join(given)}")

    return resolve


def _shop(ask: Ask) -> Any:
    return shop_doc(ask.run.graph.store.site, ask.run.graph.store.clock.seconds())


def _scopes(run: Run) -> list[dict[str, str]]:
    return [{"handle": scope, "description": scope.replace("_", " ")} for scope in sorted(run.context.scopes)]


def _installation(ask: Ask) -> Any:
    if ask.args.get("id"):
        raise not_implemented("other apps' installations")
    installation: dict[str, Any] = {
        "__typename": "AppInstallation",
        "id": ids.gid("AppInstallation", APP * 10),
        "accessScopes": _scopes(ask.run),
        "launchUrl": f"https://{ask.run.graph.store.site.domain}/admin/apps/{ask.run.context.app}",
    }
    installation["app"] = {**_app(ask.run), "installation": installation}
    return installation


def _app(run: Run) -> dict[str, Any]:
    return {
        "__typename": "App",
        "id": ids.gid("App", APP),
        "title": run.context.app,
        "handle": run.context.app,
        "apiKey": run.context.app,
        "embedded": False,
        "requestedAccessScopes": _scopes(run),
        "optionalAccessScopes": [],
        "webhookApiVersion": run.graph.version,
    }


def _versions(_ask: Ask) -> Any:
    return [
        {"handle": "2026-01", "displayName": "2026-01", "supported": True},
        {"handle": "2026-04", "displayName": "2026-04", "supported": True},
        {"handle": "2026-07", "displayName": "2026-07", "supported": True},
        {"handle": "2026-10", "displayName": "2026-10 (Latest)", "supported": True},
        {"handle": "2027-01", "displayName": "2027-01 (Release candidate)", "supported": False},
        {"handle": "unstable", "displayName": "unstable", "supported": False},
    ]


def location() -> dict[str, Any]:
    """The one place that the shop sends from."""
    return {
        "__typename": "Location",
        "id": ids.gid("Location", LOCATION),
        "legacyResourceId": str(LOCATION),
        "name": "Sandbox Shop",
        "isActive": True,
        "fulfillsOnlineOrders": True,
        "shipsInventory": True,
    }


def _location(ask: Ask) -> Any:
    if ask.args.get("id") is None or number_of(ask.args["id"], "Location") == LOCATION:
        return location()
    return None


ROOTS: dict[str, Root] = {
    "products": _connection("products", "products", "ID"),
    "productVariants": _connection("productVariants", "variants", "ID"),
    "customers": _connection("customers", "customers", "ID"),
    "orders": _connection("orders", "orders", "PROCESSED_AT"),
    "events": _connection("events", "events", "ID"),
    "productsCount": _count("productsCount"),
    "productVariantsCount": _count("productVariantsCount"),
    "customersCount": _count("customersCount"),
    "ordersCount": _count("ordersCount"),
    "product": _one("products"),
    "productVariant": _one("variants"),
    "customer": _one("customers"),
    "order": _one("orders"),
    "event": _one("events"),
    "refund": _refund,
    "inventoryItem": _inventory_item,
    "productByIdentifier": _by_identifier("products"),
    "orderByIdentifier": _by_identifier("orders"),
    "customerByIdentifier": _by_identifier("customers"),
    "productVariantByIdentifier": _by_identifier("variants"),
    "node": _node,
    "nodes": _nodes,
    "shop": _shop,
    "currentAppInstallation": _installation,
    "appInstallation": _installation,
    "publicApiVersions": _versions,
    "location": _location,
}
