"""A small WooCommerce store that was read, and the passage of time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from woo_laboratory import WooLaboratory

from storelink.conformance.registered import Registered, registered


class Shop:
    """A store in the sandbox and its tables here."""

    def __init__(self, lab: WooLaboratory, store: Registered) -> None:
        self.lab, self.admin, self.store = lab, lab.admin, store

    def first(self, kind: str, fits: Callable[[Any], bool] = lambda doc: True) -> Any:
        """The first record of a kind that fits."""
        return next(doc for doc in self.admin.records(kind) if fits(doc))

    def row(self, resource: str, key: int) -> dict[str, Any]:
        return self.store.rows(resource)[str(key)]

    def poll(self, *resources: str) -> list[Any]:
        """A minute later, an incremental pass."""
        self.lab.pass_time(60)
        return self.store.synchronize(*resources)

    def stamp(self) -> str:
        """The store's clock, as its records are stamped."""
        return datetime.fromtimestamp(int(self.admin.now()), UTC).isoformat()[:19]

    def stale(self, *, deep: bool = False, fix: bool = False) -> int:
        """How many records `verify` finds to differ."""
        return sum(ledger.found for ledger in self.store.verify(deep=deep, fix=fix))

    def differences(self) -> list[str]:
        return [line for resource in self.store.resources for line in self.store.differences(resource)]


@pytest.fixture
def open_shop(database: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Shop]]:
    """`open_shop(orders=…)`: registered, not read yet; `rules` are faults from the very start."""
    with ExitStack() as stack:

        def open_one(name: str = "shop", *, rules: Sequence[Any] = (), **plan: Any) -> Shop:
            plan = {"orders": 24, "products": 16, "customers": 12, "refunded_share": 0.3, **plan}
            lab = stack.enter_context(WooLaboratory(0, **plan))
            lab.admin.faults(list(rules))
            if lab.store.ca_file:
                monkeypatch.setenv("SSL_CERT_FILE", str(lab.store.ca_file))
            lab.pass_time(3 * 86_400)
            return Shop(lab, stack.enter_context(registered(database, lab, name)))

        yield open_one


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    """Read once, and then nothing happened for a day."""
    opened = open_shop()
    opened.store.synchronize()
    opened.lab.pass_time(86_400)
    opened.store.synchronize()
    return opened
