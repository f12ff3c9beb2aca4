"""Which address is served by what."""

import json
import re
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any

from storelink.sandbox.woocommerce import (
    about,
    batch,
    customer_writes,
    order_writes,
    product_writes,
    reads,
    refund_writes,
    singles,
    webhooks,
)
from storelink.sandbox.woocommerce.answers import Answer, Refused, no_route
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
    put: Handler | None = None,
    **methods: Handler,
) -> Route:
    """`{id}` stands for a number; PUT, PATCH and POST to a record are the same."""
    pattern = re.compile(path.replace("{id}", r"(\d+)"))
    served = {name.upper(): handler for name, handler in methods.items()}
    if put is not None:
        served |= {"PUT": put, "PATCH": put, "POST": put}
    return Route(pattern, served, allow, single, there)


def _batch(path: str, resource: batch.Resource) -> Route:
    return _route(path, batch.ALLOW, put=lambda s, c: batch.run(s, resource, c.body, c.query))


def routes() -> list[Route]:
    """All of them."""
    return [*_orders(), *_products(), *_variations(), *_people(), *_settings()]


def _orders() -> list[Route]:
    writes = order_writes
    loose = batch.Resource(
        partial(writes.create, check=False), partial(writes.update, check=False), writes.delete
    )
    return [
        _route(
            "/orders",
            LIST,
            get=lambda s, c: reads.orders(s, c.query),
            post=lambda s, c: writes.create(s, c.body),
        ),
        _batch("/orders/batch", loose),
        _route("/orders/statuses", "GET", get=_short(about.statuses)),
        _route("/reports/orders/totals", "GET", get=_short(about.order_totals)),
        _route(
            "/orders/{id}",
            FULL,
            single=True,
            get=lambda s, c: shown(singles.order(s, c.ids[0]), c.query),
            put=lambda s, c: writes.update(s, c.ids[0], c.body),
            delete=lambda s, c: writes.delete(s, c.ids[0], c.query),
        ),
        _route(
            "/orders/{id}/refunds",
            LIST,
            get=lambda s, c: reads.refunds_list(s, c.query, c.ids[0]),
            post=lambda s, c: refund_writes.create(s, c.ids[0], c.body),
        ),
        _route(
            "/orders/{id}/refunds/{id}",
            REFUND_ALLOW,
            single=True,
            get=lambda s, c: shown(singles.refund(s, *c.ids), c.query, REFUND_ALLOW),
            delete=lambda s, c: refund_writes.delete(s, c.ids[0], c.ids[1], c.query),
        ),
        _route(
            "/refunds",
            "GET",
            there=lambda site: site.has_refunds,
            get=lambda s, c: reads.refunds_list(s, c.query, None),
        ),
    ]


def _products() -> list[Route]:
    writes = product_writes
    loose = batch.Resource(
        partial(writes.create, check=False), partial(writes.update, check=False), writes.delete
    )
    return [
        _route(
            "/products",
            LIST,
            get=lambda s, c: reads.products_list(s, c.query),
            post=lambda s, c: writes.create(s, c.body),
        ),
        _batch("/products/batch", loose),
        _route(
            "/products/{id}",
            FULL,
            single=True,
            get=lambda s, c: shown(singles.product(s, c.ids[0]), c.query),
            put=lambda s, c: writes.update(s, c.ids[0], c.body),
            delete=lambda s, c: writes.delete(s, c.ids[0], c.query),
        ),
    ]


def _variations() -> list[Route]:
    writes = product_writes
    return [
        _route(
            "/products/{id}/variations",
            LIST,
            get=lambda s, c: reads.variations(s, c.query, c.ids[0]),
            post=lambda s, c: writes.create_variation(s, c.ids[0], c.body),
        ),
        _route("/products/{id}/variations/batch", batch.ALLOW, put=_variation_batch),
        _route(
            "/products/{id}/variations/{id}",
            FULL,
            single=True,
            get=lambda s, c: shown(singles.variation(s, *c.ids), c.query),
            put=lambda s, c: writes.update_variation(s, c.ids[0], c.ids[1], c.body),
            delete=lambda s, c: writes.delete_variation(s, c.ids[0], c.ids[1], c.query),
        ),
        _route(
            "/variations",
            "GET",
            there=lambda site: site.has_variations,
            get=lambda s, c: reads.variations(s, c.query, None),
        ),
    ]


def _variation_batch(store: Store, call: Call) -> Answer:
    parent, writes = call.ids[0], product_writes
    loose = batch.Resource(
        lambda s, body: writes.create_variation(s, parent, body, check=False),
        lambda s, number, body: writes.update_variation(s, parent, number, body, check=False),
        lambda s, number, query: writes.delete_variation(s, parent, number, query),
    )
    return batch.run(store, loose, call.body, call.query)


def _people() -> list[Route]:
    people, hooks = customer_writes, webhooks
    loose_people = batch.Resource(
        partial(people.create, check=False), partial(people.update, check=False), people.delete
    )
    loose_hooks = batch.Resource(
        partial(hooks.create, check=False), partial(hooks.update, check=False), hooks.delete
    )
    return [
        _route(
            "/customers",
            LIST,
            get=lambda s, c: reads.customers(s, c.query),
            post=lambda s, c: people.create(s, c.body),
        ),
        _batch("/customers/batch", loose_people),
        _route(
            "/customers/{id}",
            FULL,
            single=True,
            get=lambda s, c: shown(singles.customer(s, c.ids[0]), c.query),
            put=lambda s, c: people.update(s, c.ids[0], c.body),
            delete=lambda s, c: people.delete(s, c.ids[0], c.query),
        ),
        _route(
            "/webhooks",
            LIST,
            get=lambda s, c: hooks.listed(s, c.query),
            post=lambda s, c: hooks.create(s, c.body),
        ),
        _batch("/webhooks/batch", loose_hooks),
        _route(
            "/webhooks/{id}",
            FULL,
            single=True,
            get=lambda s, c: hooks.single(s, c.ids[0], c.query),
            put=lambda s, c: hooks.update(s, c.ids[0], c.body),
            delete=lambda s, c: hooks.delete(s, c.ids[0], c.query),
        ),
    ]


def _settings() -> list[Route]:
    setting = re.compile(r"/settings/(?:[\w-]+)/(?:[\w-]+)")
    return [
        _route("/system_status", "GET", get=system_status),
        _route("/payment_gateways", "GET", get=_short(about.gateways)),
        _route("/taxes", LIST, get=_short(about.tax_rates)),
        _route(
            "/data/currencies/current",
            "GET",
            get=lambda s, c: shown(about.currency(s), c.query, "GET"),
        ),
        Route(setting, {"GET": _setting}, "GET, POST, PUT, PATCH"),
        Route(re.compile(r"/data/countries/(?:[\w-]+)"), {"GET": _country}, "GET"),
    ]


def _short(docs: Callable[[Store], list[dict[str, Any]]]) -> Handler:
    """A short list that pages know nothing of."""
    return lambda store, call: paged_docs(store, "", docs(store), {**call.query, "per_page": "100"}, "GET")


def _setting(store: Store, call: Call) -> Answer:
    *_, group, name = call.request.path.rstrip("/").split("/")
    found = about.setting(store, group, name)
    if found is None:
        raise no_route()
    return shown(found, call.query, "GET, POST, PUT, PATCH")


def _country(store: Store, call: Call) -> Answer:
    found = about.country(store, call.request.path.rstrip("/").rpartition("/")[2])
    if found is None:
        words = "There are no locations matching these parameters."
        raise Refused(404, "woocommerce_rest_data_invalid_location", words)
    return shown(found, call.query, "GET")


def system_status(store: Store, call: Call) -> Answer:
    """`GET /system_status`: the recorded one, with this store's own values."""
    source = files("storelink.sandbox.woocommerce").joinpath("system_status.json")
    status: dict[str, Any] = json.loads(source.read_bytes())
    site = store.site
    status["environment"].update(home_url=site.base, site_url=site.base, store_id=site.store_id)
    status["settings"].update(
        currency=site.currency, HPOS_enabled=site.hpos, number_of_decimals=site.decimals
    )
    if not site.hpos:
        status["settings"]["order_datastore"] = "WC_Order_Data_Store_CPT"
    status["security"]["secure_connection"] = site.secure
    return shown(status, call.query, "GET")
