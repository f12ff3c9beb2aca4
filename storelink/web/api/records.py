"""`/v1/products`, `/v1/customers`, `/v1/orders`: the unified tables, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, cast, func, join, select, true
from sqlalchemy import Table as SqlTable
from sqlmodel import SQLModel, col

from storelink.access.role import Caller
from storelink.models import (
    ConnectorConfig,
    OrderItem,
    OrderRefund,
    PlatformCustomer,
    PlatformOrder,
    PlatformProduct,
)
from storelink.web.api.caller import Name, Reader, store_for, stores_for
from storelink.web.api.paging import After, Fields, Limit, beyond, chosen, plain, read, written
from storelink.web.api.problem import Problem, documented
from storelink.web.services import Services, Use

router = APIRouter(tags=["records"])

_BIG = ("description", "line_items", "metadata", "default_address", "shipping_address", "billing_address")
"""Left out of lists unless asked for by name."""


class Page(BaseModel):
    """Some rows, and where the next page begins."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {"store": "shop", "order_id": "1041", "order_number": "1041", "total_amount": "54.10"}
                    ],
                    "next": "WyIyMDI2…",
                }
            ]
        }
    )

    data: list[dict[str, Any]] = Field(
        description="The rows. Money and quantities are decimal text, times ISO 8601; columns are those of"
        " docs/data-model.md, with `store` for the store's name."
    )
    next: str | None = Field(description="To be sent as `after`; null on the last page.")


class One(BaseModel):
    """A row with all that belongs to it."""

    data: dict[str, Any] = Field(
        examples=[{"store": "shop", "order_id": "1041", "order_number": "1041", "total_amount": "54.10"}]
    )


def _table(model: type[SQLModel]) -> SqlTable:
    found: SqlTable = getattr(model, "__table__")  # noqa: B009 - SQLModel does not declare it
    return found


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the API lists it. `keys` are its columns after the store."""

    model: type[SQLModel]
    keys: tuple[str, ...]
    newest: str | None = None
    """The time by which the newest comes first; without one rows go by their keys."""

    @property
    def columns(self) -> dict[str, ColumnElement[Any]]:
        """Public name → column."""
        return {one.name: one for one in _table(self.model).columns if one.name != "connector_id"}

    def column(self, name: str) -> ColumnElement[Any]:
        """One of them, the store's id too."""
        found: ColumnElement[Any] = _table(self.model).columns[name]
        return found


PRODUCTS = Table(PlatformProduct, ("variant_id",))
CUSTOMERS = Table(PlatformCustomer, ("customer_id",))
ORDERS = Table(PlatformOrder, ("order_id",), newest="created_at")

Stores = Annotated[list[str] | None, Query(alias="store", description="Only these stores'.", max_length=50)]
Since = Annotated[
    datetime | None,
    Query(description="Only rows that storelink wrote at this time or later (ISO 8601 with its zone)."),
]
Deleted = Annotated[bool, Query(description="Also what the store deleted.")]


def _aware(name: str, moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise Problem(422, "invalid", f"{name}: a time needs its zone, as in 2026-11-21T14:00:00+01:00.")
    return moment


def _text(name: str, value: str | None) -> str | None:
    if value is not None and "\0" in value:
        raise Problem(422, "invalid", f"{name}: a NUL character is in no record.")
    return value


@router.get("/products", response_model=Page, responses=documented(401, 403, 404, 422, 429))
def list_products(
    caller: Reader, services: Use, store: Stores = None, sku: str | None = None,
    product_id: str | None = None, available: bool | None = None, changed_since: Since = None,
    deleted: Deleted = False, fields: Fields = None, limit: Limit = 50, after: After = None,
) -> dict[str, Any]:  # fmt: skip
    """Sellable units (variants), by store and id."""
    wanted: list[ColumnElement[bool]] = []
    if sku is not None:
        wanted.append(col(PlatformProduct.sku) == _text("sku", sku))
    if product_id is not None:
        wanted.append(col(PlatformProduct.product_id) == _text("product_id", product_id))
    if available is not None:
        wanted.append(col(PlatformProduct.available).is_(available))
    return _page(services, caller, PRODUCTS, store, wanted, changed_since, deleted, fields, limit, after)


@router.get("/customers", response_model=Page, responses=documented(401, 403, 404, 422, 429))
def list_customers(
    caller: Reader, services: Use, store: Stores = None, email: str | None = None,
    changed_since: Since = None, deleted: Deleted = False, fields: Fields = None,
    limit: Limit = 50, after: After = None,
) -> dict[str, Any]:  # fmt: skip
    """Accounts of customers, by store and id. E-mail addresses are compared without case."""
    wanted = []
    if email is not None:
        wanted.append(func.lower(PlatformCustomer.email) == (_text("email", email) or "").lower())
    return _page(services, caller, CUSTOMERS, store, wanted, changed_since, deleted, fields, limit, after)


@router.get("/orders", response_model=Page, responses=documented(401, 403, 404, 422, 429))
def list_orders(
    caller: Reader, services: Use, store: Stores = None, number: str | None = None,
    email: str | None = None, sku: str | None = None, customer_id: str | None = None,
    status: Annotated[str | None, Query(pattern="^(open|completed|cancelled|failed)$")] = None,
    financial_status: Annotated[str | None, Query(max_length=50, examples=["paid"])] = None,
    fulfillment_status: Annotated[str | None, Query(max_length=50, examples=["unfulfilled"])] = None,
    created_since: datetime | None = None, created_before: datetime | None = None,
    changed_since: Since = None, deleted: Deleted = False, fields: Fields = None,
    limit: Limit = 50, after: After = None,
) -> dict[str, Any]:  # fmt: skip
    """Orders, the newest first. `number` is what customers call it; `sku` finds orders with such a line."""
    order = PlatformOrder
    wanted: list[ColumnElement[bool]] = []
    for column, name, value in (
        (order.order_number, "number", number),
        (order.customer_id, "customer_id", customer_id),
        (order.status, "status", status),
        (order.financial_status, "financial_status", financial_status),
        (order.fulfillment_status, "fulfillment_status", fulfillment_status),
    ):
        if value is not None:
            wanted.append(col(column) == _text(name, value))
    if email is not None:
        wanted.append(func.lower(order.email) == (_text("email", email) or "").lower())
    if sku is not None:
        wanted.append(
            select(col(OrderItem.id))
            .where(
                col(OrderItem.connector_id) == col(order.connector_id),
                col(OrderItem.order_id) == col(order.order_id),
                col(OrderItem.sku) == _text("sku", sku),
            )
            .exists()
        )
    if (since := _aware("created_since", created_since)) is not None:
        wanted.append(col(order.created_at) >= since)
    if (before := _aware("created_before", created_before)) is not None:
        wanted.append(col(order.created_at) < before)
    return _page(services, caller, ORDERS, store, wanted, changed_since, deleted, fields, limit, after)


@router.get("/stores/{store}/products/{variant_id}", response_model=One,
            responses=documented(401, 403, 404, 422, 429))  # fmt: skip
def show_product(caller: Reader, services: Use, store: Name, variant_id: str) -> dict[str, Any]:
    """One sellable unit, whole."""
    return {"data": _one(services, caller, PRODUCTS, store, variant_id)}


@router.get("/stores/{store}/customers/{customer_id}", response_model=One,
            responses=documented(401, 403, 404, 422, 429))  # fmt: skip
def show_customer(caller: Reader, services: Use, store: Name, customer_id: str) -> dict[str, Any]:
    """One account, whole."""
    return {"data": _one(services, caller, CUSTOMERS, store, customer_id)}


@router.get("/stores/{store}/orders/{order_id}", response_model=One,
            responses=documented(401, 403, 404, 422, 429))  # fmt: skip
def show_order(caller: Reader, services: Use, store: Name, order_id: str) -> dict[str, Any]:
    """One order, whole, with `items` and `refunds`."""
    found = _one(services, caller, ORDERS, store, order_id)
    row = store_for(services, caller, store)
    with services.database.session() as session:
        for name, model, by in (
            ("items", OrderItem, col(OrderItem.item_id)),
            ("refunds", OrderRefund, col(OrderRefund.refund_id)),
        ):
            table = _table(model)
            rows = session.connection().execute(
                select(*(one for one in table.columns if one.name not in ("connector_id", "order_id", "id")))
                .where(table.c.connector_id == row.id, table.c.order_id == order_id)
                .order_by(func.length(by), by)
            )
            found[name] = [plain(dict(one)) for one in rows.mappings()]
    return {"data": found}


def _page(
    services: Services, caller: Caller, table: Table, names: list[str] | None,
    wanted: Sequence[ColumnElement[bool]], changed_since: datetime | None, deleted: bool,
    fields: str | None, limit: int, after: str | None,
) -> dict[str, Any]:  # fmt: skip
    stores = {row.id: row.name for row in stores_for(services, caller, names)}
    known = ["store", *table.columns]
    lean = [one for one in known if one not in _BIG]
    shown = chosen(fields, known, ("store", *table.keys)) if fields else lean
    keys = [table.column(name) for name in _order(table)]
    first = keys[0].desc().nulls_last() if table.newest else keys[0]
    among = func.unnest(cast(list(stores), ARRAY(Uuid))).table_valued("id", name="among").render_derived()
    # store by store, so that an index gives each one's rows in order and few are read
    query: Select[Any] = select(*_selected(table, shown)).where(
        table.column("connector_id") == among.c.id, *wanted
    )
    if not deleted:
        query = query.where(table.column("deleted_at").is_(None))
    if (since := _aware("changed_since", changed_since)) is not None:
        query = query.where(table.column("synced_at") >= since)
    if after is not None:
        kinds = [datetime if name == table.newest else UUID if name == "connector_id" else str
                 for name in _order(table)]  # fmt: skip
        query = query.where(beyond(keys, read(after, kinds), down=bool(table.newest)))
    each = query.order_by(first, *keys[1:]).limit(limit + 1).lateral()
    last = [each.c[name] for name in _order(table)]
    merged = select(each).select_from(join(among, each, true()))
    merged = merged.order_by(last[0].desc().nulls_last() if table.newest else last[0], *last[1:])
    with services.database.session() as session:
        rows = [dict(one) for one in session.connection().execute(merged.limit(limit + 1)).mappings()]
    more, rows = len(rows) > limit, rows[:limit]
    ends = written([rows[-1][name] for name in _order(table)]) if more else None
    return {"data": [_shown(row, stores, shown) for row in rows], "next": ends}


def _order(table: Table) -> list[str]:
    return [*([table.newest] if table.newest else []), "connector_id", *table.keys]


def _selected(table: Table, shown: Sequence[str]) -> list[ColumnElement[Any]]:
    names = dict.fromkeys([*_order(table), *(one for one in shown if one != "store")])
    return [table.column(name) for name in names]


def _shown(row: dict[str, Any], stores: dict[UUID, str], shown: Sequence[str]) -> dict[str, Any]:
    values = {"store": stores[row["connector_id"]]} | row
    return plain({name: values[name] for name in shown})


def _one(services: Services, caller: Caller, table: Table, store: str, key: str) -> dict[str, Any]:
    row: ConnectorConfig = store_for(services, caller, store)
    query = select(*table.columns.values()).where(
        table.column("connector_id") == row.id, table.column(table.keys[0]) == _text("id", key)
    )
    with services.database.session() as session:
        found = session.connection().execute(query).mappings().first()
    if found is None:
        raise Problem(404, "not_found", f"The store {store!r} has no such record {key!r} here.")
    return plain({"store": row.name} | dict(found))
