"""Shops that move money."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from shopify_house import House

from storelink.sandbox.running import RunningShopify, start_shopify


@pytest.fixture(scope="module")
def running() -> Iterator[RunningShopify]:
    with start_shopify(orders=12, products=6, customers=4, plan="enterprise") as shop:
        yield shop


@pytest.fixture
def house(running: RunningShopify) -> Iterator[House]:
    """The shop of the module, with nothing turned and no faults."""
    made = House(running, scopes=["read_all_orders"])
    yield made
    made.close()
    made.admin.faults([])
    made.admin.turn_gateway()
    made.admin.slow_gateway(0)
    made.admin.set_site(key_errors="user", scopes=None)
    made.admin.set_clock(0)


@pytest.fixture(scope="module")
def open_house() -> Iterator[Callable[..., House]]:
    """Makes houses with shops of their own; all are closed at the end."""
    with ExitStack() as closing:

        def start(**options: Any) -> House:
            usual = {"orders": 12, "products": 6, "customers": 4, "plan": "enterprise"}
            house = House(closing.enter_context(start_shopify(**{**usual, **options})))
            closing.callback(house.close)
            return house

        yield start
