"""JSON as WordPress sends it. The rule: what was said, or `Unreadable`; never something else."""

import json

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from storelink.connectors.woocommerce.jsontext import Unreadable, parse_json

PAGE = [
    {"id": 1, "name": '[\xe9\n"', "refunds": [], "total": "-1.50"},
    {"id": 2, "meta_data": [{"value": {}}], "flags": [True, False, None, -1.5e3]},
    {"id": 3, "note": "x" * 250, "refunds": []},
]
TEXT = json.dumps(PAGE).encode()
NOTICE = (
    b'<br />\n<b>Warning</b>:  Undefined array key "x" in <b>/home/shop/bad.php</b> on line <b>12</b><br />\n'
)

plain = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
    max_leaves=20,
)
documents = values.filter(lambda value: isinstance(value, list | dict))


@pytest.mark.parametrize(
    "front",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef\xbb\xbf",
        b" \r\n\t",
        NOTICE,
        NOTICE * 20,
        b"\xef\xbb\xbf" + NOTICE,
        b'Notice: Undefined index: x["y"] in /a.php on line 1\n',
        b"[21-Nov-2026 07:33:08 UTC] PHP Warning:  {main} in /a.php:3\n",
        b"Array\n(\n    [0] => 1\n    [a] => {}\n)\n",
        b"<!-- cached [] {} -->",
        b"\xff\xfe\x00 junk ",
    ],
)
def test_what_is_printed_in_front_is_skipped(front: bytes) -> None:
    assert parse_json(front + TEXT) == PAGE


@pytest.mark.parametrize("behind", [b"", b"\n\n ", NOTICE, b"<!-- cached -->", b"0", b" []", b" Array [0]"])
def test_what_is_printed_behind_is_skipped(behind: bytes) -> None:
    assert parse_json(TEXT + behind) == PAGE


@pytest.mark.parametrize("front", [b"", b"\xef\xbb\xbf", NOTICE, b'x["y"] '])
def test_a_cut_answer_is_never_taken_for_a_whole_one(front: bytes) -> None:
    """`[{"id": 1, "refunds": []` ends with a valid empty list: that is no empty page."""
    for length in range(1, len(TEXT)):
        with pytest.raises(Unreadable) as caught:
            parse_json(front + TEXT[:length])
        assert caught.value.code == "cut", TEXT[:length]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<!DOCTYPE html><html><script>var a = {}; [1]</script></html>", "html"),
        (b"\xef\xbb\xbf\n<html><body>{}</body></html>", "html"),
        (b"<?xml version='1.0'?><a>[]</a>", "html"),
        (b"Error establishing a database connection", "junk"),
        (b"-1", None),
        (b"null", None),
        (NOTICE, "junk"),
        (b"{a: 1}", "junk"),
        (b"[1,,2]", "junk"),
        (b"]", "junk"),
        (b"[] " + b"{x " * 300 + TEXT, "junk"),
        (NOTICE + TEXT + NOTICE, "junk"),  # too uncertain
        (NOTICE + TEXT + b" Array []", "junk"),  # above all no empty page
        (TEXT[:400] + NOTICE + TEXT[400:], "junk"),
        (TEXT[:400] + NOTICE + TEXT[400:-1], "junk"),
        (b"\x00\x01\x02", "junk"),
        (b"[" * 100_000, "cut"),
        (b"[" * 100_000 + b"]" * 100_000, "deep"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "deep"),
        (b'["\\u0000",' + b"[" * 1010 + b"]" * 1010 + b"]", "deep"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_json(body: bytes, code: str | None) -> None:
    if code is None:
        parse_json(body)
        return
    with pytest.raises(Unreadable) as caught:
        parse_json(body)
    assert caught.value.code in ((code, "deep") if code == "cut" else (code,))


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (rb'["a\u0000b"]', ["a\ufffdb"]),
        (rb'{"\u0000": {"k": ["\u0000"]}}', {"\ufffd": {"k": ["\ufffd"]}}),
        (rb'["\\u0000"]', ["\\u0000"]),  # a backslash and six letters, not NUL
        (b'["a\x00b"]', ["a\ufffdb"]),
        (b'["a\x01\tb\n"]', ["a\x01\tb\n"]),
        (rb'["\ud800"]', ["\ufffd"]),
        (rb'["x\udfffy\ud83d\ude00"]', ["x\ufffdy\U0001f600"]),
        (rb'{"\ud83d": 1}', {"\ufffd": 1}),
        (b'["\xed\xa0\x80\xff"]', ["\ufffd" * 4]),
        (b"[NaN, Infinity, -Infinity, 1e999, -1e999]", [None] * 5),
        (b"[NaN, 123456789012345678901234567890]", [None, 123456789012345678901234567890]),
        (b"[NaN, " + b"9" * 5000 + b"]", [None, None]),
        (b"[1.10]", [1.1]),
        ('["靴 é"]'.encode(), ["靴 é"]),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_postgres_cannot_store_is_replaced(body: bytes, data: object) -> None:
    assert parse_json(body) == data


@given(documents, st.booleans())
def test_right_json_is_read_as_it_is(value: object, escaped: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(documents, st.data())
def test_no_part_of_a_document_is_taken_for_it(value: object, data: st.DataObject) -> None:
    """Cut anywhere, whatever it holds: an error, or (a document inside a string) never a part."""
    text = json.dumps([value, value])
    length = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(Unreadable):
        parse_json(text[:length].encode())


@given(st.text(st.characters(exclude_characters="[{", exclude_categories=["Cs"])), documents)
def test_text_without_brackets_in_front_never_matters(front: str, value: object) -> None:
    assume(not front.lstrip("\ufeff \t\n\r\x0b\x0c").startswith("<"))
    assert parse_json(front.encode() + orjson.dumps(value)) == value


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    try:
        parse_json(body)
    except Unreadable as error:
        assert error.code in ("empty", "html", "cut", "deep", "junk")


json_like = st.lists(
    st.sampled_from([*'[]{}",:\\', "u0000", "\\ud800", "null", "1e999", "NaN", "<br>", " ", "a", "\x00"]),
    max_size=30,
).map("".join)


@given(json_like)
def test_what_is_nearly_json_is_storable_or_refused(text: str) -> None:
    try:
        data = parse_json(text.encode())
    except Unreadable:
        return
    stored = json.dumps(data, allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in stored.replace("\\\\", "")
    stored.encode()  # no lone surrogate


def test_many_brackets_take_no_time() -> None:
    with pytest.raises(Unreadable):
        parse_json(b"[x" * 2_000_000)
