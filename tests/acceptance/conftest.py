"""The command line as a process of its own, over a store that is read for the first time."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from storelink.sandbox.running import Running, start

STORELINK = Path(sys.executable).parent / "storelink"
CRASHING = Path(__file__).parents[1] / "support" / "crash_runner.py"


@dataclass
class Ground:
    """One store, one database, and the commands that work on them."""

    shop: Running
    url: str
    environment: dict[str, str]

    def command(self, *words: str, crash: tuple[str, int] | None = None, stdin: str | None = None) -> Any:
        """Start a command; with `crash` it kills itself at that moment."""
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


def wait_until(true: Callable[[], Any], complaint: str, patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.01)


@pytest.fixture
def ground(database_url: str, home: Path) -> Iterator[Ground]:
    """A store of a dozen pages, registered as `shop` and not read yet."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STORELINK_")}
    environment |= {"STORELINK_DATABASE_URL": database_url, "STORELINK_HOME": str(home)}
    url = database_url.replace("postgresql+psycopg://", "postgresql://")
    with start(orders=520, products=120, customers=210) as shop:
        ground = Ground(shop, url, environment)
        keys = json.dumps({"consumer_key": shop.key, "consumer_secret": shop.secret})
        code, said = ground.run(
            "connectors",
            "add",
            "woocommerce",
            "shop",
            "--store-url",
            shop.url,
            "--credentials",
            "-",
            stdin=keys,
        )
        assert code == 0, said
        yield ground
