"""Numbers, times and names in words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.cli import words

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "seconds, told",
    [
        (0, "0 s"), (0.004, "4 ms"), (0.04, "40 ms"), (0.3, "0.3 s"), (8.24, "8.2 s"), (40, "40 s"),
        (59.6, "1 min"), (60, "1 min"), (90, "1 min 30 s"), (299, "4 min"), (300, "5 min"),
        (3600, "1 h"), (8700, "2 h 25 min"), (86_400, "1 d"), (41 * 86_400, "41 d"), (-5, "0 s"),
    ],
)  # fmt: skip
def test_spans(seconds: float, told: str) -> None:
    assert words.span(seconds) == told
    assert words.span(timedelta(seconds=seconds)) == told


@given(st.floats(min_value=-10, max_value=1e9, allow_nan=False))
def test_every_span_is_short_and_has_a_unit(seconds: float) -> None:
    told = words.span(seconds)
    assert len(told) <= 12
    assert told.split()[-1] in ("ms", "s", "min", "h", "d")


def test_how_long_ago() -> None:
    assert words.ago(None, NOW) == "never"
    assert words.ago(NOW, NOW) == "just now"
    assert words.ago(NOW - timedelta(minutes=2), NOW) == "2 min ago"


@pytest.mark.parametrize(
    "value, things, told",
    [
        (1, "orders", "1 order"), (2, "orders", "2 orders"), (0, "stores", "0 stores"),
        (48_209, "orders", "48,209 orders"), (1, "requests", "1 request"), (1, "times", "1 time"),
        (1, "queries", "1 query"),
    ],
)  # fmt: skip
def test_counts(value: int, things: str, told: str) -> None:
    assert words.count(value, things) == told


def test_lists() -> None:
    assert [words.listed("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_the_nearest_name_is_offered_and_no_far_one() -> None:
    assert words.nearest("alam-keramik", ["alma-keramik", "kumo-tea"]) == " Did you mean 'alma-keramik'?"
    assert words.nearest("xyz", ["alma-keramik"]) == ""


@pytest.mark.parametrize(
    "text, told",
    [
        ("another process reads", "Another process reads."),
        ("127.0.0.1:1: nothing answers", "127.0.0.1:1: nothing answers."),
        ("shop.example: no such host", "shop.example: no such host."),
        ("What?", "What?"),
        ('it said: "No."', 'it said: "No."'.replace("it", "It")),
        ("", ""),
    ],
)
def test_sentences(text: str, told: str) -> None:
    assert words.sentence(text) == told


def test_sizes() -> None:
    assert [words.size(n) for n in (0, 999, 1000, 292_000, 2_340_000)] == [
        "0 B", "999 B", "1 kB", "292 kB", "2.3 MB",
    ]  # fmt: skip
