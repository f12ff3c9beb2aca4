"""How much there is to read in a store, and about how long that takes: measured on the store itself."""

import math
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from storelink.connectors import bound
from storelink.connectors.bound import BoundedStore, Extent
from storelink.connectors.protocol import Connector, Store
from storelink.errors import StorelinkError
from storelink.sync import since

PAGE = 100
_WHOLE = 3
"""A whole record takes about so many times as long as its line in a list."""
_MONTHS, _DAYS = "The last 12 months", "The last 90 days"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of a resource there is. None: the store does not say."""

    resource: str
    total: int | None
    requests: int | None
    seconds: float | None
    page: int | None = None
    """Records of a page; None where all comes as one file, made by the store."""
    page_seconds: float | None = None
    """How long such a page of whole records takes; of orders measured, of others guessed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """From when on orders may be read, and what that comes to. `day` None: from the first on."""

    title: str
    day: str | None
    orders: int | None
    requests: int | None
    """Of all resources together, as `seconds`."""
    seconds: float | None


def measure(store: Store, resource: str) -> Amount:
    """By one page of the list of versions, and for orders one page of whole records."""
    began, asked = time.monotonic(), store.traffic.requests
    try:
        page = next(iter(store.list_all(resource)), None)
        took = time.monotonic() - began
        if page is None or page.total is None:
            return Amount(resource, None, None, None)
        if page.total and not page.records:  # the whole list was made before its first page was given
            asked = store.traffic.requests - asked
            return Amount(resource, page.total, 2 * asked, round((1 + _WHOLE) * took, 1))
        size = len(page.records) if 0 < len(page.records) < page.total else PAGE
        whole = _page_of(store, resource, size) if resource == bound.RESOURCE else _WHOLE * took
    except StorelinkError:
        return Amount(resource, None, None, None)
    pages = max(1, math.ceil(page.total / size))
    return Amount(
        resource,
        page.total,
        2 * pages,
        round((took + whole) * pages, 1),
        min(size, page.total),
        round(whole, 1),
    )


def _page_of(store: Store, resource: str, size: int) -> float:
    """How many seconds a page of so many whole records takes."""
    began = time.monotonic()
    page = next(iter(store.backfill(resource, None)), None)
    took = time.monotonic() - began
    return took * size / max(1, len(page.records) if page else 1)


def choices(
    store: Store, connector: Connector, amounts: list[Amount], settings: dict[str, Any]
) -> list[Choice]:
    """Everything, and what is worth choosing instead: each is asked for, and none that saves nothing."""
    orders = next((one for one in amounts if one.resource == bound.RESOURCE), None)
    if orders is None or not bound.can_bound(connector):
        return []
    today = since.day_of(datetime.now(UTC), settings)
    days = ((_MONTHS, _year_before(today)), (_DAYS, today - timedelta(days=90)))
    asking = cast(BoundedStore, store)
    try:
        whole = asking.extent(bound.RESOURCE)
        found = [_choice(_title(whole, settings), None, whole, amounts, orders)]
        for title, day in days:
            extent = asking.extent(bound.RESOURCE, since.start_of(day, settings))
            if extent.count is not None and extent.count != found[-1].orders:
                found.append(_choice(title, day, extent, amounts, orders))
    except StorelinkError:
        return []
    return found


def _title(whole: Extent, settings: dict[str, Any]) -> str:
    if whole.oldest is None:
        return "Everything"
    return f"Everything, since {since.day_of(whole.oldest, settings):%B %Y}"


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year - 1, day=28)


def _choice(title: str, day: date | None, extent: Extent, amounts: list[Amount], orders: Amount) -> Choice:
    """The other resources whole, and of the orders their share."""
    said = None if day is None else day.isoformat()
    if extent.count is None or any(one.requests is None or one.seconds is None for one in amounts):
        return Choice(title, said, extent.count, None, None)
    share = extent.count / orders.total if orders.total else 1.0
    requests, seconds = orders.requests or 0, orders.seconds or 0.0
    if orders.page is not None:
        requests = 2 * max(1, math.ceil(requests / 2 * share))
    others = [one for one in amounts if one is not orders]
    return Choice(
        title, said, extent.count, requests + sum(one.requests or 0 for one in others),
        round(seconds * share + sum(one.seconds or 0 for one in others), 1),
    )  # fmt: skip
