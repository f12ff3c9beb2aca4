"""What the documents point at exists, and what they state of the code is so."""

import re
import tomllib
from datetime import timedelta

import pytest
from documents import ROOT, Page, page, pages

import storelink
from storelink.connectors.protocol import Limits
from storelink.connectors.shopify import everything, nodes, partition
from storelink.connectors.shopify import reader as shopify_reader
from storelink.connectors.woocommerce import reader
from storelink.sync import backfill, fetching, helped, listing, verdict
from storelink.sync import page as writing

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PATH = re.compile(
    r"[\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|md|toml|txt|svg|json))|(?:storelink|tests|docs|tools)/[\w./-]+"
)
NOT_OURS = {"keys.json", "postgres/", "run/", "site/", "tests/browser/pictures/"}
"""Files of the reader's machine."""
by_name = pytest.mark.parametrize("one", pages(), ids=lambda one: one.name)


def headings(one: Page) -> set[str]:
    """The anchors of a page, as forges make them."""
    found = re.findall(r"^#+ (.+)$", one.prose, re.M)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in found}


@by_name
def test_links_lead_somewhere(one: Page) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", one.prose):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / one.name).parent / name if name else ROOT / one.name
        assert path.is_file(), target
        if anchor:
            assert anchor in headings(page(str(path.resolve().relative_to(ROOT)))), target


@by_name
def test_files_that_are_named_exist(one: Page) -> None:
    every = {path.name for path in (ROOT / "storelink").rglob("*.py")}
    for span in one.spans:
        if not PATH.fullmatch(span) or span in NOT_OURS or "acme" in span:
            continue
        there = (ROOT / span).exists() or (ROOT / "storelink" / span).exists() or span in every
        assert there, span


@by_name
def test_make_targets_that_are_named_exist(one: Page) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for line in [*one.spans, *one.code]:
        for target in re.findall(r"^make ([a-z]+)", line):
            assert target in targets, line


def test_the_version_is_the_same_everywhere() -> None:
    released = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2}$", page("CHANGELOG.md").text, re.M)
    assert released
    assert released[0] == storelink.__version__ == PROJECT["project"]["version"]


def test_the_import_line_is_the_contract() -> None:
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    line = " → ".join(layers).replace("storelink.", "")
    assert line in page("ARCHITECTURE.md").code


def test_the_verdicts_are_those_of_the_code() -> None:
    told = {row[0] for row in page("ARCHITECTURE.md").rows("verdict")}
    made = set(re.findall(r"(?:THEN|ELSE|verdict =) '(\w+)'", verdict._JUDGE + verdict._INSERT))
    assert told == made


@pytest.mark.parametrize(
    "value, is_, phrase",
    [
        (reader.OVERLAP, timedelta(hours=2), "go back two hours further"),
        (writing.UNSETTLED, timedelta(seconds=2), "under 2 s old"),
        (listing.FUTURE, timedelta(seconds=60), "by more than 60 s"),
        (fetching.GONE_FEW, 10, "up to 10 records may always go"),
        (fetching.GONE_SHARE, 5, "a fifth of a store gone within 30 days"),
        (fetching.ATTEMPTS, 5, "after five it is quarantined"),
        (Limits().body_limit, 64 * 1024 * 1024, "up to 64 MiB"),
        (shopify_reader.OVERLAP, timedelta(minutes=15), "from 15 minutes before the watermark"),
        (everything.BATCH, 25, "pages of 25"),
        (helped.LARGE, 2000, "A first read of 2,000 records or more"),
        (everything.ATTEMPTS, 3, "after three the read goes by pages"),
        (partition.MOST, 256, "up to 256 parts"),
        (nodes.VISIBLE, timedelta(days=59), "no order older than 59 days is ever gone"),
        (backfill.ANALYZE_AT, (1, 10, 100, 1000), "1st, 10th, 100th and 1000th page"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_figures_are_those_of_the_code(value: object, is_: object, phrase: str) -> None:
    assert value == is_
    assert phrase in " ".join(page("ARCHITECTURE.md").text.split())


def test_the_example_with_faults_runs() -> None:
    example = next(block for block in page("CONTRIBUTING.md").blocks("python") if "sandbox" in block)
    exec(compile(example, "CONTRIBUTING.md", "exec"), {})


def test_the_kit_is_used_as_written() -> None:
    import storelink.conformance as kit

    recipe = next(block for block in page("CONTRIBUTING.md").blocks("python") if "conformance" in block)
    for name in re.findall(r"from storelink\.conformance import (\w+)", recipe):
        assert hasattr(kit, name)
    ours = (ROOT / "tests" / "conformance" / "test_woocommerce.py").read_text()
    for line in recipe.splitlines():
        written = (
            line.strip().replace("Acme", "Woo").replace("acme", "woo").replace("TestWoo", "TestWooCommerce")
        )
        assert written in ours
