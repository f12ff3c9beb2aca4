"""What a store says of itself, as settings to remember. Pure, and total: junk gives fewer settings.

Sources: `/wp-json/` (time zone), `/wp-json/wc/v3` (routes), `system_status` (version, currency),
`reports/orders/totals` (statuses).
"""

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from storelink.connectors.facts import part, words

CORE_STATUSES = (
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
)
# lists of WooCommerce, the setting that says whether the store has it, and since when there is one
LISTS = (("variations", "has_variations", "10.3"), ("refunds", "has_refunds", "9.0"))


def site_facts(data: Mapping[str, Any]) -> dict[str, Any]:
    """`time_zone` (IANA name, None where the store has a bare offset), `gmt_offset` in hours, …"""
    facts: dict[str, Any] = {"time_zone": _time_zone(data.get("timezone_string"))}
    offset = data.get("gmt_offset")
    try:
        facts["gmt_offset"] = float(offset)  # type: ignore[arg-type]  # "-5", -5 or 5.5
    except (TypeError, ValueError):
        facts["gmt_offset"] = None
    if isinstance(home := data.get("home") or data.get("url"), str):
        facts["home_url"] = home.rstrip("/")
    return facts


def _time_zone(name: object) -> str | None:
    if not isinstance(name, str) or not name:
        return None
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):  # an offset such as "+02:00", or junk
        return None


def features(data: object) -> dict[str, Any]:
    """Which of the global lists the routes name; nothing where the routes cannot be read."""
    routes = data.get("routes") if isinstance(data, dict) else None
    if not isinstance(routes, dict):
        return {}
    return {setting: f"/wc/v3/{name}" in routes for name, setting, _since in LISTS}


def status_facts(data: object) -> dict[str, Any]:
    """Version, currency and storage from `system_status`."""
    root = data if isinstance(data, dict) else {}
    environment, settings = part(root, "environment"), part(root, "settings")
    facts = {
        "version": words(environment.get("version")),
        "wp_version": words(environment.get("wp_version")),
        "wp_cron": environment.get("wp_cron"),
        "currency": words(settings.get("currency")),
        "decimals": settings.get("number_of_decimals"),
        "hpos": settings.get("HPOS_enabled"),
    }
    kinds = {"wp_cron": bool, "hpos": bool, "decimals": int}
    return {
        name: value
        for name, value in facts.items()
        if value is not None and isinstance(value, kinds.get(name, str))
    }


def statuses_of(data: object) -> dict[str, int]:
    """Order statuses and how many orders each has, from `reports/orders/totals`."""
    rows = data if isinstance(data, list) else []
    found = {}
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("slug"), str):
            total = row.get("total")
            found[row["slug"].removeprefix("wc-")] = total if isinstance(total, int) else 0
    return found


def hidden_statuses(totals: Mapping[str, int], listed: int | None) -> tuple[list[str], int]:
    """Custom statuses that a list of `status=any` may leave out, and how many orders at least.

    `listed` is the length of that list. Drafts are in it or not, depending on the version.
    """
    if listed is None:
        return [], 0
    counted = sum(count for slug, count in totals.items() if slug != "checkout-draft")
    if listed > counted:
        counted += totals.get("checkout-draft", 0)
    missing = counted - listed
    names = [slug for slug, count in totals.items() if slug not in CORE_STATUSES and 0 < count <= missing]
    return (names, missing) if names else ([], 0)


def is_local(url: str) -> bool:
    """Whether what is sent to `url` stays on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
