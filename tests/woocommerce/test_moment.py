"""Times: aware, in range, or refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.unfit import Unfit
from storelink.connectors.woocommerce.moment import gmt, moment, moment_or_none

NEW_YORK = {"time_zone": "America/New_York", "gmt_offset": -5}


def read(value: Any, settings: dict[str, Any] | None = None) -> datetime | None:
    return moment({"date_created_gmt": value}, "date_created", settings or {})


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("2026-11-21T07:38:50", datetime(2026, 11, 21, 7, 38, 50, tzinfo=UTC)),
        ("2026-11-21 07:38:50", datetime(2026, 11, 21, 7, 38, 50, tzinfo=UTC)),
        ("2026-11-21T07:38:50Z", datetime(2026, 11, 21, 7, 38, 50, tzinfo=UTC)),
        ("2026-11-21T02:38:50-05:00", datetime(2026, 11, 21, 7, 38, 50, tzinfo=UTC)),
        ("2026-11-21T07:38:50.250", datetime(2026, 11, 21, 7, 38, 50, 250_000, tzinfo=UTC)),
        ("1969-12-31T23:59:59", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9998-12-31T23:59:59", datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (None, None),
        ("", None),
        (False, None),
        ("0000-00-00T00:00:00", None),
        ("0000-00-00 00:00:00", None),
        ("-0001-11-30T00:00:00", None),
        ("0001-01-01T00:00:00", None),
    ],
)
def test_read(value: Any, wanted: datetime | None) -> None:
    assert read(value) == wanted
    if wanted:
        assert read(value).tzinfo is UTC  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "value",
    ["junk", "2026-13-01T00:00:00", "2026-02-30T00:00:00", "2026-11-21", "20261121T073850",
     "99999-01-01T00:00:00", "9999-12-31T23:59:59", "2026-11-21T25:00:00", 1795246545, 17.5, True,
     ["2026"], {"date": "2026"}],
)  # fmt: skip
def test_junk_is_refused_with_the_name_of_the_field(value: Any) -> None:
    with pytest.raises(Unfit, match=r"^date_created_gmt "):
        read(value)


def test_junk_in_a_time_that_nothing_depends_on_is_unset() -> None:
    assert moment_or_none({"date_paid_gmt": "junk"}, "date_paid", {}) is None


@pytest.mark.parametrize(
    ("local", "settings", "utc"),
    [
        ("2026-11-21T02:38:50", NEW_YORK, "2026-11-21T07:38:50"),
        ("2026-07-01T12:00:00", NEW_YORK, "2026-07-01T16:00:00"),
        ("2026-07-01T12:00:00", {"time_zone": None, "gmt_offset": 5.5}, "2026-07-01T06:30:00"),
        ("2026-07-01T12:00:00", {"time_zone": "UTC+5.5", "gmt_offset": "5.5"}, "2026-07-01T06:30:00"),
        ("2026-07-01T12:00:00", {"time_zone": "../etc/passwd"}, "2026-07-01T12:00:00"),
        ("2026-07-01T12:00:00", {"gmt_offset": "junk"}, "2026-07-01T12:00:00"),
        ("2026-07-01T12:00:00", {"gmt_offset": 1e9}, "2026-07-01T12:00:00"),
        ("2026-07-01T12:00:00", {}, "2026-07-01T12:00:00"),
        # twice a year the clock jumps: the first of two, and a moment that never was
        ("2026-11-01T01:30:00", NEW_YORK, "2026-11-01T05:30:00"),
        ("2026-03-08T02:30:00", NEW_YORK, "2026-03-08T07:30:00"),
    ],
)
def test_without_gmt_the_stores_own_clock_counts(local: str, settings: dict[str, Any], utc: str) -> None:
    """A draft has a local creation date and a zero one in GMT."""
    for missing in ({}, {"date_created_gmt": None}, {"date_created_gmt": "0000-00-00T00:00:00"}):
        found = moment({"date_created": local, **missing}, "date_created", settings)
        assert found == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_list_reads_the_gmt_field_alone() -> None:
    assert gmt("2026-11-21T07:38:50") == datetime(2026, 11, 21, 7, 38, 50, tzinfo=UTC)
    assert gmt(None) is gmt("junk") is gmt("0000-00-00T00:00:00") is None


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)))
def test_every_time_in_range_comes_through(when: datetime) -> None:
    found = read(when.isoformat(timespec="seconds"))
    assert found is not None
    assert found.replace(tzinfo=None) - when < timedelta(seconds=1)


@given(st.text() | st.integers() | st.floats() | st.lists(st.integers()))
def test_anything_is_a_time_or_refused(value: Any) -> None:
    try:
        found = read(value, NEW_YORK)
    except Unfit:
        return
    assert found is None or (found.utcoffset() == timedelta(0) and 1 < found.year < 9999)
