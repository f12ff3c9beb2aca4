"""A toy platform in memory: the smallest thing that satisfies the seam.

Tests of the engine change its records by hand, between any two reads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from storelink.connectors.bound import Extent
from storelink.connectors.protocol import (
    Broken,
    Checkup,
    FetchPage,
    Ignored,
    Listed,
    ListPage,
    RawPage,
    Read,
    Rejection,
    Rows,
    Traffic,
)
from storelink.connectors.rows import CustomerRow, ItemRow, OrderRow, ProductRow, RefundRow

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAGE = 3
WITHHELD_CUSTOMER = frozenset({"email", "name", "metadata.email", "metadata.name"})
WITHHELD_ORDER = frozenset(
    {"email", "metadata.email"}
    | {
        f"{place}{inner}"
        for place in ("shipping_address", "metadata.address")
        for inner in ("", ".street", ".zip")
    }
)


class ToyStore:
    """Records by resource; versions are whole seconds of its own clock, which only tests move."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.now = START
        self.records: dict[str, dict[str, dict[str, Any]]] = {"products": {}, "customers": {}, "orders": {}}
        self.traffic = Traffic()
        self.unanswered: dict[str, str] = {}
        self.broken: set[str] = set()
        self.hidden: set[str] = set()
        self.out_of_sight: set[str] = set()
        self.destroyed: list[str] = []
        self.redacted = False
        self.whole_lists = False
        self.before: list[Callable[[str], None]] = []
        self.fail: Exception | None = None
        self.closed = False

    # -- what tests do in the store's admin

    def put(self, resource: str, key: int | str, *, silently: bool = False, **fields: Any) -> dict[str, Any]:
        record = self.records[resource].setdefault(str(key), {"id": str(key), "trashed": False})
        record.update(fields)
        if not silently:
            record["updated"] = fields.get("updated", self.now.replace(microsecond=0))
        return record

    def delete(self, resource: str, key: int | str) -> None:
        del self.records[resource][str(key)]

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # -- the seam

    def check(self) -> Checkup:
        return Checkup(())

    def close(self) -> None:
        self.closed = True

    def _request(self, what: str) -> datetime:
        self.traffic.requests += 1
        for hook in list(self.before):
            hook(what)
        if self.fail is not None:
            raise self.fail
        return self.clock()

    def _read(self, started: datetime) -> Read:
        return Read(started, self.clock(), self.now)

    def _listed(
        self, resource: str, since: datetime | None, made: datetime | None = None
    ) -> Iterator[ListPage]:
        started = self._request(f"list {resource}")
        found = [
            Listed(key, raw["updated"], tuple(raw["refunds"]) if "refunds" in raw else None)
            for key, raw in sorted(self.records[resource].items())
            if key not in self.hidden | self.out_of_sight
            and (since is None or raw["updated"] is None or raw["updated"] > since)
            and not older(raw, made)
        ]
        yield ListPage(
            found[:PAGE], self._read(started), len(found), self.destroyed, self._whole(resource, found[:PAGE])
        )
        for at in range(PAGE, len(found), PAGE):
            yield ListPage(found[at : at + PAGE], self._read(self._request(f"list {resource}")))

    def _whole(self, resource: str, lines: Sequence[Listed]) -> dict[str, dict[str, Any]]:
        return {line.id: self._shown(resource, line.id) for line in lines} if self.whole_lists else {}

    def _shown(self, resource: str, key: str) -> dict[str, Any]:
        """The record as these credentials see it."""
        raw = dict(self.records[resource][key])
        if self.redacted:
            raw |= dict.fromkeys({"email", "name"} & raw.keys(), None)
            if raw.get("address"):
                raw["address"] = {**raw["address"], "street": None, "zip": None}
        return raw | ({"redacted": True} if self.redacted else {})

    def list_all(self, resource: str, since: datetime | None = None) -> Iterator[ListPage]:
        return self._listed(resource, None) if since is None else self._listed(resource, None, since)

    def extent(self, resource: str, since: datetime | None = None) -> Extent:
        made = [raw.get("made", START) for raw in self.records[resource].values() if not older(raw, since)]
        return Extent(len(made), min(made, default=None))

    def list_since(self, resource: str, watermark: datetime) -> Iterator[ListPage]:
        return self._listed(resource, watermark - timedelta(minutes=10))

    def fetch(self, resource: str, ids: Sequence[str]) -> Iterator[FetchPage]:
        for at in range(0, len(ids), PAGE):
            asked = ids[at : at + PAGE]
            started = self._request(f"fetch {resource} {','.join(asked)}")
            held = self.records[resource]
            open_ids = {key: why for key, why in self.unanswered.items() if key in asked}
            broken = [Broken(key, "unreadable") for key in asked if key in self.broken]
            dark = [key for key in asked if key in self.out_of_sight]
            rest = [key for key in asked if key not in {*open_ids, *self.broken, *dark}]
            found = {key: self._shown(resource, key) for key in rest if key in held}
            gone = [key for key in rest if key not in held]
            yield FetchPage(found, self._read(started), gone, open_ids, broken, dark)

    def backfill(
        self, resource: str, cursor: Mapping[str, Any] | None, since: datetime | None = None
    ) -> Iterator[RawPage]:
        after = int(cursor["after"]) if cursor else 0
        while True:
            started = self._request(f"backfill {resource} {after}")
            held = self.records[resource]
            seen = held.keys() - self.out_of_sight
            ids = sorted((key for key in seen if int(key) > after), key=int)[:PAGE]
            if not ids:
                return
            after = int(ids[-1])
            good = [
                self._shown(resource, key)
                for key in ids
                if key not in self.broken and not older(held[key], since)
            ]
            broken = [Broken(key, "unreadable") for key in ids if key in self.broken]
            yield RawPage(good, self._read(started), {"after": after}, broken, len(held))


def older(raw: Mapping[str, Any], since: datetime | None) -> bool:
    """Whether a record was made before then."""
    made = raw.get("made", START)
    return since is not None and made is not None and made < since


class ToyConnector:
    """Normalizes the toy's records; `normalizer_version` is for tests to raise."""

    platform = "toy"
    title = "Toy"
    auth_modes: Mapping[str, Any] = {"none": ()}
    authorization = None
    resources = ("products", "customers", "orders")
    listed_whole = frozenset({"customers"})
    capabilities: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.normalizer_version = 1
        self.crash_on: str | None = None

    def open(self, account: Any, limits: Any, clock: Callable[[], datetime]) -> ToyStore:
        return ToyStore(clock)

    def normalize_url(self, url: str) -> str:
        return url

    def normalize(self, resource: str, raw: dict[str, Any], settings: Mapping[str, Any]) -> Any:
        key = raw.get("id")
        if key == self.crash_on:
            raise ZeroDivisionError("a bug in the normalizer")
        if raw.get("draft"):
            return Ignored(key, "a draft")
        if raw.get("bad"):
            return Rejection(key, str(raw["bad"]))
        return getattr(self, f"_{resource}")(key, raw, settings)

    def rebuild(self, resource: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        raw = dict(rows[0]["metadata"])
        if isinstance(raw.get("updated"), str):
            raw["updated"] = datetime.fromisoformat(raw["updated"])
        return raw

    def _orders(self, key: str, raw: dict[str, Any], settings: Mapping[str, Any]) -> Rows:
        total, refunds = Decimal(raw.get("total", "10.00")), raw.get("refunds", {})
        given = sum((Decimal(amount) for amount in refunds.values()), Decimal(0))
        order = OrderRow(
            key, key, raw.get("customer"), raw.get("email"), raw.get("status", "open"), None, None, None,
            total, None, None, None, None, None, given, total - given, "EUR", None, None,
            _json(raw["address"]) if raw.get("address") else None, None,
            b"[]", _shown_json(raw), raw.get("made", raw["updated"]), raw["updated"], None,
        )  # fmt: skip
        items = [
            ItemRow(key, item, sku, sku, sku, "thing", *[Decimal(1), Decimal(1), Decimal(0)], total, total,
                    Decimal(0), Decimal(0))
            for item, sku in raw.get("items", {}).items()
        ]  # fmt: skip
        paid_back = [
            RefundRow(item, key, Decimal(amount), "EUR", None, b"[]", raw.get("refunded_at", {}).get(item))
            for item, amount in refunds.items()
        ]
        parts = tuple(refunds) if "refunds" in raw else None
        unseen = WITHHELD_ORDER if settings.get("redacted", raw.get("redacted")) else frozenset()
        return Rows(
            key, raw["updated"], raw["trashed"], bool(unseen), parts, unseen,
            orders=[order], items=items, refunds=paid_back,
        )  # fmt: skip

    def _customers(self, key: str, raw: dict[str, Any], settings: Mapping[str, Any]) -> Rows:
        row = CustomerRow(
            key, raw.get("email"), raw.get("name"), None, None, _shown_json(raw), None, raw["updated"]
        )
        unseen = WITHHELD_CUSTOMER if settings.get("redacted", raw.get("redacted")) else frozenset()
        return Rows(key, raw["updated"], raw["trashed"], bool(unseen), withheld=unseen, customers=[row])

    def _products(self, key: str, raw: dict[str, Any], settings: Mapping[str, Any]) -> Rows:
        rows = [
            ProductRow(f"{key}-{name}", name, key, raw.get("title", "thing"), name, None, Decimal(1), None,
                       "EUR", True, None, "publish", None, None, None, None, None, _json(raw), None,
                       raw["updated"])
            for name in raw.get("variants", ["a"])
        ]  # fmt: skip
        return Rows(key, raw["updated"], raw["trashed"], products=rows)


def _shown_json(raw: dict[str, Any]) -> bytes:
    return _json({name: value for name, value in raw.items() if name != "redacted"})


def _json(raw: dict[str, Any]) -> bytes:
    return orjson.dumps(raw, default=str, option=orjson.OPT_SORT_KEYS)
