"""A simulated store read into a real database, with one customer to be forgotten."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from storelink.config import Settings
from storelink.connectors.protocol import Connector
from storelink.db import Database
from storelink.models import ConnectorConfig, metadata
from storelink.secrets.keyring import Keyring
from storelink.sync import account, privacy
from storelink.sync.opening import open_subject
from storelink.sync.person import Held, find
from storelink.sync.synchronize import PassResult, check_drift, synchronize

RESOURCES = ("customers", "orders")


@dataclass
class Store:
    """A simulated store, registered as `shop`."""

    database: Database
    keyring: Keyring
    settings: Settings
    admin: Any
    connector: Connector

    def sync(self, *, full: bool = False, resources: Sequence[str] = RESOURCES) -> list[PassResult]:
        with open_subject(self.database, self.keyring, "shop", self.settings, refresh=False) as subject:
            return synchronize(self.database, subject, resources, full=full)

    def verify(self) -> list[Any]:
        with open_subject(self.database, self.keyring, "shop", self.settings, refresh=False) as subject:
            return check_drift(self.database, subject, RESOURCES, deep=True)

    def erase(self, **who: str) -> Held:
        with self.database.session() as session:
            store = account.find(session, "shop")
            held = privacy.erase(session, self.keyring, store, find(session, store, **who))
            session.commit()
        return held

    def config(self, session: Session) -> ConnectorConfig:
        return account.find(session, "shop")

    def select(self, query: str, **values: Any) -> list[dict[str, Any]]:
        with self.database.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query), values)]

    def dump(self) -> str:
        """Every row of every table, as text."""
        with self.database.connect() as connection:
            return "\n".join(
                str(row[0])
                for table in metadata.sorted_tables
                for row in connection.execute(text(f"SELECT row_to_json(t)::text FROM {table.name} t"))
            )

    def somebody(self) -> dict[str, Any]:
        """The customer with most orders: their row, and all that says who they are."""
        [row] = self.select(
            "SELECT c.*, (SELECT count(*) FROM platform_order o WHERE o.customer_id = c.customer_id) AS many"
            " FROM platform_customer c WHERE email IS NOT NULL AND phone IS NOT NULL"
            " ORDER BY many DESC, customer_id LIMIT 1"
        )
        return row


def traces(row: dict[str, Any]) -> set[str]:
    """What must not be left of a customer: e-mail, phone, name, street and postcode."""
    address = row["default_address"] or {}
    parts = {
        address.get(key)
        for key in ("address_1", "address1", "postcode", "zip", "phone", "last_name", "lastName")
    }
    found = {row["email"], row["phone"], row["name"], *parts}
    return {one for one in found if one and len(one) > 3}


def as_text(row: dict[str, Any]) -> str:
    return json.dumps(row, default=str, ensure_ascii=False)
