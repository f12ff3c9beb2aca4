"""Everything of a kind through bulk operations: one, or for very many orders several at once.

Several run side by side at Shopify, each over a window of creation times; what they wrote is given
one after the other, so that no more is in memory or on disk than with one.
Docs: https://shopify.dev/docs/api/usage/bulk-operations/queries
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Self

import structlog

from storelink.connectors.bound import Extent
from storelink.connectors.protocol import Cursor, Packed, RawPage, Read
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.asking import Answer, Asker
from storelink.connectors.shopify.bulk import Bulk, Lost, Result, Started, Unavailable
from storelink.connectors.shopify.jsonl import Assembly, Damaged, unpack
from storelink.connectors.shopify.kind import Kind
from storelink.connectors.shopify.late import Late
from storelink.connectors.shopify.moment import moment_or_none
from storelink.connectors.shopify.nodes import Nodes
from storelink.connectors.shopify.normalize import normalize
from storelink.connectors.shopify.told import as_documented
from storelink.connectors.shopify.walk import made_since
from storelink.connectors.shopify.windows import Plan, plan_of
from storelink.errors import Rejected

BATCH = 25
"""Records of a bulk result in one page."""
ATTEMPTS = 3
"""Bulk operations begun for one read, or one window of it, before it goes by pages."""
DONE: Cursor = {"done": True}

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Place:
    """Where a read is: its operations, which of them is given, how many of its records were, which are late.

    `plan` is None where one operation reads all. An operation is None until there is room for it.
    """

    plan: Plan | None
    operations: list[Started | None]
    since: datetime | None = None
    """Only orders made then or later."""
    at: int = 0
    passed: int = 0
    late: Sequence[str] = ()
    total: int | None = None

    @property
    def cursor(self) -> Cursor:
        """The place as JSON."""
        if self.at == len(self.operations):
            return DONE
        where = {"passed": self.passed, "late": list(self.late)}
        if self.plan is None:
            return {**_written(self.operations[0]), **where}
        plan = [self.plan.first, self.plan.last, self.plan.parts, self.plan.since]
        operations = [_written(operation) for operation in self.operations]
        return {"bulk": operations, "plan": plan, "at": self.at, "total": self.total, **where}

    @classmethod
    def of(cls, cursor: Cursor, since: datetime | None) -> Self:
        """The place that was written as this, in a read of what was made since then."""
        if "plan" not in cursor:
            return cls(None, [_read(cursor)], since, 0, cursor["passed"], cursor.get("late", ()))
        operations = [_read(each) for each in cursor["bulk"]]
        plan, at, passed = Plan(*cursor["plan"]), cursor["at"], cursor["passed"]
        return cls(plan, operations, since, at, passed, cursor["late"], cursor["total"])

    def texts(self, kind: Kind) -> list[str]:
        """The query of each operation."""
        query = queries.inlined(kind.bulk)
        return [_of_all(query, self.since)] if self.plan is None else self.plan.texts(query)

    def named(self, kind: Kind) -> RawPage:
        """No records, but a cursor that names the operations; as old as the oldest of them."""
        eldest = min(filter(None, self.operations), key=lambda operation: operation.created)
        started = min(operation.started for operation in self.operations if operation is not None)
        read = Read(started, started, eldest.created)
        return RawPage(_packed(kind, {}), read, self.cursor, total=self.total)

    def again(self) -> None:
        """Forget the operation that is given, and what it gave."""
        self.operations[self.at], self.passed, self.late = None, 0, ()

    def further(self) -> None:
        """Go to the next operation."""
        self.at, self.passed, self.late = self.at + 1, 0, ()


class Everything:
    """Whole reads of one store by bulk operations."""

    def __init__(self, client: Asker, bulk: Bulk, nodes: Nodes, large: int) -> None:
        """More than `large` orders are read by several operations."""
        self._client, self._bulk, self._nodes, self._large = client, bulk, nodes, large

    def pages(self, kind: Kind, cursor: Cursor | None, since: datetime | None) -> Iterator[RawPage]:
        """All records (made since then) from a cursor of `Place`, or from the start.

        Raises `Unavailable` if that cannot be.
        """
        if cursor is None:
            place = self._planned(kind, since)
            self._fill(kind, place)
            # operations must be in the database before they are waited for: a crash finds them again
            yield place.named(kind)
        else:
            place = Place.of(cursor, since)
        while place.at < len(place.operations):
            yield from self._operation(kind, place)

    def _planned(self, kind: Kind, since: datetime | None) -> Place:
        """Which operations are to run; with those of a process that is no more."""
        whole = Place(None, [None], since)
        if kind.resource != "orders":
            return whole
        try:
            answer = self._client.ask(queries.load("order_span"), {"query": made_since(since)})
        except Rejected:  # whoever may not count reads on as ever
            return whole
        found = _extent(answer)
        count, oldest = found.count or 0, found.oldest
        whole.total = found.count
        if count <= self._large or oldest is None:
            return whole
        plan = Plan.between(oldest, answer.read.store_time or answer.read.started, since)
        query, running = queries.inlined(kind.bulk), self._bulk.running()
        plans = [known for text in running if (known := plan_of(text, query, since)) is not None]
        plan = plans[0] if plans else plan
        if plan is None or _of_all(query, since) in running:
            return whole
        operations = [running.get(text) for text in plan.texts(query)]
        return Place(plan, operations, since, total=count)

    def _fill(self, kind: Kind, place: Place) -> None:
        """Have the operation run that is next, whatever that takes, and others where there is room."""
        if place.operations[place.at] is None:
            place.operations[place.at] = self._bulk.start(place.texts(kind)[place.at])
        self._more(kind, place)

    def _more(self, kind: Kind, place: Place) -> bool:
        """Begin what there is room for; whether that was anything."""
        begun = False
        for at in range(place.at, len(place.operations)):
            if place.operations[at] is None:
                place.operations[at] = self._bulk.begin(place.texts(kind)[at])
                if place.operations[at] is None:
                    break
                begun = True
        return begun

    def _operation(self, kind: Kind, place: Place) -> Iterator[RawPage]:
        """All of the operation that is given now; begun anew where it brings no whole result."""
        reason = ""
        for _ in range(ATTEMPTS):
            if place.operations[place.at] is None:
                self._fill(kind, place)
                yield place.named(kind)
            operation = place.operations[place.at]
            assert operation is not None
            try:
                result = None
                for result in self._bulk.looks(operation):
                    if result is None and self._more(kind, place):
                        yield place.named(kind)
                assert result is not None
                with Assembly(kind.layout, result.size) as assembly:
                    self._bulk.take(result, assembly)
                    self._more(kind, place)
                    yield from self._given(kind, result, assembly, place)
                return
            except (Lost, Damaged) as error:
                reason = str(error)
                _log.warning("bulk operation begun anew", resource=kind.resource, reason=reason)
                place.again()
        raise Unavailable(f"{ATTEMPTS} operations brought no whole result; the last: {reason}")

    def _given(self, kind: Kind, result: Result, assembly: Assembly, place: Place) -> Iterator[RawPage]:
        """The records of a whole result; those that it cannot carry whole come by id, as they are met."""
        read = result.read
        total = result.roots if place.plan is None else place.total
        with Late(lambda ids: self._nodes.fetch(kind, ids), self._nodes.size(kind)) as late:
            late.add(place.late)
            for batch in assembly.batches(BATCH, place.passed):
                refunded = [key for key, lines in batch.records.items() if _is_refunded(kind, lines)]
                late.add([*refunded, *batch.loose])
                for key in refunded:
                    del batch.records[key]
                place.passed, place.late = batch.passed, late.ids
                yield RawPage(_packed(kind, batch.records), read, place.cursor, total=total)
                for page in late.ready():
                    place.late = late.ids
                    yield RawPage(list(page.found.values()), page.read, place.cursor, total=total)
            for page in late.rest():
                place.late = late.ids
                yield RawPage(list(page.found.values()), page.read, place.cursor, total=total)
        place.further()
        yield RawPage([], read, place.cursor, total=total)


def _packed(kind: Kind, records: Mapping[str, bytes]) -> Packed:
    return Packed(list(records), list(records.values()), partial(unpack, kind.layout), normalize)


def _is_refunded(kind: Kind, lines: bytes) -> bool:
    """Whether a record has refunds. In no string is what is looked for: quotes have a backslash there."""
    if b'"refunds":[]' in lines or b'"refunds"' not in lines:
        return False
    return bool(unpack(kind.layout, lines).get("refunds"))


def span(client: Asker, since: datetime | None) -> Extent:
    """How many orders were made since then. That a filter was ignored is an error here, where it is told."""
    return _extent(client.ask(queries.load("order_span"), {"query": made_since(since)}))


def _extent(answer: Answer) -> Extent:
    with as_documented("how many orders there are"):
        counted, nodes = answer.data["ordersCount"], answer.data["orders"]["nodes"]
        oldest = moment_or_none(nodes[0]["createdAt"]) if nodes else None
        return Extent(None if counted is None else int(counted["count"]), oldest)


def _of_all(query: str, since: datetime | None) -> str:
    """The bulk query of one operation that reads all that was made since then."""
    search = made_since(since)
    return query if search is None else queries.filtered(query, search)


@lru_cache(maxsize=64)  # asked for with every record
def _written(operation: Started | None) -> dict[str, Any]:
    if operation is None:
        return {}
    started, created = operation.started.isoformat(), operation.created.isoformat()
    return {"bulk": operation.id, "started": started, "created": created}


def _read(written: dict[str, Any]) -> Started | None:
    if not written:
        return None
    started, created = (datetime.fromisoformat(written[name]) for name in ("started", "created"))
    return Started(written["bulk"], started, created)
