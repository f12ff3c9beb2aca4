"""What a shop tells by webhook, and what becomes of what it sent (facts §9, §13).

A delivery shows the record as it was when it changed, in the style of the REST API. One that fails
is sent again, up to eight times, as it was and to where it went first; after eight failures in a
row the subscription is deleted.
"""

import base64
import hashlib
import hmac
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from storelink.sandbox.courier import Courier, Parcel
from storelink.sandbox.shopify.ids import INVENTORY, TYPES, gid
from storelink.sandbox.shopify.site import stamp_text
from storelink.sandbox.shopify.store import Doc, Store
from storelink.sandbox.shopify.switches import Switches

FIRST = 1_180_000_000_001
MOST_FAILURES = 8
#: the answer has to come within five seconds
PATIENCE = 5.0
_PLURAL = {"products": "PRODUCTS", "customers": "CUSTOMERS", "orders": "ORDERS"}
#: enum values whose header is not just the last word behind a slash
_HEADERS = {
    "INVENTORY_LEVELS_UPDATE": "inventory_levels/update",
    "ORDER_TRANSACTIONS_CREATE": "order_transactions/create",
    "APP_SCOPES_UPDATE": "app/scopes_update",
    "BULK_OPERATIONS_FINISH": "bulk_operations/finish",
}


@dataclass(slots=True)
class Subscribed:
    """One subscription of an app."""

    number: int
    app: str
    topic: str
    uri: str
    format: str
    created: str
    failures: int = 0

    @property
    def gid(self) -> str:
        return gid("WebhookSubscription", self.number)


class Deliveries:
    """The subscriptions of one shop and what is sent to them."""

    def __init__(
        self, store: Store, switches: Switches, courier: Courier, apps: Mapping[str, str], version: str
    ) -> None:
        """`apps` are the client secrets of the apps, by name."""
        self.store = store
        self.courier = courier
        self.subscriptions: dict[int, Subscribed] = {}
        self._switches = switches
        self._apps = apps
        self._version = version
        self._sent = 0
        self._last = FIRST - 1
        self._lock = threading.RLock()

    def add(self, app: str, topic: str, uri: str, form: str) -> Subscribed:
        """A new subscription."""
        with self._lock:
            self._last += 1
            made = Subscribed(self._last, app, topic, uri, form, stamp_text(self.store.clock.stamp()))
            self.subscriptions[made.number] = made
            return made

    def of(self, app: str) -> list[Subscribed]:
        """An app's subscriptions, oldest first."""
        with self._lock:
            return [one for one in self.subscriptions.values() if one.app == app]

    # what happens in the shop

    def written(self, kind: str, before: Doc | None, after: Doc, *, touched: bool) -> None:
        """A record was stored; what changed says what is told."""
        if not self.subscriptions:
            return
        if kind == "variants":
            self._stock(before, after)
            return
        noun = _PLURAL[kind]
        if before is None:
            self.tell(f"{noun}_CREATE", payload(kind, after))
        elif touched:
            self.tell(f"{noun}_UPDATED" if kind == "orders" else f"{noun}_UPDATE", payload(kind, after))
        if kind == "orders":
            self._order(before or {}, after)

    def _stock(self, before: Doc | None, after: Doc) -> None:
        if before is None or before.get("inventoryQuantity") == after.get("inventoryQuantity"):
            return
        told = {
            "inventory_item_id": INVENTORY + after["id"],
            "location_id": 655_441_491,
            "available": after["inventoryQuantity"],
            "updated_at": after["updatedAt"],
            "admin_graphql_api_id": f"gid://shopify/InventoryLevel/{after['id']}?inventory_item_id="
            f"{INVENTORY + after['id']}",
        }
        self.tell("INVENTORY_LEVELS_UPDATE", told)

    def _order(self, before: Doc, after: Doc) -> None:
        if after.get("cancelledAt") and not before.get("cancelledAt"):
            self.tell("ORDERS_CANCELLED", payload("orders", after))
        if after.get("edited") and not before.get("edited"):
            edit = {"id": after["id"] * 10, "order_id": after["id"], "notify_customer": False}
            self.tell("ORDERS_EDITED", {"order_edit": edit})
        for refund in _new("_refunds", before, after):
            told: Doc = {**_named("Refund", refund["id"]), "order_id": after["id"]}
            self.tell("REFUNDS_CREATE", told | {"note": refund.get("note")})
        for part in _new("_transactions", before, after):
            told = {**_named("OrderTransaction", part["id"]), "order_id": after["id"]}
            self.tell("ORDER_TRANSACTIONS_CREATE", told | {"kind": str(part["kind"]).lower()})

    def removed(self, kind: str, record: int) -> None:
        """A record is gone: its id is all that is told."""
        if kind in _PLURAL:
            self.tell(f"{_PLURAL[kind]}_DELETE", {"id": record})

    def merged(self, kept: int, gone: int) -> None:
        told: dict[str, Any] = {
            "admin_graphql_api_customer_kept_id": gid("Customer", kept),
            "admin_graphql_api_customer_deleted_id": gid("Customer", gone),
            "admin_graphql_api_job_id": None,
            "status": "completed",
            "errors": [],
        }
        self.tell("CUSTOMERS_MERGE", told)

    # sending

    def tell(self, topic: str, body: Doc) -> None:
        """Send it to all who want to know."""
        with self._lock:
            wanted = [one for one in self.subscriptions.values() if one.topic == topic]
            for one in wanted:
                self.post(one, _header(topic), body)

    def post(self, to: Subscribed, topic: str, body: Doc) -> None:
        """One delivery, signed with the app's secret."""
        raw = orjson.dumps(body)
        self._sent += 1
        digest = hmac.new(self._apps[to.app].encode(), raw, hashlib.sha256).digest()
        now = datetime.fromtimestamp(self.store.clock.seconds(), UTC)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": self.store.site.domain,
            "X-Shopify-API-Version": self._version,
            "X-Shopify-Webhook-Id": _word(f"webhook {to.number} {self._sent}"),
            "X-Shopify-Event-Id": _word(f"event {topic} {self._sent}"),
            "X-Shopify-Triggered-At": now.isoformat().replace("+00:00", "Z"),
        }
        parcel = Parcel(to.uri, headers, raw, f"{topic} {body.get('id', '')}".strip(), PATIENCE)
        self._send(parcel, to.number, 0)

    def _send(self, parcel: Parcel, number: int, tries: int) -> None:
        def done(status: int | None) -> None:
            self._came_back(parcel, number, tries, status)

        posted = replace(parcel, done=done)
        if tries == 0:
            self.courier.send(posted)
        else:
            self.courier.repeat(posted, self._switches.hook_pause * 2 ** (tries - 1))

    def _came_back(self, parcel: Parcel, number: int, tries: int, status: int | None) -> None:
        """Only 2xx is success; a redirect is none."""
        with self._lock:
            to = self.subscriptions.get(number)
            if to is None:
                return
            if status is not None and 200 <= status < 300:
                to.failures = 0
                return
            to.failures += 1
            if to.failures >= MOST_FAILURES:
                del self.subscriptions[number]
            elif tries < MOST_FAILURES:
                self._send(parcel, number, tries + 1)

    # for the desk

    def actions(self) -> dict[str, Any]:
        """What tests ask for."""
        return {
            "mishaps": self.courier.script,
            "deliveries": lambda: list(self.courier.sent),
            "deliveries_waiting": self.courier.waiting,
            "webhooks": lambda: [asdict(one) for one in self.subscriptions.values()],
            "drop_webhooks": self._drop,
            "tell_compliance": self._tell_compliance,
        }

    def _drop(self) -> None:
        """As after eight failures: all subscriptions are gone."""
        with self._lock:
            self.subscriptions.clear()

    def _tell_compliance(self, uri: str, topic: str, **body: Any) -> None:
        """A topic that is configured, not subscribed to: customers/redact and the like."""
        to = Subscribed(0, "storelink", topic, uri, "JSON", "")
        self.post(to, topic, {"shop_id": 1, "shop_domain": self.store.site.domain, **body})


def payload(kind: str, doc: Doc) -> Doc:
    """The beginning of what the REST API shows of a record."""
    told = _named(TYPES[kind], doc["id"])
    told |= {"created_at": doc.get("createdAt"), "updated_at": doc.get("updatedAt")}
    if kind == "orders":
        told |= {"name": doc["name"], "email": doc["email"], "note": doc.get("note")}
        told["customer"] = None if doc["_customer"] is None else _named("Customer", doc["_customer"])
    elif kind == "customers":
        told |= {"email": doc["_email"], "first_name": doc["firstName"], "last_name": doc["lastName"]}
    else:
        told |= {"title": doc["title"], "status": str(doc["status"]).lower(), "tags": ", ".join(doc["tags"])}
    return told


def _new(name: str, before: Doc, after: Doc) -> list[Doc]:
    known = {part["id"] for part in before.get(name, ())}
    return [part for part in after.get(name, ()) if part["id"] not in known]


def _named(kind: str, number: int) -> Doc:
    return {"id": number, "admin_graphql_api_id": gid(kind, number)}


def _header(topic: str) -> str:
    """`ORDERS_UPDATED` → `orders/updated`."""
    return _HEADERS.get(topic) or topic.lower().replace("_", "/", 1)


def _word(text: str) -> str:
    found = hashlib.sha256(text.encode()).hexdigest()
    return f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:32]}"
