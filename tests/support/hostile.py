"""Records that are not as a platform writes them: how they are spoilt, and what must come of them."""

import copy
import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from storelink.connectors.protocol import Connector, Ignored, Read, Rejection, Rows
from storelink.db import Database
from storelink.models import ConnectorConfig, SyncState
from storelink.sync import stage
from storelink.sync.lane import hold
from storelink.sync.page import normalize_page, write_page

LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6000))
"""Too long for an index even when it is compressed."""
SPECIAL: list[Any] = [
    "", "\x00", "a\x00b", "\ud800", "NaN", "1e999", "1e16", "9999999999999999.99", "0.00001", "-0.00",
    "99999999999999999999", "1_0", "\\u0000", "<b", LONG, "İ" * 500, 10**400, 10**16, -1, 0, 2**63,
    1e308, 1e16, 0.1 + 0.2, float("nan"), float("inf"), None, True, False, [], {}, [[]], ["x"],
]  # fmt: skip
"""What is junk on every platform; each has more of its own."""
UNSPEAKABLE = 10**5000
"""Python refuses to write it down, and hypothesis to show it."""
Record = dict[str, Any]
Junk = st.SearchStrategy[Any]


def junk_of(special: Sequence[Any]) -> Junk:
    """Any JSON, and these in it."""
    scalars = (
        st.sampled_from(special)
        | st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=20)
        | st.decimals(allow_nan=True).map(str)
        | st.datetimes().map(datetime.isoformat)
    )
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be replaced."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from places(part, (*path, number))


def worth_spoiling(raw: Record, unread: set[str]) -> Iterator[tuple[Any, ...]]:
    """Those that make a difference: nothing inside `unread`, and one element of a list for all."""
    for path in places(raw):
        if not unread.intersection(path[:-1]) and not any(isinstance(step, int) and step for step in path):
            yield path


def replaced(raw: Any, path: tuple[Any, ...], value: Any) -> None:
    """Put `value` at `path`; `...` takes what is there away."""
    for step in path[:-1]:
        raw = raw[step]
    if value is ...:
        del raw[path[-1]]
    else:
        raw[path[-1]] = value


@st.composite
def broken(draw: Callable[..., Any], raw: Record, junk: Junk) -> Record:
    """A real record with a few places spoilt."""
    raw = copy.deepcopy(raw)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(places(raw))))
        replaced(raw, path, draw(junk | st.just(...)))
    return raw


def check_outcome(
    connector: Connector, resource: str, raw: Record, settings: Mapping[str, Any]
) -> Rows | None:
    """Rows that can be written and come out the same when rebuilt, or a reason why there are none."""
    found = connector.normalize(resource, raw, settings)
    if isinstance(found, Rows):
        check(found)
        _check_rebuilt(connector, resource, raw, found, settings)
        return found
    assert isinstance(found, Rejection | Ignored)
    if isinstance(found, Rejection):
        assert found.error and (found.id is None or found.id.isdecimal())
    return None


def check(rows: Rows) -> None:
    """What COPY into the tables relies on."""
    for kind in (rows.products, rows.customers, rows.orders, rows.items, rows.refunds):
        for row in kind:
            for name, value in row._asdict().items():
                if isinstance(value, bytes):
                    assert b"\\u0000" not in value.replace(b"\\\\", b"") and storable(value.decode()), name
                elif isinstance(value, str):
                    assert storable(value), name
                elif isinstance(value, Decimal):
                    assert abs(value) < 10**15 and value == round(value, 4), name
                elif isinstance(value, datetime):
                    assert value.utcoffset() == timedelta(0) and 1 < value.year < 9999, name
                else:
                    assert value is None or isinstance(value, bool), name
            for name in ("metadata", "line_items", "items", "options", "default_address", "billing_address"):
                if text := getattr(row, name, None):
                    json.loads(text)
        assert len({row[:2] for row in kind}) == len(kind), "one row a key"


def storable(text: str) -> bool:
    text.encode()
    return "\x00" not in text


def _check_rebuilt(
    connector: Connector, resource: str, raw: Record, rows: Rows, settings: Mapping[str, Any]
) -> None:
    try:
        json.dumps(raw, allow_nan=False)
    except ValueError:
        return  # NaN and numbers of a thousand digits are no JSON and not kept as they are
    stored = [
        {**row._asdict(), "metadata": json.loads(row.metadata)}
        | ({"line_items": json.loads(row.line_items)} if resource == "orders" else {})
        for row in getattr(rows, resource)
    ]
    if stored:
        assert connector.normalize(resource, connector.rebuild(resource, stored), settings) == rows


@contextmanager
def writing(
    database: Database, connector: Connector, resource: str, settings: Mapping[str, Any]
) -> Iterator[Callable[[list[Record]], int]]:
    """Writes raw records as the engine does, into the real tables, indexes and all; how many were fit."""
    store, mode = uuid.uuid4(), next(iter(connector.auth_modes))
    with database.session() as session:
        session.add(
            ConnectorConfig(
                id=store, name="s", platform=connector.platform, store_url="https://s", auth_mode=mode
            )
        )
        session.flush()
        session.add(SyncState(connector_id=store, resource=resource))
        session.commit()

    def write(raws: list[Record]) -> int:
        now = datetime.now(UTC)
        fit = [(None, raw) for raw in raws if isinstance(connector.normalize(resource, raw, settings), Rows)]
        page = normalize_page(connector, resource, settings, fit, (), Read(now, now))
        write_page(lane, connector, page)
        return len(fit)

    with hold(database, store, resource, None) as lane:
        stage.prepare(lane.connection, resource)
        yield write
