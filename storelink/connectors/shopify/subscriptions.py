"""Shopify's webhooks over its API, and the connector's `webhooks`.

Docs: https://shopify.dev/docs/api/admin-graphql/latest/mutations/webhookSubscriptionCreate
Only subscriptions made this way, by this app, are listed; those of the app's own configuration
file are not. After eight failed deliveries in a row Shopify deletes one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storelink.connectors.hook import Notice, Subscription, Subscriptions
from storelink.connectors.protocol import Store
from storelink.connectors.shopify import queries, webhooks
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.kind import key_of
from storelink.connectors.shopify.refusal import plain
from storelink.connectors.shopify.told import advanced, as_documented, connection
from storelink.errors import NotFound, Rejected

_CHUNK = 100
_NOT_THERE = ("does not exist", "not found", "could not be found")


class ShopifySubscriptions:
    """See `hook.Subscriptions`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> Sequence[Subscription]:
        """See `hook.Subscriptions`. Those in XML or to a queue deliver nothing to us."""
        return list(self._pages())

    def _pages(self) -> Iterator[Subscription]:
        after = None
        while True:
            found = self._client.ask(queries.load("webhook_list"), {"after": after}).data
            page = connection(found, "webhookSubscriptions")
            yield from map(_subscription, page.items)
            if not page.more:
                return
            after = advanced(after, page.end)

    def create(self, topic: str, url: str, secret: str) -> Subscription:  # noqa: ARG002
        """See `hook.Subscriptions`."""
        answer = self._client.ask(queries.load("webhook_create"), {"topic": topic, "uri": url}, repeat=False)
        with as_documented("webhookSubscriptionCreate"):
            return _subscription(_payload(answer.data, "webhookSubscriptionCreate")["webhookSubscription"])

    def resign(self, subscription: Subscription, secret: str) -> None:
        """Nothing: Shopify signs with the app's own secret."""

    def delete(self, subscription: Subscription) -> None:
        """See `hook.Subscriptions`."""
        try:
            answer = self._client.ask(queries.load("webhook_delete"), {"id": subscription.id}, repeat=False)
            _payload(answer.data, "webhookSubscriptionDelete")
        except NotFound:
            return


def _payload(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What a mutation answered. Raises `Rejected` with Shopify's words, or `NotFound`."""
    found: Mapping[str, Any] = data.get(name) or {}
    errors = found.get("userErrors") or []
    if errors:
        words = "; ".join(plain(str(error.get("message"))) for error in errors)
        kind = NotFound if any(part in words.lower() for part in _NOT_THERE) else Rejected
        raise kind(f'Shopify refused: "{words}"', code="user_error")
    return found


def _subscription(node: Mapping[str, Any]) -> Subscription:
    with as_documented("webhookSubscription"):
        return Subscription(str(node["id"]), str(node["topic"]), str(node["uri"]), node["format"] == "JSON")


class ShopifyWebhooks:
    """See `hook.Webhooks`."""

    makes_secret = False
    requests: Mapping[str, str] = webhooks.REQUESTS
    """Topic → `hook.Notice.request`."""

    def secrets(self, credentials: Mapping[str, str]) -> tuple[str, ...]:
        """The app's client secret (of a custom app its API secret key), where it was entered."""
        secret = credentials.get("client_secret")
        return (secret,) if secret else ()

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> bool:
        """See `webhooks.verify`."""
        return webhooks.verify(headers, body, secrets)

    def greets(self, headers: Mapping[str, str], body: bytes) -> bool:  # noqa: ARG002
        """Never: Shopify signs whatever it sends."""
        return False

    def parse(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """See `webhooks.parse`."""
        return webhooks.parse(headers, body)

    def wanted(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """See `webhooks.wanted`."""
        return webhooks.wanted(settings)

    def subscriptions(self, store: Store) -> Subscriptions:
        """See `hook.Webhooks`."""
        return ShopifySubscriptions(_client(store))

    def owners(self, store: Store, part: str, ids: Sequence[str]) -> Mapping[str, str]:
        """The products of stock items. One that is gone belongs to nothing."""
        if part != webhooks.INVENTORY_ITEM:
            return {}
        found: dict[str, str] = {}
        for first in range(0, len(ids), _CHUNK):
            gids = [f"gid://shopify/InventoryItem/{key}" for key in ids[first : first + _CHUNK]]
            answer = _client(store).ask(queries.load("inventory_owners"), {"ids": gids})
            with as_documented("nodes"):
                for node in answer.data.get("nodes") or ():
                    variants = ((node or {}).get("variants") or {}).get("nodes") or ()
                    for variant in variants:
                        found[key_of(node["id"])] = key_of(variant["product"]["id"])
        return found


def _client(store: Store) -> Client:
    client = getattr(store, "client", None)
    assert isinstance(client, Client), "a store that this connector opened"
    return client
