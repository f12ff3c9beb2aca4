"""The console and the API over HTTP with 1,000,000 orders: how long a person, or a program, waits.

`storelink serve` answers as a process of its own, its clock and worker running, Postgres beside it on the
same cores. A browser with a session and a client with a token ask, one request after the other: what is
measured is an answer whole, from asking to the body's last byte.

`STORELINK_BENCH_FOLDER` names a folder in which the database is kept for the next time (several GB);
`STORELINK_BENCH_ORDERS` asks for another number of orders.
"""

import http.client
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from bench.house import House, percentile
from bench.million import SKUS, million
from storelink.access import person, session, token
from storelink.web.console.signed import COOKIE

TIMES, WARM = 60, 5
"""Requests of each kind that are counted, and those before them, which meet cold caches and are not."""
SEED = 7
STATIC = Path(__file__).parent.parent / "storelink" / "web" / "console" / "static"
Choose = Callable[[], str]


class Client:
    """One kept connection that asks as a browser or a program does."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=120)
        self._headers = headers

    def get(self, path: str) -> tuple[int, bytes, float]:
        """(status, body, seconds). A connection that was closed while nobody asked is made anew."""
        for last in (False, True):
            began = time.perf_counter()
            try:
                self._connection.request("GET", path, headers=self._headers)
                answer = self._connection.getresponse()
                body = answer.read()
            except (ConnectionError, http.client.RemoteDisconnected):
                self._connection.close()
                if last:
                    raise
            else:
                return answer.status, body, time.perf_counter() - began
        raise AssertionError("never")


@dataclass(frozen=True)
class Order:
    """An order that is asked for."""

    store: str
    id: str
    number: str
    email: str
    last: str
    first: str


def measure() -> dict[str, Any]:
    """p50 and p95 in seconds, and the most bytes, of every kind of page and answer."""
    orders = int(os.environ.get("STORELINK_BENCH_ORDERS", "1000000"))
    kept = os.environ.get("STORELINK_BENCH_FOLDER")
    began = time.perf_counter()
    with million(orders, Path(kept) if kept else None) as house:
        made = time.perf_counter() - began
        with asking(house) as (browser, program):
            found = {"orders": house.one("SELECT count(*) FROM platform_order"), "made_in": made}
            known = _known(house)
            newest = [row[0] for row in house.select(_NEWEST)]
            return found | {
                "pages": {name: _asked(browser, paths) for name, paths in pages(known, newest).items()},
                "older": _older(browser),
                "api": {name: _asked(program, paths) for name, paths in calls(known).items()},
                "static_bytes": sum(one.stat().st_size for one in STATIC.iterdir() if one.is_file()),
            }


@contextmanager
def asking(house: House) -> Iterator[tuple[Client, Client]]:
    """`serve`, and who asks it: (a signed-in browser, a client with a token)."""
    with house.database.session() as opened:
        name = f"bench-{time.time_ns()}"
        row, _ = person.create(opened, name, "admin", password="a bench has no secrets 1")
        cookie = session.begin(opened, row)
        _, secret = token.create(opened, name, "admin")
        opened.commit()
    with house.process("serve", "--port", "0", STORELINK_API_RATE="1000000") as serve:
        url = serve.wait_for("serving")["url"]
        yield (
            Client(url, {"Cookie": f"{COOKIE}={cookie}", "Accept-Encoding": "identity"}),
            Client(url, {"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"}),
        )
        if said := serve.complaints():
            raise RuntimeError(said[0])


def pages(known: list[Order], newest: list[str]) -> dict[str, Choose]:
    """Pages of the console by what is looked at."""
    chance = random.Random(SEED)

    def any_of(words: Callable[[Order], str]) -> Choose:
        return lambda: words(chance.choice(known))

    def search(words: Callable[[Order], str], more: str = "") -> Choose:
        return lambda: f"/console/orders?q={quote(words(chance.choice(known)))}{more}"

    return {
        "order": any_of(lambda one: f"/console/orders/{one.store}/{one.id}"),
        "order of today": lambda: f"/console/orders/shop/{chance.choice(newest)}",
        "search by number": search(lambda one: one.number),
        "search by e-mail": search(lambda one: one.email),
        "search by full name": search(lambda one: f"{one.first} {one.last}"),
        "search by last name": search(lambda one: one.last),
        "search by common name": lambda: "/console/orders?q=schmidt",
        "search by beginning": search(lambda one: one.last[:3]),
        "search by SKU": lambda: f"/console/orders?q=SKU-{chance.randint(1, SKUS)}",
        "search of nothing": lambda: f"/console/orders?q=nobody{chance.randint(1, 10**6)}",
        "search, refunded": search(lambda one: one.last, "&paid=refunded"),
        "orders": lambda: "/console/orders",
        "orders, one store": lambda: "/console/orders?store=boutique",
        "orders, refunded": lambda: "/console/orders?paid=refunded",
        "orders, voided, not shipped": lambda: "/console/orders?paid=voided&shipped=unfulfilled",
        "orders, 30 days, shipped": lambda: "/console/orders?placed=30&shipped=fulfilled",
        "overview": lambda: "/console/overview",
        "store": lambda: f"/console/stores/{chance.choice(('shop', 'boutique'))}",
        "customers": lambda: "/console/customers",
        "customer by e-mail": lambda: f"/console/customers?q={quote(chance.choice(known).email)}",
        "audit": lambda: "/console/audit",
    }


def calls(known: list[Order]) -> dict[str, Choose]:
    """Questions to the API by what is asked."""
    chance = random.Random(SEED)

    def asked(words: Callable[[Order], str]) -> Choose:
        return lambda: words(chance.choice(known))

    return {
        "order": asked(lambda one: f"/v1/stores/{one.store}/orders/{one.id}"),
        "orders": lambda: "/v1/orders?limit=50",
        "orders, 250, 4 fields": lambda: "/v1/orders?limit=250&fields=order_number,email,status,total_amount",
        "orders by number": asked(lambda one: f"/v1/orders?number={one.number}"),
        "orders by e-mail": asked(lambda one: f"/v1/orders?email={quote(one.email)}"),
        "orders by SKU": lambda: f"/v1/orders?sku=SKU-{chance.randint(1, SKUS)}",
        "orders by status": lambda: "/v1/orders?status=failed",
        "orders placed within": lambda: "/v1/orders?created_since=2026-02-01T00:00:00Z"
                                        "&created_before=2026-02-03T00:00:00Z",
        "orders changed lately": lambda: f"/v1/orders?changed_since={_hour_ago()}",
        "customers by e-mail": asked(lambda one: f"/v1/customers?email={quote(one.email)}"),
        "customers": lambda: "/v1/customers",
        "products by SKU": lambda: f"/v1/products?sku=SKU-{chance.randint(1, 100)}",
        "changes": lambda: "/v1/changes?after=100000&limit=250",
        "standing": lambda: "/v1/stores/shop/standing",
        "runs": lambda: "/v1/stores/shop/runs",
        "refunds": lambda: "/v1/refunds",
    }  # fmt: skip


def _asked(client: Client, path: Choose) -> dict[str, Any]:
    took, weight = [], 0
    for at in range(WARM + TIMES):
        where = path()
        status, body, seconds = client.get(where)
        if status not in (200, 303):
            raise RuntimeError(f"{where} answered {status}: {body[:300]!r}")
        if at >= WARM:
            took.append(seconds)
            weight = max(weight, len(body))
    return {"p50": percentile(took, 0.5), "p95": percentile(took, 0.95), "bytes": weight}


def _older(browser: Client) -> dict[str, Any]:
    """From page to older page, as far as it goes in so many clicks."""
    took, weight, where = [], 0, "/console/orders?paid=paid"
    for _ in range(TIMES):
        _, body, seconds = browser.get(where)
        took.append(seconds)
        weight = max(weight, len(body))
        links = re.findall(r'href="([^"]*[?&;]after=[^"]*)"', body.decode())
        where = unescape(links[-1])
    return {"p50": percentile(took, 0.5), "p95": percentile(took, 0.95), "bytes": weight}


def _known(house: House) -> list[Order]:
    """Some orders, old and new, of both stores."""
    rows = house.select(
        "SELECT c.name, o.order_id, o.order_number, o.email,"
        " coalesce(o.billing_address->>'last_name', o.billing_address->>'lastName'),"
        " coalesce(o.billing_address->>'first_name', o.billing_address->>'firstName')"
        " FROM platform_order o TABLESAMPLE SYSTEM (0.5) REPEATABLE (7)"
        " JOIN connector_config c ON c.id = o.connector_id WHERE length(o.order_id) > 6 LIMIT 5000"
    )
    return [Order(*row) for row in rows]


_NEWEST = """
SELECT order_id FROM platform_order WHERE connector_id = (SELECT id FROM connector_config WHERE name = 'shop')
ORDER BY created_at DESC NULLS LAST LIMIT 100
"""


def _hour_ago() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
