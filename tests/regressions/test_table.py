"""The table of cases is complete, and every test that it names exists."""

import re
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
LATER = re.compile(r"Shopify|a later issue")


def _rows() -> dict[int, str]:
    return {int(number): told for number, _, told in ROW.findall((HERE / "README.md").read_text())}


def test_all_44_cases_have_a_row():
    assert list(_rows()) == list(range(1, 45))


def test_every_row_names_a_test_or_says_why_not():
    silent = [number for number, told in _rows().items() if not NAMED.search(told) and not LATER.search(told)]
    assert silent == []


def test_every_test_that_is_named_exists():
    named = [pair for told in _rows().values() for pair in NAMED.findall(told)]
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in _text(file)]
    assert missing == []


def test_every_test_of_a_case_is_in_its_row():
    rows = _rows()
    for file in HERE.glob("test_*.py"):
        for number, name in re.findall(r"def (?=test_case_(\d+))(\w+)\(", file.read_text()):
            assert f"`regressions/{file.name}::{name}`" in rows[int(number)]


def _text(file: str) -> str:
    path = TESTS / file
    return path.read_text() if path.exists() else ""
