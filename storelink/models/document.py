"""docs/data-model.md, made from the models: `make docs` writes it, a test holds it to them."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex
from sqlmodel import SQLModel

from storelink.models import PRODUCT_BY_SKU, metadata

_POSTGRES: Any = postgresql.dialect()  # type: ignore[no-untyped-call]

UNIFIED = (
    "platform_product",
    "platform_customer",
    "platform_order",
    "order_item",
    "order_refund",
    "change_event",
)
"""What others read; the rest is how storelink works."""

WIDER: tuple[tuple[str, str, str], ...] = (
    (
        "platform_product.connector_id, platform_customer.connector_id, platform_order.connector_id, "
        "order_item.connector_id, order_refund.connector_id, refund_request.connector_id, "
        "address_update_request.connector_id",
        "The store is part of the key, where the platform alone was meant to be.",
        "Two stores of one platform share order numbers, customer ids and SKUs: WooCommerce counts its "
        "orders from 1 in every shop. `platform` stays a column on every row that others read.",
    ),
    (
        "platform_product.price, platform_product.compare_at_price, platform_order.total_amount, "
        "platform_order.subtotal_amount, platform_order.tax_amount, platform_order.shipping_amount, "
        "platform_order.discount_amount, platform_order.fee_amount, platform_order.refunded_amount, "
        "platform_order.current_total_amount, platform_order.presentment_total_amount, order_item.price, "
        "order_item.total_amount, order_item.tax_amount, order_item.discount_amount, order_refund.amount, "
        "refund_request.amount, refund_request.shipping_amount, refund_request.moved_amount, "
        "address_update_request.total_before, address_update_request.total_after",
        "Money is `numeric(19,4)`, not `(10,2)`.",
        "An order in VND or IDR easily exceeds 99,999,999.99; some currencies have three decimals, and a "
        "unit price (line subtotal / quantity) needs more than the currency's own.",
    ),
    (
        "platform_order.fee_amount, platform_order.presentment_currency, "
        "platform_order.presentment_total_amount",
        "Columns beside the owner's.",
        "Without fees the parts of an order do not add up to its total; a shop that sells in several "
        "currencies shows the customer other amounts than it books.",
    ),
    (
        "platform_customer.email, platform_order.email",
        "E-mail may be null.",
        "Accounts with a phone number only, guests, and stubs of customers that an order named before "
        "their account was read.",
    ),
    (
        "platform_product.sku, order_item.sku",
        "A SKU may be null, and may repeat.",
        "Real catalogs have empty ones and two variations with the same one. Whoever needs one row a SKU "
        "reads the view `product_by_sku`.",
    ),
    (
        "connector_config.api_key, connector_config.secret, connector_config.credentials, "
        "connector_config.webhook_secrets",
        "Text without a limit, not 255 characters.",
        "They are sealed (AES-256-GCM, then base64): longer than what was entered, and tokens are long "
        "to begin with.",
    ),
    (
        "connector_config.data_key, connector_config.key_id, connector_config.erasure_key, "
        "connector_config.erasure_key_id",
        "Columns beside the owner's.",
        "Each store has a data key of its own, wrapped by a master key that has a name and can be rotated; "
        "and a key by which erased people are known again, which outlives its credentials.",
    ),
    (
        "order_item.quantity, order_item.current_quantity, order_item.refunded_quantity, "
        "platform_product.inventory_quantity",
        "Quantities are `numeric(19,4)`, not integers.",
        "WooCommerce plugins sell by weight and length.",
    ),
    (
        "platform_product.variant_id, platform_customer.customer_id, platform_order.order_id, "
        "order_item.item_id, order_refund.refund_id",
        "The store's ids are text.",
        "WooCommerce's are numbers, Shopify's are longer than 32 bits, and other platforms use words.",
    ),
    (
        "refund_request.stage, address_update_request.stage",
        "A stage beside the status.",
        "`pending` is too little for whoever asks what is happening: waiting, sent, not known, in need of a "
        "person. `processed`, `updated` and `failed` are said only when they are certain.",
    ),
    (
        "refund_request.wish, refund_request.plan, refund_request.body, refund_request.reference, "
        "refund_request.send_key, refund_request.seen, refund_request.attempts, refund_request.misses, "
        "refund_request.next_try_at, refund_request.sent_at, refund_request.read_at, refund_request.alarm, "
        "address_update_request.old_address, address_update_request.total_before, "
        "address_update_request.total_after",
        "Columns beside the owner's.",
        "What is sent to a store is written down before it is sent, so that whoever carries on after a crash "
        "knows what to look for; and what an address change did besides is shown, not hidden.",
    ),
    (
        "source_record.listed_version, source_record.parts, source_record.due_since, "
        "source_record.retry_after, source_record.attempts, source_record.gone_at",
        "Columns beside the design's.",
        "A list may show another time than the record does; parts that come and go (refunds, variations) "
        "move no time at all; and a record that must be read again has to say since when, and how often "
        "it was tried.",
    ),
    (
        "sync_state.last_verified_at, sync_state.last_drift, sync_state.list_seconds, "
        "sync_state.full_due_at, sync_state.verify_share, sync_state.full_token, sync_state.poll_token, sync_state.quiet_passes, "
        "sync_state.quiet_requests, sync_state.future_stamped, sync_state.withheld",
        "Columns beside the design's.",
        "Each lane has its own due time and fencing token; passes that changed nothing are counted instead of kept; "
        "the customers' list has an interval that depends on how long it takes; deletions that wait for a person "
        "are told of until somebody decides.",
    ),
)
"""(columns, what is wider, why). A test checks that every column named here exists."""

_HEAD = """\
# Data model

Made from the models by `make docs`; do not edit. All times are `timestamptz`, all money is
`numeric(19,4)` from the store's own decimal string, every text is UTF-8 without NUL.

Join on `(connector_id, …)`: ids are the store's own and mean nothing without it. Rows of what was
deleted in the store stay, with `deleted_at` set.
"""


def data_model() -> str:
    """The whole page, Markdown."""
    others = sorted(set(metadata.tables) - set(UNIFIED))
    parts = [
        _HEAD,
        "## What others read\n",
        *(_table(metadata.tables[name]) for name in UNIFIED),
        _view(),
        "## How storelink works\n",
        *(_table(metadata.tables[name]) for name in others),
        _wider(),
    ]
    return "\n".join(parts)


def _table(table: Table) -> str:
    lines = [
        f"### {table.name}\n",
        _docstring(table) + "\n",
        "| column | type | null | what |",
        "|---|---|---|---|",
    ]
    for column in table.columns:
        name = f"**{column.name}**" if column.primary_key else column.name
        null = "null" if column.nullable else ""
        lines.append(f"| {name} | {_type(column.type)} | {null} | {_cell(column.comment or '')} |")
    lines.append("")
    lines += [f"- {line}" for line in _rules(table)]
    return "\n".join([*lines, ""])


def _docstring(table: Table) -> str:
    for mapper in SQLModel._sa_registry.mappers:
        if mapper.local_table is table:
            return (mapper.class_.__doc__ or "").strip()
    raise LookupError(table.name)


def _type(kind: Any) -> str:
    text = str(kind.compile(dialect=_POSTGRES)).lower()
    return {"timestamp with time zone": "timestamptz"}.get(text, text.replace(", ", ","))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _rules(table: Table) -> list[str]:
    """Keys, references, checks and indexes, in words close to SQL."""
    lines = [f"primary key ({', '.join(column.name for column in table.primary_key.columns)})"]
    for rule in sorted(table.constraints, key=lambda rule: str(rule.name)):
        if isinstance(rule, UniqueConstraint):
            lines.append(f"unique ({', '.join(rule.columns.keys())})")
        elif isinstance(rule, ForeignKeyConstraint):
            target = rule.elements[0].column.table.name
            gone = ", deleted with it" if rule.ondelete == "CASCADE" else ""
            lines.append(f"({', '.join(rule.column_keys)}) → {target}{gone}")
        elif isinstance(rule, CheckConstraint):
            lines.append(f"check {rule.sqltext}")
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        statement = str(CreateIndex(index).compile(dialect=_POSTGRES))
        unique = "unique index" if index.unique else "index"
        lines.append(f"{unique} {statement.split(f' ON {table.name} ')[1]}")
    return lines


def _view() -> str:
    return f"""\
### product_by_sku

A view: live sellable units by (platform, sku), the newest where a SKU repeats.

```sql
{PRODUCT_BY_SKU.strip()}
```
"""


def _wider() -> str:
    lines = [
        "## Where it is wider than the owner's data model, and why\n",
        "| columns | how | why |",
        "|---|---|---|",
    ]
    lines += [f"| {columns} | {how} | {why} |" for columns, how, why in WIDER]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    import sys

    sys.stdout.write(data_model())
