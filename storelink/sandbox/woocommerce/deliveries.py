"""What a store tells by webhook, when and how (facts §8).

Changes are queued once per webhook and record, and sent when WordPress's cron runs: a visit to the
site starts it, once a minute at most (`Site.cron_seconds`; 0: at once). The body is the record as
it is then. Seven failures in a row switch a webhook off; switched on again by hand it keeps its
count. Failed deliveries are never sent again, and while a webhook is off nothing is queued for it.
"""

import base64
import hashlib
import hmac
import threading
from typing import Any

from storelink.sandbox.courier import Courier, Parcel
from storelink.sandbox.drawer import Row
from storelink.sandbox.woocommerce import singles
from storelink.sandbox.woocommerce.answers import Refused
from storelink.sandbox.woocommerce.customers import Doc
from storelink.sandbox.woocommerce.php import encode
from storelink.sandbox.woocommerce.store import Store
from storelink.sandbox.woocommerce.webhooks import FAILURES

MOST_FAILURES = 7
_NOUNS = {"orders": "order", "products": "product", "variations": "product", "customers": "customer"}
_DRAFTS = frozenset(("auto-draft", "checkout-draft", "draft", "new"))
_AGENT = "WooCommerce/11.0.1 Hookshot (WordPress/6.9)"


class Deliveries:
    """The webhooks' queue of one store. Called by the thread that serves, but for `_came_back`."""

    def __init__(self, store: Store, courier: Courier) -> None:
        self._store = store
        self.courier = courier
        self._queue: dict[tuple[int, str, int], str] = {}
        self._last_run = 0.0
        self._lock = threading.Lock()

    # what happens in the shop

    def written(self, kind: str, before: Row | None, after: Row, *, touched: bool) -> None:
        """A record was stored; whether it is worth a word shows in what changed."""
        if kind not in _NOUNS or (kind == "orders" and after.status in _DRAFTS):
            return
        if before is None:
            self._tell(kind, after.id, "created")
            if kind in ("orders", "customers"):
                self._tell(kind, after.id, "updated")
            elif after.status == "publish":
                self._tell(kind, after.id, "published")
        elif before.status != "trash" and after.status == "trash":
            self._tell(kind, after.id, "deleted")
        elif touched and "trash" not in (before.status, after.status):
            self._tell(kind, after.id, "updated")

    def restored(self, kind: str, record: int) -> None:
        """A record came out of the trash, by hand: over the API nothing is told."""
        self._tell(kind, record, "restored")
        if kind in ("products", "variations"):
            self._tell(kind, record, "updated")
            self._tell(kind, record, "published")

    def removed(self, kind: str, record: int) -> None:
        """Deleted for good: only customers tell."""
        if kind == "customers":
            self._tell(kind, record, "deleted")

    def _tell(self, kind: str, record: int, event: str) -> None:
        topic = f"{_NOUNS[kind]}.{event}"
        for number, hook in self._store.webhooks.items():
            if hook["topic"] == topic and hook["status"] == "active":
                self._queue.setdefault((number, topic, record), kind)

    # sending

    def visit(self) -> None:
        """Somebody came to the site: run the cron if it is due."""
        now = self._store.clock.seconds()
        if self._queue and (now - self._last_run >= self._store.site.cron_seconds or now < self._last_run):
            self.run()

    def edited(self) -> None:
        """Something was edited behind the API: no visit, unless the cron runs all the time."""
        if self._store.site.cron_seconds <= 0:
            self.visit()

    def run(self) -> int:
        """Run the cron now; says how many deliveries went out."""
        self._last_run = self._store.clock.seconds()
        queue, self._queue = self._queue, {}
        sent = 0
        for (number, topic, record), kind in queue.items():
            hook = self._store.webhooks.get(number)
            if hook is not None and hook["status"] == "active":
                self._send(hook, topic, self._body(kind, topic, record))
                sent += 1
        return sent

    def ping(self, hook: Doc) -> None:
        """The unsigned knock on a new address; what becomes of it changes nothing."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": _AGENT}
        body = f"webhook_id={hook['id']}".encode()
        self.courier.repeat(Parcel(hook["delivery_url"], headers, body, "ping"), 0.0)

    def _body(self, kind: str, topic: str, record: int) -> bytes:
        store = self._store
        if topic.endswith(".deleted"):
            return encode({"id": record})
        try:
            if kind == "orders":
                return encode(singles.order(store, record))
            if kind == "customers":
                found = store.doc("customers", record)
                if found is None:
                    raise singles.no_customer()
                return encode(found)
            return encode(singles.product(store, record))
        except Refused as refused:
            return refused.answer().body

    def _send(self, hook: Doc, topic: str, body: bytes) -> None:
        secret, number = str(hook["secret"]), int(hook["id"])
        signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        # not unique: only the webhook and the second are in it
        same = hashlib.md5(f"{number}{self._store.clock.stamp()}".encode(), usedforsecurity=False)
        resource, _, event = topic.partition(".")
        headers = {
            "User-Agent": _AGENT,
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self._store.site.base}/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": signature,
            "X-WC-Webhook-ID": str(number),
            "X-WC-Webhook-Delivery-ID": same.hexdigest(),
        }
        about = f"{topic} {_number(body)}"
        self.courier.send(
            Parcel(hook["delivery_url"], headers, body, about, done=lambda s: self._came_back(number, s))
        )

    def _came_back(self, number: int, status: int | None) -> None:
        """200 to 302 is success, a redirect too, though nobody follows it."""
        with self._lock:
            hook = self._store.webhooks.get(number)
            if hook is None:
                return
            if status is not None and 200 <= status <= 302:
                hook[FAILURES] = 0
                return
            hook[FAILURES] = hook.get(FAILURES, 0) + 1
            if hook[FAILURES] >= MOST_FAILURES:
                hook["status"] = "disabled"

    # for the desk

    def actions(self) -> dict[str, Any]:
        """What tests ask for."""
        return {
            "run_cron": self.run,
            "mishaps": self.courier.script,
            "deliveries": lambda: list(self.courier.sent),
            "deliveries_waiting": lambda: len(self._queue) + self.courier.waiting(),
            "webhooks": lambda: [dict(hook) for hook in self._store.webhooks.values()],
            "disable_webhooks": self._disable,
        }

    def _disable(self) -> None:
        """As after seven failures of each."""
        with self._lock:
            for hook in self._store.webhooks.values():
                hook["status"], hook[FAILURES] = "disabled", MOST_FAILURES


def _number(body: bytes) -> str:
    start = body.partition(b'"id":')[2]
    return start.partition(b",")[0].strip(b" }").decode("ascii", "replace")
