"""What is fixed about one store: its address, versions, money and switches."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from storelink.sandbox.clock import written, written_at

VERSION = "11.0.1"
WORDPRESS = "6.9"
SYMBOLS = {"USD": "$", "EUR": "€", "JPY": "¥", "GBP": "£", "KWD": "د.ك"}
ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
#: our neutral order states → the store's slugs; two of them a plugin registered
STATUSES = {
    "unpaid": "pending",
    "waiting": "on-hold",
    "paid": "processing",
    "done": "completed",
    "cancelled": "cancelled",
    "failed": "failed",
    "returned": "refunded",
    "special": "awaiting-parts",
    "hidden": "archived",
    "draft": "checkout-draft",
}
#: slug → name, as /orders/statuses lists them
STATUS_NAMES = {
    "pending": "Pending payment",
    "processing": "Processing",
    "on-hold": "On hold",
    "completed": "Completed",
    "cancelled": "Cancelled",
    "refunded": "Refunded",
    "failed": "Failed",
    "checkout-draft": "Draft",
    "awaiting-parts": "Awaiting parts",
    "archived": "Archived",
}
#: left out of `status=any`: registered with `exclude_from_search`
UNLISTED = frozenset(("checkout-draft", "archived", "trash", "auto-draft"))


@dataclass(slots=True)
class Site:
    """Set at the start; the switches may be turned while the store runs.

    `has_variations` and `has_refunds` are the store-wide lists that older versions lack. `mode` is
    "" or one of plain_permalinks, plugin_inactive, maintenance, database_down. `check_seconds`
    pass between a refund's check of what is left and its being stored, `gateway_seconds` while the
    payment gateway works on it; `gateway_dies` "before" or "after" lets the
    worker die just before or just after the money moved (`Ledger.turn` does more, for one order).
    `decimals` are those of all amounts, whatever their currency. Visits start WordPress's cron, which sends
    webhooks, at most every `cron_seconds`; 0: they are sent at once, without a visit.
    """

    base: str
    zone: tzinfo
    title: str = "Sandbox Shop"
    currency: str = "USD"
    has_variations: bool = True
    has_refunds: bool = True
    hpos: bool = True
    decimals: int = 2
    prices_include_tax: bool = False
    mode: str = ""
    check_seconds: float = 0.0
    gateway_seconds: float = 0.0
    gateway_dies: str = ""
    cron_seconds: float = 60.0
    store_id: str = "982ac1d0-7941-4af8-8145-bfd0b9518a1c"

    @property
    def secure(self) -> bool:
        return self.base.startswith("https:")

    @property
    def api(self) -> str:
        return f"{self.base}/wp-json/wc/v3"

    def both(self, stamp: int | None) -> tuple[str | None, str | None]:
        """A moment on the store's wall clock and in UTC, both without an offset."""
        if stamp is None:
            return None, None
        return written_at(stamp, self.zone), written(stamp)

    def links(self, path: str, collection: str, methods: list[str] | None = None) -> dict[str, Any]:
        """`_links` with a record's own address and its list's; `methods` [] leaves the hints out."""
        own: dict[str, Any] = {"href": f"{self.api}/{path}"}
        allowed = ALL_METHODS if methods is None else methods
        if allowed:
            own["targetHints"] = {"allow": allowed}
        return {"self": [own], "collection": [{"href": f"{self.api}/{collection}"}]}
