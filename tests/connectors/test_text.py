"""Text without markup, and text that Postgres takes."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.text import INDEXED, line, one_line, paragraphs, plain, short, text
from storelink.connectors.unfit import Unfit


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("<b>Bold</b> 靴 10", "Bold 靴 10"),
        ('"Quoted" Teppich', '"Quoted" Teppich'),
        ("Salt &amp; Pepper", "Salt & Pepper"),
        ("5 &#8364; &#36;", "5 € $"),
        ("AT&T", "AT&T"),
        ("a < b > c", "a < b > c"),
        ("1 <2", "1 <2"),
        ("x<br>y<br/>z", "x y z"),
        ("one\ttwo\r\nthree  four", "one two three four"),
        ("bell\x07 and\x00null", "bell and\ufffdnull"),
        ("half \ud83d", "half \ufffd"),
        ("&#0;&#xD800;", "\ufffd\ufffd"),
        ("<script>alert(1)</script>shown", "shown"),
        ("<style>b{}</style>shown<STYLE>x</style >too", "showntoo"),
        ("before<!-- note -->after", "beforeafter"),
        ("before<!-- never closed", "before"),
        ("before<!DOCTYPE html>after", "beforeafter"),
        ("before<![CDATA[x]]>after", "beforeafter"),
        ("<![if", "<![if"),
        ('<a title="a > b" href="x">link</a>', "link"),
        ("<a title='it\"s'>link</a>", "link"),
        ('<a title="open>link</a>', "link"),
        ("<script>never closed", None),
        ("<b", "<b"),
        ("", None),
        ("  ", None),
        (None, None),
        (False, None),
        (42, "42"),
        (1.5, "1.5"),
    ],
)
def test_a_title_is_one_line_of_plain_text(value: Any, wanted: str | None) -> None:
    assert line(value, "name") == wanted


@pytest.mark.parametrize("value", [True, [], {}, ["x"]])
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(Unfit, match="name is no text"):
        text(value, "name")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("<p>Long description &amp; more</p>\n", "Long description & more"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("one<br />two", "one\ntwo"),
        ("one\n\n\n  two", "one\ntwo"),
        ("<p>&nbsp;</p>", None),
        ("<h1>Head</h1>text <i>in</i> line", "Head\ntext in line"),
    ],
)
def test_a_description_keeps_its_blocks_as_lines(value: str, wanted: str | None) -> None:
    assert paragraphs(value, "description") == wanted


def test_an_indexed_text_is_not_longer_than_its_index_takes() -> None:
    assert short(" SKU-1 ", "sku") == "SKU-1"
    assert short("靴" * INDEXED, "sku") == "靴" * INDEXED
    with pytest.raises(Unfit, match="sku is longer than"):
        short("x" * (INDEXED + 1), "sku")


@pytest.mark.parametrize(
    "markup",
    ["<!--" * 100_000, "<a " * 100_000, "<a \"' " * 60_000, '<a ">' * 80_000, "<script>" * 50_000,
     "<![x" * 80_000, "&" * 300_000, "<p>" * 100_000, "\n <" * 100_000],
    ids=lambda markup: markup[:6],
)  # fmt: skip
def test_hostile_markup_takes_no_longer_than_its_length(markup: str) -> None:
    begin = time.thread_time()
    plain(markup)
    assert time.thread_time() - begin < 5


@given(st.text(st.characters() | st.sampled_from("<>&;\"'/!-[]abp#x0"), max_size=200))
def test_any_text_becomes_text_that_postgres_takes(value: str) -> None:
    for found in (line(value, "x"), paragraphs(value, "x"), plain(value), text(value, "x")):
        if found is not None:
            assert "\x00" not in found
            found.encode()


@given(st.text(st.characters(exclude_characters="<&", exclude_categories=["Cs", "Cc"])))
def test_text_without_markup_stays_as_it_is(value: str) -> None:
    assert plain(value) == value


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("Salt & Pepper", "Salt & Pepper"),
        ("Size <M>", "Size <M>"),
        ("&amp;", "&amp;"),
        ("  a \n b\x00c\x07 ", "a b\ufffdc"),
        ("\ud800", "\ufffd"),
        ("", None),
        (" ", None),
        (None, None),
        (7, "7"),
    ],
)
def test_a_title_that_is_no_markup_stands_for_itself(value: Any, wanted: str | None) -> None:
    assert one_line(value, "title") == wanted
