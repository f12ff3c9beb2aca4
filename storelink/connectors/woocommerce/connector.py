"""WooCommerce, as the engine sees it: what it is called, what must be entered, and how to open it.

Keys are made in the store under WooCommerce → Settings → Advanced → REST API.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#rest-api-keys
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from storelink.connectors.bound import SINCE, Extent
from storelink.connectors.hook import Webhooks
from storelink.connectors.key_grant import KeyGrant
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
from storelink.connectors.woocommerce import address, normalize
from storelink.connectors.woocommerce.actions import WooCommerceActions
from storelink.connectors.woocommerce.client import Client
from storelink.connectors.woocommerce.doctor import check
from storelink.connectors.woocommerce.key_grant import KEY_GRANT
from storelink.connectors.woocommerce.personal import PERSONAL
from storelink.connectors.woocommerce.presenting import PRESENTER
from storelink.connectors.woocommerce.reader import Reader
from storelink.connectors.woocommerce.subscriptions import WooCommerceWebhooks


class WooCommerceStore:
    """One WooCommerce store, opened: its client, its reader and its doctor joined."""

    def __init__(self, account: Account, limits: Limits, clock: Clock) -> None:
        self._account, self._limits, self._clock = account, limits, clock
        self.client = Client(account, limits, clock)
        self.actions = WooCommerceActions(self.client, account.settings, limits)
        self._reader = Reader(self.client, account.settings, limits)
        self.traffic = self.client.traffic

    def check(self) -> Checkup:
        """See `doctor.check`."""

        def in_query() -> Client:
            return Client(self._account, self._limits, self._clock, key_in_query=True)

        return check(self.client, self._account, in_query)

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
        self.client.close()


class WooCommerce:
    """The connector; see `protocol.Connector`. Has no state."""

    platform = "woocommerce"
    title = "WooCommerce"
    auth_modes: Mapping[str, tuple[CredentialField, ...]] = {
        "keys": (
            CredentialField("consumer_key", "api_key", "Consumer key", pattern=r"^ck_[0-9a-f]{40}$"),
            CredentialField("consumer_secret", "secret", "Consumer secret", pattern=r"^cs_[0-9a-f]{40}$"),
        )
    }
    authorization: Authorization | None = None
    # customers before orders, so that few orders need a stub
    resources: tuple[str, ...] = ("products", "customers", "orders")
    listed_whole = frozenset({"customers"})
    normalizer_version = normalize.NORMALIZER_VERSION
    capabilities: frozenset[str] = frozenset({"webhooks", "actions", SINCE})
    webhooks: Webhooks = WooCommerceWebhooks()
    personal: Personal = PERSONAL
    presenter: Presenter = PRESENTER
    key_grant: KeyGrant = KEY_GRANT
    admin_path = "/wp-admin/"

    def open(self, account: Account, limits: Limits, clock: Clock) -> WooCommerceStore:
        """Makes no request. Raises `Misconfigured` if address or keys cannot be used."""
        return WooCommerceStore(account, limits, clock)

    def normalize_url(self, url: str) -> str:
        """See `address.normalize_url`."""
        return address.normalize_url(url)

    def normalize(self, resource: str, raw: Raw, settings: Mapping[str, Any]) -> Rows | Rejection | Ignored:
        """See `normalize.normalize`."""
        return normalize.normalize(resource, raw, settings)

    def rebuild(self, resource: str, rows: Sequence[Mapping[str, Any]]) -> Raw:
        """See `normalize.rebuild`."""
        return normalize.rebuild(resource, rows)


CONNECTOR: Connector = WooCommerce()
