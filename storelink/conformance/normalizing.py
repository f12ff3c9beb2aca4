"""Cases about the normalizer: pure, total, exact. They ask no store."""

import copy
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storelink.conformance.fit import faults_of
from storelink.conformance.fuzz import HARD_TEXT, UNSTORABLE, changed, damaged, fields, junk, paths, without
from storelink.conformance.laboratory import Laboratory
from storelink.connectors.protocol import Raw, Rows

EXAMPLES = 300
"""Damaged records tried by each case that makes them up."""

_watched = threading.local()


class Normalizing:
    """Recorded records, whole and damaged, through the normalizer."""

    laboratory: type[Laboratory]

    def payloads(self) -> list[tuple[str, Raw]]:
        """The recorded records of the laboratory."""
        return [(resource, copy.deepcopy(raw)) for resource, raw in self.laboratory.payloads()]

    def normalize(self, resource: str, raw: Any) -> Any:
        """Through the connector, with the settings of a store that was never checked."""
        return self.laboratory.connector.normalize(resource, raw, {})

    def test_recorded_records_become_rows(self) -> None:
        """Each becomes rows that can be stored, and each resource has some that do."""
        understood = set()
        for resource, raw in self.payloads():
            result = self.normalize(resource, raw)
            assert isinstance(result, Rows), f"{resource} {raw.get('id')}: {result}"
            assert faults_of(result) == []
            understood.add(resource)
        assert understood == set(self.laboratory.connector.resources), "no payload for some resource"

    def test_normalize_is_total(self) -> None:
        """Whatever a record looks like: rows that can be stored, or a reason; never an exception."""
        payloads = self.payloads()
        resources = self.laboratory.connector.resources

        @_quickly(EXAMPLES)
        @given(damaged(payloads))
        def whole_or_rejected(case: tuple[str, Raw]) -> None:
            assert faults_of(self.normalize(*case)) == []

        @_quickly(EXAMPLES)
        @given(st.sampled_from(resources), junk())
        def anything_at_all(resource: str, value: Any) -> None:
            assert faults_of(self.normalize(resource, value)) == []

        whole_or_rejected()
        anything_at_all()

    def test_null_and_missing_fields(self) -> None:
        """Each place of each record, null or left out."""
        for resource, raw in self.payloads():
            for path in fields(raw):
                for damage in (changed(raw, path, None), without(raw, path)):
                    found = faults_of(self.normalize(resource, damage))
                    assert found == [], f"{resource}: {path} null or missing: {found}"

    def test_unicode_and_hostile_text(self) -> None:
        """Each text of each record replaced by what people and plugins really put there."""
        for resource, raw in self.payloads():
            texts = [path for path in fields(raw) if isinstance(_value(raw, path), str)]
            for number, path in enumerate(texts):
                for text in {*UNSTORABLE, *HARD_TEXT[number % 8 :: 8]}:
                    found = faults_of(self.normalize(resource, changed(raw, path, text)))
                    assert found == [], f"{resource}: {text!r:.40} at {path}: {found}"

    def test_money_is_exact(self) -> None:
        """A cent more in any amount, however large, is a cent more in the rows."""
        counted, expected = set(), set()
        for resource, raw in self.payloads():
            plain = set(_decimals(self.normalize(resource, raw)).values())
            for path in paths(raw):
                text = _value(raw, path)
                if not _is_amount(text):
                    continue
                if Decimal(text) in plain:
                    expected.add(resource)
                one, other = (_decimals(self.normalize(resource, changed(raw, path, x))) for x in _CENT_APART)
                for place in set(one) & set(other):
                    if abs(one[place]) > 10**11:
                        counted.add(resource)
                        assert one[place] != other[place], f"{path} loses a cent in {place}"
        assert expected, "no recorded amount reaches the rows"
        assert counted >= expected

    def test_normalize_is_pure(self) -> None:
        """The same input gives the same output, is left as it was, and nothing is read or written."""
        for resource, raw in self.payloads():
            before = copy.deepcopy(raw)
            first = self.normalize(resource, raw)  # caches are filled here
            with _no_io() as seen:
                second = self.normalize(resource, raw)
            assert seen == [], f"I/O: {seen}"
            assert first == second
            assert raw == before, "the input was changed"
            assert self.normalize(resource, before) == first


def _quickly(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip


def _value(raw: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        raw = raw[step]
    return raw


# no float tells these two apart
_CENT_APART = ("90071992547409.93", "90071992547409.94")


def _is_amount(value: Any) -> bool:
    return isinstance(value, str) and value.replace(".", "", 1).isdecimal() and "." in value


def _decimals(result: Any) -> dict[tuple[str, int, str], Decimal]:
    """The numbers of all rows by where they are."""
    if not isinstance(result, Rows):
        return {}
    return {
        (kind, number, name): value
        for kind in ("products", "orders", "items", "refunds")
        for number, row in enumerate(getattr(result, kind))
        for name, value in row._asdict().items()
        if isinstance(value, Decimal)
    }


# -- watching for I/O ------------------------------------------------------------------------------

_IO = ("open", "socket.", "subprocess.", "os.system", "os.exec", "urllib.", "sqlite3.", "shutil.")
_hooked: list[bool] = []


def _hook(event: str, _args: Any) -> None:
    seen = getattr(_watched, "seen", None)
    if seen is not None and event.startswith(_IO):
        seen.append(event)


@contextmanager
def _no_io() -> Iterator[list[str]]:
    """The audit events of I/O that this thread causes meanwhile."""
    if not _hooked:
        sys.addaudithook(_hook)  # it cannot be taken back, and costs nothing while nobody watches
        _hooked.append(True)
    seen: list[str] = []
    _watched.seen = seen
    try:
        yield seen
    finally:
        del _watched.seen
