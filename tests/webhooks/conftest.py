"""Both sandbox stores registered and read, and our intake on a real socket."""

from collections.abc import Iterator

import pytest
from webhook_house import House, Shop, register, serving

from storelink.config import Settings
from storelink.db import Database
from storelink.sandbox.running import start, start_shopify
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of


@pytest.fixture
def house(database: Database, settings: Settings) -> Iterator[House]:
    with serving(House(database, Keyring(provider_of(settings)), settings)) as made:
        yield made


@pytest.fixture
def woo(house: House) -> Iterator[Shop]:
    with start(20, 8, 10) as store:
        store.admin.set_site(cron_seconds=0)
        yield register(house, "woocommerce", store)


@pytest.fixture
def shopify(house: House) -> Iterator[Shop]:
    with start_shopify(20, 8, 10) as store:
        store.admin.set_site(hook_pause=0.05)
        yield register(house, "shopify", store)


@pytest.fixture(params=["woocommerce", "shopify"])
def shop(request: pytest.FixtureRequest) -> Shop:
    """Either platform."""
    found: Shop = request.getfixturevalue("woo" if request.param == "woocommerce" else "shopify")
    return found
