"""Until when a version of the Admin API is served. Pure.

Versions come out on the first of January, April, July and October and are served for a year at least.
Docs: https://shopify.dev/docs/api/usage/versioning
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from storelink.connectors.shopify.client import API_VERSION


def served_until(settings: Mapping[str, Any]) -> datetime | None:
    """When the version that this shop is read with may end; None for one that is no date."""
    version = str(settings.get("api_version") or API_VERSION)
    year, _, month = version.partition("-")
    if not (year.isdigit() and month.isdigit() and 1 <= int(month) <= 12):
        return None
    return datetime(int(year) + 1, int(month), 1, tzinfo=UTC)
