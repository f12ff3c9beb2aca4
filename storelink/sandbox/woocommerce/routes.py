"""Which address is served by what."""

import json
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from storelink.sandbox.woocommerce import about, reads, singles
from storelink.sandbox.woocommerce.answers import Answer, no_route
from storelink.sandbox.woocommerce.platform import Call, Handler, Route, always
from storelink.sandbox.woocommerce.singles import FULL, REFUND_ALLOW, paged_docs, shown
from storelink.sandbox.woocommerce.site import Site
from storelink.sandbox.woocommerce.store import Store

LIST = "GET, POST"


def _route(
    path: str,
    allow: str,
    *,
    single: bool = False,
    there: Callable[[Site], bool] = always,
    **methods: Handler,
) -> Route:
    pattern = re.compile(path.replace("{id}", r"(\d+)"))
    return Route(pattern, {name.upper(): m for name, m in methods.items()}, allow, single, there)


def routes() -> list[Route]:
    """All of them, the more particular before the more general."""
    return [*_orders(), *_catalog(), *_people(), *_settings()]


def _orders() -> list[Route]:
    return [
        _route("/orders", LIST, get=lambda s, c: reads.orders(s, c.query)),
        _route("/orders/statuses", "GET", get=_short(about.statuses)),
        _route("/reports/orders/totals", "GET", get=_short(about.order_totals)),
        _route(
            "/orders/{id}",
            FULL,
            single=True,
            get=lambda s, c: shown(singles.order(s, c.ids[0]), c.query),
        ),
        _route("/orders/{id}/refunds", LIST, get=lambda s, c: reads.refunds_list(s, c.query, c.ids[0])),
        _route(
            "/orders/{id}/refunds/{id}",
            REFUND_ALLOW,
            single=True,
            get=lambda s, c: shown(singles.refund(s, *c.ids), c.query, REFUND_ALLOW),
        ),
        _route(
            "/refunds",
            "GET",
            there=lambda site: site.has_refunds,
            get=lambda s, c: reads.refunds_list(s, c.query, None),
        ),
    ]


def _catalog() -> list[Route]:
    return [
        _route("/products", LIST, get=lambda s, c: reads.products_list(s, c.query)),
        _route(
            "/products/{id}",
            FULL,
            single=True,
            get=lambda s, c: shown(singles.product(s, c.ids[0]), c.query),
        ),
        _route(
            "/products/{id}/variations",
            LIST,
            get=lambda s, c: reads.variations(s, c.query, c.ids[0]),
        ),
        _route(
            "/products/{id}/variations/{id}",
            FULL,
            single=True,
            get=lambda s, c: shown(singles.variation(s, *c.ids), c.query),
        ),
        _route(
            "/variations",
            "GET",
            there=lambda site: site.has_variations,
            get=lambda s, c: reads.variations(s, c.query, None),
        ),
    ]


def _people() -> list[Route]:
    return [
        _route("/customers", LIST, get=lambda s, c: reads.customers(s, c.query)),
        _route(
            "/customers/{id}",
            FULL,
            single=True,
            get=lambda s, c: shown(singles.customer(s, c.ids[0]), c.query),
        ),
    ]


def _settings() -> list[Route]:
    return [
        _route("/system_status", "GET", get=system_status),
        _route("/payment_gateways", "GET", get=_short(about.gateways)),
        _route("/taxes", LIST, get=_short(about.tax_rates)),
        _route(
            "/data/currencies/current",
            "GET",
            get=lambda s, c: shown(about.currency(s), c.query, "GET"),
        ),
        Route(re.compile(r"/settings/(?:[\w-]+)/(?:[\w-]+)"), {"GET": _setting}, "GET, POST, PUT, PATCH"),
    ]


def _short(docs: Callable[[Store], list[dict[str, Any]]]) -> Handler:
    return lambda store, call: paged_docs(store, "", docs(store), {**call.query, "per_page": "100"}, "GET")


def _setting(store: Store, call: Call) -> Answer:
    *_, group, name = call.request.path.rstrip("/").split("/")
    found = about.setting(store, group, name)
    if found is None:
        raise no_route()
    return shown(found, call.query, "GET, POST, PUT, PATCH")


def system_status(store: Store, call: Call) -> Answer:
    """`GET /system_status`: the recorded one, with this store's own values."""
    source = files("storelink.sandbox.woocommerce").joinpath("system_status.json")
    status: dict[str, Any] = json.loads(source.read_bytes())
    site = store.site
    status["environment"].update(home_url=site.base, site_url=site.base, store_id=site.store_id)
    status["settings"].update(currency=site.currency, HPOS_enabled=site.hpos)
    if not site.hpos:
        status["settings"]["order_datastore"] = "WC_Order_Data_Store_CPT"
    status["security"]["secure_connection"] = site.secure
    return shown(status, call.query, "GET")
