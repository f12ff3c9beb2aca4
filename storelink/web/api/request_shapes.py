"""What the routes of `requests.py` take and give."""

import uuid
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from storelink.sync import refund

Money = Annotated[Decimal, Field(gt=0, lt=10**12, max_digits=16, decimal_places=4)]


def _whole(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character cannot be kept")
    return text


_REFUND: dict[str, Any] = {
    "id": "0d0f9d3e-1f5c-4f0e-9a52-0f6f7d6f8e2a", "store": "shop", "order_id": "1041", "status": "processed",
    "stage": "settled", "amount": "19.90", "shipping_amount": "0.00", "currency": "EUR",
    "moved_amount": "19.90", "reason": "Damaged in transit", "note": "Photo in ticket 4711",
    "reference": "SLR-7QK2M4", "refund_id": "2203", "by_hand": False, "requested_by": "token:helpdesk",
    "requested_at": "2026-11-21T14:03:02+00:00", "approved_by": None, "attempts": 1,
    "sent_at": "2026-11-21T14:03:03+00:00", "settled_at": "2026-11-21T14:03:06+00:00", "next_try_at": None,
    "error": None, "alarm": None, "wish": {"lines": [{"item_id": "17", "quantity": 1}]}, "response": {},
}  # fmt: skip
_ADDRESS: dict[str, Any] = {
    "id": "0d0f9d3e-1f5c-4f0e-9a52-0f6f7d6f8e2a", "store": "shop", "order_id": "1041", "kind": "shipping",
    "status": "updated", "stage": "settled", "new_address": {"city": "Graz", "country": "AT"},
    "old_address": {"city": "Wien", "country": "AT"}, "total_before": "54.10", "total_after": "54.10",
    "currency": "EUR", "force": False, "note": None, "requested_by": "token:helpdesk",
    "requested_at": "2026-11-21T14:03:02+00:00", "attempts": 1, "sent_at": "2026-11-21T14:03:03+00:00",
    "settled_at": "2026-11-21T14:03:06+00:00", "next_try_at": None, "error": None, "response": {},
}  # fmt: skip
_PREVIEWED = "6a1f0c52-5d0b-4a31-9e0c-3f4f0a6f2b11"

Said = Annotated[str, AfterValidator(_whole)]
"""Words that somebody typed; PostgreSQL keeps all but one character."""


class Line(BaseModel):
    """Units of a line."""

    model_config = ConfigDict(extra="forbid")

    item_id: Said = Field(max_length=64)
    quantity: int = Field(ge=1, le=1_000_000)


class RefundWish(BaseModel):
    """What is to be given back: everything that is left, or lines and shipping, or an amount."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"lines": [{"item_id": "17", "quantity": 1}], "whole_shipping": True}]
        },
    )

    everything: bool = False
    lines: list[Line] = Field(default_factory=list, max_length=500)
    shipping: Money | None = Field(None, description="So much of the shipping, taxes included.")
    whole_shipping: bool = False
    amount: Money | None = Field(None, description="Alone, or at most the sum of what is named beside it.")
    restock: bool = False
    location: Said | None = Field(None, max_length=64, description="Where units go back to (Shopify).")
    by_hand: bool = Field(False, description="Record it in the store without moving money.")


class Preview(BaseModel):
    """What it would do, as the store has it now. It is good for one request, for 30 minutes."""

    preview_id: uuid.UUID
    plan: dict[str, Any] = Field(
        description="To the cent: lines, shipping, amount, payments, warnings. Any of `refusals` forbids it.",
        examples=[{"amount": "19.90", "currency": "EUR", "warnings": [], "refusals": []}],
    )


class NewRefund(BaseModel):
    """A refund that was previewed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"preview_id": _PREVIEWED, "reason": "Damaged in transit", "note": "Ticket 4711"}]
        },
    )

    preview_id: uuid.UUID
    reason: Said = Field("", max_length=refund.REASON_MOST, description="The customer may read it.")
    note: Said | None = Field(None, max_length=5000, description="For colleagues; it stays here.")
    notify: bool = Field(False, description="Have the store tell the customer.")
    again: bool = Field(False, description="The same was asked for within a day, and is meant once more.")


class Refund(BaseModel):
    """A request for a refund and how it stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REFUND]})

    id: uuid.UUID
    store: str
    order_id: str
    status: str = Field(description="pending, processed or failed.")
    stage: str | None = Field(
        description="requested, waiting_approval, sent, unknown, needs_attention, settled or failed."
    )
    amount: str | None
    shipping_amount: str | None
    currency: str | None
    moved_amount: str | None = Field(description="What the gateway is known to have paid back.")
    reason: str | None
    note: str | None
    reference: str | None = Field(description="The mark by which it is found in the store.")
    refund_id: str | None = Field(description="The store's id of what it became.")
    by_hand: bool
    requested_by: str | None
    requested_at: str
    approved_by: str | None
    attempts: int
    sent_at: str | None
    settled_at: str | None
    next_try_at: str | None
    error: str | None = Field(description="Why it failed, waits or needs a person, in words.")
    alarm: str | None
    wish: dict[str, Any]
    response: dict[str, Any] | None


class RefundList(BaseModel):
    """The newest first."""

    data: list[Refund]
    next: str | None = Field(description="To be sent as `after`; null on the last page.")


class Again(BaseModel):
    """What is to be tried again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"preview_id": _PREVIEWED}]},
    )

    preview_id: uuid.UUID | None = Field(
        None, description="Made a moment ago by `…/retry/preview`; needed where it would be sent again."
    )


class Seen(BaseModel):
    """What a person saw who looked."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"moved": False, "why": "The gateway has no such refund."}]},
    )

    moved: bool | None = Field(None, description="Whether the money moved; null where an alarm was seen to.")
    why: Said = Field(min_length=1, max_length=2000)
    refund_id: Said | None = Field(None, max_length=64)


class Fields(BaseModel):
    """The fields of an address that are to be otherwise; "" empties one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"city": "Graz"}]},
    )

    first_name: Said | None = Field(None, max_length=1000)
    last_name: Said | None = Field(None, max_length=1000)
    company: Said | None = Field(None, max_length=1000)
    address1: Said | None = Field(None, max_length=1000)
    address2: Said | None = Field(None, max_length=1000)
    city: Said | None = Field(None, max_length=1000)
    province: Said | None = Field(None, max_length=1000)
    postcode: Said | None = Field(None, max_length=1000)
    country: Said | None = Field(None, max_length=1000, description="A code of ISO 3166-1, or its name.")
    phone: Said | None = Field(None, max_length=1000)
    email: Said | None = Field(None, max_length=1000)


class NewChange(BaseModel):
    """A change of address that was previewed."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"preview_id": _PREVIEWED, "note": "Ticket 4711"}]}
    )

    preview_id: uuid.UUID
    force: bool = Field(False, description="Though the order is fulfilled, refunded or the like.")
    again: bool = False
    note: Said | None = Field(None, max_length=5000)


class AddressChange(BaseModel):
    """A request for another address and how it stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ADDRESS]})

    id: uuid.UUID
    store: str
    order_id: str
    kind: str
    status: str = Field(description="pending, updated or failed.")
    stage: str | None
    new_address: dict[str, Any] | None
    old_address: dict[str, Any] | None
    total_before: str | None
    total_after: str | None
    currency: str | None
    force: bool
    note: str | None
    requested_by: str | None
    requested_at: str
    attempts: int
    sent_at: str | None
    settled_at: str | None
    next_try_at: str | None
    error: str | None
    response: dict[str, Any] | None


class AddressChangeList(BaseModel):
    """The newest first."""

    data: list[AddressChange]
    next: str | None = Field(description="To be sent as `after`; null on the last page.")


class Looked(BaseModel):
    """What a person saw who looked at the store."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"updated": True, "why": "The order shows it."}]}
    )

    updated: bool
    why: Said = Field(min_length=1, max_length=2000)
