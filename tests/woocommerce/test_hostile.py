"""No payload crashes the normalizer or yields a row that Postgres refuses: looked for by hypothesis."""

import copy
import json
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storelink.connectors.protocol import Ignored, Read, Rejection, Rows
from storelink.connectors.woocommerce.connector import CONNECTOR
from storelink.connectors.woocommerce.normalize import normalize, rebuild
from storelink.db import Database
from storelink.models import ConnectorConfig, SyncState
from storelink.sync import stage
from storelink.sync.lane import hold
from storelink.sync.page import normalize_page, write_page

SETTINGS = {"currency": "USD", "time_zone": "America/New_York", "gmt_offset": -5}
RECORDS = {
    "orders": ("small order",),
    "products": ("simple", "variable"),
    "customers": ("customer",),
}
Make = Callable[..., dict[str, Any]]
LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6000))
"""Too long for an index even when it is compressed."""

SPECIAL: list[Any] = [
    "", "-", "\x00", "a\x00b", "\ud800", "NaN", "1e999", "1e16", "9999999999999999.99", "0.00001", "-0.00",
    "0000-00-00T00:00:00", "-0001-11-30T00:00:00", "0001-01-01T00:00:00", "1000-01-01T00:00:00",
    "9999-12-31T23:59:59", "99999-01-01T00:00:00", "<!--", "<b", LONG, "İ" * 500, "99999999999999999999",
    10**400, 10**16, -1, 0, 2**63, 1e308, 1e16, 0.1 + 0.2, float("nan"), float("inf"), "10876", "0x1", "1_0",
    "\\u0000", "variation", "wc-", "grouped", "trash", None, True, False, [], {}, [[]], ["x"], {"0": {}},
    {"a": {}},
]  # fmt: skip
UNREAD = {"_links", "tax_lines", "shipping_lines", "coupon_lines", "taxes", "image", "dimensions"}
"""What is inside these goes only into `metadata`, as any other JSON does."""
UNSPEAKABLE = 10**5000
"""Python refuses to write it down, and hypothesis to show it."""
scalars = (
    st.sampled_from(SPECIAL)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.decimals(allow_nan=True).map(str)
    | st.datetimes().map(datetime.isoformat)
)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be replaced."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from places(part, (*path, number))


def replaced(raw: Any, path: tuple[Any, ...], value: Any) -> None:
    """Put `value` at `path`; `...` takes what is there away."""
    for step in path[:-1]:
        raw = raw[step]
    if value is ...:
        del raw[path[-1]]
    else:
        raw[path[-1]] = value


@st.composite
def broken(draw: Callable[..., Any], raw: dict[str, Any]) -> dict[str, Any]:
    """A real record with a few places spoilt."""
    raw = copy.deepcopy(raw)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(places(raw))))
        replaced(raw, path, draw(junk | st.just(...)))
    return raw


def storable(text: str | None) -> bool:
    if text is None:
        return True
    text.encode()
    return "\x00" not in text


def check(rows: Rows) -> None:
    """What COPY into the tables relies on."""
    for kind in (rows.products, rows.customers, rows.orders, rows.items, rows.refunds):
        for row in kind:
            for name, value in row._asdict().items():
                if isinstance(value, str):
                    assert storable(value), name
                elif isinstance(value, Decimal):
                    assert abs(value) < 10**15 and value == round(value, 4), name
                elif isinstance(value, datetime):
                    assert value.utcoffset() == timedelta(0) and 1 < value.year < 9999, name
                else:
                    assert value is None or isinstance(value, bool), name
            for name in ("metadata", "line_items", "options", "default_address", "billing_address"):
                if text := getattr(row, name, None):
                    json.loads(text)
        assert len({row[:2] for row in kind}) == len(kind), "one row a key"


def check_rebuilt(resource: str, raw: dict[str, Any], rows: Rows) -> None:
    try:
        json.dumps(raw, allow_nan=False)
    except ValueError:
        return  # NaN and numbers of a thousand digits are no JSON and not kept as they are
    stored = [
        {**row._asdict(), "metadata": json.loads(row.metadata)}
        | ({"line_items": json.loads(row.line_items)} if resource == "orders" else {})
        for row in getattr(rows, resource)
    ]
    if stored:
        assert normalize(resource, rebuild(resource, stored), SETTINGS) == rows


@pytest.mark.parametrize("resource", RECORDS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_spoilt_record_becomes_rows_or_is_refused(resource: str, make: Make, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(RECORDS[resource]))
    raw = data.draw(broken(make(name)))
    found = normalize(resource, raw, SETTINGS)
    assert isinstance(found, Rows | Rejection | Ignored)
    if isinstance(found, Rows):
        check(found)
        check_rebuilt(resource, raw, found)
    elif isinstance(found, Rejection):
        assert found.error


@pytest.mark.parametrize("resource", RECORDS)
@settings(max_examples=200, deadline=None)
@given(
    raw=st.dictionaries(st.text(max_size=8) | st.sampled_from(["id", "total", "status"]), junk, max_size=6)
)
def test_any_object_becomes_rows_or_is_refused(resource: str, raw: dict[str, Any]) -> None:
    found = normalize(resource, raw, SETTINGS)
    assert isinstance(found, Rows | Rejection | Ignored)
    if isinstance(found, Rows):
        check(found)
        check_rebuilt(resource, raw, found)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        for path in places(make(name)):
            if UNREAD.intersection(path[:-1]) or any(isinstance(step, int) and step for step in path):
                continue  # one element of a list stands for all
            for value in [*SPECIAL, UNSPEAKABLE, ...]:
                number += 1
                raw = make(name, id=number)
                for detail in raw.get("variation_details", ()):
                    detail["id"] = number
                for refund in [*raw.get("refunds", ()), *raw.get("refund_details", ())]:
                    refund["id"] += 10_000 * number
                replaced(raw, path, value)
                yield raw


@pytest.mark.parametrize("resource", RECORDS)
def test_each_field_with_each_kind_of_junk(resource: str, make: Make) -> None:
    for raw in every_spoilt(resource, make):
        found = normalize(resource, raw, SETTINGS)
        if isinstance(found, Rows):
            check(found)
            check_rebuilt(resource, raw, found)
        else:
            assert isinstance(found, Rejection | Ignored)


@contextmanager
def writing(database: Database, resource: str) -> Iterator[Callable[[list[dict[str, Any]]], int]]:
    """Writes raw records as the engine does, into the real tables, indexes and all."""
    store = uuid.uuid4()
    with database.session() as session:
        session.add(
            ConnectorConfig(
                id=store, name="s", platform="woocommerce", store_url="https://s", auth_mode="keys"
            )
        )
        session.flush()
        session.add(SyncState(connector_id=store, resource=resource))
        session.commit()

    def write(raws: list[dict[str, Any]]) -> int:
        now = datetime.now(UTC)
        fit = [(None, raw) for raw in raws if isinstance(normalize(resource, raw, SETTINGS), Rows)]
        page = normalize_page(CONNECTOR, resource, SETTINGS, fit, (), Read(now, now))
        write_page(lane, CONNECTOR, page)
        return len(fit)

    with hold(database, store, resource, None) as lane:
        stage.prepare(lane.connection, resource)
        yield write


@pytest.mark.parametrize("resource", RECORDS)
def test_postgres_takes_every_row_that_comes_out(resource: str, make: Make, database: Database) -> None:
    raws = list(every_spoilt(resource, make))
    with writing(database, resource) as write:
        written = sum(write(raws[first : first + 300]) for first in range(0, len(raws), 300))
    assert written > len(raws) / 3, "most of it harms nothing"


@pytest.mark.parametrize("resource", RECORDS)
def test_postgres_takes_what_hypothesis_thinks_of(
    resource: str, make: Make, database: Database, scale: Callable[[int, int], int]
) -> None:
    with writing(database, resource) as write:

        @settings(
            max_examples=scale(60, 2000),
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        )
        @given(st.data())
        def attempt(data: st.DataObject) -> None:
            write([data.draw(broken(make(name))) for name in RECORDS[resource]])

        attempt()
