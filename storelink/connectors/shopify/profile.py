"""What a shop says of itself, as settings to remember. Pure, and total: junk gives fewer settings."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from storelink.connectors.facts import part, words

NEEDED = (("products", "read_products"), ("customers", "read_customers"), ("orders", "read_orders"))
"""What each resource needs."""
WRITES = "write_orders"
ALL_ORDERS = "read_all_orders"
_VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}")


def shop_facts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Settings from the answer to `checkup.graphql`."""
    shop = part(data, "shop")
    plan = part(shop, "plan").get("publicDisplayName")
    currencies = shop.get("enabledPresentmentCurrencies")
    facts = {
        "shop_id": _tail(shop.get("id")),
        "myshopify_domain": words(shop.get("myshopifyDomain")),
        "currency": words(shop.get("currencyCode")),
        "currencies": sorted(filter(words, currencies)) if isinstance(currencies, list) else None,
        "time_zone": _time_zone(shop.get("ianaTimezone")),
        "plan": words(plan),
    }
    return {name: value for name, value in facts.items() if value is not None}


def scopes_of(data: Mapping[str, Any]) -> list[str] | None:
    """The scopes that are granted, sorted; None where the answer does not say."""
    scopes = part(data, "currentAppInstallation").get("accessScopes")
    if not isinstance(scopes, list):
        return None
    handles = (scope.get("handle") for scope in scopes if isinstance(scope, dict))
    return sorted({handle for handle in handles if isinstance(handle, str) and handle})


def implied(scopes: Iterable[str]) -> frozenset[str]:
    """Scopes with those that they bring along: who may write may read."""
    named = frozenset(scopes)
    return named | {f"read_{scope[6:]}" for scope in named if scope.startswith("write_")}


def supported_versions(data: Mapping[str, Any]) -> list[str]:
    """The dated API versions that Shopify supports now, oldest first."""
    versions = data.get("publicApiVersions")
    found = [
        one["handle"]
        for one in (versions if isinstance(versions, list) else [])
        if isinstance(one, dict) and one.get("supported") is True and isinstance(one.get("handle"), str)
    ]
    return sorted(handle for handle in found if _VERSION.fullmatch(handle))


_GROUPS: tuple[tuple[str, ...], ...] = (
    ("firstName", "lastName"),
    ("defaultEmailAddress.emailAddress",),
    ("defaultPhoneNumber.phoneNumber",),
    ("defaultAddress.address1", "defaultAddress.zip"),
)


def personal_access(customers: Sequence[Any]) -> str:
    """Whether personal fields are shown, from a sample: granted, withheld or unknown.

    Access is given to names, e-mails, phone numbers and addresses each. So it is granted only if
    something of each is seen, and withheld if nothing is: every customer has some of it.
    """
    people = [one for one in customers if isinstance(one, dict)]
    shown = [any(_at(one, path) for one in people for path in group) for group in _GROUPS]
    if all(shown):
        return "granted"
    return "withheld" if people and not any(shown) else "unknown"


def _at(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _tail(gid: object) -> str | None:
    tail = gid.rpartition("/")[2] if isinstance(gid, str) else ""
    return tail if tail.isascii() and tail.isdigit() else None


def _time_zone(name: object) -> str | None:
    if not isinstance(name, str) or not name:
        return None
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        return None
