"""The connector of docs/adding-a-platform.md passes the kit, just as it stands there."""

import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from documents import ROOT, page

MOST = 400
"""Lines of code that a platform may take."""
FILES = {
    block.partition("\n")[0].removeprefix("# "): block.partition("\n")[2]
    for block in page("docs/adding-a-platform.md").blocks("python")
}
"""The document's own code by the name in its first line."""


def write(folder: Path) -> None:
    for name, code in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)


with tempfile.TemporaryDirectory(prefix="sl-walk-") as _folder, pytest.MonkeyPatch.context() as _patch:
    write(Path(_folder))
    _patch.syspath_prepend(_folder)
    TestAcme = importlib.import_module("test_acme").TestAcme


def test_a_platform_takes_no_more_than_it_may() -> None:
    lines = {name: len(code.splitlines()) for name, code in FILES.items()}
    assert sum(count for name, count in lines.items() if name.startswith("acme/")) <= MOST
    assert lines["test_acme.py"] <= 12


def test_the_code_keeps_the_rules_of_the_house(tmp_path: Path) -> None:
    write(tmp_path)
    for words in ("check --no-cache", "format --check --no-cache"):
        command = ["-m", "ruff", *words.split(), f"--config={ROOT / 'pyproject.toml'}", str(tmp_path)]
        done = subprocess.run([sys.executable, *command], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_page_says_of_the_entry_point_is_so() -> None:
    (block,) = page("docs/adding-a-platform.md").blocks("toml")
    assert 'acme = "acme.connector:CONNECTOR"' in block
    assert "CONNECTOR" in FILES["acme/connector.py"]
