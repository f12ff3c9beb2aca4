"""What people asked us to do in a store: refunds, changes of address, and the previews before them."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlmodel import SQLModel

from storelink.models.columns import JSON, MONEY, TEXT, TIME, Moment, column, optional

STAGES = ("requested", "waiting_approval", "sent", "unknown", "needs_attention", "settled", "failed")
LIVE = ("sent", "unknown", "needs_attention")
"""Stages in which the store may have done it, or may yet: nothing else happens to the order meanwhile."""

_ZERO = {"server_default": text("0")}
_NO = {"server_default": text("false")}
_EMPTY = {"server_default": text("'{}'")}


def _store() -> Any:
    return column(Uuid, "The store.", sa_column_args=(ForeignKey("connector_config.id", ondelete="CASCADE"),))


def _held_to(done: str, table: str) -> tuple[Any, ...]:
    """What either kind of request is held to; `done` is its status when it was done."""
    stages = ", ".join(f"'{stage}'" for stage in STAGES)
    live = ", ".join(f"'{stage}'" for stage in LIVE)
    return (
        UniqueConstraint("connector_id", "idempotency_key"),
        CheckConstraint(f"status IN ('pending', '{done}', 'failed')", name="status"),
        CheckConstraint(f"stage IN ({stages})", name="stage"),
        CheckConstraint(
            f"stage IS NULL OR status = CASE stage WHEN 'settled' THEN '{done}'"
            " WHEN 'failed' THEN 'failed' ELSE 'pending' END",
            name="status_of_stage",
        ),
        Index(
            f"ix_{table}_live",
            "connector_id",
            "order_id",
            unique=True,
            postgresql_where=text(f"stage IN ({live})"),
        ),
        Index(f"ix_{table}_order", "connector_id", "order_id"),
        Index(f"ix_{table}_due", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
        Index(f"ix_{table}_pending", "connector_id", postgresql_where=text("status = 'pending'")),
        Index(f"ix_{table}_requested_at", "requested_at"),
        Index(f"ix_{table}_strange", "id", postgresql_where=text("stage IS NULL")),
        Index(
            f"ix_{table}_unread",
            "connector_id",
            postgresql_where=text("stage = 'settled' AND read_at IS NULL"),
        ),
    )


class Request(SQLModel):
    """What refunds and changes of address have in common. Stage and status move together."""

    id: uuid.UUID = column(
        Uuid,
        "Made by storelink.",
        primary_key=True,
        default_factory=uuid.uuid4,
        sa_column_kwargs={"server_default": func.gen_random_uuid()},
    )
    order_id: str = column(TEXT, "The store's id of the order.")
    platform: str | None = optional(TEXT, "`woocommerce` or `shopify`.")
    stage: str | None = optional(
        TEXT,
        "requested, waiting_approval, sent, unknown, needs_attention, settled or failed. Null: not made "
        "by storelink; such a row is set failed.",
    )
    wish: dict[str, Any] = column(JSON, "What was asked for.", default_factory=dict, sa_column_kwargs=_EMPTY)
    plan: dict[str, Any] | None = optional(
        JSON, "What the preview showed that it would do; what is sent must still be that."
    )
    reference: str | None = optional(
        TEXT, "Our mark in the store, ten hexadecimal digits; by it a refund is known again."
    )
    send_key: uuid.UUID | None = optional(
        Uuid, "The key that the store knows repetitions by; a person's retry takes a new one."
    )
    body: str | None = optional(TEXT, "The request to the store, as it is or was sent, byte for byte.")
    note: str | None = optional(TEXT, "For colleagues; never sent to the store.")
    requested_by: str | None = optional(TEXT, "Who: `cli:<system user>`, or an API user.")
    requested_role: str | None = optional(TEXT, "Their role then, which their ceilings go by.")
    requested_at: datetime = column(
        TIME,
        "Database clock.",
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": func.clock_timestamp()},
    )
    approved_by: str | None = optional(TEXT, "The second person, where one was needed.")
    approved_at: Moment = optional(TIME, "When (database clock).")
    idempotency_key: str | None = optional(
        TEXT, "The caller's own; the same again is answered with this request."
    )
    attempts: int = column(Integer, "How often it was sent to the store.", default=0, sa_column_kwargs=_ZERO)
    misses: int = column(
        Integer,
        "Tries in a row, or looks since it was sent, that brought nothing: the next waits longer.",
        default=0,
        sa_column_kwargs=_ZERO,
    )
    next_try_at: Moment = optional(TIME, "When something is next to be done for it (database clock).")
    sent_at: Moment = optional(
        TIME, "When it was first sent under send_key (database clock); null if it was certainly not."
    )
    seen: dict[str, Any] | None = optional(
        JSON, "What the store last showed of it, and when that was first and last seen."
    )
    settled_at: Moment = optional(TIME, "When it was settled, or had failed (database clock).")
    read_at: Moment = optional(
        TIME, "When the order had been read again after it was settled (database clock)."
    )
    response: dict[str, Any] | None = optional(JSON, "What became of it, as read back from the store.")
    error: str | None = optional(TEXT, "Why it failed, waits, or needs a person; in words.")
    redacted_at: Moment = optional(TIME, "When its personal data were erased.")


class RefundRequest(Request, table=True):
    """One row per refund that somebody asked for. Money is the order's shop currency's, taxes included."""

    __tablename__ = "refund_request"
    __table_args__ = (
        *_held_to("processed", "refund_request"),
        Index("ix_refund_request_reference", "connector_id", "reference", unique=True),
        Index("ix_refund_request_settled_at", "settled_at", postgresql_where=text("stage = 'settled'")),
        Index(
            "ix_refund_request_alarm",
            "connector_id",
            postgresql_where=text("alarm IS NOT NULL AND alarm_over_at IS NULL"),
        ),
        Index("ix_refund_request_by", "requested_by", "requested_at"),
    )

    connector_id: uuid.UUID = _store()
    status: str = column(
        TEXT,
        "pending, processed or failed.",
        default="pending",
        sa_column_kwargs={"server_default": "pending"},
    )
    amount: Decimal | None = optional(MONEY, "What is given back in all, taxes included.")
    shipping_amount: Decimal | None = optional(MONEY, "So much of it for shipping, taxes included.")
    currency: str | None = optional(TEXT, "ISO 4217 code.")
    lines: list[dict[str, Any]] = column(
        JSON,
        "List of `{item_id, title, sku, quantity, amount, tax}`: money as strings, amount before tax.",
        default_factory=list,
        sa_column_kwargs={"server_default": text("'[]'")},
    )
    reason: str | None = optional(TEXT, "Public words: the store may print them to the customer.")
    restock: bool = column(Boolean, "Whether units go back into stock.", default=False, sa_column_kwargs=_NO)
    notify: bool = column(
        Boolean, "Whether the store tells the customer.", default=False, sa_column_kwargs=_NO
    )
    by_hand: bool = column(
        Boolean, "Recorded in the store without moving money.", default=False, sa_column_kwargs=_NO
    )
    refund_id: str | None = optional(TEXT, "The store's id of the refund that it became.")
    moved_amount: Decimal | None = optional(MONEY, "What the gateway is known to have paid back.")
    alarm: str | None = optional(
        TEXT, "over_refunded, or twin: an equal refund was made elsewhere at the same time."
    )
    alarm_over_at: Moment = optional(TIME, "When a person had seen to that (database clock).")


class AddressUpdateRequest(Request, table=True):
    """One row per change of address that somebody asked for."""

    __tablename__ = "address_update_request"
    __table_args__ = (
        *_held_to("updated", "address_update_request"),
        CheckConstraint("kind IN ('shipping', 'billing')", name="kind"),
    )

    connector_id: uuid.UUID = _store()
    status: str = column(
        TEXT, "pending, updated or failed.", default="pending", sa_column_kwargs={"server_default": "pending"}
    )
    kind: str = column(
        TEXT, "shipping or billing.", default="shipping", sa_column_kwargs={"server_default": "shipping"}
    )
    new_address: dict[str, Any] | None = optional(JSON, "The whole address as it shall be, in our words.")
    old_address: dict[str, Any] | None = optional(
        JSON, "The whole address as it was just before it was sent, in our words."
    )
    force: bool = column(
        Boolean, "Whether what usually forbids it was overruled.", default=False, sa_column_kwargs=_NO
    )
    total_before: Decimal | None = optional(MONEY, "The order's total just before it was sent.")
    total_after: Decimal | None = optional(MONEY, "The order's total when it was read back.")
    currency: str | None = optional(TEXT, "ISO 4217 code of the two.")


class ActionPreview(SQLModel, table=True):
    """One row per preview that was shown to somebody; it can be made a request of once, and soon."""

    __tablename__ = "action_preview"
    __table_args__ = (
        CheckConstraint("kind IN ('refund', 'shipping', 'billing')", name="kind"),
        Index("ix_action_preview_made_at", "made_at"),
        Index("ix_action_preview_order", "connector_id", "order_id"),
    )

    id: uuid.UUID = column(Uuid, "Made by storelink.", primary_key=True, default_factory=uuid.uuid4)
    connector_id: uuid.UUID = _store()
    order_id: str = column(TEXT, "The store's id of the order.")
    kind: str = column(TEXT, "refund, shipping or billing (the address).")
    wish: dict[str, Any] = column(JSON, "What was asked for.", default_factory=dict)
    shown: dict[str, Any] = column(JSON, "What was shown: the plan, to the cent.", default_factory=dict)
    digest: str = column(TEXT, "Of the order's version, its refunds and what it would do.")
    made_by: str = column(TEXT, "Who: `cli:<system user>`, or an API user.")
    made_at: datetime = column(
        TIME,
        "Database clock.",
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": func.clock_timestamp()},
    )
    used_by: uuid.UUID | None = optional(Uuid, "The request that was made of it; null if none was yet.")
