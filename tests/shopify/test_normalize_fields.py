"""Ids, times and shares of amounts, each on its own."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.shopify.moment import moment, moment_or_none, needed
from storelink.connectors.shopify.money import share
from storelink.connectors.shopify.shape import gid, known_id, named_id
from storelink.connectors.unfit import Unfit


@given(st.integers(1, 10**19 - 1), st.sampled_from(["Order", "ProductVariant"]))
def test_an_id_is_the_number_at_its_end(number: int, kind: str) -> None:
    assert gid(f"gid://shopify/{kind}/{number}", kind, "id") == str(number)
    assert gid(f"gid://shopify/{kind}/{number}?model_name=Address", kind, "id") == str(number)
    assert known_id({"id": f"gid://shopify/{kind}/{number}?a=1"}) == str(number)


@pytest.mark.parametrize(
    "value",
    [
        None, 7, "7", "", "gid://shopify/Order/", "gid://shopify/Order/a", "gid://shopify/Order/-1", [],
        "gid://shopify/Order/0", "gid://shopify/Order/01", "gid://shopify/Order/1.5", "gid://shopify/Order/٣",
        "gid://shopify/order/1", "gid://shopify/DraftOrder/1", "gid://shopify/Order/1/1", " gid://shopify/Order/1",
        "gid://shopify/Order/1\n", "gid://other/Order/1", {"id": "gid://shopify/Order/1"},
    ],
)  # fmt: skip
def test_what_is_no_id_is_refused(value: Any) -> None:
    with pytest.raises(Unfit, match="id is no id of Order"):
        gid(value, "Order", "id")


def test_an_object_that_is_gone_has_no_id() -> None:
    assert named_id({"product": None}, "product", "Product") is None
    assert named_id({}, "product", "Product") is None
    with pytest.raises(Unfit, match=r"product\.id is no id of Product"):
        named_id({"product": {"id": "gid://shopify/Order/1"}}, "product", "Product")


@pytest.mark.parametrize(
    "record", [None, [], {}, {"id": None}, {"id": "gid://shopify/Order/x"}, {"id": 10**30}]
)
def test_no_id_is_known_of_what_has_none(record: Any) -> None:
    assert known_id(record) is None


@given(
    st.datetimes(
        datetime(2, 1, 2),
        datetime(9998, 12, 30),
        timezones=st.sampled_from(
            [UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=5, minutes=30))]
        ),
    )
)
def test_a_time_in_any_zone_is_the_same_moment_in_utc(when: datetime) -> None:
    found = moment(when.isoformat(), "at")
    assert found == when and found is not None and found.utcoffset() == timedelta(0)
    second = when.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    assert moment(second.isoformat() + "Z", "at") == second.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "", "soon", "2026-06-30", "2026-06-30T13:24:58", "2026-06-30 13:24:58Z", "0000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "2026-06-30T25:00:00Z", 1751289898, True, [], {}, "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-05:00", "2026-06-30T13:24:58Zulu",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(Unfit, match="at is"):
        moment(value, "at")
    assert moment_or_none(value) is None


def test_null_is_no_time_and_may_be_refused() -> None:
    assert moment(None, "at") is None
    with pytest.raises(Unfit, match="at is missing"):
        needed(None, "at")


cents = st.decimals(0, 10**9, places=2)


@given(cents, st.integers(0, 1000), st.integers(1, 1000))
def test_a_share_is_in_proportion(whole: Decimal, part: int, of: int) -> None:
    found = share(whole, Decimal(part), Decimal(of), "it")
    assert abs(found - whole * part / of) <= Decimal("0.00005")
    assert found == round(found, 4)


@given(cents, st.integers(0, 50), st.integers(0, 50))
def test_the_shares_of_kept_and_gone_make_the_whole(whole: Decimal, kept: int, gone: int) -> None:
    of = Decimal(kept + gone)
    if of:
        both = share(whole, Decimal(kept), of, "it") + share(whole, Decimal(gone), of, "it")
        assert abs(both - whole) <= Decimal("0.0001")


def test_a_share_of_nothing_is_the_whole() -> None:
    assert share(Decimal(7), Decimal(0), Decimal(0), "it") == 7
