"""A laboratory's store, registered in a real database and read by the engine."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from psycopg.rows import dict_row

from storelink.conformance.laboratory import Laboratory
from storelink.conformance.opened import Opened, opened
from storelink.connectors.protocol import Clock
from storelink.db import Database
from storelink.models import ConnectorConfig, SyncState
from storelink.sync import account
from storelink.sync.lane import FULL, hold
from storelink.sync.page import json_text
from storelink.sync.renormalize import renormalize
from storelink.sync.subject import Progress, Subject, silent
from storelink.sync.synchronize import PassResult, check_drift, synchronize
from storelink.sync.verify import Ledger

TABLES = {"products": "platform_product", "customers": "platform_customer", "orders": "platform_order"}
KEYS = {"products": "variant_id", "customers": "customer_id", "orders": "order_id"}


@dataclass(slots=True)
class Registered:
    """One store in the tables, and what the cases ask of it."""

    database: Database
    lab: Laboratory
    opened: Opened
    subject: Subject
    clock: Clock

    @property
    def resources(self) -> Sequence[str]:
        """All of the connector's."""
        return self.lab.connector.resources

    def synchronize(
        self, *resources: str, full: bool = False, report: Callable[[Progress], None] = silent
    ) -> list[PassResult]:
        """One pass over these resources, or over all."""
        subject = replace(self.subject, report=report)
        return synchronize(self.database, subject, resources or self.resources, full=full)

    def verify(self, *, fix: bool = False, deep: bool = False) -> list[Ledger]:
        """The ledgers of all resources."""
        return check_drift(self.database, self.subject, self.resources, fix=fix, deep=deep)

    def check_again(self) -> None:
        """Check the store, as each day's first pass does, and go on with what that learnt."""
        learnt = self.opened.store.check().settings
        with self.database.session() as session:
            settings = dict(account.remember(session, self.subject.id, learnt).settings)
            session.commit()
        self.opened.store.close()
        known = replace(self.lab.account, settings=settings)
        store = self.lab.connector.open(known, self.lab.limits, self.clock)
        self.opened = replace(self.opened, store=store, settings=settings)
        self.subject = replace(self.subject, store=store, settings=settings)

    def states(self, resource: str) -> dict[str, str]:
        """What is known of each record of a resource: id → state."""
        found = self.select(
            "SELECT record_id, state FROM source_record WHERE connector_id = %s AND resource = %s",
            self.subject.id, resource,
        )  # fmt: skip
        return {row["record_id"]: row["state"] for row in found}

    def renormalize(self) -> int:
        """Rebuild all rows; how many changed."""
        changed = 0
        for resource in self.resources:
            with hold(self.database, self.subject.id, resource, FULL) as lane:
                counts = renormalize(lane, self.subject).counts
                changed += counts.fetched - counts.unchanged
        return changed

    def rows(self, resource: str) -> dict[str, dict[str, Any]]:
        """The rows of this store's first table for a resource, by their key."""
        key = KEYS[resource]
        found = self.select(f"SELECT * FROM {TABLES[resource]} WHERE connector_id = %s", self.subject.id)  # noqa: S608
        return {row[key]: {**row, "deleted": row["deleted_at"] is not None} for row in found}

    def events(self) -> int:
        """Entries of this store in the change feed."""
        return len(self.select("SELECT 1 FROM change_event WHERE connector_id = %s", self.subject.id))

    def quarantined(self) -> dict[str, str]:
        """What is set aside: id → why."""
        found = self.select(
            "SELECT external_id, error FROM quarantined_record WHERE connector_id = %s", self.subject.id
        )
        return {row["external_id"]: row["error"] for row in found}

    def status(self) -> str:
        """Of the store's registration."""
        (row,) = self.select("SELECT status FROM connector_config WHERE id = %s", self.subject.id)
        return str(row["status"])

    def select(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query as dicts."""
        with self.database.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            with raw.cursor(row_factory=dict_row) as cursor:
                found: list[dict[str, Any]] = cursor.execute(query, values).fetchall()
            raw.rollback()
            return found

    def differences(self, resource: str) -> list[str]:
        """Where the tables say something else than the laboratory's truth."""
        return differences(resource, self.rows(resource), self.lab.truth(resource))


def differences(
    resource: str, held: Mapping[str, Mapping[str, Any]], truth: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Where rows, by key and with a column `deleted`, say something else than what is so."""
    found = [f"{resource} {key} is missing" for key in truth.keys() - held.keys()]
    found += [
        f"{resource} {key} is there and lives" for key in held.keys() - truth.keys()
        if not held[key]["deleted"]
    ]  # fmt: skip
    for key in truth.keys() & held.keys():
        for column, value in truth[key].items():
            ours = held[key][column]
            if ours != value:
                found.append(f"{resource} {key}: {column} is {ours!r}, in the store {value!r}")
    return sorted(found)


@contextmanager
def registered(database: Database, lab: Laboratory, name: str = "lab") -> Iterator[Registered]:
    """Register the laboratory's store and open it."""
    connector = lab.connector
    row = ConnectorConfig(
        id=uuid.uuid4(), name=name, platform=connector.platform, store_url=lab.account.store_url,
        auth_mode=lab.account.auth_mode,
    )  # fmt: skip
    with database.session() as session:
        session.add(row)
        session.flush()
        session.add_all(SyncState(connector_id=row.id, resource=name) for name in connector.resources)
        session.commit()
    with hold(database, row.id, connector.resources[0], None) as lane:
        clock = lane.clock
    with opened(lab, clock=clock) as store:
        with database.session() as session:
            session.get_one(ConnectorConfig, row.id).settings = dict(store.settings)
            session.commit()
        subject = Subject(row.id, row.name, connector, store.store, store.settings)
        made = Registered(database, lab, store, subject, clock)
        try:
            yield made
        finally:
            made.opened.store.close()


def text_of(row: dict[str, Any]) -> str:
    """All that a row says, to be searched for a text."""
    return json_text(row)
