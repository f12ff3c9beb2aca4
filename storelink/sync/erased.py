"""Erased people stay erased: the filter in the write step.

`erased_subject` knows them by keyed digests only. Every page takes one lock and asks once whether the
store has any; where it has, records that are theirs lose everything personal before they are written,
and an e-mail address of theirs in somebody else's record is struck out. What is left is the same each
time, so that a record that did not change in the store is the same as what is held.
"""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from sqlalchemy import delete, func, insert, text
from sqlmodel import Session, col, select

from storelink.connectors.personal import Personal, personal_of
from storelink.connectors.protocol import Connector, Rows
from storelink.db import Database
from storelink.errors import Misconfigured
from storelink.models import ConnectorConfig, ErasedSubject, PlatformCustomer, PlatformOrder
from storelink.secrets.envelope import DataKey, new_data_key
from storelink.secrets.keyring import Keyring
from storelink.sync import keys
from storelink.sync.lane import Lane

CUSTOMER, EMAIL, PHONE, ORDER = "customer", "email", "phone", "order"
STRUCK = "[erased]"
"""What stands where an address was struck out."""
WORDS = "it could not be understood, and its content was erased with the person it is about"
_COLUMN = "erasure_key"

Name = tuple[str, str]
"""(kind, value in the one form in which it is compared)."""


# -- names and their digests -------------------------------------------------------------------------


def name(kind: str, value: str) -> Name | None:
    """The one form of an id, an e-mail address or a phone number; None where nothing is left of it."""
    if kind == EMAIL:
        value = value.strip().casefold()
    elif kind == PHONE:
        value = "".join(re.findall(r"\d", value))[-9:]  # with and without its country's number
        if len(value) < 6:
            return None
    return (kind, value) if value else None


def mark(key: DataKey, one: Name) -> bytes:
    """The digest by which a name is known again."""
    return key.mark(f"{one[0]}\0{one[1]}")


def emails_in(texts: Iterable[str]) -> set[str]:
    """Whatever may be an e-mail address in these texts, in small letters."""
    found: set[str] = set()
    for one in texts:
        if "@" in one:
            found.update(match.casefold() for match in _ADDRESS.findall(one))
    return found


_ADDRESS = re.compile(r"(?<![\w.+%'-])[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


# -- the key -----------------------------------------------------------------------------------------


def make_key(session: Session, keyring: Keyring, connector_id: uuid.UUID) -> DataKey:
    """The store's key, made now if it has none; in the present transaction."""
    current = keys.current_key(session, keyring)
    row = session.get_one(
        ConnectorConfig, connector_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if row.erasure_key is not None:
        return _open(session, keyring, row)
    key = new_data_key(connector_id)
    row.erasure_key, row.erasure_key_id = current.wrap(key, _COLUMN), current.id
    session.add(row)
    session.flush()
    return key


def _open(session: Session, keyring: Keyring, row: ConnectorConfig) -> DataKey:
    if row.erasure_key is None:
        raise Misconfigured(f"{row.name!r} has erased people but no key to know them by.")
    return keys.opening_key(session, keyring, row.erasure_key_id or "").unwrap(
        row.id, row.erasure_key, _COLUMN
    )


def renew_lost_key(session: Session, keyring: Keyring, connector_id: uuid.UUID) -> int:
    """A new key, where the master key of the old one is lost for good; in the present transaction.

    Digests of the old key say nothing any more. Those of customers and orders are made anew from the
    rows that were redacted, and counted; e-mail addresses and phone numbers are known nowhere, so that
    new orders of a guest who was erased come in as anybody's. Raises `Misconfigured` where the old key
    still opens, or none was ever made.
    """
    current = keys.current_key(session, keyring)
    row = session.get_one(
        ConnectorConfig, connector_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if row.erasure_key is None:
        raise Misconfigured(f"{row.name!r} never had anybody erased.")
    try:
        _open(session, keyring, row)
    except Misconfigured:
        pass
    else:
        raise Misconfigured(f"The key by which {row.name!r} knows its erased people still opens.")
    lock_alone(session, connector_id)
    key = new_data_key(connector_id)
    row.erasure_key, row.erasure_key_id = current.wrap(key, _COLUMN), current.id
    session.add(row)
    session.exec(delete(ErasedSubject).where(col(ErasedSubject.connector_id) == connector_id))
    found = [
        (kind, one)
        for kind, table, column in (
            (CUSTOMER, PlatformCustomer, col(PlatformCustomer.customer_id)),
            (ORDER, PlatformOrder, col(PlatformOrder.order_id)),
        )
        for one in session.exec(
            select(column).where(
                col(table.connector_id) == connector_id,
                col(table.redacted_at).is_not(None),
            )
        ).all()
    ]
    rows = [
        {"connector_id": connector_id, "digest": mark(key, one), "kind": one[0], "erased_at": func.now()}
        for one in found
    ]
    if rows:
        session.exec(insert(ErasedSubject).values(rows))
    session.flush()
    return len(found)


@dataclass(slots=True)
class Memory:
    """Opens the key of one store when the first page needs it, and keeps it for the pass."""

    database: Database
    keyring: Keyring
    connector_id: uuid.UUID
    _key: DataKey | None = field(default=None, repr=False)

    def key(self) -> DataKey:
        """Raises `Misconfigured` where no master key opens it."""
        if self._key is None:
            with self.database.session() as session:
                row = session.get_one(ConnectorConfig, self.connector_id)
                self._key = _open(session, self.keyring, row)
        return self._key


# -- the lock ----------------------------------------------------------------------------------------


def lock_number(connector_id: uuid.UUID) -> int:
    """Held shared by each page until it is committed, and alone by who erases."""
    digest = blake2b(f"{connector_id}/erasing".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def lock_alone(session: Session, connector_id: uuid.UUID) -> None:
    """Wait for pages in hand and let no other begin, until the transaction ends."""
    session.connection().execute(
        text("SELECT pg_advisory_xact_lock(:number)"), {"number": lock_number(connector_id)}
    )


# -- the filter --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Filter:
    """What is erased of one page."""

    lane: Lane
    personal: Personal
    key: DataKey
    digests: dict[Name, bytes] = field(default_factory=dict)
    known: set[Name] = field(default_factory=set)

    def learn(self, names: Iterable[Name]) -> None:
        """Ask which of these names are of erased people."""
        new = {one: mark(self.key, one) for one in names if one not in self.digests}
        self.digests.update(new)
        if new:
            rows = self.lane.connection.execute(
                "SELECT digest FROM erased_subject WHERE connector_id = %s AND digest = ANY(%s)",
                (self.lane.connector_id, list(new.values())),
            ).fetchall()
            found = {bytes(row[0]) for row in rows}
            self.known.update(one for one, digest in new.items() if digest in found)

    def rows(self, rows: Rows) -> Rows:
        """The rows as they may be written; the very same where nothing is erased."""
        if self.known.intersection(names_of(rows, self.personal)):
            rows = self.personal.blank(rows)
        mentioned = [one[1] for one in mentions(rows) if one in self.known]
        return strike(rows, mentioned) if mentioned else rows


def erase_known(
    lane: Lane, connector: Connector, memory: Memory | None, pages: Sequence[Any]
) -> dict[str, set[str]]:
    """Blank what is of erased people in these pages, in the present transaction.

    `pages` have `rows`, `rejected`, and `put` for what became of a record.
    Returns the ids of blanked records by table. Raises `Misconfigured` where the store has erased
    people and nobody can know them: nothing is written then.
    """
    if lane.resource not in _TABLES:
        return {}
    lane.connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (lock_number(lane.connector_id),))
    row = lane.connection.execute(
        "SELECT EXISTS (SELECT 1 FROM erased_subject WHERE connector_id = %s)", (lane.connector_id,)
    ).fetchone()
    if row is None or not row[0]:
        return {}
    if memory is None:
        raise Misconfigured("This store has erased people, and this pass was not given the key to know them.")
    found = Filter(lane, personal_of(connector), memory.key())
    found.learn(_all_names(pages, lane.resource, found.personal))
    blanked: set[str] = set()
    for page in pages:
        for key, rows in list(page.rows.items()):
            fresh = found.rows(rows)
            if fresh is not rows:
                page.put(fresh, connector.normalizer_version)
                if found.known.intersection(names_of(rows, found.personal)):
                    blanked.add(key)
        for key, (why, payload) in list(page.rejected.items()):
            if found.known.intersection(names_in_payload(lane.resource, key, why, payload)):
                page.rejected[key] = (WORDS, None)
    return {_TABLES[lane.resource]: blanked} if blanked else {}


def note(lane: Lane, blanked: Mapping[str, set[str]]) -> None:
    """Say in the rows that they were redacted."""
    for table, ids in blanked.items():
        column = "order_id" if table == "platform_order" else "customer_id"
        lane.connection.execute(
            f"UPDATE {table} SET redacted_at = now() WHERE connector_id = %s AND {column} = ANY(%s)"  # noqa: S608
            " AND redacted_at IS NULL",
            (lane.connector_id, sorted(ids)),
        )


_TABLES = {"customers": "platform_customer", "orders": "platform_order"}


# -- whose a record is -------------------------------------------------------------------------------


def names_of(rows: Rows, personal: Personal) -> Iterator[Name]:
    """The names that say whose record it is. A phone number decides only where there is no e-mail."""
    for customer in rows.customers:
        yield (CUSTOMER, customer.customer_id)
        yield from _contact(customer.email, [customer.phone])
    for order in rows.orders:
        yield (ORDER, order.order_id)
        if order.customer_id:
            yield (CUSTOMER, order.customer_id)
        yield from _contact(order.email, () if order.email else personal.phones_of(order.metadata))


def _contact(email: str | None, phones: Iterable[str | None]) -> Iterator[Name]:
    kind, values = (EMAIL, [email]) if email else (PHONE, list(phones))
    for value in values:
        found = name(kind, value) if value else None
        if found:
            yield found


def mentions(rows: Rows) -> Iterator[Name]:
    """E-mail addresses anywhere in the rows."""
    for address in emails_in(_texts(rows)):
        yield (EMAIL, address)


def strike(rows: Rows, addresses: Sequence[str]) -> Rows:
    """The rows with these e-mail addresses struck out, wherever they stand."""
    pattern = re.compile("|".join(re.escape(one) for one in addresses), re.IGNORECASE)

    def struck(row: Any) -> Any:
        changes = {
            column: pattern.sub(STRUCK, value)
            if isinstance(value, str)
            else pattern.sub(STRUCK, value.decode()).encode()
            for column, value in row._asdict().items()
            if (isinstance(value, str) and "@" in value) or (isinstance(value, bytes) and b"@" in value)
        }
        return row._replace(**changes)

    return replace(
        rows,
        customers=[struck(row) for row in rows.customers],
        orders=[struck(row) for row in rows.orders],
        items=[struck(row) for row in rows.items],
        refunds=[struck(row) for row in rows.refunds],
    )


def names_in_payload(resource: str, key: str, why: str, payload: Any) -> set[Name]:
    """The same for a record that nobody understood: its id, any id of a customer, any e-mail in it."""
    found: set[Name] = {(CUSTOMER if resource == "customers" else ORDER, key)}
    for address in emails_in([why, *_leaves(payload)]):
        found.add((EMAIL, address))
    if isinstance(payload, dict):
        owner = payload.get("customer")
        for value in (payload.get("customer_id"), owner.get("id") if isinstance(owner, dict) else owner):
            if isinstance(value, str | int) and value:
                found.add((CUSTOMER, str(value).rpartition("/")[2]))
    return found


def _texts(rows: Rows) -> Iterator[str]:
    for kind in (rows.customers, rows.orders, rows.items, rows.refunds):
        for row in kind:
            for value in row:
                if isinstance(value, str):
                    yield value
                elif isinstance(value, bytes):  # JSON
                    yield value.decode()


def _leaves(payload: Any) -> Iterator[str]:
    if isinstance(payload, str):
        yield payload
    elif isinstance(payload, dict | list):
        for item in payload.values() if isinstance(payload, dict) else payload:
            yield from _leaves(item)


def _all_names(pages: Sequence[Any], resource: str, personal: Personal) -> set[Name]:
    found: set[Name] = set()
    for page in pages:
        for rows in page.rows.values():
            found.update(names_of(rows, personal))
            found.update(mentions(rows))
        for key, (why, payload) in page.rejected.items():
            found |= names_in_payload(resource, key, why, payload)
    return found
