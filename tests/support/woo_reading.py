"""What tests of reading a simulated store have in common."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from storelink.connectors.protocol import Listed, RawPage
from storelink.connectors.woocommerce.reader import Reader
from storelink.sandbox.running import Running

Shop = Callable[..., Running]
Reading = Callable[..., Reader]
RESOURCES = ("products", "customers", "orders")
SETTINGS = {"currency": "USD", "time_zone": "America/New_York"}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def ids(pages: Iterable[RawPage]) -> list[int]:
    return [raw["id"] for page in pages for raw in page.records]


def lines(pages: Iterable[Any]) -> list[Listed]:
    return [line for page in pages for line in page.records]


def truth(store: Running, kind: str) -> dict[int, dict[str, Any]]:
    """What the store has, drafts left out, which are in no list."""
    rows = store.admin.truth()[kind]
    return {row["id"]: row for row in rows if row["status"] not in ("checkout-draft", "auto-draft")}


def hidden(store: Running) -> set[int]:
    return {key for key, row in truth(store, "orders").items() if row["status"] == "archived"}


def asked(store: Running) -> list[dict[str, Any]]:
    return [entry for entry in store.admin.requests() if entry["path"].startswith("/wp-json/wc/")]


def poison(kind: str, record: int, **match: Any) -> list[dict[str, Any]]:
    """A record that crashes PHP whenever its content is asked for; not where only ids are."""
    return [
        {"match": match, "do": {"poison": [kind, record]}},
        {"match": {"query": "_fields=id"}, "do": {"poison": [kind, 0]}},
    ]
