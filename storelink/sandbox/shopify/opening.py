"""A Shopify store built from its setup: the shop, its graphs, its doors, its desk and its front."""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from storelink.sandbox.capacity import Capacity
from storelink.sandbox.clock import Clock, zone_of
from storelink.sandbox.courier import Courier
from storelink.sandbox.desk import Desk
from storelink.sandbox.faults import Script
from storelink.sandbox.journal import Journal
from storelink.sandbox.setup import Opened, Setup
from storelink.sandbox.shop import make_shop
from storelink.sandbox.shopify import bulk_fields, order_update, refund_create, webhook_fields
from storelink.sandbox.shopify.answering import Answers
from storelink.sandbox.shopify.bucket import RATES
from storelink.sandbox.shopify.bulk import Bulk
from storelink.sandbox.shopify.bulk_shelf import Shelf
from storelink.sandbox.shopify.churn import churn
from storelink.sandbox.shopify.deliveries import Deliveries
from storelink.sandbox.shopify.edits import Edits
from storelink.sandbox.shopify.front import Front
from storelink.sandbox.shopify.gate import Gate
from storelink.sandbox.shopify.graph import Graph
from storelink.sandbox.shopify.idempotency import Keys as KeysAtWork
from storelink.sandbox.shopify.site import Site
from storelink.sandbox.shopify.store import Store
from storelink.sandbox.shopify.switches import Switches
from storelink.sandbox.web import Web

Actions = dict[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Options:
    """What only Shopify has. `domain` is the name the shop knows itself by; "" follows from the seed.

    `bulk_folder` keeps results of bulk operations for later stores with the same options: those of a
    large shop take minutes to make. The rest is as in `Site` and `Switches`.
    """

    api_versions: tuple[str, ...] = ("2026-07", "2026-10")
    plan: str = "standard"
    domain: str = ""
    currency: str = "USD"
    taxes_included: bool = False
    index_lag: float = 0.0
    bulk_seconds: float = 0.0
    bulk_folder: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens the store; all but `token`, which opens the desk, follows from the seed."""

    domain: str
    client_id: str
    client_secret: str = field(repr=False)
    static: str = field(repr=False)
    other: str = field(repr=False)
    token: str = field(repr=False)


def open_store(setup: Setup, url: str) -> Opened:
    """The store of this setup, to be served at `url`."""
    options = Options(**setup.options)
    clock, switches = Clock(setup.clock_offset), Switches(bulk_seconds=options.bulk_seconds)
    site = Site(time_zone=setup.time_zone, zone=zone_of(setup.time_zone))
    site.domain = options.domain or f"sandbox-{setup.plan.seed}.myshopify.com"
    site.plan, site.currency, site.index_lag = options.plan, options.currency, options.index_lag
    site.taxes_included = options.taxes_included
    store = Store(site, clock)
    store.fill(make_shop(setup.plan))
    gate = Gate(setup.plan.seed, site.domain, clock, switches)
    folder = tempfile.TemporaryDirectory(prefix="storelink-sandbox-")
    bulk = Bulk(store, switches, url, Path(folder.name), _shelf(setup, options))
    graphs = {version: Graph(store, version) for version in options.api_versions}
    apps = {app.name: app.client_secret for app in (gate.app, gate.other)}
    edits, keys_at_work = Edits(store), KeysAtWork(clock)
    deliveries = Deliveries(store, switches, Courier(), apps, max(options.api_versions))
    store.listener = deliveries
    for graph in graphs.values():
        bulk_fields.register(graph, bulk)
        webhook_fields.register(graph, deliveries)
        refund_create.register(graph, edits.orders, keys_at_work, switches)
        order_update.register(graph, edits.orders)
    answers = Answers(store, graphs, switches)
    keys = Keys(
        domain=site.domain,
        client_id=gate.app.client_id,
        client_secret=gate.app.client_secret,
        static=gate.static,
        other=gate.other_static,
        token=os.urandom(16).hex(),
    )
    script, journal = Script(), Journal()
    capacity = Capacity(setup.latency, setup.service_time, setup.cores)
    actions: Actions = {**edits.actions(), "churn": partial(churn, edits)}
    actions |= _house(answers, gate, bulk, switches) | deliveries.actions()
    desk = Desk(keys.token, clock, script, capacity, journal, actions)
    front = Front(answers, gate, bulk, switches, desk, keys_at_work, edits.orders.gateway)

    def close() -> None:
        deliveries.courier.close()
        bulk.stop()
        store.close()
        folder.cleanup()

    return Opened(Web(front, desk, script, capacity, journal), keys, close)


def _shelf(setup: Setup, options: Options) -> Shelf | None:
    if not options.bulk_folder:
        return None
    shop: list[Any] = [asdict(setup.plan), setup.time_zone, options.domain, options.currency, options.plan]
    shop += [options.taxes_included, "split payments"]  # what the generator made before was otherwise
    return Shelf(Path(options.bulk_folder), json.dumps(shop))


def _house(answers: Answers, gate: Gate, bulk: Bulk, switches: Switches) -> Actions:
    """What the desk does beside edits."""
    store = answers.store
    names = {part.name for part in fields(Switches)}

    def set_site(**values: Any) -> None:
        switches.set(**{name: value for name, value in values.items() if name in names})
        _set_shop(answers, {name: value for name, value in values.items() if name not in names})

    def prepare_bulk(query: str, version: str = "", grouped: bool = False) -> None:
        graph = answers.graphs[version or max(answers.graphs)]
        bulk.prepare(graph, answers.context(gate.app), query, grouped)

    def spent(app: str = "") -> dict[str, Any]:
        bucket = answers.bucket(app or gate.app.name)
        return {**asdict(bucket.spent), "level": bucket.level(), "rate": bucket.rate, "size": bucket.size}

    def drain(left: float = 0.0, app: str = "") -> None:
        answers.bucket(app or gate.app.name).drain(left)

    return {
        "set_site": set_site,
        "set_shop": set_site,
        "site": lambda: {**asdict(switches), "domain": store.site.domain, "plan": store.site.plan},
        "revoke_tokens": gate.revoke,
        "expire_tokens": gate.expire,
        "spent": spent,
        "drain": drain,
        "prepare_bulk": prepare_bulk,
        "bulk_prepared": bulk.prepared,
        "bulk_operations": lambda: [
            {**bulk.doc(op, bulk.status(op)), "app": op.app, "problem": op.problem}
            for op in bulk.operations.values()
        ],
    }


def _set_shop(answers: Answers, values: dict[str, Any]) -> None:
    site = answers.store.site
    known = {part.name for part in fields(Site)} - {"zone"}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"a Shopify store has no switch {name}")
        setattr(site, name, tuple(value) if isinstance(value, list) else value)
        if name == "time_zone":
            site.zone = zone_of(value)
        if name == "plan":
            for bucket in answers.buckets.values():
                bucket.become(RATES[value])
