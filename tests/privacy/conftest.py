"""One store of each platform, read into a real database, with one customer to be forgotten."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from private_store import RESOURCES, Store

from storelink.config import Settings
from storelink.connectors import registry
from storelink.db import Database
from storelink.sandbox.running import start, start_shopify
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import account
from storelink.sync.opening import open_subject
from storelink.sync.synchronize import synchronize


@pytest.fixture(params=["woocommerce", "shopify"])
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shop(platform: str, database: Database, tmp_path: Path) -> Iterator[Store]:
    settings = Settings(home=tmp_path, http_retries=0)
    keyring = Keyring(provider_of(settings))
    connector = registry.get(platform)
    open_shop: Callable[..., Any] = start if platform == "woocommerce" else start_shopify
    with open_shop(orders=60, products=8, customers=12) as store:
        credentials = (
            {"consumer_key": store.key, "consumer_secret": store.secret}
            if platform == "woocommerce"
            else {"access_token": store.token, "client_secret": store.client_secret}
        )
        with database.session() as session:
            account.register(
                session, keyring, connector, name="shop", store_url=store.url, credentials=credentials,
                auth_mode="keys" if platform == "woocommerce" else "token", allow_http=True,
            )  # fmt: skip
            session.commit()
        made = Store(database, keyring, settings, store.admin, connector)
        with open_subject(database, keyring, "shop", settings) as subject:
            synchronize(database, subject, RESOURCES)
        yield made
