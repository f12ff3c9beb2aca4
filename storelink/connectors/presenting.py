"""How an order that is held is shown to people: its addresses, payment and words, whatever the platform.

Read from the stored record, never from the store. Pure, and total: what cannot be read is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from storelink.connectors.action import Address
from storelink.connectors.protocol import Connector


@dataclass(frozen=True, slots=True)
class OrderFace:
    """What people look for in an order beside its items and amounts; "" is nothing."""

    shipping: Address = field(default_factory=Address)
    billing: Address = field(default_factory=Address)
    payment: str = ""
    """How it was paid, as the store calls it."""
    paid_at: datetime | None = None
    shipped_by: str = ""
    """The way of shipping, as the store calls it."""
    codes: tuple[str, ...] = ()
    """Discount codes."""
    note: str = ""
    """What the customer wrote with the order."""
    taxes_included: bool = False
    """Whether prices were shown with their taxes."""


@runtime_checkable
class Presenter(Protocol):
    """How one platform's orders are shown. Stateless."""

    def face(
        self, shipping: Mapping[str, Any] | None, billing: Mapping[str, Any] | None, raw: Mapping[str, Any]
    ) -> OrderFace:
        """Of the addresses and the raw record (`metadata`) as they are stored."""

    def admin_url(self, store_url: str, order_id: str, settings: Mapping[str, Any]) -> str:
        """Where people see the order in the store's own admin."""


def presenter_of(connector: Connector) -> Presenter | None:
    """How its orders are shown; None for a platform that does not say."""
    found = getattr(connector, "presenter", None)
    return found if isinstance(found, Presenter) else None
