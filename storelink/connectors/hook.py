"""The seam for webhooks: what a store sends by itself, and the subscriptions that make it do so.

A webhook is a hint. It says which record changed; what it became is read from the store, on the
same road as everything else. A connector whose platform has webhooks has a `webhooks` attribute.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from storelink.connectors.protocol import Connector, Store

VARIANT = "variant"
"""A part that is looked up in our own rows first."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A record that is said to have changed.

    `part` is empty where `id` is the record's own; else it says of what part it is the id, in the
    connector's words. `op` is create, update or delete; nothing is decided by it.
    """

    resource: str
    id: str
    op: str = "update"
    part: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one delivery says. Without hints there is nothing to read.

    `request` is a word for what the store asks for beside reading: `export` or `erase` a customer,
    `erase_shop`, `uninstalled`. `about` are the records that it names, such as `customers/20711`.
    """

    topic: str
    hints: tuple[Hint, ...] = ()
    triggered: datetime | None = None
    dedupe: str | None = None
    """The same on every repetition of this delivery, and on no other."""
    request: str | None = None
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """One webhook as the store has it. `active` is false where it delivers nothing."""

    id: str
    topic: str
    url: str
    active: bool = True


def signed(given: str, body: bytes, secrets: Sequence[str]) -> bool:
    """Whether `given` is base64 of the HMAC-SHA256 of a body under one of these secrets.

    Every secret is tried, so that time tells nothing.
    """
    try:
        said = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        said = b""
    right = [hmac.compare_digest(said, hmac.digest(key.encode(), body, "sha256")) for key in secrets if key]
    return any(right)


class Subscriptions(Protocol):
    """The webhooks of one store, over its API. Raises what reading a store raises."""

    def list(self) -> Sequence[Subscription]:
        """All that these credentials may see, those of other addresses too."""

    def create(self, topic: str, url: str, secret: str) -> Subscription:
        """One more, sent once only. `secret` is of no use where the platform has its own."""

    def resign(self, subscription: Subscription, secret: str) -> None:
        """Have its deliveries signed with `secret` from now on, where we choose it."""

    def delete(self, subscription: Subscription) -> None:
        """Away with it; one that is gone already is no error."""


class Webhooks(Protocol):
    """How a platform signs and words its webhooks."""

    makes_secret: bool
    """Whether we choose the secret; else it is among the credentials."""

    def secrets(self, credentials: Mapping[str, str]) -> tuple[str, ...]:
        """Those of the credentials that deliveries are signed with."""

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> bool:
        """Whether one of the secrets signed these bytes. In constant time. Header names in lower case."""

    def greets(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether this is the unsigned knock of a store that was given our address."""

    def parse(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """What a verified delivery says. Pure and total: what is not understood has no hints."""

    def wanted(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """The topics to subscribe to, given what the credentials may see."""

    def subscriptions(self, store: Store) -> Subscriptions:
        """The webhooks of a store that this connector opened."""

    def owners(self, store: Store, part: str, ids: Sequence[str]) -> Mapping[str, str]:
        """Part's id → id of the record that it belongs to, as the store knows it, or by elimination."""


def webhooks_of(connector: Connector) -> Webhooks | None:
    """How this platform's webhooks go, None where it has none."""
    found: Webhooks | None = getattr(connector, "webhooks", None)
    return found


def bare(store: Store) -> Store:
    """The store that the connector opened, where something was put around it."""
    found: Store = getattr(store, "inner", store)
    return found
