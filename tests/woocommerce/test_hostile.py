"""No payload crashes the normalizer or yields a row that Postgres refuses: looked for by hypothesis."""

from collections.abc import Callable, Iterator
from typing import Any

import hostile
import pytest
from amounts import scaled
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storelink.connectors.protocol import Rejection, Rows
from storelink.connectors.woocommerce.connector import CONNECTOR
from storelink.connectors.woocommerce.normalize import normalize
from storelink.db import Database

SETTINGS = {"currency": "USD", "time_zone": "America/New_York", "gmt_offset": -5}
RECORDS = {
    "orders": ("small order",),
    "products": ("simple", "variable"),
    "customers": ("customer",),
}
Make = Callable[..., dict[str, Any]]
SPECIAL: list[Any] = [
    *hostile.SPECIAL, "-", "10876", "0x1", "variation", "wc-", "grouped", "trash", "<!--",
    "0000-00-00T00:00:00", "-0001-11-30T00:00:00", "0001-01-01T00:00:00", "1000-01-01T00:00:00",
    "9999-12-31T23:59:59", "99999-01-01T00:00:00", {"0": {}}, {"a": {}},
]  # fmt: skip
UNREAD = {"_links", "tax_lines", "shipping_lines", "coupon_lines", "taxes", "image", "dimensions"}
"""What is inside these goes only into `metadata`, as any other JSON does."""
junk = hostile.junk_of(SPECIAL)


def check_outcome(resource: str, raw: dict[str, Any]) -> None:
    hostile.check_outcome(CONNECTOR, resource, raw, SETTINGS)


@pytest.mark.parametrize("resource", RECORDS)
@settings(max_examples=scaled(100, 1000), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_spoilt_record_becomes_rows_or_is_refused(resource: str, make: Make, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(RECORDS[resource]))
    check_outcome(resource, data.draw(hostile.broken(make(name), junk)))


@pytest.mark.parametrize("resource", RECORDS)
@settings(max_examples=scaled(70, 500), deadline=None)
@given(
    raw=st.dictionaries(st.text(max_size=8) | st.sampled_from(["id", "total", "status"]), junk, max_size=6)
)
def test_any_object_becomes_rows_or_is_refused(resource: str, raw: dict[str, Any]) -> None:
    check_outcome(resource, raw)


@settings(max_examples=scaled(50, 300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk_settings=st.dictionaries(st.sampled_from(["currency", "time_zone", "gmt_offset"]), junk))
def test_no_settings_crash_it(make: Make, junk_settings: dict[str, Any]) -> None:
    raw = make("order", date_created_gmt=None, currency="")
    assert isinstance(normalize("orders", raw, junk_settings), Rows | Rejection)
    raw = make("simple", date_created_gmt=None)
    assert isinstance(normalize("products", raw, junk_settings), Rows | Rejection)


def every_spoilt(resource: str, make: Make) -> Iterator[dict[str, Any]]:
    """Each field of each record with each kind of junk, under ids of their own."""
    number = 10**6
    for name in RECORDS[resource]:
        for path in hostile.worth_spoiling(make(name), UNREAD):
            for value in [*SPECIAL, hostile.UNSPEAKABLE, ...]:
                number += 1
                raw = make(name, id=number)
                for detail in raw.get("variation_details", ()):
                    detail["id"] = number
                for refund in [*raw.get("refunds", ()), *raw.get("refund_details", ())]:
                    refund["id"] += 10_000 * number
                hostile.replaced(raw, path, value)
                yield raw


@pytest.mark.parametrize("resource", RECORDS)
def test_each_field_with_each_kind_of_junk(resource: str, make: Make) -> None:
    for raw in every_spoilt(resource, make):
        check_outcome(resource, raw)


@pytest.mark.parametrize("resource", RECORDS)
def test_postgres_takes_every_row_that_comes_out(resource: str, make: Make, database: Database) -> None:
    raws = list(every_spoilt(resource, make))
    with hostile.writing(database, CONNECTOR, resource, SETTINGS) as write:
        written = sum(write(raws[first : first + 300]) for first in range(0, len(raws), 300))
    assert written > len(raws) / 3, "most of it harms nothing"


@pytest.mark.parametrize("resource", RECORDS)
def test_postgres_takes_what_hypothesis_thinks_of(
    resource: str, make: Make, database: Database, scale: Callable[[int, int], int]
) -> None:
    with hostile.writing(database, CONNECTOR, resource, SETTINGS) as write:

        @settings(
            max_examples=scale(60, 2000),
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        )
        @given(st.data())
        def attempt(data: st.DataObject) -> None:
            write([data.draw(hostile.broken(make(name), junk)) for name in RECORDS[resource]])

        attempt()
