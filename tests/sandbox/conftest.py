"""Simulated stores for the tests, and a plain way to ask them things."""

from collections.abc import Iterator

import pytest
from caller import Caller

from storelink.sandbox.running import Running, start


@pytest.fixture(scope="module")
def shop() -> Iterator[Running]:
    """A store that tests only read."""
    with start(orders=140, products=60, customers=160, https=True) as store:
        yield store


@pytest.fixture(scope="module")
def ask(shop: Running) -> Iterator[Caller]:
    caller = Caller(shop)
    yield caller
    caller.close()


@pytest.fixture
def store() -> Iterator[Running]:
    """A small store of its own, to be changed."""
    with start(orders=30, products=25, customers=20, https=True) as found:
        yield found


@pytest.fixture
def call(store: Running) -> Iterator[Caller]:
    caller = Caller(store)
    yield caller
    caller.close()
