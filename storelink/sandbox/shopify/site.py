"""What is fixed about one shop, and the switches that tests turn."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from storelink.sandbox.clock import written

#: plan → its public name, and whether it is Plus
PLANS = {
    "basic": ("Basic", False),
    "standard": ("Grow", False),
    "advanced": ("Advanced", False),
    "plus": ("Plus", True),
    "enterprise": ("Enterprise", True),
    "development": ("Development", False),
}


@dataclass(slots=True)
class Site:
    """One shop. `index_lag` is how many seconds a write takes to reach the search index."""

    domain: str = "sandbox.myshopify.com"
    time_zone: str = "America/New_York"
    zone: tzinfo = UTC
    title: str = "Sandbox Shop"
    currency: str = "USD"
    plan: str = "standard"
    shop_id: int = 64_000_000_001
    index_lag: float = 0.0
    taxes_included: bool = False
    presentment: tuple[str, ...] = ("USD", "EUR", "GBP", "JPY")
    max_variants: int = 2_048


def stamp_text(seconds: int) -> str:
    """1790812800 → `"2026-10-01T00:00:00Z"`, as every DateTime is written."""
    return written(seconds) + "Z"


def read_stamp(text: str) -> int:
    """The reverse. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return int(at.timestamp())


def shop_doc(site: Site, now: float) -> dict[str, Any]:
    """The `shop` field."""
    offset = datetime.fromtimestamp(now, site.zone).utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds()) // 60
    sign, size = ("-" if minutes < 0 else "+"), abs(minutes)
    name, plus = PLANS[site.plan]
    return {
        "__typename": "Shop",
        "id": f"gid://shopify/Shop/{site.shop_id}",
        "name": site.title,
        "email": "shop@example.test",
        "contactEmail": "shop@example.test",
        "myshopifyDomain": site.domain,
        "url": f"https://{site.domain}",
        "primaryDomain": {"id": f"gid://shopify/Domain/{site.shop_id}", "host": site.domain},
        "currencyCode": site.currency,
        "enabledPresentmentCurrencies": list(site.presentment),
        "ianaTimezone": site.time_zone,
        "timezoneOffset": f"{sign}{size // 60:02d}{size % 60:02d}",
        "timezoneOffsetMinutes": minutes,
        "taxesIncluded": site.taxes_included,
        "taxShipping": True,
        "weightUnit": "KILOGRAMS",
        "orderNumberFormatPrefix": "#",
        "orderNumberFormatSuffix": "",
        "setupRequired": False,
        "createdAt": "2024-01-02T03:04:05Z",
        "updatedAt": "2026-09-01T00:00:00Z",
        "plan": {
            "publicDisplayName": name,
            "shopifyPlus": plus,
            "partnerDevelopment": site.plan == "development",
        },
        "resourceLimits": {
            "maxProductVariants": site.max_variants,
            "maxProductOptions": 3,
            "locationLimit": 200,
            "redirectLimitReached": False,
        },
    }
