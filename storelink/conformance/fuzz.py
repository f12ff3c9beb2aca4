"""Recorded payloads, damaged: the inputs that a normalizer must take without falling over."""

import copy
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st

from storelink.connectors.protocol import Raw

Path = tuple[Any, ...]

UNSTORABLE = ("a\x00b", "\ud800", "x" * 5000)
HARD_TEXT = (
    "", " ", "-", "0", "-0.00", "1e400", "NaN", "Infinity", "12,50", "1.234,56", "٣٫٥", "0x1F", "1_000",
    "靴 Ünïcödé 👟", *UNSTORABLE, "\u202egnp.exe", "<b>bold</b> &amp; \"quoted\" 'n'", "\r\n\t",
    "null", "0000-00-00T00:00:00", "2026-02-30T00:00:00", "2026-11-21T12:00:00+99:99", "9999-12-31T23:59:59",
    "99999-01-01T00:00:00", "wc-trash", "9" * 400, "%s %d {} {0}", "'; DROP TABLE x; --",
)  # fmt: skip
HARD_NUMBERS = (0, -1, 2**31, 2**63, 10**30, -(10**30), 0.1 + 0.2, 1e300, -0.0, 5e-324, True, False)


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value below its root."""
    if isinstance(value, dict):
        inside: Sequence[Any] = list(value)
    elif isinstance(value, list):
        inside = range(len(value))
    else:
        return
    for step in inside:
        yield (*at, step)
        yield from paths(value[step], (*at, step))


def fields(raw: Raw) -> list[Path]:
    """The places of a record, one of each kind: of the lines of a list only the first that has it."""
    kinds: dict[Path, Path] = {}
    for path in paths(raw):
        kinds.setdefault(tuple("*" if isinstance(step, int) else step for step in path), path)
    return list(kinds.values())


def changed(raw: Raw, path: Path, value: Any) -> Raw:
    """A copy of `raw` with another value in one place."""
    return _at(raw, path, lambda parent, step: parent.__setitem__(step, value))


def without(raw: Raw, path: Path) -> Raw:
    """A copy of `raw` that lacks one place."""
    return _at(raw, path, lambda parent, step: parent.__delitem__(step))


def _at(raw: Raw, path: Path, change: Any) -> Raw:
    """Copies only what lies on the path; the rest is shared, as nobody may write to it."""
    made = copy.copy(raw)
    parent: Any = made
    for step in path[:-1]:
        parent[step] = copy.copy(parent[step])
        parent = parent[step]
    change(parent, path[-1])
    return made


@cache
def junk() -> st.SearchStrategy[Any]:
    """Any JSON value, the awkward ones more often."""
    plain = st.one_of(
        st.none(), st.sampled_from(HARD_TEXT), st.sampled_from(HARD_NUMBERS), st.integers(), st.text(),
        st.floats(allow_nan=False, allow_infinity=False),
    )  # fmt: skip
    return st.recursive(
        plain, lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text(), deeper, max_size=3),
        max_leaves=6,
    )  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, payloads: Sequence[tuple[str, Raw]]) -> tuple[str, Raw]:
    """A recorded record with one to four places changed, lost, doubled, or swapped with another."""
    resource, raw = draw(st.sampled_from(list(payloads)))
    raw = copy.deepcopy(raw)
    for _ in range(draw(st.integers(1, 4))):
        places = list(paths(raw))
        if not places:
            break
        path = draw(st.sampled_from(places))
        deed = draw(st.sampled_from(("change", "lose", "double", "swap")))
        parent = _value(raw, path[:-1])
        if deed == "lose":
            del parent[path[-1]]
        elif deed == "double" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[path[-1]]))
        elif deed == "swap":
            parent[path[-1]] = copy.deepcopy(_value(raw, draw(st.sampled_from(places))))
        else:
            parent[path[-1]] = draw(junk())
    return resource, raw


def _value(raw: Any, path: Path) -> Any:
    for step in path:
        raw = raw[step]
    return raw
