"""A toy store with a till, in a real database, and a clock that tests put forward."""

import pytest
from till_house import House

from storelink.db import Database


@pytest.fixture
def house(database: Database) -> House:
    house = House(database)
    house.till.sell("1")
    return house
