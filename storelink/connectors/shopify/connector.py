"""Shopify, as the engine sees it: what it is called, what must be entered, and how to open it.

Which way of signing in: an app made in the Dev Dashboard by the shop's own organisation has client
credentials; a custom app made in the shop before 2026 has a token; any other app needs the owner's
consent in the browser (code).
Docs: https://shopify.dev/docs/apps/build/authentication-authorization
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from storelink.connectors.action import Actions
from storelink.connectors.bound import SINCE, Extent
from storelink.connectors.hook import Webhooks
from storelink.connectors.personal import Personal
from storelink.connectors.presenting import Presenter
from storelink.connectors.protocol import (
    Account,
    Authorization,
    Checkup,
    Clock,
    Connector,
    CredentialField,
    Cursor,
    FetchPage,
    Ignored,
    Limits,
    ListPage,
    Raw,
    RawPage,
    Rejection,
    Rows,
)
from storelink.connectors.shopify import address, lifetime, normalize
from storelink.connectors.shopify.actions import ShopifyActions
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.doctor import check
from storelink.connectors.shopify.oauth import CodeGrant
from storelink.connectors.shopify.personal import PERSONAL
from storelink.connectors.shopify.presenting import PRESENTER
from storelink.connectors.shopify.reader import Reader
from storelink.connectors.shopify.subscriptions import ShopifyWebhooks

_APP = (
    CredentialField("client_id", "api_key", "Client id", secret=False, pattern=r"^[0-9a-f]{32}$"),
    CredentialField("client_secret", "secret", "Client secret"),
)
_TOKEN = (
    CredentialField("access_token", "api_key", "Admin API access token", pattern=r"^shp[a-z]{2,3}_\w+$"),
    CredentialField("client_secret", "secret", "API secret key (for webhooks)", optional=True),
)


class ShopifyStore:
    """One Shopify shop, opened: its client, its reader and its doctor joined."""

    def __init__(self, account: Account, limits: Limits, clock: Clock) -> None:
        self._account, self._clock = account, clock
        self.client = Client(account, limits, clock)
        self._reader = Reader(self.client, account.settings, limits)
        self.actions: Actions = ShopifyActions(self.client, account.settings, limits)
        self.traffic = self.client.traffic

    def check(self) -> Checkup:
        """See `doctor.check`."""
        return check(self.client, self._account, self._clock)

    def list_all(self, resource: str, since: datetime | None = None) -> Iterator[ListPage]:
        """See `bound.BoundedStore`."""
        return self._reader.list_all(resource, since)

    def list_since(self, resource: str, watermark: datetime) -> Iterator[ListPage]:
        """See `protocol.Store`."""
        return self._reader.list_since(resource, watermark)

    def fetch(self, resource: str, ids: Sequence[str]) -> Iterator[FetchPage]:
        """See `protocol.Store`."""
        return self._reader.fetch(resource, ids)

    def backfill(
        self, resource: str, cursor: Cursor | None, since: datetime | None = None
    ) -> Iterator[RawPage]:
        """See `bound.BoundedStore`."""
        return self._reader.backfill(resource, cursor, since)

    def extent(self, resource: str, since: datetime | None = None) -> Extent:
        """See `bound.BoundedStore`."""
        return self._reader.extent(resource, since)

    def close(self) -> None:
        """Let go of sockets and threads."""
        self._reader.close()
        self.client.close()


class Shopify:
    """The connector; see `protocol.Connector`. Has no state."""

    platform = "shopify"
    title = "Shopify"
    auth_modes: Mapping[str, tuple[CredentialField, ...]] = {
        "client-credentials": _APP,
        "token": _TOKEN,
        "code": _APP,
    }
    authorization: Authorization | None = CodeGrant()
    # customers before orders, so that few orders need a stub
    resources: tuple[str, ...] = ("products", "customers", "orders")
    listed_whole: frozenset[str] = frozenset()
    normalizer_version = normalize.NORMALIZER_VERSION
    capabilities: frozenset[str] = frozenset({"webhooks", "actions", SINCE})
    webhooks: Webhooks = ShopifyWebhooks()
    personal: Personal = PERSONAL
    presenter: Presenter = PRESENTER
    admin_path = "/admin"

    def open(self, account: Account, limits: Limits, clock: Clock) -> ShopifyStore:
        """Makes no request. Raises `Misconfigured` if address or credentials cannot be used."""
        return ShopifyStore(account, limits, clock)

    def served_until(self, settings: Mapping[str, Any]) -> datetime | None:
        """See `lifetime.served_until`."""
        return lifetime.served_until(settings)

    def normalize_url(self, url: str) -> str:
        """See `address.normalize_url`."""
        return address.normalize_url(url)

    def normalize(self, resource: str, raw: Raw, settings: Mapping[str, Any]) -> Rows | Rejection | Ignored:
        """See `normalize.normalize`."""
        return normalize.normalize(resource, raw, settings)

    def rebuild(self, resource: str, rows: Sequence[Mapping[str, Any]]) -> Raw:
        """See `normalize.rebuild`."""
        return normalize.rebuild(resource, rows)


CONNECTOR: Connector = Shopify()
