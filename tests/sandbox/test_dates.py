"""Date filters: bounds that exclude, and the four ways a time is read (facts §3)."""

from zoneinfo import ZoneInfo

import pytest
from caller import Caller
from hypothesis import given
from hypothesis import strategies as st

from storelink.sandbox.clock import read, written
from storelink.sandbox.running import Running, start
from storelink.sandbox.woocommerce.dates import bound

NEW_YORK, KOLKATA = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")


def misses(zone: ZoneInfo, cursor: str, row: str, *, flag: bool, local: bool) -> bool:
    """Whether a row stamped `row` (UTC) is left out after this cursor."""
    query = {"modified_after": cursor, **({"dates_are_gmt": "true"} if flag else {})}
    return not bound("modified_after", query, zone, local=local)(read(row))


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("zone", [NEW_YORK, KOLKATA])
def test_both_good_forms_and_the_exclusive_second(zone: ZoneInfo, local: bool):
    for cursor, flag in (("2026-11-21T07:58:11", True), ("2026-11-21T07:58:11Z", False)):
        assert misses(zone, cursor, "2026-11-21T07:58:11", flag=flag, local=local)
        assert not misses(zone, cursor, "2026-11-21T07:58:12", flag=flag, local=local)


@pytest.mark.parametrize("local", [True, False])
def test_naive_without_the_flag_is_local_time(local: bool):
    row_later = "2026-11-21T12:58:11"  # five hours on
    assert misses(NEW_YORK, "2026-11-21T07:58:11", row_later, flag=False, local=local)
    assert not misses(NEW_YORK, "2026-11-21T07:58:11", "2026-11-21T12:58:12", flag=False, local=local)
    assert not misses(KOLKATA, "2026-11-21T07:58:11", "2026-11-21T02:28:12", flag=False, local=local)


@pytest.mark.parametrize("local", [True, False])
def test_an_offset_with_the_flag_shifts_twice(local: bool):
    cursor = "2026-11-21T07:58:11Z"
    assert not misses(NEW_YORK, cursor, "2026-11-21T02:58:12", flag=True, local=local)
    assert misses(KOLKATA, cursor, "2026-11-21T13:28:11", flag=True, local=local)
    assert not misses(KOLKATA, cursor, "2026-11-21T13:28:12", flag=True, local=local)


@pytest.mark.parametrize("local", [True, False])
def test_the_hole_in_spring(local: bool):
    assert misses(NEW_YORK, "2026-03-08T02:30:00", "2026-03-08T02:45:00", flag=True, local=local)
    assert not misses(NEW_YORK, "2026-03-08T00:30:00", "2026-03-08T02:45:00", flag=True, local=local)


def test_the_hole_in_autumn_is_in_products_alone():
    cursor, row = "2025-11-02T05:30:00Z", "2025-11-02T06:10:00"
    assert misses(NEW_YORK, cursor, row, flag=False, local=True)
    assert not misses(NEW_YORK, cursor, row, flag=False, local=False)


@given(st.integers(0, 4_000_000_000), st.integers(-90_000, 90_000), st.booleans())
def test_away_from_the_changes_of_the_clock_the_good_form_is_exact(at: int, by: int, later: bool):
    name = "modified_after" if later else "modified_before"
    query = {name: written(at), "dates_are_gmt": "true"}
    found = bound(name, query, ZoneInfo("UTC"), local=True)(at + by)
    assert found == (by > 0 if later else by < 0)


@pytest.mark.parametrize("path", ["orders", "products", "variations", "refunds"])
@pytest.mark.parametrize(
    "text", ["2026-11-21", "1795247609", "junk", "2026-13-01T00:00:00", "2026-11-21T25:00:00"]
)
def test_what_is_no_date(ask: Caller, path: str, text: str):
    answer = ask.get(path, modified_after=text)
    assert answer.status_code == 400
    told = answer.json()["data"]
    assert told["details"]["modified_after"] == {
        "code": "rest_invalid_date", "message": "Invalid date.", "data": None,
    }  # fmt: skip


def test_fractions_are_dropped_and_offsets_understood(ask: Caller):
    base = {"dates_are_gmt": "true", "orderby": "id", "per_page": 100}
    plain = ask.ids("orders", modified_after="2026-01-01T00:00:00", **base)
    assert ask.ids("orders", modified_after="2026-01-01T00:00:00.500", **base) == plain
    del base["dates_are_gmt"]
    assert ask.ids("orders", modified_after="2026-01-01T05:30:00+05:30", **base) == plain


def test_bounds_over_http(store: Running, call: Caller):
    kinds = {
        "orders": call.ids("orders")[0],
        "products": call.ids("products")[0],
        "variations": call.ids("variations")[0],
    }
    for path, number in kinds.items():
        store.admin.stamp(path, [number], "2026-10-10T10:10:10")
        asked = {"dates_are_gmt": "true"}
        after = call.ids(path, modified_after="2026-10-10T10:10:09", **asked)
        assert after == [number]
        assert call.ids(path, modified_after="2026-10-10T10:10:10", **asked) == []
        until = {"modified_before": "2026-10-10T10:10:11", **asked}
        assert call.ids(path, modified_after="2026-10-10T10:10:09", **until) == [number]


def test_trash_is_a_cheap_feed(store: Running, call: Caller):
    store.admin.hold_clock(1_795_000_000)
    number = call.ids("orders")[0]
    store.admin.trash("orders", number)
    asked = {"status": "trash", "modified_after": "2026-11-18T11:06:39", "dates_are_gmt": "true"}
    assert call.ids("orders", **asked) == [number]


def test_a_store_far_east():
    with start(orders=6, products=3, customers=3, https=True, time_zone="Asia/Kolkata") as store:
        caller = Caller(store)
        try:
            order = caller.json("orders", per_page=1)[0]
            gap = read(order["date_created"]) - read(order["date_created_gmt"])
            assert gap == 19_800
            index = caller.http.get(f"{store.url}/wp-json/").json()
            assert (index["gmt_offset"], index["timezone_string"]) == (5.5, "Asia/Kolkata")
        finally:
            caller.close()


def test_a_store_set_to_an_offset_names_no_time_zone():
    with start(orders=6, products=3, customers=3, https=True, time_zone="-03:30") as store:
        caller = Caller(store)
        try:
            index = caller.http.get(f"{store.url}/wp-json/").json()
            assert (index["gmt_offset"], index["timezone_string"]) == ("-3.5", "")
            order = caller.json("orders", per_page=1)[0]
            assert read(order["date_created_gmt"]) - read(order["date_created"]) == 12_600
        finally:
            caller.close()
