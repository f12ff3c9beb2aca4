"""Records to start from, and a reader over a simulated store."""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from storelink.connectors.protocol import Account, Clock, Limits
from storelink.connectors.retry import Retry
from storelink.connectors.woocommerce.client import Client
from storelink.connectors.woocommerce.reader import Reader
from storelink.sandbox.running import Running, start

CAPTURES = Path(__file__).parents[1] / "captures" / "woocommerce"
STATUSES = [
    "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft",
    "awaiting-parts", "archived",
]  # fmt: skip
"""Those of the simulated store. `archived` is one that a plugin hides from lists of any status."""


def _body(name: str) -> Any:
    text = (CAPTURES / name).read_text("utf-8")
    return json.loads(text if name.endswith(".json") else text.partition("\n\n")[2])


def _order() -> dict[str, Any]:
    order = _body("order-full-with-refunds.json")
    return {**order, "refund_details": _body("refunds-list.json.txt")}


def _small_order() -> dict[str, Any]:
    order = _order()
    for name, kept in (
        ("line_items", slice(1)),
        ("refunds", slice(-1, None)),
        ("refund_details", slice(-1, None)),
    ):
        order[name] = order[name][kept]
    return order


def _variable() -> dict[str, Any]:
    product = _body("product-variable.json.txt")[0]
    return {**product, "variation_details": _body("product-variations.json.txt")}


_MADE = {
    "order": orjson.dumps(_order()),
    "small order": orjson.dumps(_small_order()),
    "simple": orjson.dumps(_body("product-simple.json.txt")[0]),
    "variable": orjson.dumps(_variable()),
    "customer": orjson.dumps(_body("customer-full.json.txt")),
}


@pytest.fixture(scope="session")
def make() -> Callable[..., dict[str, Any]]:
    """`make("order", total="-")`: a recorded record with some fields changed; `...` removes one.

    Names: order (three lines, eleven refunds), small order (one of each), simple, variable (one
    variation), customer.
    """

    def changed(name: str, **fields: Any) -> dict[str, Any]:
        raw: dict[str, Any] = orjson.loads(_MADE[name])  # ten times faster than a deep copy
        for key, value in fields.items():
            if value is ...:
                del raw[key]
            else:
                raw[key] = value
        return raw

    return changed


@pytest.fixture
def reading() -> Iterator[Callable[..., Reader]]:
    """`reading(store)`: a reader over real sockets, as patient as a test can wait.

    Keywords are the settings that the check would have learnt; `limits` and `clock` may be given too.
    """
    opened: list[Client] = []

    def open_reader(
        store: Running, *, limits: Limits | None = None, clock: Clock | None = None, **learnt: Any
    ) -> Reader:
        limits = limits or Limits(timeout=10, width=4)
        keys = {"consumer_key": store.key, "consumer_secret": store.secret}
        account = Account("shop", store.url, "keys", keys, allow_http=True)
        retry = Retry(attempts=2, base=0.001)
        trust = ssl.create_default_context(cafile=str(store.ca_file)) if store.ca_file else None
        client = Client(account, limits, clock or (lambda: datetime.now(UTC)), retry=retry, tls=trust)
        opened.append(client)
        known = {"has_variations": True, "has_refunds": True, "statuses": STATUSES}
        return Reader(client, {**known, **learnt}, limits)

    yield open_reader
    for client in opened:
        client.close()


@pytest.fixture
def shop() -> Iterator[Callable[..., Running]]:
    """`shop(orders=…)`: a simulated store in a thread; all are stopped at the end."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(start(**options))
