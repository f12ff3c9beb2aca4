"""Tables and paragraphs, in a pipe and on a terminal; personal fields in payloads."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.cli import show
from storelink.sync.masking import masked


def test_a_table_in_a_pipe_is_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    long = "a sentence " * 30
    rows = [["shop", long, "12"], [show.Toned("x", show.BAD), "two\nlines", "3,456"]]
    show.table(["name", "", "rows"], rows, right=["rows"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].endswith("     12")
    assert "two lines" in lines[2]
    assert "\x1b" not in "".join(lines)


def test_empty_columns_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    show.table(["a", "b"], [["1", ""], ["2", ""]])
    assert capsys.readouterr().out == "a\n1\n2\n"


def test_a_store_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[2Jgone\x07\r\x9b31m"
    show.say(evil)
    show.table(["x"], [[evil]])
    show.facts([("name", evil)])
    said = capsys.readouterr().out
    assert not any(letter in said for letter in "\x1b\x07\r\x9b")


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_nothing_is_wider_than_it(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    show.headline("All is well. " * 20)
    show.table(["store", "why", "rows"], [["shop", "words " * 60, "12"]], right=["rows"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert len(lines) > 5


def test_personal_fields_are_hidden_and_others_are_not() -> None:
    payload = {
        "id": 7, "total": "-", "status": "processing", "customer_note": "ring twice",
        "billing": {"first_name": "Ada", "email": "ada@example.test", "country": "AT", "postcode": "1060"},
        "line_items": [{"name": "Mug", "sku": "MUG-1", "quantity": "1,5"}],
        "customer_ip_address": "10.0.0.9",
    }  # fmt: skip
    hidden = masked(payload)
    assert hidden["billing"] == {
        "first_name": "A••••", "email": "a••••@example.test", "country": "AT", "postcode": "1••••",
    }  # fmt: skip
    assert hidden["line_items"] == payload["line_items"]
    assert (hidden["total"], hidden["status"]) == ("-", "processing")
    assert hidden["customer_note"] == "r••••"
    assert hidden["customer_ip_address"] == "1••••"


def test_what_is_odd_about_a_hidden_field_stays_to_be_seen() -> None:
    assert masked({"email": "m\x00da@example.test"}) == {"email": "m••••\x00@example.test"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(_JSON)
def test_masking_keeps_the_shape_of_anything(payload: Any) -> None:
    hidden = masked(payload)
    assert _shape(hidden) == _shape(payload)


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else type(value)


def test_a_document_is_one_json_text(capsys: pytest.CaptureFixture[str]) -> None:
    from datetime import UTC, datetime
    from decimal import Decimal

    show.document({"at": datetime(2026, 11, 21, tzinfo=UTC), "amount": Decimal("1.50")})
    assert json.loads(capsys.readouterr().out) == {"at": "2026-11-21T00:00:00Z", "amount": "1.50"}


def test_what_a_terminal_cannot_show_is_replaced(process: Any) -> None:
    done = process("connectors", "add", "--help", env={"PYTHONIOENCODING": "latin-1"})
    assert done.code == 0
    assert "Settings ? Advanced" in done.out
