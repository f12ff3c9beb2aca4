"""The seam for the road out: refunds and changes of address, carried out in a store.

A connector that can act has `actions` among its capabilities, and its stores have an attribute of that
name: an `Actions`. The engine decides what may be done, remembers it before it is sent, and reads back
what became of it; a platform says what there is, words one request, sends it once, says what it sees.

Money is `Decimal` in the order's shop currency, taxes included unless said otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol, runtime_checkable

from storelink.connectors.protocol import Read

SHIPPING, BILLING = "shipping", "billing"

# -- an order as it is now ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Address:
    """An address in storelink's words; "" is an empty field. `country` is ISO 3166-1 alpha-2,
    `province` the part after the hyphen of its ISO 3166-2 code where there is one."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address1: str = ""
    address2: str = ""
    city: str = ""
    province: str = ""
    postcode: str = ""
    country: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """Part of a refund that is seen: `amount` before tax, both positive."""

    item_id: str
    quantity: Decimal
    amount: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class SeenRefund:
    """A refund as the store shows it.

    `money` is what is known of the payment: `moved`, `pending` (the gateway has not said yet), `failed`,
    or `none` (the store says of none: made by hand, under way, or its worker died).
    """

    id: str
    amount: Decimal
    currency: str
    money: str
    moved: Decimal = Decimal(0)
    """How much of it the gateway is known to have paid."""
    reference: str | None = None
    """Our mark (`reference_in`), where it has one."""
    words: str = ""
    created_at: datetime | None = None
    lines: tuple[ReturnedLine, ...] = ()
    detail: str = ""
    """What the gateway says, in the store's words."""
    presentment: Money | None = None
    """`amount` as the customer sees it, where that is another currency. The exact one of the two: the
    shop's follows from it by a rate."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An order, read whole a moment ago."""

    order_id: str
    number: str
    version: datetime | None
    read: Read
    total: Money
    refunded: Decimal
    left: Decimal
    """What may still be given back, by the store's own account."""
    states: frozenset[str] = frozenset()
    """Of: cancelled, fulfilled, partly_fulfilled, refunded, partly_refunded, on_hold, unpaid, trashed,
    test."""
    refunds: tuple[SeenRefund, ...] = ()
    addresses: Mapping[str, Address] = field(default_factory=dict)
    """By kind, `shipping` and `billing`; an order without one has an empty `Address`."""
    presentment: Money | None = None
    """The total in the currency that the customer paid in, where it is another one."""


# -- refunds -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WishedLine:
    """Units of a line to give back."""

    item_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants given back. All of what is left, or lines and shipping, or an amount.

    `amount` alone gives that much without naming a line; together with lines or shipping it overrides
    their sum, and may only be less.
    """

    everything: bool = False
    lines: tuple[WishedLine, ...] = ()
    shipping: Decimal | None = None
    """So much of the shipping, taxes included; None is none."""
    whole_shipping: bool = False
    amount: Decimal | None = None
    restock: bool = False
    location: str | None = None
    """Where the units go back to, in the platform's id; None lets the store choose."""
    by_hand: bool = False
    """Record it in the store without moving money."""


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """A line of a plan. `amount` before tax; `left` the units that are not refunded yet."""

    item_id: str
    title: str
    sku: str | None
    quantity: int
    left: int
    amount: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Payment:
    """Where a part of the money goes back to. `automatic` is false where a person has to move it."""

    gateway: str
    title: str
    amount: Money
    most: Decimal | None = None
    """What this payment can still give back, in the amount's currency."""
    automatic: bool = True


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know before it is done. `code` is one word, such as `split_payment`."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a wish would do now, to the cent, as the store has it. Any refusal forbids it."""

    wish: Wish
    standing: Standing
    lines: tuple[PlannedLine, ...]
    """Every line of the order that has units; `quantity` 0 where none is given back."""
    shipping: Decimal
    """Before tax."""
    shipping_tax: Decimal
    shipping_left: Decimal
    """Taxes included, before this refund."""
    amount: Decimal
    """All that is given back: lines, shipping and taxes, or the amount wished for."""
    presentment: Money | None = None
    """The same as the customer sees it, where that is another currency."""
    payments: tuple[Payment, ...] = ()
    warnings: tuple[Remark, ...] = ()
    refusals: tuple[Remark, ...] = ()
    detail: Mapping[str, object] = field(default_factory=dict)
    """What the platform needs to word the request; JSON, its own."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is written into the store with a refund. Everything of it may be read by the customer."""

    reason: str
    """Public words, "" for none."""
    reference: str
    """Our mark, which is found again (`reference_in`)."""
    notify: bool = False


# -- what a platform does ----------------------------------------------------------------------------


@runtime_checkable
class Actions(Protocol):
    """What can be done in one store. Safe to use from several threads.

    Reading raises what reading a store raises, `NotFound` for an order that does not exist. Each `send_`
    makes one call on a connection of its own, follows no redirect, tries nothing twice, and raises

    - `Retryable`: it was certainly not done (never connected, throttled, turned away before any work);
    - `AuthFailed`: it was not done, for the credentials;
    - `Rejected`: it was not done and will not be; the store's own words;
    - `OutcomeUnknown`: anything else. It may have been done, or be done later.
    """

    resends_within: timedelta | None
    """How long after the first send the same refund may be sent again with the same key and body, and is
    done once only. None: never."""
    address_kinds: frozenset[str]
    """Of `shipping` and `billing`, those that can be changed."""

    def look(self, order_id: str) -> Standing:
        """The order as it is now, with all its refunds."""

    def plan_refund(self, order_id: str, wish: Wish) -> Plan:
        """What the store says that `wish` would give back. Moves nothing.

        A wish that cannot be is a plan with refusals, not an error.
        """

    def compose_refund(self, plan: Plan, words: Words) -> str:
        """The body of the one request that does it. Pure. The same text is sent each time."""

    def send_refund(self, order_id: str, key: str, body: str) -> SeenRefund:
        """Refund. `key` is the request's id (UUID), the same at each send."""

    def provinces(self, country: str) -> Mapping[str, str] | None:
        """The store's own list for a country, code → name; None where it has none."""

    def address_remarks(
        self, standing: Standing, kind: str, changes: Mapping[str, str]
    ) -> tuple[Remark, ...]:
        """What the store does besides, or does not do, when these fields change. Pure."""

    def compose_address(self, standing: Standing, kind: str, changes: Mapping[str, str]) -> str:
        """The body of the one request that sets these fields (keys of `Address`) of that address. Pure."""

    def send_address(self, order_id: str, body: str) -> None:
        """Change the address. Whether it took is for `look` to say."""


def actions_of(store: object) -> Actions | None:
    """What can be done in an opened store; None where its platform cannot act."""
    found = getattr(store, "actions", None)
    return found if isinstance(found, Actions) else None


# -- our mark ----------------------------------------------------------------------------------------

_MARK = "ref "


def marked(words: Words) -> str:
    """The public words and our mark, as the store keeps them: `Damaged · ref 7F3A9C1B2D`."""
    return f"{words.reason} · {_MARK}{words.reference}" if words.reason else f"{_MARK}{words.reference}"


def reference_in(text: str) -> str | None:
    """The mark at the end of what a store kept; None without one. The last one counts."""
    head, found, tail = text.rpartition(_MARK)
    mark = tail.strip()
    if not found or len(mark) != 10 or not all(one in "0123456789ABCDEF" for one in mark):
        return None
    if head and not head.endswith((" ", "·")):
        return None
    return mark
