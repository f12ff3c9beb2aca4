"""What is held of one person, and how it is erased for good.

A person is found by customer id, by e-mail address or by one of their orders: their accounts, their
orders, those they placed as a guest too, and records of theirs that were never understood. To erase is
to take everything personal out of all tables, keep what was bought and paid, remember the person by keyed
digests (`erased.py` keeps them out from then on), and write down that it was done.
"""

from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from storelink.connectors import registry
from storelink.connectors.personal import personal_of
from storelink.connectors.protocol import Connector, Rows
from storelink.connectors.rows import CustomerRow, OrderRow
from storelink.models import (
    ChangeEvent,
    ConnectorConfig,
    ErasedSubject,
    OrderItem,
    OrderRefund,
    OrderWords,
    PlatformCustomer,
    PlatformOrder,
    SourceRecord,
)
from storelink.secrets.keyring import Keyring
from storelink.sync import audit, erased
from storelink.sync.erased_request import blank_requests, held_requests
from storelink.sync.fingerprint import fingerprint, payload_fingerprint
from storelink.sync.person import (
    JSON,
    TEXT,
    Held,
    Person,
    among,
    attribute,
    count,
    gather,
    like_pattern,
    mentioning,
    quarantined,
    rows_of,
)

READABLE = ("held", "unsettled", "partial", "out_of_sight")
"""States of a record whose rows are as the store has it, so that it has a fingerprint."""


def export(session: Session, store: ConnectorConfig, person: Person) -> dict[str, Any]:
    """All that is held of a person, as a JSON document by table."""
    orders = rows_of(session, PlatformOrder, store, among(PlatformOrder.order_id, person.orders))
    parts = {
        table: [
            one.model_dump(mode="json")
            for one in rows_of(session, table, store, among(table.order_id, person.orders))
        ]
        for table in (OrderItem, OrderRefund)
    }
    return {
        "store": store.name,
        "platform": store.platform,
        "customers": [
            one.model_dump(mode="json")
            for one in rows_of(
                session, PlatformCustomer, store, among(PlatformCustomer.customer_id, person.customers)
            )
        ],
        "orders": [one.model_dump(mode="json") for one in orders],
        "order_items": parts[OrderItem],
        "order_refunds": parts[OrderRefund],
        "quarantined": [one.model_dump(mode="json") for one in quarantined(session, store, person)],
        **held_requests(session, store, person),
    }


# -- erasing -----------------------------------------------------------------------------------------


def erase(
    session: Session,
    keyring: Keyring,
    store: ConnectorConfig,
    person: Person,
    *,
    actor: str | None = None,
    reason: str = "by hand",
) -> Held:
    """Erase a person in the present transaction; the caller commits.

    Pages in hand are waited for, and no other is written meanwhile. Returns what was blanked. Doing it
    again does no harm.
    """
    connector = registry.get(store.platform)
    key = erased.make_key(session, keyring, store.id)
    erased.lock_alone(session, store.id)
    person = gather(session, store, person.customers, person.orders, person.emails)
    held = count(session, store, person)
    for kind, value in sorted(person.names()):
        session.exec(
            insert(ErasedSubject)
            .values(
                connector_id=store.id, digest=erased.mark(key, (kind, value)), kind=kind, erased_at=func.now()
            )
            .on_conflict_do_nothing()
        )
    _strike(session, store, connector, person)
    for order in rows_of(session, PlatformOrder, store, among(PlatformOrder.order_id, person.orders)):
        _write_order(session, store, connector, order)
    customers = among(PlatformCustomer.customer_id, person.customers)
    for customer in rows_of(session, PlatformCustomer, store, customers):
        _write_customer(session, store, connector, customer)
    session.exec(
        update(OrderRefund)
        .where(col(OrderRefund.connector_id) == store.id, among(OrderRefund.order_id, person.orders))
        .values(reason=None)
    )
    blank_requests(session, store, person)
    session.exec(
        delete(OrderWords).where(
            col(OrderWords.connector_id) == store.id, among(OrderWords.order_id, person.orders)
        )
    )
    _empty_quarantine(session, store, person)
    audit.record(
        session, "privacy.erase", actor=actor, connector_id=store.id, subject=store.name, reason=reason,
        **asdict(held) | {"customers": list(held.customers), "orders": list(held.orders)},
    )  # fmt: skip
    return held


def _write_order(session: Session, store: ConnectorConfig, connector: Connector, row: PlatformOrder) -> None:
    """Blank one order, and note the fingerprint that it will have when it is read again."""
    personal = personal_of(connector)
    (new,) = personal.blank(Rows(row.order_id, None, orders=[_order_row(row)])).orders
    _replace(session, store, connector, "orders", row, new, blank=True)


def _write_customer(
    session: Session, store: ConnectorConfig, connector: Connector, row: PlatformCustomer
) -> None:
    (new,) = (
        personal_of(connector).blank(Rows(row.customer_id, None, customers=[_customer_row(row)])).customers
    )
    _replace(session, store, connector, "customers", row, new, blank=True)


def _replace(
    session: Session,
    store: ConnectorConfig,
    connector: Connector,
    resource: str,
    row: PlatformOrder | PlatformCustomer,
    new: OrderRow | CustomerRow,
    *,
    blank: bool,
) -> None:
    """Put the personal columns of `new` into `row`, with a change event if that changes anything."""
    table: Any = type(row)
    key = new[0]
    columns = JSON[resource] + TEXT[resource]
    values = {
        name: orjson.loads(value)
        if name in JSON[resource] and (value := getattr(new, name))
        else getattr(new, name)
        for name in columns
    }
    kept = {attribute(name): value for name, value in values.items()}
    changed = any(getattr(row, name) != value for name, value in kept.items())
    for name, value in kept.items():
        setattr(row, name, value)
    if blank and row.redacted_at is None:
        row.redacted_at = session.scalar(select(func.now()))
    if changed:
        row.synced_at = session.scalar(select(func.now()))  # type: ignore[assignment]
        session.add(ChangeEvent(connector_id=store.id, entity=resource[:-1], key=key, op="update"))
    session.add(row)
    session.flush()
    _reprint(session, store, connector, resource, table, row, key, blank=blank)


def _reprint(
    session: Session,
    store: ConnectorConfig,
    connector: Connector,
    resource: str,
    table: Any,
    row: Any,
    key: str,
    *,
    blank: bool,
) -> None:
    """The fingerprint of the record as it is now; none where that cannot be known before it is read."""
    record = session.get(
        SourceRecord, (store.id, resource, key), with_for_update=True, populate_existing=True
    )
    if record is None or record.content_hash is None or record.state not in READABLE:
        return
    stored = {each.name: getattr(row, attribute(each.name)) for each in table.__table__.columns}
    rows = connector.normalize(resource, connector.rebuild(resource, [stored]), store.settings)
    if not isinstance(rows, Rows) or (rows.withheld and not blank):
        record.content_hash = None
    else:
        rows = personal_of(connector).blank(rows) if blank else rows
        record.content_hash = fingerprint(rows, connector.normalizer_version)
        record.normalizer = connector.normalizer_version
    if blank and record.state == "partial":
        record.state = "held"
    session.add(record)
    session.flush()


def _strike(session: Session, store: ConnectorConfig, connector: Connector, person: Person) -> None:
    """Strike out the person's addresses wherever else they stand: others' orders, errors."""
    for resource, found in mentioning(session, store, person):
        for row in found:
            rows = (
                Rows(row.order_id, None, orders=[_order_row(row)])
                if isinstance(row, PlatformOrder)
                else Rows(row.customer_id, None, customers=[_customer_row(row)])
            )
            struck = erased.strike(rows, sorted(person.emails))
            (new,) = struck.orders or struck.customers
            _replace(session, store, connector, resource, row, new, blank=False)
    for address in person.emails:
        for table, column in _WORDS:
            session.exec(
                text(
                    f"UPDATE {table} SET {column} = regexp_replace({column}, :pattern, :struck, 'gi')"  # noqa: S608
                    f" WHERE connector_id = :store AND {column} ILIKE :like"
                ).bindparams(
                    bindparam("store", store.id),
                    pattern=_regexp(address),
                    struck=erased.STRUCK,
                    like=like_pattern(address),
                )  # type: ignore[call-overload]
            )


_WORDS = (
    ("sync_run", "error"),
    ("sync_state", "last_error"),
    ("webhook_delivery", "error"),
    ("alert", "words"),
    ("quarantined_record", "error"),
    ("order_item", "title"),
    ("order_refund", "reason"),
    ("refund_request", "reason"),
    ("refund_request", "note"),
    ("refund_request", "error"),
    ("address_update_request", "note"),
    ("address_update_request", "error"),
)
"""Columns of free words in which an address may have got."""

COVERED = frozenset(
    ("platform_customer", "platform_order", "order_item", "order_refund", "quarantined_record", "sync_run",
     "sync_state", "webhook_delivery", "alert", "refund_request", "address_update_request",
     "action_preview", "order_words")
)  # fmt: skip
"""Tables that may hold something of a person, and that `erase` goes through."""
IMPERSONAL = frozenset(
    ("connector_config", "source_record", "platform_product", "change_event", "erased_subject", "audit_event")
)
"""Tables of a store with ids, digests, goods and deeds only. A test wants every table in one of the two."""


def _empty_quarantine(session: Session, store: ConnectorConfig, person: Person) -> None:
    for row in quarantined(session, store, person):
        row.payload, row.error = None, erased.WORDS
        session.add(row)
        record = session.get(SourceRecord, (store.id, row.resource, row.external_id), with_for_update=True)
        if record is not None and record.state == "quarantined":
            record.content_hash = payload_fingerprint(erased.WORDS + "null")
            session.add(record)
    session.flush()


def _regexp(address: str) -> str:
    return "".join(one if one.isalnum() else f"\\{one}" if one.isascii() else one for one in address)


# -- rows as the seam has them ----------------------------------------


def _order_row(row: PlatformOrder) -> OrderRow:
    return OrderRow(*(_value(row, name, "orders") for name in OrderRow._fields))


def _customer_row(row: PlatformCustomer) -> CustomerRow:
    return CustomerRow(*(_value(row, name, "customers") for name in CustomerRow._fields))


def _value(row: Any, name: str, resource: str) -> Any:
    value = getattr(row, attribute(name))
    return orjson.dumps(value).decode() if name in JSON[resource] and value is not None else value
