"""docs/data-model.md says what the models say, and the models say it of every column."""

from pathlib import Path

import pytest
from sqlalchemy import Numeric

from storelink.models import metadata
from storelink.models.document import WIDER, data_model

PAGE = Path(__file__).parents[2] / "docs" / "data-model.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == data_model(), "run `make docs`"


def test_every_column_says_what_it_is() -> None:
    silent = [
        str(column) for table in metadata.tables.values() for column in table.columns if not column.comment
    ]
    assert silent == []


def test_every_table_says_what_it_is() -> None:
    page = data_model()
    for name in metadata.tables:
        section = page.split(f"### {name}\n")[1]
        assert section.strip().splitlines()[0].endswith("."), name


@pytest.mark.parametrize("entry", WIDER, ids=lambda entry: entry[1])
def test_what_is_called_wider_exists(entry: tuple[str, str, str]) -> None:
    columns, how, _ = entry
    for name in columns.split(", "):
        table, column = name.split(".")
        kind = metadata.tables[table].columns[column].type
        if "numeric(19,4)" in how:
            assert isinstance(kind, Numeric)
            assert (kind.precision, kind.scale) == (19, 4)


def test_all_money_is_named_as_wider() -> None:
    named = " ".join(columns for columns, _, _ in WIDER)
    money = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Numeric) and column.type.scale == 4
    ]
    assert [name for name in money if name not in named] == []
