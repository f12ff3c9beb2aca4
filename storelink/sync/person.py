"""One person in one store: which accounts, orders and records are theirs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, or_
from sqlmodel import Session, col, select

from storelink.errors import Misconfigured
from storelink.models import ConnectorConfig, OrderRefund, PlatformCustomer, PlatformOrder, QuarantinedRecord
from storelink.sync import erased
from storelink.sync.erased import CUSTOMER, EMAIL, ORDER, PHONE, Name

JSON = {
    "orders": ("shipping_address", "billing_address", "line_items", "metadata"),
    "customers": ("default_address", "metadata"),
}
"""Columns with raw JSON that may be about a person."""
TEXT = {"orders": ("email",), "customers": ("email", "name", "phone")}
"""Columns that are."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is in one store, by all that leads to them."""

    customers: frozenset[str] = frozenset()
    orders: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()

    def names(self) -> set[Name]:
        """What they are known again by."""
        found = {
            erased.name(kind, value)
            for kind, values in (
                (CUSTOMER, self.customers), (ORDER, self.orders), (EMAIL, self.emails), (PHONE, self.phones),
            )
            for value in values
        }  # fmt: skip
        return {one for one in found if one is not None}


@dataclass(frozen=True, slots=True)
class Held:
    """How much is held of a person: records that are theirs, and others that mention them."""

    customers: Sequence[str] = ()
    orders: Sequence[str] = ()
    refunds: int = 0
    quarantined: int = 0
    mentions: int = 0

    @property
    def nothing(self) -> bool:
        """Whether no table has anything of theirs."""
        return not (self.customers or self.orders or self.quarantined or self.mentions)


# -- finding -----------------------------------------------------------------------------------------


def find(
    session: Session,
    store: ConnectorConfig,
    *,
    customer: str | None = None,
    email: str | None = None,
    order: str | None = None,
) -> Person:
    """The person behind a customer id, an e-mail address or an order (its id or number).

    An order of an account means the account, one of a guest the guest's e-mail address. Raises
    `Misconfigured` for an order that is not held, or where not exactly one of the three is given.
    """
    if [customer, email, order].count(None) != 2:
        raise Misconfigured("Say who by one of a customer's id, an e-mail address, or an order.")
    orders: set[str] = set()
    if order is not None:
        row = _order(session, store, order)
        orders, customer, email = {row.order_id}, row.customer_id, row.email if not row.customer_id else None
    return gather(session, store, [customer] if customer else [], orders, [email] if email else [])


def gather(
    session: Session,
    store: ConnectorConfig,
    customers: Iterable[str],
    orders: Iterable[str],
    emails: Iterable[str] = (),
) -> Person:
    """The person of these accounts, orders and addresses, with all that these lead to."""
    ids, found, addresses = set(customers), set(orders), {_plain(one) for one in emails}
    addresses.discard("")
    accounts = rows_of(
        session, PlatformCustomer, store,
        or_(among(PlatformCustomer.customer_id, ids), among(func.lower(PlatformCustomer.email), addresses)),
    )  # fmt: skip
    ids |= {one.customer_id for one in accounts}
    addresses |= {_plain(one.email) for one in accounts if one.email}
    theirs = or_(
        among(PlatformOrder.customer_id, ids),
        among(func.lower(PlatformOrder.email), addresses),
        among(PlatformOrder.order_id, found),
    )
    found |= set(
        session.exec(
            select(PlatformOrder.order_id).where(PlatformOrder.connector_id == store.id, theirs)
        ).all()
    )
    phones = {one.phone for one in accounts if one.phone}
    return Person(frozenset(ids), frozenset(found), frozenset(addresses), frozenset(phones))


def count(session: Session, store: ConnectorConfig, person: Person) -> Held:
    """What would be erased; changes nothing."""
    customers = session.exec(
        select(PlatformCustomer.customer_id).where(
            PlatformCustomer.connector_id == store.id, among(PlatformCustomer.customer_id, person.customers)
        )
    ).all()
    refunds = session.exec(
        select(func.count()).where(
            OrderRefund.connector_id == store.id, among(OrderRefund.order_id, person.orders)
        )
    ).one()
    return Held(
        sorted(customers),
        sorted(_ids(session, PlatformOrder.order_id, store, person.orders)),
        refunds,
        len(quarantined(session, store, person)),
        sum(len(rows) for _, rows in mentioning(session, store, person)),
    )


# -- looking things up -------------------------------------------------------------------------------


def _order(session: Session, store: ConnectorConfig, wanted: str) -> PlatformOrder:
    found = session.get(PlatformOrder, (store.id, wanted))
    if found is None:
        by_number = rows_of(session, PlatformOrder, store, col(PlatformOrder.order_number) == wanted)
        if len(by_number) != 1:
            raise Misconfigured(f"{store.name!r} has no order {wanted!r}.")
        (found,) = by_number
    return found


def quarantined(session: Session, store: ConnectorConfig, person: Person) -> list[QuarantinedRecord]:
    """Records set aside that are the person's, or name one of their addresses."""
    names = person.names()
    rows = rows_of(
        session, QuarantinedRecord, store, col(QuarantinedRecord.resource).in_(("customers", "orders"))
    )
    return [
        row
        for row in rows
        if (row.payload is not None or row.error != erased.WORDS)
        and names & erased.names_in_payload(row.resource, row.external_id, row.error, row.payload)
    ]


def mentioning(
    session: Session, store: ConnectorConfig, person: Person
) -> list[tuple[str, list[PlatformOrder] | list[PlatformCustomer]]]:
    """Rows of others in which an address of the person stands."""
    if not person.emails:
        return []

    def like(table: Any, columns: Sequence[str]) -> ColumnElement[bool]:
        return or_(
            *(
                cast(getattr(table, attribute(name)), String).ilike(like_pattern(address))
                for name in columns
                for address in person.emails
            )
        )

    orders = rows_of(
        session, PlatformOrder, store,
        like(PlatformOrder, JSON["orders"]), col(PlatformOrder.order_id).not_in(person.orders),
    )  # fmt: skip
    customers = rows_of(
        session, PlatformCustomer, store,
        like(PlatformCustomer, (*JSON["customers"], "name")),
        col(PlatformCustomer.customer_id).not_in(person.customers),
    )  # fmt: skip
    return [("orders", orders), ("customers", customers)]


def rows_of(session: Session, table: Any, store: ConnectorConfig, *where: Any) -> list[Any]:
    query = select(table).where(table.connector_id == store.id, *where)
    return list(session.exec(query.execution_options(populate_existing=True)))


def _ids(session: Session, column: Any, store: ConnectorConfig, ids: frozenset[str]) -> Sequence[str]:
    table = column.class_
    return list(session.exec(select(column).where(table.connector_id == store.id, among(column, ids))))


def among(column: Any, values: Iterable[str]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.in_(sorted(values))
    return found


def _plain(address: str | None) -> str:
    return (address or "").strip().casefold()


def like_pattern(address: str) -> str:
    escaped = address.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def attribute(column: str) -> str:
    """What the model calls a column."""
    return "attributes" if column == "metadata" else column
