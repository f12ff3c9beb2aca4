"""Our side of a daemon's bench: a private database, registered stores, and `storelink` as processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from storelink.config import Settings
from storelink.connectors.protocol import Connector
from storelink.db import Database, open_database
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import account

STORELINK = Path(sys.executable).parent / "storelink"
TICK = os.sysconf("SC_CLK_TCK")
BARE = {"currency": "USD", "time_zone": "UTC", "checked_at": "2999-01-01T00:00:00+00:00"}
"""Settings of a store that the doctor need not see."""


@dataclass(frozen=True)
class House:
    """A database with stores in it."""

    settings: Settings
    database: Database

    @property
    def keyring(self) -> Keyring:
        """The master keys of this home."""
        return Keyring(provider_of(self.settings))

    def add(
        self,
        connector: Connector,
        names: list[str],
        url: str,
        credentials: Mapping[str, str],
        mode: str,
        *,
        interval: int = 3600,
        settings: Mapping[str, Any] | None = None,
    ) -> list[uuid.UUID]:
        """Register stores; `{name}` in the address is replaced by each one's name."""
        keyring = self.keyring
        with self.database.session() as session:
            rows = [
                account.register(
                    session, keyring, connector, name=name, store_url=url.replace("{name}", name),
                    credentials=credentials, auth_mode=mode, interval=interval, allow_http=True,
                    settings=settings,
                )
                for name in names
            ]  # fmt: skip
            session.commit()
            return [row.id for row in rows]

    def select(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of one statement, committed."""
        pooled = self.database.engine.raw_connection()
        try:
            connection: psycopg.Connection[Any] = pooled.driver_connection  # type: ignore[assignment]
            cursor = connection.execute(query, values or None)
            found = cursor.fetchall() if cursor.description else []
            connection.commit()
            return found
        finally:
            pooled.close()

    def one(self, query: str, *values: Any) -> Any:
        """The one value that is asked for."""
        ((value,),) = self.select(query, *values)
        return value

    def wait(self, query: str, *values: Any, patience: float = 120.0) -> None:
        """Until the one value that is asked for is true. Raises `TimeoutError`."""
        deadline = time.monotonic() + patience
        while not self.one(query, *values):
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {patience:.0f} s for: {query}")
            time.sleep(0.05)

    @contextmanager
    def process(self, *words: str, **environment: str) -> Iterator["Process"]:
        """`storelink serve` or `worker`, until the block ends."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("STORELINK_")}
        mine |= {"STORELINK_HOME": str(self.settings.home), "STORELINK_LOG_FORMAT": "json"}
        log = self.settings.home / f"log-{uuid.uuid4().hex}"
        with log.open("wb") as sink:
            child = subprocess.Popen(
                [str(STORELINK), *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=sink,
                env=mine | environment,
            )  # fmt: skip
        try:
            yield Process(child, log)
        finally:
            child.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                child.wait(20)
            child.kill()
            child.wait()

    def postgres_cpu(self) -> float:
        """Seconds of CPU that the private Postgres has spent, with all its children, dead ones too."""
        folder = self.settings.home / "postgres"
        postmaster = int((folder / "postmaster.pid").read_text().split()[0])
        return _cpu(postmaster, waited=True) + sum(
            _cpu(child) for child in _children(postmaster)
        )  # fmt: skip


@dataclass(frozen=True)
class Process:
    """A daemon, and what it logs."""

    child: "subprocess.Popen[bytes]"
    log: Path

    def wait_for(self, event: str) -> dict[str, Any]:
        """The first line of that event. Raises `RuntimeError` with the log if the process ends."""
        while True:
            for line in self.log.read_text().splitlines():
                with suppress(ValueError):
                    entry: dict[str, Any] = json.loads(line)
                    if entry.get("event") == event:
                        return entry
            if self.child.poll() is not None:
                raise RuntimeError(self.log.read_text()[-2000:])
            time.sleep(0.02)

    def cpu(self) -> float:
        """Seconds of CPU so far, its children's too."""
        pid = self.child.pid
        return _cpu(pid) + sum(_cpu(child) for child in _children(pid))

    def complaints(self) -> list[str]:
        """What it said of errors."""
        return [line for line in self.log.read_text().splitlines() if '"level": "error"' in line]


@contextmanager
def house(**settings: Any) -> Iterator[House]:
    """An empty database in a folder of its own; all is gone at the end."""
    home = Path(tempfile.mkdtemp(prefix="storelink-bench-", dir="/tmp"))
    try:
        made = Settings(home=home, **settings)
        with open_database(made) as database:
            yield House(made, database)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _cpu(pid: int, *, waited: bool = False) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(one) for one in fields[11 : 15 if waited else 13]) / TICK


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def percentile(values: list[float], share: float) -> float:
    """The value that this share (0 to 1) of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
