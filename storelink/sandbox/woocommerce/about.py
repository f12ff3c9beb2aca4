"""What the store says about itself: index, routes, system status, settings and short lists."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pycountry

from storelink.sandbox.money import RATES
from storelink.sandbox.woocommerce.ledger import GATEWAYS
from storelink.sandbox.woocommerce.orders import percent
from storelink.sandbox.woocommerce.site import (
    ALL_METHODS,
    STATUS_NAMES,
    SYMBOLS,
    Site,
)
from storelink.sandbox.woocommerce.store import Doc, Store

#: countries whose states the shop knows, and how their codes are made of ISO's
_STATE_CODES = {"JP": "JP{}", "DE": "DE-{}", **dict.fromkeys(("US", "CA", "AU", "IT", "ES", "MX"), "{}")}
_RESOURCES = {
    "/orders": "GET POST",
    "/orders/(?P<id>[\\d]+)": "GET POST PUT PATCH DELETE",
    "/orders/batch": "POST PUT PATCH",
    "/orders/statuses": "GET",
    "/orders/(?P<order_id>[\\d]+)/refunds": "GET POST",
    "/orders/(?P<order_id>[\\d]+)/refunds/(?P<id>[\\d]+)": "GET DELETE",
    "/refunds": "GET",
    "/products": "GET POST",
    "/products/(?P<id>[\\d]+)": "GET POST PUT PATCH DELETE",
    "/products/batch": "POST PUT PATCH",
    "/products/(?P<product_id>[\\d]+)/variations": "GET POST",
    "/products/(?P<product_id>[\\d]+)/variations/(?P<id>[\\d]+)": "GET POST PUT PATCH DELETE",
    "/products/(?P<product_id>[\\d]+)/variations/batch": "POST PUT PATCH",
    "/variations": "GET",
    "/customers": "GET POST",
    "/customers/(?P<id>[\\d]+)": "GET POST PUT PATCH DELETE",
    "/customers/batch": "POST PUT PATCH",
    "/webhooks": "GET POST",
    "/webhooks/(?P<id>[\\d]+)": "GET POST PUT PATCH DELETE",
    "/webhooks/batch": "POST PUT PATCH",
    "/system_status": "GET",
    "/payment_gateways": "GET",
    "/taxes": "GET POST",
    "/data/currencies/current": "GET",
    "/data/countries/(?P<location>[\\w-]+)": "GET",
    "/settings/(?P<group_id>[\\w-]+)/(?P<id>[\\w-]+)": "GET POST PUT PATCH",
}


def index(store: Store) -> Doc:
    """`GET /wp-json/`."""
    site = store.site
    active = site.mode != "plugin_inactive"
    named = site.zone.key if isinstance(site.zone, ZoneInfo) else ""
    spaces = ["oembed/1.0", *(["wc/v1", "wc/v2", "wc/v3", "wc-analytics"] if active else []), "wp/v2"]
    routes = {"/": _route(site, "/", "GET"), "/wp/v2/posts": _route(site, "/wp/v2/posts", "GET POST")}
    if active:
        routes.update(routes_of(site))
    return {
        "name": site.title,
        "description": "",
        "url": site.base,
        "home": site.base,
        "gmt_offset": offset_hours(store) if named else str(offset_hours(store)),
        "timezone_string": named,
        "page_for_posts": 0,
        "page_on_front": 0,
        "show_on_front": "posts",
        "namespaces": spaces,
        "authentication": {
            "application-passwords": {
                "endpoints": {"authorization": f"{site.base}/wp-admin/authorize-application.php"}
            }
        },
        "routes": routes,
        "site_logo": 0,
        "site_icon": 0,
        "site_icon_url": "",
        "_links": {"help": [{"href": "https://developer.wordpress.org/rest-api/"}]},
    }


def offset_hours(store: Store) -> int | float:
    """Hours east of Greenwich at this moment."""
    now = datetime.fromtimestamp(store.clock.stamp(), UTC).astimezone(store.site.zone)
    offset = now.utcoffset()
    hours = (offset.total_seconds() if offset else 0.0) / 3600
    return int(hours) if hours == int(hours) else hours


def routes_of(site: Site) -> dict[str, Any]:
    """The routes of `wc/v3`; an older store lacks the store-wide lists."""
    missing = {"/variations": site.has_variations, "/refunds": site.has_refunds}
    found = {"/wc/v3": _route(site, "/wc/v3", "GET")}
    for path, methods in _RESOURCES.items():
        if missing.get(path, True):
            found[f"/wc/v3{path}"] = _route(site, f"/wc/v3{path}", methods)
    return found


def _route(site: Site, path: str, methods: str) -> Doc:
    made: Doc = {
        "namespace": path.strip("/")[:5] if path.startswith(("/wc", "/wp")) else "",
        "methods": methods.split(),
        "endpoints": [{"methods": methods.split(), "args": {}}],
    }
    if "(" not in path:
        made["_links"] = {"self": [{"href": f"{site.base}/wp-json{path}"}]}
    return made


def namespace(store: Store) -> Doc:
    """`GET /wp-json/wc/v3`."""
    site = store.site
    return {
        "namespace": "wc/v3",
        "routes": routes_of(site),
        "_links": {"up": [{"href": f"{site.base}/wp-json/"}]},
    }


def statuses(_: Store) -> list[Doc]:
    """`GET /orders/statuses`: custom, hidden and draft ones, too."""
    return [{"slug": slug, "name": name} for slug, name in STATUS_NAMES.items()]


def order_totals(store: Store) -> list[Doc]:
    """`GET /reports/orders/totals`."""
    counts = dict.fromkeys(STATUS_NAMES, 0)
    for row in store.drawers["orders"].rows.values():
        if row.status in counts:
            counts[row.status] += 1
    return [{"slug": s, "name": n, "total": counts[s]} for s, n in STATUS_NAMES.items()]


def gateways(_: Store) -> list[Doc]:
    """`GET /payment_gateways`."""
    return [
        {
            "id": name,
            "title": name.title(),
            "description": "",
            "order": at,
            "enabled": enabled,
            "method_title": name.title(),
            "method_description": "",
            "method_supports": supports,
            "settings": {},
            "needs_setup": False,
        }
        for at, (name, (enabled, supports)) in enumerate(GATEWAYS.items())
    ]


def tax_rates(store: Store) -> list[Doc]:
    """`GET /taxes`."""
    return [
        {
            "id": rate.number,
            "country": rate.country,
            "state": rate.state,
            "postcode": "",
            "city": "",
            "rate": f"{percent(rate):.4f}",
            "name": rate.label,
            "priority": 1,
            "compound": rate.compound,
            "shipping": True,
            "order": at,
            "class": "standard",
            "postcodes": [],
            "cities": [],
            "_links": store.site.links(f"taxes/{rate.number}", "taxes", ALL_METHODS),
        }
        for at, rate in enumerate(RATES)
    ]


def currency(store: Store) -> Doc:
    """`GET /data/currencies/current`; the symbol is an HTML entity."""
    code = store.site.currency
    return {
        "code": code,
        "name": {"USD": "United States (US) dollar"}.get(code, code),
        "symbol": "".join(f"&#{ord(c)};" for c in SYMBOLS.get(code, code)),
        "_links": store.site.links(f"data/currencies/{code}", "data/currencies", []),
    }


def country(store: Store, code: str) -> Doc | None:
    """`GET /data/countries/<code>`: the states in WooCommerce's own codes; None for no country."""
    found = pycountry.countries.get(alpha_2=code.upper())
    if found is None:
        return None
    form = _STATE_CODES.get(found.alpha_2)
    parts = pycountry.subdivisions.get(country_code=found.alpha_2) or [] if form else []  # type: ignore[no-untyped-call]  # theirs
    states = [
        {"code": (form or "").format(part.code.partition("-")[2]), "name": part.name}
        for part in sorted(parts, key=lambda part: str(part.name))
    ]
    links = store.site.links(f"data/countries/{found.alpha_2.lower()}", "data/countries", [])
    return {"code": found.alpha_2, "name": found.name, "states": states, "_links": links}


def setting(store: Store, group: str, name: str) -> Doc | None:
    """The few settings a reader asks for; None for any other."""
    values = {
        ("general", "woocommerce_currency"): store.site.currency,
        ("tax", "woocommerce_prices_include_tax"): "yes" if store.site.prices_include_tax else "no",
        ("general", "woocommerce_calc_taxes"): "yes",
        ("general", "woocommerce_price_num_decimals"): str(store.site.decimals),
    }
    if (group, name) not in values:
        return None
    return {
        "id": name,
        "label": name.replace("_", " "),
        "description": "",
        "type": "select",
        "default": "",
        "value": values[(group, name)],
        "group_id": group,
        "_links": store.site.links(
            f"settings/{group}/{name}", f"settings/{group}", ["GET", "POST", "PUT", "PATCH"]
        ),
    }
