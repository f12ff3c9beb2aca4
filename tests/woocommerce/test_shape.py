"""Ids, lists and objects as PHP writes them, and JSON as Postgres takes it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.storable import json_text
from storelink.connectors.unfit import Unfit
from storelink.connectors.woocommerce.shape import (
    a_list,
    address,
    an_object,
    known_id,
    meta,
    optional_id,
    record_id,
    records,
)


@pytest.mark.parametrize(
    ("value", "wanted"), [(1, "1"), ("29", "29"), ("007", "7"), (2**63 - 1, str(2**63 - 1))]
)
def test_ids(value: Any, wanted: str) -> None:
    assert record_id(value, "id") == optional_id(value, "id") == wanted


@pytest.mark.parametrize(
    "value",
    [-1, 2**63, 10**400, "-1", "1.5", "abc", "１２", "9" * 30, "1e3", 1.0, True, [1], {"id": 1}],
)
def test_what_is_no_id_is_refused(value: Any) -> None:
    for read in (record_id, optional_id):
        with pytest.raises(Unfit, match="id is no id"):
            read(value, "id")


@pytest.mark.parametrize("value", [0, "", "0", None, False])
def test_zero_means_that_there_is_none(value: Any) -> None:
    assert optional_id(value, "product_id") is None
    with pytest.raises(Unfit):
        record_id(value, "id")


def test_the_id_of_an_unusable_record_is_known_if_it_has_one() -> None:
    assert known_id({"id": 5, "total": "-"}) == "5"
    assert known_id({}) is known_id({"id": []}) is known_id(None) is known_id([]) is None


@pytest.mark.parametrize("value", [None, "", [], {}, False, 0])
def test_php_has_many_ways_to_say_nothing(value: Any) -> None:
    assert list(a_list(value, "refunds")) == []
    assert dict(an_object(value, "billing")) == {}


def test_a_list_with_gaps_arrives_as_an_object() -> None:
    assert a_list({"0": "a", "2": "b"}, "line_items") == ["a", "b"]


@pytest.mark.parametrize("value", ["x", 5, True, {"a": 1}])
def test_what_is_no_list_is_refused(value: Any) -> None:
    with pytest.raises(Unfit, match="refunds is no list"):
        a_list(value, "refunds")


@pytest.mark.parametrize("value", ["x", 5, True, ["a"]])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(Unfit, match="billing is no object"):
        an_object(value, "billing")


def test_a_list_of_objects_names_the_one_that_is_none() -> None:
    with pytest.raises(Unfit, match=r"^line_items\[1\] is no object"):
        records([{}, "x"], "line_items")


def test_an_address_without_any_place_or_name_is_none() -> None:
    assert address({"city": "", "email": "a@b", "phone": "1"}, "billing") is None
    assert json.loads(address({"city": "Q", "email": ""}, "billing") or "") == {"city": "Q", "email": ""}


@pytest.mark.parametrize("entries", [None, "x", {}, [], ["x"], [{"key": "other"}], [{}]])
def test_meta_that_is_not_there(entries: Any) -> None:
    assert meta({"meta_data": entries}, "wanted") is None


def test_the_same_content_is_the_same_text() -> None:
    """Postgres keeps objects in an order of its own; what comes back must hash as before."""
    assert json_text({"b": 1, "a": {"d": 2, "c": 3}}) == json_text({"a": {"c": 3, "d": 2}, "b": 1})


def test_what_postgres_refuses_is_replaced() -> None:
    value = {"nul\x00": ["a\x00b", "half \ud83d"], "huge": 10**30, "literal": "\\u0000"}
    assert json.loads(json_text(value)) == {
        "nul\ufffd": ["a\ufffdb", "half \ufffd"],
        "huge": "1" + "0" * 30,
        "literal": "\\u0000",
    }


def test_nesting_without_end_is_refused() -> None:
    value: Any = "x"
    for _ in range(900):
        value = [value]
    with pytest.raises(Unfit, match="nested more than"):
        json_text(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_any_json_becomes_json_that_comes_back_the_same(value: Any) -> None:
    once = json_text(value)
    assert json_text(json.loads(once)) == once
