"""The API over a fresh database, and one with two stores that were read."""

from collections.abc import Iterator

import pytest
from api_house import ApiHouse, answering
from webhook_house import register

from storelink.config import Settings
from storelink.db import Database
from storelink.sandbox.running import start
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of


@pytest.fixture
def house(database: Database, settings: Settings) -> Iterator[ApiHouse]:
    loose = settings.model_copy(update={"allow_private_stores": True, "api_rate": 100_000})
    with answering(database, Keyring(provider_of(loose)), loose) as made:
        yield made


@pytest.fixture
def stores(house: ApiHouse) -> Iterator[tuple[str, str]]:
    """Names of two WooCommerce stores whose numbers clash."""
    with start(25, 6, 8, seed=1) as first, start(25, 6, 8, seed=1) as second:
        shops = house.shops
        yield (
            register(shops, "woocommerce", first, name="one").name,
            register(shops, "woocommerce", second, name="two").name,
        )
