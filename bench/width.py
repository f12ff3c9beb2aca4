"""Adaptive width against every fixed one, on a store with the capacity of two cores."""

from typing import Any

from bench.laboratory import clocked, laboratory, median
from storelink.connectors.protocol import Account, Limits
from storelink.connectors.woocommerce import reader
from storelink.connectors.woocommerce.connector import CONNECTOR
from storelink.connectors.woocommerce.width import Width
from storelink.sync.opening import measure_clock

FIXED = (1, 2, 3, 4, 6, 8)


class Fixed(Width):
    """A width that stays at its most."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.value = most

    def landed(self) -> None:
        """Learn nothing."""


def measure(runs: int = 3) -> dict[str, Any]:
    """Seconds to read 12,000 orders at 20 ms of service time a page, by width."""
    with laboratory(orders=12_000, products=5, customers=50, service_time=0.02, cores=2) as bench:

        def read(most: int, kind: type[Width]) -> None:
            keys = {"consumer_key": bench.store.key, "consumer_secret": bench.store.secret}
            account = Account("bench", bench.store.url, "keys", keys)
            store = CONNECTOR.open(account, Limits(width=most), measure_clock(bench.database))
            reader.Width = kind  # type: ignore[misc]  # a class is put in another one's place
            try:
                for _ in store.backfill("orders", None):
                    pass
            finally:
                reader.Width = Width  # type: ignore[misc]  # and back
                store.close()

        fixed = {
            width: median([clocked(lambda width=width: read(width, Fixed)) for _ in range(runs)])
            for width in FIXED
        }
        adaptive = median([clocked(lambda: read(8, Width)) for _ in range(runs)])
        best = min(fixed.values())
        return {"fixed": fixed, "adaptive": adaptive, "ratio": adaptive / best}
