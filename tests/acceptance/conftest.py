"""The command line as a process of its own, over a store that is read for the first time."""

import json
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import psycopg
import pytest
from psycopg.rows import dict_row
from shopify_laboratory import ShopifyLaboratory
from woo_laboratory import WooLaboratory

from storelink.conformance import Laboratory
from storelink.sandbox.running import start, start_shopify

STORELINK = Path(sys.executable).parent / "storelink"
CRASHING = Path(__file__).parents[1] / "support" / "crash_runner.py"


@dataclass
class Ground(ABC):
    """One store, one database, and the commands that work on them."""

    platform: ClassVar[str]
    least: ClassVar[int] = 8
    """Requests that it costs to open a store."""
    shop: Any
    url: str
    environment: dict[str, str]

    @abstractmethod
    def credentials(self) -> tuple[list[str], dict[str, str]]:
        """Options of `connectors add`, and what it reads from its input."""

    @abstractmethod
    def lab(self) -> Laboratory:
        """The store's truth."""

    @abstractmethod
    def lines(self) -> set[int]:
        """Ids of all lines of orders."""

    def before_a_run(self, chance: Random) -> None:  # noqa: B027
        """What is different each time."""

    def command(self, *words: str, crash: tuple[str, int] | None = None, stdin: str | None = None) -> Any:
        """Start a command; with `crash` it kills itself at that moment."""
        if crash is None and self.platform == "shopify":  # with a helper; by windows every page by itself
            crash = "never", 1 if "LARGE_SHOP" in self.environment else 2
        runner = [sys.executable, str(CRASHING), crash[0], str(crash[1])] if crash else [str(STORELINK)]
        child = subprocess.Popen(
            [*runner, *words], env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if stdin is not None:
            assert child.stdin is not None
            child.stdin.write(stdin)
        return child

    def run(self, *words: str, stdin: str = "", crash: tuple[str, int] | None = None) -> tuple[int, str]:
        """Run a command to its end, whatever that is: (exit code, all it said)."""
        child = self.command(*words, crash=crash)
        said, _ = child.communicate(stdin, timeout=120)
        return child.returncode, said

    def select(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(query).fetchall()

    def wait_until_nobody_is_connected(self) -> None:
        """Postgres learns of a killed process when it next reads from it or writes to it."""
        wait_until(lambda: not self.select(_OTHERS), "sessions of a killed process stay")


_OTHERS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)


def wait_until(true: Callable[[], Any], complaint: str, patience: float = 60.0) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.01)


@dataclass
class WooGround(Ground):
    """A WooCommerce store."""

    platform = "woocommerce"

    def credentials(self) -> tuple[list[str], dict[str, str]]:
        return ["--credentials", "-"], {"consumer_key": self.shop.key, "consumer_secret": self.shop.secret}

    def lab(self) -> Laboratory:
        return WooLaboratory.over(self.shop)

    def lines(self) -> set[int]:
        orders = self.shop.admin.records("orders")
        return {
            line["id"] for order in orders for line in order["line_items"]
            if order["status"] != "checkout-draft"
        }  # fmt: skip


@dataclass
class ShopifyGround(Ground):
    """A Shopify store, read by bulk operations that take a moment, or by pages."""

    platform = "shopify"
    least = 3

    def credentials(self) -> tuple[list[str], dict[str, str]]:
        return ["--auth", "token", "--credentials", "-"], {"access_token": self.shop.token}

    def before_a_run(self, chance: Random) -> None:
        """How the next run reads: the cursor may be that of the other way."""
        by_pages = chance.random() < 0.5
        self.shop.admin.set_site(
            bulk_fault="access_denied" if by_pages else "",
            bulk_seconds=chance.choice((0, 0.3)),
            max_cost=330 if by_pages else 1000,
        )

    def lab(self) -> Laboratory:
        lab = object.__new__(ShopifyLaboratory)
        lab.admin = self.shop.admin
        return lab

    def lines(self) -> set[int]:
        return {line["id"] for order in self.shop.admin.records("orders") for line in order["_lines"]}


class WindowedGround(ShopifyGround):
    """A Shopify store that is read as if it were very large: orders by several bulk operations at once."""

    def before_a_run(self, chance: Random) -> None:
        self.shop.admin.set_site(bulk_seconds=chance.choice((0, 0.2, 0.5)))


@pytest.fixture(params=["woocommerce", "shopify"])
def ground(request: pytest.FixtureRequest, database_url: str, home: Path) -> Iterator[Ground]:
    """A store of a dozen pages, registered as `shop` and not read yet."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STORELINK_")}
    environment |= {"STORELINK_DATABASE_URL": database_url, "STORELINK_HOME": str(home)}
    url = database_url.replace("postgresql+psycopg://", "postgresql://")
    kind, begin = _GROUNDS[request.param]
    if kind is WindowedGround:
        environment["LARGE_SHOP"] = "100"
    with begin(orders=520, products=120, customers=210) as shop:
        ground = kind(shop, url, environment)
        options, secrets = ground.credentials()
        words = ["connectors", "add", ground.platform, "shop", "--store-url", shop.url, *options]
        code, said = ground.run(*words, stdin=json.dumps(secrets))
        assert code == 0, said
        yield ground


def _start_shopify(**plan: Any) -> Any:
    return start_shopify(plan="enterprise", **plan)


_GROUNDS: dict[str, tuple[type[Ground], Any]] = {
    "woocommerce": (WooGround, start),
    "shopify": (ShopifyGround, _start_shopify),
    "shopify by windows": (WindowedGround, _start_shopify),
}
