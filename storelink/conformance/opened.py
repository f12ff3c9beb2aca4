"""A laboratory's store, opened by its connector as the engine opens it, with helpers for cases."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from storelink.conformance.laboratory import Ability, Laboratory
from storelink.connectors.protocol import Account, Clock, Cursor, Listed, Raw, Rows, Store

T = TypeVar("T")
MOST_PAGES = 500
"""A walk over the small stores of the kit that takes more pages than this never ends."""


def now() -> datetime:
    """The clock of cases without a database."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Opened:
    """A store and what its own check learnt of it."""

    lab: Laboratory
    store: Store
    settings: Mapping[str, Any]

    def normalize(self, resource: str, raw: Raw) -> Any:
        """Through the connector's normalizer."""
        return self.lab.connector.normalize(resource, raw, self.settings)

    def backfill(self, resource: str, cursor: Cursor | None = None) -> dict[str, Rows]:
        """Every record by id, from `cursor` on."""
        return {
            rows.id: rows
            for page in ending(self.store.backfill(resource, cursor))
            for rows in self.understood(resource, page.records)
        }

    def fetch(self, resource: str, keys: Iterable[str]) -> dict[str, Rows]:
        """These records by id, as far as they are found and understood."""
        return {
            rows.id: rows
            for page in ending(self.store.fetch(resource, sorted(keys)))
            for rows in self.understood(resource, page.found.values())
        }

    def understood(self, resource: str, raws: Iterable[Raw]) -> Iterator[Rows]:
        """The rows of those raw records that become rows."""
        for raw in raws:
            result = self.normalize(resource, raw)
            if isinstance(result, Rows):
                yield result

    def list_all(self, resource: str) -> list[Listed]:
        """The whole list."""
        return [line for page in ending(self.store.list_all(resource)) for line in page.records]

    def list_since(self, resource: str, watermark: datetime) -> list[Listed]:
        """What is listed as changed since then."""
        return [line for page in ending(self.store.list_since(resource, watermark)) for line in page.records]

    def store_time(self, resource: str) -> datetime:
        """The store's clock, as a pass would take it for its watermark."""
        for page in self.store.list_all(resource):
            return page.read.store_time or page.read.started
        raise AssertionError(f"the list of {resource} has no page")


@contextmanager
def opened(lab: Laboratory, *, account: Account | None = None, clock: Clock = now) -> Iterator[Opened]:
    """Check the store, keep what that learns, and open it with it, as `connectors add` does."""
    account = account or lab.account
    first = lab.connector.open(account, lab.limits, clock)
    try:
        settings = {**account.settings, **first.check().settings}
    finally:
        first.close()
    store = lab.connector.open(replace(account, settings=settings), lab.limits, clock)
    try:
        yield Opened(lab, store, settings)
    finally:
        store.close()


def ending(pages: Iterable[T]) -> Iterator[T]:
    """The pages of a walk, which must end."""
    for number, page in enumerate(pages, 1):
        assert number <= MOST_PAGES, f"the walk has not ended after {MOST_PAGES} pages"
        yield page


def records_of(lab: Laboratory, resource: str) -> set[str]:
    """Ids of the records that the tables must know, from the laboratory's truth."""
    return {str(facts.get("product_id", key)) for key, facts in lab.truth(resource).items()}


def several_pages(lab: type[Laboratory]) -> int:
    """So many records that a walk takes three pages, the last one short."""
    return 2 * lab.page + max(1, lab.page // 3)


def need(lab: Laboratory, ability: Ability) -> None:
    """Skip a case that the laboratory cannot play."""
    if ability not in lab.abilities:
        pytest.skip(f"the laboratory does not know {ability.name}: {MISSING[ability]}")


MISSING = {
    Ability.HIDES: "records that are out of the credentials' sight",
    Ability.WITHHOLDS: "fields that are withheld from the credentials",
    Ability.TELLS: "lists that name what was destroyed",
    Ability.ISSUES: "tokens that are issued and end",
}
