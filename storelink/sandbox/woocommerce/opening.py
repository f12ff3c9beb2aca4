"""A WooCommerce store built from its setup: the shop, its keys, its desk and its front."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

from storelink.sandbox.capacity import Capacity
from storelink.sandbox.clock import Clock, zone_of
from storelink.sandbox.courier import Courier
from storelink.sandbox.desk import Desk
from storelink.sandbox.faults import Script
from storelink.sandbox.journal import Journal
from storelink.sandbox.money import decimals
from storelink.sandbox.setup import Opened, Setup
from storelink.sandbox.shop import make_shop
from storelink.sandbox.web import Web
from storelink.sandbox.woocommerce import refund_writes
from storelink.sandbox.woocommerce.auth import Gate, Key
from storelink.sandbox.woocommerce.churn import churn
from storelink.sandbox.woocommerce.deliveries import Deliveries
from storelink.sandbox.woocommerce.edits import Edits
from storelink.sandbox.woocommerce.front import Front
from storelink.sandbox.woocommerce.platform import Platform
from storelink.sandbox.woocommerce.routes import routes
from storelink.sandbox.woocommerce.site import Site
from storelink.sandbox.woocommerce.store import Store


@dataclass(frozen=True, slots=True)
class Options:
    """What only WooCommerce has."""

    has_variations: bool = True
    has_refunds: bool = True
    hpos: bool = True
    currency: str = "USD"
    decimals: int = 2
    prices_include_tax: bool = False


@dataclass(frozen=True, slots=True)
class Keys:
    """The pairs of key and secret that a store knows; the same for the same seed."""

    full: tuple[str, str] = field(repr=False)
    read_only: tuple[str, str] = field(repr=False)
    write_only: tuple[str, str] = field(repr=False)
    customer: tuple[str, str] = field(repr=False)
    manager: tuple[str, str] = field(repr=False)
    password: tuple[str, str] = field(repr=False)
    token: str = field(repr=False, default="")


def make_keys(seed: int) -> Keys:
    """Keys of the form real ones have, made from the seed."""

    def pair(name: str) -> tuple[str, str]:
        key = sha256(f"{seed} {name} key".encode()).hexdigest()[:40]
        secret = sha256(f"{seed} {name} secret".encode()).hexdigest()[:40]
        return f"ck_{key}", f"cs_{secret}"

    words = sha256(f"{seed} password".encode()).hexdigest()[:24]
    password = ("admin", " ".join(words[at : at + 4] for at in range(0, 24, 4)))
    return Keys(
        full=pair("full"),
        read_only=pair("read"),
        write_only=pair("write"),
        customer=pair("customer"),
        manager=pair("manager"),
        password=password,
        token=os.urandom(16).hex(),
    )


def _actions(store: Store, deliveries: Deliveries) -> dict[str, Callable[..., Any]]:
    edits = Edits(store)
    own: dict[str, Callable[..., Any]] = {
        **edits.actions(),
        "churn": partial(churn, edits),
        "refund_by_hand": partial(refund_writes.by_hand, store),
        "turn_gateway": store.ledger.turn,
        "slow_gateway": store.ledger.slow_down,
    }
    return {**{name: _in_its_money(store.site, do) for name, do in own.items()}, **deliveries.actions()}


def _in_its_money(site: Site, do: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **named: Any) -> Any:
        with decimals(site.decimals):
            return do(*args, **named)

    return run


def open_store(setup: Setup, url: str) -> Opened:
    """The store of this setup, to be served at `url`."""
    options, keys = Options(**setup.options), make_keys(setup.plan.seed)
    clock = Clock(setup.clock_offset)
    site = Site(url, zone_of(setup.time_zone))
    site.has_variations, site.has_refunds = options.has_variations, options.has_refunds
    site.hpos, site.currency, site.decimals = options.hpos, options.currency, options.decimals
    site.prices_include_tax = options.prices_include_tax
    store = Store(site, clock)
    with decimals(site.decimals):
        store.fill(make_shop(setup.plan))
    gate = Gate(
        [
            Key(*keys.full, "read_write"),
            Key(*keys.read_only, "read"),
            Key(*keys.write_only, "write"),
            Key(*keys.customer, "read_write", "customer"),
            Key(*keys.manager, "read_write", "shop_manager"),
        ],
        (keys.password[0], keys.password[1].replace(" ", "")),
    )
    script, journal = Script(), Journal()
    capacity = Capacity(setup.latency, setup.service_time, setup.cores)
    deliveries = Deliveries(store, Courier())
    store.listener = deliveries
    desk = Desk(keys.token, clock, script, capacity, journal, _actions(store, deliveries))
    desk.after = deliveries.edited
    front = Front(Platform(store, gate, routes()), desk, deliveries.visit)

    def close() -> None:
        deliveries.courier.close()
        store.close()

    return Opened(Web(front, desk, script, capacity, journal), keys, close)
