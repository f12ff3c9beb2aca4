"""A bulk result is put together whole, whatever the order and the pieces in which it comes."""

import io
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storelink.connectors.shopify import jsonl, partition
from storelink.connectors.shopify.jsonl import Assembly, Damaged, Layout, unpack
from storelink.connectors.shopify.partition import Part, Partition
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
    text: bytes, *, pieces: int = 64, share: int = 256, size: int | None = None, batch: int = 3
) -> list[dict[str, Any]]:
    with Assembly(ORDERS, len(text) if size is None else size, partition=share) as assembly:
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
    share=st.sampled_from([1, 64, 300, 10**6]),
    buffer=st.sampled_from([1, 500, 10**7]),
    last_newline=st.booleans(),
    spaced=st.booleans(),
)
def test_any_order_and_any_pieces_make_the_same_records(
    shop: tuple[list[dict[str, Any]], dict[str, dict[str, Any]]],
    pieces: int,
    share: int,
    buffer: int,
    last_newline: bool,
    spaced: bool,
) -> None:
    lines, records = shop
    text = text_of(lines, last_newline=last_newline, spaced=spaced)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "BUFFER", buffer)
        found = put_together(text, pieces=pieces, share=share)
    assert len(found) == len(records)
    assert {record["id"]: record for record in found} == records
    numbers = [int(record["id"].rpartition("/")[2]) for record in found]
    assert numbers == sorted(numbers)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    shop=shops(),
    passed=st.integers(0, 12),
    share=st.sampled_from([64, 300, 10**6]),
    pieces=st.integers(1, 400),
)
def test_a_read_goes_on_after_any_record(
    shop: tuple[list[dict[str, Any]], dict[str, dict[str, Any]]], passed: int, share: int, pieces: int
) -> None:
    """Whatever the pieces are in which the same result comes the next time."""
    lines, records = shop
    text = text_of(lines)

    def read(after: int) -> list[str]:
        with Assembly(ORDERS, len(text), partition=share) as assembly:
            for first in range(0, len(text), pieces if after else len(text) or 1):
                assembly.feed(text[first : first + pieces] if after else text)
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


@pytest.mark.parametrize("order_of", ["rising", "falling", "mixed"])
def test_little_is_in_memory_at_once(order_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever order they come in, their parts after them all, and a size announced that is far too small."""
    monkeypatch.setattr(partition, "BUFFER", 10_000)
    numbers = [5_000_000_000_000 + 32_768 * number for number in range(2_000)]
    if order_of == "falling":
        numbers.reverse()
    elif order_of == "mixed":
        random.Random(1).shuffle(numbers)
    text = text_of([order(number) for number in numbers] + [item(number, number) for number in numbers])
    read: list[int] = []
    blocks, finer = Partition.blocks, Assembly._finer

    def noting(self: Partition, part: Part) -> Iterator[bytes]:
        read.append(part.size)
        return blocks(self, part)

    def passing_on(self: Assembly, part: Part, bounds: Sequence[int]) -> Assembly:
        made = finer(self, part, bounds)
        read.remove(part.size)
        return made

    monkeypatch.setattr(Partition, "blocks", noting)
    monkeypatch.setattr(Assembly, "_finer", passing_on)
    found = put_together(text, pieces=5000, share=20_000, size=1, batch=50)
    assert [record["id"] for record in found] == [order(number)["id"] for number in sorted(numbers)]
    assert all(len(record["lineItems"]) == 1 for record in found)
    assert len(read) > 4 and max(read) <= 4 * 20_000


def test_one_record_may_be_larger_than_all_that_a_part_should_have() -> None:
    """It cannot be shared out, however often that is tried."""
    text = text_of([order(1), *(item(1, number) for number in range(500)), order(2)])
    found = put_together(text, share=100, pieces=1000)
    assert [len(record["lineItems"]) for record in found] == [500, 0]


def test_records_that_come_by_rising_id_are_shared_out_evenly() -> None:
    with Assembly(ORDERS, 0, partition=20_000) as assembly:
        for number in range(1_000, 5_000):
            assembly.feed(text_of([order(number)]))
        sizes = [part.size for part in assembly._partition.parts]
    assert len(sizes) > 16
    assert max(sizes) < 2 * sum(sizes) / len(sizes)


def test_ids_that_are_no_numbers_are_records_too() -> None:
    text = text_of([order(3), {"id": "gid://shopify/Order/x"}, {"id": "gid://shopify/Order/" + "9" * 5000}])
    with Assembly(ORDERS, len(text)) as assembly:
        assembly.feed(text)
        assembly.finish()
        (batch,) = assembly.batches(10)
    assert list(batch.records) == ["9" * 5000, "x", "3"]


def test_lines_of_records_without_parts_come_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "BUFFER", 100)
    text = text_of([order(number) for number in (5, 3, 4, 3)])
    with Assembly(Layout("Order"), len(text), partition=64) as assembly:
        for first in range(0, len(text), 90):
            assembly.feed(text[first : first + 90] + (b"\n \n" if first + 90 >= len(text) else b""))
        assembly.finish()
        found = list(assembly.rows(3))
    assert [len(some) for some in found] == [3, 1]
    ids = sorted(row["id"].rpartition("/")[2] for some in found for row in some)
    assert ids == ["3", "3", "4", "5"]


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while it is there: a process that is killed leaves nothing."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(partition, "BUFFER", 10)
    with Assembly(ORDERS, 1000, partition=10) as assembly:
        assembly.feed(text_of([order(1), order(2)]))
        file = assembly._partition._file
        assert file is not None
        assert list(tmp_path.iterdir()) == []
    assert file.closed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "BUFFER", 10)
    with Assembly(ORDERS, 1000) as assembly:
        assembly._partition._file = io.FileIO("/dev/full", "r+")
        with pytest.raises(Misconfigured, match="TMPDIR"):
            assembly.feed(text_of([order(1), order(2)]))
