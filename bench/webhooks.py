"""Webhooks by the thousand: answered in time, none lost, and the rows there soon after.

Three runs, each with a `storelink serve` of its own; Postgres, sandbox and sender are on the same cores.

- alone: 1,000 deliveries a second to ten WooCommerce and ten Shopify stores. They are paused, so that
  deliveries are written down and nothing else happens.
- beside: 500 a second to a store that is followed, while another one is read for the first time.
- lag: 50 different orders a second are edited in a sandbox store, which delivers by itself. From when
  a delivery arrived to when another connection sees the change event of its row.
"""

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from bench.house import BARE, House, Process, house, percentile
from bench.sender import Plan, Target
from storelink.connectors.shopify import connector as shopify
from storelink.connectors.woocommerce import connector as woocommerce
from storelink.models import ConnectorConfig
from storelink.sandbox.running import Running, start
from storelink.sync import guardian, signing
from storelink.sync.opening import open_subject

STORES = 10
"""Of each platform."""
BUSY = 200
"""Orders that the deliveries of `beside` name, again and again."""
KEYS = {"consumer_key": "ck_" + "0" * 40, "consumer_secret": "cs_" + "0" * 40}
SIGNED = uuid.UUID(int=7).hex


def measure(rate: int = 1000, seconds: int = 60, rate_beside: int = 500, edits: int = 50) -> dict[str, Any]:
    """The three runs; times are in seconds."""
    with house() as ours:
        found = {"alone": alone(ours, rate, seconds)}
    with (
        start(orders=2_000, products=50, customers=200, process=True) as shop,
        start(orders=30_000, products=1_000, customers=5_000, process=True) as large,
        house() as ours,
    ):
        (name,) = ours.add(woocommerce.CONNECTOR, ["shop"], shop.url, _keys(shop), "keys")
        with ours.process("serve", "--port", "0") as serve:
            url = serve.wait_for("serving")["url"]
            _wait_until_read(ours)
            found["beside"] = beside(ours, serve, name, large, rate_beside)
            with ours.database.session() as session:  # the large one is done with
                session.connection().exec_driver_sql(
                    "UPDATE connector_config SET status = 'paused' WHERE name = 'large'"
                )
                session.commit()
            found["lag"] = lag(ours, shop, url, edits)
    return found


def alone(ours: House, rate: int, seconds: int) -> dict[str, Any]:
    """Nothing else runs."""
    numbers = [str(at) for at in range(STORES)]
    stores = ours.add(
        woocommerce.CONNECTOR,
        [f"woo-{at}" for at in numbers],
        "http://127.0.0.1:9/{name}",
        KEYS,
        "keys",
        settings=BARE,
    )
    targets = [Target(f"/webhooks/{one}", "woocommerce", _secret(ours, one)) for one in stores]
    made = ours.add(
        shopify.CONNECTOR, [f"shopify-{at}" for at in numbers], "https://{name}.myshopify.com",
        {"access_token": "shpat_" + "0" * 32, "client_secret": SIGNED}, "token", settings=BARE,
    )  # fmt: skip
    targets += [Target(f"/webhooks/{one}", "shopify", SIGNED) for one in made]
    ours.select("UPDATE connector_config SET status = 'paused'")
    with ours.process("serve", "--port", "0") as serve:
        serve.wait_for("serving")
        return _sent(ours, serve, targets, rate, seconds, first=1, ids=rate * seconds)


def beside(ours: House, serve: Process, store: uuid.UUID, large: Running, rate: int) -> dict[str, Any]:
    """While the hints are followed and another store is read."""
    target = Target(f"/webhooks/{store}", "woocommerce", _secret(ours, store))
    orders = ours.select("SELECT min(order_id::bigint) FROM platform_order WHERE connector_id = %s", store)
    ours.add(woocommerce.CONNECTOR, ["large"], large.url, _keys(large), "keys")
    ours.wait("SELECT count(*) > 0 FROM sync_run r JOIN connector_config c ON c.id = r.connector_id"
              " WHERE c.name = 'large'")  # fmt: skip
    found = _sent(ours, serve, [target], rate, 20, first=orders[0][0], ids=BUSY)
    still = ours.one("SELECT bool_or(phase <> 'live') FROM sync_state s JOIN connector_config c"
                     " ON c.id = s.connector_id WHERE c.name = 'large'")  # fmt: skip
    began = time.perf_counter()
    ours.wait("SELECT count(*) = 0 FROM webhook_delivery WHERE status = 'received'")
    return found | {"reading_all_along": still, "followed_after": time.perf_counter() - began}


def _sent(
    ours: House, serve: Process, targets: Sequence[Target], rate: int, seconds: int, *, first: int, ids: int
) -> dict[str, Any]:
    """Send; what it came to, and how many of the accepted ones are there."""
    place = urlsplit(serve.wait_for("serving")["url"])
    plan = Plan(str(place.hostname), int(place.port or 0), list(targets), rate, seconds, _body(), first, ids)
    held = ours.one("SELECT count(*) FROM webhook_delivery")
    before, postgres = serve.cpu(), ours.postgres_cpu()
    done = subprocess.run(
        [sys.executable, "-m", "bench.sender"], input=json.dumps(asdict(plan)), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    accepted = told["statuses"].get("200", 0)
    rows = ours.one("SELECT count(*) FROM webhook_delivery") - held
    different = ours.one(
        "SELECT count(*) FROM (SELECT DISTINCT connector_id, external_id FROM webhook_delivery) d"
    )
    return {
        "sent": rate * seconds, "statuses": told["statuses"], "lost": accepted - rows, "different": different,
        "p50": percentile(told["took"], 0.5), "p99": percentile(told["took"], 0.99), "max": max(told["took"]),
        "sender_late": told["late"], "sender_cores": told["cpu"] / seconds,
        "serve_cores": (serve.cpu() - before) / seconds,
        "postgres_cores": (ours.postgres_cpu() - postgres) / seconds,
        "complaints": serve.complaints()[:5],
    }  # fmt: skip


def lag(ours: House, shop: Running, url: str, rate: int, seconds: int = 30) -> dict[str, Any]:
    """From hint to row."""
    shop.admin.set_site(cron_seconds=0)
    with open_subject(ours.database, ours.keyring, "shop", ours.settings) as subject:
        guardian.install(ours.database, ours.keyring, subject, url)
    told = ("pending", "processing", "on-hold", "completed")  # of drafts and the trash it says nothing
    orders = [one["id"] for one in shop.admin.records("orders") if one["status"] in told][-rate * seconds :]
    after = ours.one("SELECT coalesce(max(id), 0) FROM change_event")
    since = ours.one("SELECT coalesce(max(id), 0) FROM webhook_delivery")
    over = threading.Event()
    seen: dict[str, Any] = {}
    watcher = threading.Thread(target=_watch, args=(ours, after, seen, over))
    watcher.start()
    begin = time.perf_counter()
    for at, order in enumerate(orders):
        time.sleep(max(begin + at / rate - time.perf_counter(), 0))
        shop.admin.edit_order(order, customer_note=f"edited {at}")
    took = time.perf_counter() - begin
    deadline = time.monotonic() + 30
    while len(seen) < len(orders) and time.monotonic() < deadline:
        time.sleep(0.1)
    over.set()
    watcher.join()
    arrived = dict(ours.select(
        "SELECT external_id, min(received_at) FROM webhook_delivery WHERE id > %s AND resource = 'orders'"
        " GROUP BY 1", since,
    ))  # fmt: skip
    lags = [(at - arrived[key]).total_seconds() for key, at in seen.items() if key in arrived]
    return {
        "edited": len(orders), "arrived": len(arrived), "seen": len(seen), "rate": len(orders) / took,
        "p50": percentile(lags, 0.5), "p95": percentile(lags, 0.95), "max": max(lags),
    }  # fmt: skip


def _watch(ours: House, after: int, seen: dict[str, Any], over: threading.Event) -> None:
    """When each order's first change was seen from outside, on the database's clock."""
    while not over.wait(0.05):
        # what commits late has a lower number than what was seen: so all of them, each time
        for key, at in ours.select(
            "SELECT DISTINCT key, clock_timestamp() FROM change_event WHERE id > %s AND entity = 'order'",
            after,
        ):
            seen.setdefault(key, at)


def _wait_until_read(ours: House) -> None:
    ours.wait("SELECT bool_and(phase = 'live' AND watermark IS NOT NULL) FROM sync_state")


def _secret(ours: House, store: uuid.UUID) -> str:
    with ours.database.session() as session:
        row = session.get_one(ConnectorConfig, store)
        secret = signing.renew(session, ours.keyring, row)
        session.commit()
    return secret


def _keys(shop: Running) -> dict[str, str]:
    return {"consumer_key": shop.key, "consumer_secret": shop.secret}


def _body() -> str:
    """An order as WooCommerce posts it, without its id: about 4 kB."""
    with start(orders=1, products=5, customers=1) as shop:
        (order,) = shop.admin.records("orders")
    del order["id"]
    return json.dumps(order)
