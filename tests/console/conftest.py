"""One furnished house for the tests of a module."""

from collections.abc import Iterator

import pytest
from console_house import ConsoleHouse, furnished
from sign_on_house import court, made, served  # noqa: F401 - fixtures

from storelink.config import Settings
from storelink.db import Database


@pytest.fixture(scope="module")
def house(lasting: tuple[Database, Settings]) -> Iterator[ConsoleHouse]:
    with furnished(*lasting) as one:
        yield one
