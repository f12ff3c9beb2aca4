"""WooCommerce's webhooks over its API, and the connector's `webhooks`.

Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks
The store never tells a webhook's secret or its count of failures. One that it disabled keeps that
count when it is made active again, and the next failure disables it: only a new one starts at zero.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from storelink.connectors.hook import Notice, Subscription, Subscriptions
from storelink.connectors.protocol import Store
from storelink.connectors.woocommerce import webhooks
from storelink.connectors.woocommerce.client import Client
from storelink.errors import NotFound, Retryable

_PAGE = 100
_MOST_PAGES = 50


class WooCommerceSubscriptions:
    """See `hook.Subscriptions`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> Sequence[Subscription]:
        """See `hook.Subscriptions`."""
        found: dict[str, Subscription] = {}
        for page in range(1, _MOST_PAGES + 1):
            data = self._client.get("webhooks", {"per_page": _PAGE, "page": page, "status": "all"}).data
            if not isinstance(data, list):
                raise Retryable("the store's list of webhooks is none", code="shape")
            found |= {one.id: one for one in map(_subscription, data) if one is not None}
            if len(data) < _PAGE:
                break
        return list(found.values())

    def create(self, topic: str, url: str, secret: str) -> Subscription:
        """See `hook.Subscriptions`."""
        asked = {"name": f"storelink {topic}", "topic": topic, "delivery_url": url, "secret": secret}
        made = _subscription(
            self._client.send("POST", "webhooks", document={**asked, "status": "active"}).data
        )
        if made is None:
            raise Retryable("the store's answer to a new webhook is none", code="shape")
        return made

    def resign(self, subscription: Subscription, secret: str) -> None:
        """See `hook.Subscriptions`."""
        self._client.send("PUT", f"webhooks/{subscription.id}", document={"secret": secret})

    def delete(self, subscription: Subscription) -> None:
        """See `hook.Subscriptions`. Without `force` WooCommerce answers 501."""
        try:
            self._client.send("DELETE", f"webhooks/{subscription.id}", {"force": "true"})
        except NotFound:
            return


def _subscription(doc: Any) -> Subscription | None:
    if not isinstance(doc, dict) or not isinstance(doc.get("id"), int):
        return None
    active = doc.get("status") == "active"
    return Subscription(str(doc["id"]), str(doc.get("topic")), str(doc.get("delivery_url")), active)


class WooCommerceWebhooks:
    """See `hook.Webhooks`."""

    makes_secret = True

    def secrets(self, credentials: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002
        """None: the keys of the API sign nothing that is delivered."""
        return ()

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> bool:
        """See `webhooks.verify`."""
        return webhooks.verify(headers, body, secrets)

    def greets(self, headers: Mapping[str, str], body: bytes) -> bool:
        """See `webhooks.greets`."""
        return webhooks.greets(headers, body)

    def parse(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """See `webhooks.parse`."""
        return webhooks.parse(headers, body)

    def wanted(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """See `webhooks.wanted`."""
        return webhooks.wanted(settings)

    def subscriptions(self, store: Store) -> Subscriptions:
        """See `hook.Webhooks`."""
        client = getattr(store, "client", None)
        assert isinstance(client, Client), "a store that this connector opened"
        return WooCommerceSubscriptions(client)

    def owners(self, store: Store, part: str, ids: Sequence[str]) -> Mapping[str, str]:  # noqa: ARG002
        """What is no variation that we know is a product: the id says no more."""
        return {key: key for key in ids}
