"""A bulk result is put together whole, whatever the order and the pieces in which it comes."""

import json
import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storelink.connectors.shopify import jsonl
from storelink.connectors.shopify.jsonl import Assembly, Damaged, Layout, unpack
from storelink.errors import Misconfigured

ORDERS = Layout("Order", {"LineItem": "lineItems", "ShippingLine": "shippingLines"})
TRICKY = st.sampled_from(
    [
        "",
        "a",
        'she said "__parentId":"gid://shopify/Order/1"',
        "\u2028",
        "}\n{",
        '{"id":"gid://shopify/Order/7"}',
    ]
)


def item(order: int, number: int, note: str = "") -> dict[str, Any]:
    return {
        "__typename": "LineItem",
        "id": f"gid://shopify/LineItem/{number}",
        "name": note,
        "__parentId": f"gid://shopify/Order/{order}",
    }


def shipping(order: int, number: int) -> dict[str, Any]:
    return {
        "__typename": "ShippingLine",
        "id": f"gid://shopify/ShippingLine/{number}",
        "__parentId": f"gid://shopify/Order/{order}",
    }


def order(number: int, note: str = "") -> dict[str, Any]:
    return {"id": f"gid://shopify/Order/{number}", "note": note, "transactions": [{"id": "x"}]}


@st.composite
def shops(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The lines of a result in some order, and the records they make."""
    ids = draw(st.lists(st.integers(1, 10**13), unique=True, max_size=12))
    lines: list[dict[str, Any]] = []
    records: dict[str, dict[str, Any]] = {}
    number = 1
    for key in ids:
        own = order(key, draw(TRICKY))
        record = {**own, "lineItems": [], "shippingLines": []}
        lines.append(own)
        for _ in range(draw(st.integers(0, 4))):
            line = item(key, number, draw(TRICKY))
            lines.append(line)
            record["lineItems"].append({"id": line["id"], "name": line["name"]})
            number += draw(st.sampled_from([1, 7, 91]))
        for _ in range(draw(st.integers(0, 2))):
            lines.append(shipping(key, number))
            record["shippingLines"].append({"id": f"gid://shopify/ShippingLine/{number}"})
            number += 1
        records[own["id"]] = record
    return draw(st.permutations(lines)), records


def text_of(lines: list[dict[str, Any]], *, last_newline: bool = True, spaced: bool = False) -> bytes:
    dumped = [json.dumps(line).encode() if spaced else orjson.dumps(line) for line in lines]
    return b"\n".join(dumped) + (b"\n" if last_newline and dumped else b"")


def put_together(
    text: bytes, *, pieces: int = 64, partition: int = 256, size: int | None = None, batch: int = 3
) -> list[dict[str, Any]]:
    with Assembly(ORDERS, len(text) if size is None else size, partition=partition) as assembly:
        for first in range(0, len(text), pieces):
            assembly.feed(text[first : first + pieces])
        assembly.finish()
        batches = list(assembly.batches(batch))
        assert not [key for one in batches for key in one.loose]
        return [unpack(ORDERS, lines) for one in batches for lines in one.records.values()]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    shop=shops(),
    pieces=st.integers(1, 400),
    partition=st.sampled_from([1, 64, 300, 10**6]),
    buffer=st.sampled_from([1, 500, 10**7]),
    last_newline=st.booleans(),
    spaced=st.booleans(),
)
def test_any_order_and_any_pieces_make_the_same_records(
    shop: tuple[list[dict[str, Any]], dict[str, dict[str, Any]]],
    pieces: int,
    partition: int,
    buffer: int,
    last_newline: bool,
    spaced: bool,
) -> None:
    lines, records = shop
    text = text_of(lines, last_newline=last_newline, spaced=spaced)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "BUFFER", buffer)
        found = put_together(text, pieces=pieces, partition=partition)
    assert len(found) == len(records)
    assert {record["id"]: record for record in found} == records


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(shop=shops(), passed=st.integers(0, 12), partition=st.sampled_from([64, 300, 10**6]))
def test_a_read_goes_on_after_any_record(
    shop: tuple[list[dict[str, Any]], dict[str, dict[str, Any]]], passed: int, partition: int
) -> None:
    lines, records = shop
    text = text_of(lines)

    def read(after: int) -> list[str]:
        with Assembly(ORDERS, len(text), partition=partition) as assembly:
            assembly.feed(text)
            assembly.finish()
            batches = list(assembly.batches(2, after))
            if batches:
                assert batches[-1].passed == len(records)
            return [key for one in batches for key in one.records]

    assert read(passed) == read(0)[passed:]


def test_objects_and_records_are_counted() -> None:
    text = text_of([item(1, 5), order(1), order(2)], last_newline=False)
    with Assembly(ORDERS, len(text)) as assembly:
        assembly.feed(text)
        assert (assembly.lines, assembly.roots) == (2, 1)
        assembly.finish()
        assert (assembly.lines, assembly.roots) == (3, 2)


def test_a_last_line_that_was_cut_is_damage() -> None:
    text = text_of([order(1), order(2)])
    with Assembly(ORDERS, len(text)) as assembly:
        assembly.feed(text[:-5])
        with pytest.raises(Damaged):
            assembly.finish()


@pytest.mark.parametrize("line", [b"[1]", b"null", b'{"a":1}', b"<html>", b'{"id":5}'])
def test_a_line_that_belongs_to_no_record_is_damage(line: bytes) -> None:
    with Assembly(ORDERS, 100) as assembly, pytest.raises(Damaged):
        assembly.feed(line + b"\n")


def test_a_line_in_the_middle_that_is_no_json_is_damage() -> None:
    with Assembly(ORDERS, 100) as assembly, pytest.raises(Damaged):
        assembly.feed(b'{"id":"gid://shopify/Order/1","note":"\n' + text_of([order(2)]))


@pytest.mark.parametrize(
    "lines",
    [
        b'[{"id":"gid://shopify/Order/1","note":}]',
        b'["gid://shopify/Order/1"]',
        b"[]",
        b"{}",
        b'[{"id":"gid://shopify/Order/1"},"a"]',
        b'[{"id":"gid://shopify/Order/1"},{"__typename":"LineItem","id":"2"}]',
        b'[{"id":"gid://shopify/Order/1"},{"__typename":"LineItem","__parentId":"gid://shopify/Order/2"}]',
        b'[{"id":"gid://shopify/Order/1"},{"__typename":"Refund","__parentId":"gid://shopify/Order/1"}]',
    ],
)
def test_lines_of_which_no_record_can_be_made_are_damage(lines: bytes) -> None:
    with pytest.raises(Damaged):
        unpack(ORDERS, lines)


def test_records_that_do_not_fit_together_are_named() -> None:
    strange = {**item(4, 9), "__typename": "Fulfillment"}
    text = text_of([order(1), item(2, 5), order(3), order(3), order(4), strange])
    with Assembly(ORDERS, len(text)) as assembly:
        assembly.feed(text)
        assembly.finish()
        (batch,) = assembly.batches(10)
    assert sorted(batch.loose) == ["2", "3", "4"]
    assert list(batch.records) == ["1"]


def test_heavy_records_come_few_at_once() -> None:
    text = text_of([order(number, "x" * 100_000) for number in range(1, 101)])
    with Assembly(ORDERS, len(text)) as assembly:
        assembly.feed(text)
        assembly.finish()
        counts = [len(batch.records) for batch in assembly.batches(1000)]
    assert sum(counts) == 100
    assert max(counts) * 100_000 <= jsonl.HEAVY + 100_000


def test_a_partition_that_grew_too_large_is_shared_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size that was announced was far too small; no more than a little is in memory at once."""
    monkeypatch.setattr(jsonl, "BUFFER", 10_000)
    text = text_of([line for number in range(1, 800) for line in (order(number), item(number, number))])
    read: list[int] = []
    inner = Assembly._block

    def block(self: Assembly, extent: tuple[int, int]) -> bytes:
        read.append(extent[1])
        return inner(self, extent)

    monkeypatch.setattr(Assembly, "_block", block)
    found = put_together(text, pieces=5000, partition=2_000, size=1, batch=50)
    assert len(found) == 799
    assert max(read) < 20_000


def test_ids_that_rise_by_a_power_of_two_are_shared_out_all_the_same() -> None:
    """Shopify's ids do, so that their remainders are all the same."""
    text = text_of([order(5_000_000_000_000 + 32_768 * number) for number in range(2_000)])
    with Assembly(ORDERS, len(text), partition=len(text) // 16) as assembly:
        assembly.feed(text)
        counts = [len(bucket.waiting) for bucket in assembly._buckets]
    assert len(counts) >= 16
    assert max(counts) < 2 * 2_000 / len(counts)


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while it is there: a process that is killed leaves nothing."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(jsonl, "BUFFER", 10)
    with Assembly(ORDERS, 1000, partition=10) as assembly:
        assembly.feed(text_of([order(1), order(2)]))
        assert assembly._file is not None
        assert list(tmp_path.iterdir()) == []
    assert assembly._file.closed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "BUFFER", 10)
    with Assembly(ORDERS, 1000) as assembly:
        assembly._file = os.fdopen(os.open("/dev/full", os.O_RDWR), "w+b", buffering=0)
        with pytest.raises(Misconfigured, match="TMPDIR"):
            assembly.feed(text_of([order(1), order(2)]))
