"""Rows as lines: COPY reads back from them what was in the row, and no two rows have the same line."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.protocol import Rows
from storelink.sync.fingerprint import fingerprint
from storelink.sync.lines import line_of
from storelink.sync.stage import copy_rows

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
VALUES = (
    st.none()
    | TEXT
    | TEXT.map(str.encode)
    | st.sampled_from(["", "\\N", "\\.", "\\", "\t", "a\x1fb", "\n", "\r\n", "\x1e"])
)
AWKWARD = [
    "",
    "\\N",
    "N",
    "\\.",
    "\\",
    "\\\\",
    "\t",
    "\\t",
    "\x1f",
    "\x1e",
    "\n",
    "\r",
    "é☕😀",
    '{"a": "b\\"c"}',
]


@given(st.lists(VALUES, min_size=1, max_size=4), st.lists(VALUES, min_size=1, max_size=4))
def test_different_rows_have_different_lines(first, second):
    same = [_text(value) for value in first] == [_text(value) for value in second]
    assert (line_of(first) == line_of(second)) == same
    assert b"\n" not in line_of(first)


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


@given(st.lists(VALUES, max_size=5))
def test_json_stands_in_a_line_as_its_text_would(row):
    assert line_of(row) == line_of([_text(value) for value in row])


def test_copy_reads_what_was_written(database):
    rows = [(str(at), one, other) for at, one in enumerate([None, *AWKWARD]) for other in [None, *AWKWARD]]
    with database.connect() as connection:
        driver = connection.connection.driver_connection
        driver.execute("CREATE TEMP TABLE copied (at text, one text, other text)")
        copy_rows(driver, "copied", ("at", "one", "other"), rows)
        found = driver.execute("SELECT at, one, other FROM copied").fetchall()
    assert found == rows


def test_values_that_are_no_text_keep_their_worth(database):
    moment = datetime(2026, 11, 1, 5, 30, 0, 123456, tzinfo=UTC)
    row = (Decimal("1E+3"), Decimal("-0.1250"), moment, True, False, 7)
    with database.connect() as connection:
        driver = connection.connection.driver_connection
        driver.execute(
            "CREATE TEMP TABLE copied (a numeric, b numeric, c timestamptz, d bool, e bool, f int)"
        )
        copy_rows(driver, "copied", "abcdef", [row])
        assert driver.execute("SELECT * FROM copied").fetchall() == [row]


def test_a_fingerprint_tells_kinds_of_rows_apart():
    row = ("1", "2")
    ones = [
        Rows("1", None, **{part: [row]}) for part in ("products", "customers", "orders", "items", "refunds")
    ]
    assert len({fingerprint(rows, 1) for rows in ones}) == 5
    assert fingerprint(Rows("1", None, items=[row, row]), 1) != fingerprint(Rows("1", None, items=[row]), 1)


@pytest.mark.parametrize("value", ["a\0b", "\0\0", "\x1f\0", b'"\0"', b"\0"])
def test_what_postgres_cannot_take_is_refused_before_it_is_written(value: str | bytes) -> None:
    with pytest.raises(ValueError, match="NUL"):
        line_of(("1", value, None))
