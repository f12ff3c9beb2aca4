"""The README's table of settings is the Settings class, both ways."""

import re
from typing import Any

import annotated_types
import pytest
from documents import ROOT, page, pages
from pydantic.fields import FieldInfo

from storelink.config import Settings

TABLE = {row[0].strip("`"): row for row in page("README.md").rows("variable")}
FIELDS = {f"STORELINK_{name.upper()}": field for name, field in Settings.model_fields.items()}
SOURCES = [path for name in ("storelink", "tests", "bench") for path in (ROOT / name).rglob("*.py")]


def shown(default: Any) -> str:
    if default is None:
        return "unset"
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    return f"`{default}`"


def test_every_setting_is_in_the_table_and_nothing_else() -> None:
    assert list(TABLE) == list(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_default(name: str) -> None:
    field: FieldInfo = FIELDS[name]
    if name == "STORELINK_HOME":  # made when it is asked for
        assert "`/var/lib/storelink` for root" in TABLE[name][1]
        assert "user's data folder" in TABLE[name][1]
    else:
        assert TABLE[name][1] == shown(field.default)


@pytest.mark.parametrize("name", FIELDS)
def test_meaning(name: str) -> None:
    field, said = FIELDS[name], TABLE[name][2]
    assert field.description
    assert said.replace("`", "").startswith(field.description.replace("`", "").removesuffix("."))
    for bound in field.metadata:
        if isinstance(bound, annotated_types.Le):
            assert re.search(rf"\b{bound.le}\b", said), f"the most, {bound.le}, is not said"
        if pattern := getattr(bound, "pattern", None):
            for word in re.findall(r"\w+", pattern):
                assert f"`{word}`" in said


def test_every_variable_that_is_named_exists() -> None:
    named = {name for one in pages() for name in re.findall(r"STORELINK_[A-Z_]+", one.text)}
    source = "\n".join(path.read_text() for path in SOURCES if path.parent.name != "docs")
    assert [name for name in sorted(named - set(FIELDS)) if f'"{name}' not in source] == []
