"""What PHP does with JSON and query strings."""

import json
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from storelink.sandbox.clock import read, written, written_at
from storelink.sandbox.woocommerce.php import build_query, decode, encode, parse_query, texts

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_json_round_trips_in_ascii_with_escaped_slashes(value: object):
    raw = encode(value)
    assert raw.isascii()
    assert json.loads(raw) == value
    assert decode(raw) == value
    assert b"/" not in raw.replace(b"\\/", b"")


def test_json_as_recorded():
    assert encode({"n": "<b>Bold</b> 靴", "p": 170.27666666666667, "q": 9, "r": None, "e": []}) == (
        b'{"n":"<b>Bold<\\/b> \\u9774","p":170.27666666666667,"q":9,"r":null,"e":[]}'
    )
    assert encode("☕🙂\n\t\x01") == b'"\\u2615\\ud83d\\ude42\\n\\t\\u0001"'
    assert encode("\ud800") == b'"\\ud800"'
    assert encode(10**30) == b"1" + b"0" * 30


def test_query_strings():
    assert parse_query("a=1&b[]=2&b[]=3&c[x]=4&c[y][z]=5&d=e+f%20g&a=6&&h") == {
        "a": "6", "b": {"0": "2", "1": "3"}, "c": {"x": "4", "y": {"z": "5"}}, "d": "e f g", "h": "",
    }  # fmt: skip
    assert parse_query("a=1&a[]=2&b[c=3") == {"a": {"0": "2"}, "b": "3"}
    assert build_query({"_fields": "id,name", "s": {"0": "a b"}, "t": "~é"}) == (
        "_fields=id%2Cname&s%5B0%5D=a+b&t=%7E%C3%A9"
    )
    assert texts("1,2 3") == texts({"0": "1", "1": "2", "2": "3"}) == ["1", "2", "3"]


@given(st.integers(0, 4_102_444_800))
def test_times_read_back(stamp: int):
    assert read(written(stamp)) == stamp
    for name in ("America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"):
        from datetime import datetime

        zone = ZoneInfo(name)
        assert written_at(stamp, zone) == datetime.fromtimestamp(stamp, zone).isoformat()[:19]
