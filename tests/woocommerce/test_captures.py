"""Every recorded record of a real store, against `expected.json`, which people wrote and reviewed."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from storelink.connectors.protocol import Ignored, Rows
from storelink.connectors.woocommerce.normalize import normalize, rebuild

CAPTURES = Path(__file__).parents[1] / "captures" / "woocommerce"
EXPECTED = json.loads(Path(__file__).with_name("expected.json").read_text("utf-8"))
SETTINGS = {"currency": "USD", "time_zone": "America/New_York", "gmt_offset": -5}
KINDS = ("products", "customers", "orders", "items", "refunds")
# keys that are not kept, because they change without an edit of the record
DROPPED = {
    "orders": {"_links", "needs_processing", "line_items"},
    "products": {"_links", "related_ids", "price_html", "total_sales", "variation_details"},
    "customers": {"_links"},
}


def body(name: str) -> Any:
    """The JSON of one recorded answer or delivery; None where it is none."""
    text = (CAPTURES / name).read_text("utf-8-sig")
    if not name.endswith(".json"):
        text = text.partition("\n\n")[2]
    start = re.search(r"^[\[{]", text, re.MULTILINE)
    try:
        return json.loads(text[start.start() :]) if start else None
    except json.JSONDecodeError:
        return None


def find(name: str, place: str = "") -> Any:
    """What stands at a place such as `update.0` in a recorded answer."""
    found = body(name)
    for step in filter(None, place.split(".")):
        found = found[int(step)] if isinstance(found, list) else found[step]
    return found


def composed(case: dict[str, Any]) -> dict[str, Any]:
    raw = find(case["file"], case.get("place", ""))
    for key, (name, place) in case.get("with", {}).items():
        raw[key] = find(name, place)
    return raw


def inside(value: Any, steps: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """(place, kind) of every record in some JSON."""
    if isinstance(value, dict) and (kind := kind_of(value)):
        yield ".".join(steps), kind
    elif isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in parts:
            yield from inside(part, (*steps, str(key)))


def kind_of(value: dict[str, Any]) -> str | None:
    if "line_items" in value:
        return "orders" if "billing" in value else "refunds"
    if "regular_price" in value:
        return "products" if "related_ids" in value else "variations"
    return "customers" if "username" in value and "billing" in value else None


def same(column: str, found: Any, wanted: Any, raw: dict[str, Any]) -> bool:
    """Whether a column holds what the table says; addresses are named by the raw record's key."""
    if column.endswith("_address"):
        return found is wanted is None or json.loads(found) == raw[wanted]
    if isinstance(found, Decimal):
        return found == Decimal(wanted)
    if isinstance(found, datetime):
        return found.tzinfo is not None and found == datetime.fromisoformat(wanted)
    if isinstance(wanted, list):
        return bool(json.loads(found) == wanted)
    return bool(found == wanted)


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: case["what"])
def test_a_recorded_record_becomes_the_rows_of_the_table(case: dict[str, Any]) -> None:
    raw = composed(case)
    rows = normalize(case["resource"], raw, SETTINGS)
    if "ignored" in case:
        assert rows == Ignored(case["id"], case["ignored"])
        return
    assert isinstance(rows, Rows)
    assert rows.id == case["id"]
    assert rows.version == datetime.fromisoformat(case["version"])
    assert rows.trashed is case["trashed"] and rows.partial is False
    assert rows.parts == (None if case["parts"] is None else tuple(case["parts"]))
    for kind in KINDS:
        found, wanted = getattr(rows, kind), case.get(kind, [])
        assert len(found) == len(wanted), kind
        for row, line in zip(found, wanted, strict=True):
            columns = row._asdict()
            unstated = {"metadata", "line_items"}
            assert set(columns) - unstated == set(line), "the table states every column"
            wrong = {
                name: (columns[name], line[name])
                for name in line
                if not same(name, columns[name], line[name], raw)
            }
            assert not wrong, kind


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: case["what"])
def test_what_is_kept_raw_is_what_the_store_gave(case: dict[str, Any]) -> None:
    """All of it, less the few keys that change by themselves."""
    raw, resource = composed(case), case["resource"]
    rows = normalize(resource, raw, SETTINGS)
    if isinstance(rows, Ignored):
        return
    for row in getattr(rows, resource):
        kept = json.loads(row.metadata)
        own = kept.pop("product") if resource == "products" else kept
        if resource == "products" and kept:
            [detail] = raw["variation_details"]
            assert kept == {key: part for key, part in detail.items() if key != "_links"}
        details = own.pop("refund_details", [])
        assert own == {
            key: part for key, part in raw.items() if key not in DROPPED[resource] and key != "refund_details"
        }
        assert [d["id"] for d in details] == sorted(d["id"] for d in raw.get("refund_details", []))
        if resource == "orders":
            lines = json.loads(row.line_items)
            gone = {"image", "parent_name", "global_unique_id"}
            assert lines == [
                {key: part for key, part in line.items() if key not in gone} for line in raw["line_items"]
            ]


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: case["what"])
def test_rebuilding_from_what_is_kept_gives_the_same_rows(case: dict[str, Any]) -> None:
    resource = case["resource"]
    rows = normalize(resource, composed(case), SETTINGS)
    if isinstance(rows, Ignored):
        return
    stored = [
        {
            name: json.loads(part) if name in ("metadata", "line_items") else part
            for name, part in row._asdict().items()
        }
        for row in getattr(rows, resource)
    ]
    assert normalize(resource, rebuild(resource, stored), SETTINGS) == rows


def test_the_table_has_every_record_that_was_recorded() -> None:
    stated = {(case["file"], case.get("place", "")) for case in EXPECTED}
    stated |= {tuple(part) for case in EXPECTED for part in case.get("with", {}).values()}
    covered = {name for name, place in stated if not place}
    for path in sorted(CAPTURES.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(CAPTURES).as_posix()
        for place, kind in inside(body(name)):
            if kind == "refunds":
                continue  # the answer to a refund; read again in refunds-list
            assert (name, place) in stated or name in covered, f"{kind} at {name} {place}"
