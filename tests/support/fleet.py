"""Stores, a database, and the daemons that work on them: real processes, watched from outside."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import psycopg
import pytest
import typer.main
from patience import Patience, crowd
from psycopg.rows import dict_row

from storelink.cli.main import app
from storelink.config import Settings
from storelink.connectors import registry
from storelink.db import Database
from storelink.sandbox.running import Running, RunningShopify
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import account

STORELINK = Path(sys.executable).parent / "storelink"
PROMPT = 15.0
"""Seconds until a process that is told to stop is gone: 10, and something for a machine that is busy."""


def wait_until(true: Callable[[], Any], complaint: str, patience: float = 60.0) -> Any:
    """`patience` is in seconds of a machine that does nothing else."""
    left = Patience(patience)
    while not (found := true()):
        assert not left.over(), complaint
        time.sleep(0.02)
    return found


_PASSES = (
    "SELECT sum(quiet_passes) + (SELECT count(*) FROM sync_run r WHERE r.connector_id = c.id"
    " AND kind = 'incremental' AND status = 'done') FROM sync_state s"
    " JOIN connector_config c ON c.id = s.connector_id WHERE c.name = %s GROUP BY c.id"
)


@dataclass
class Process:
    """A daemon, and what it logs."""

    child: "subprocess.Popen[bytes]"
    log: Path

    def lines(self, event: str | None = None, **fields: Any) -> list[dict[str, Any]]:
        found = []
        for line in self.log.read_text().splitlines():
            with suppress(ValueError):
                entry = json.loads(line)
                named = event is None or entry.get("event") == event
                if named and all(entry.get(key) == value for key, value in fields.items()):
                    found.append(entry)
        return found

    def wait_for(self, event: str, **fields: Any) -> dict[str, Any]:
        def seen() -> Any:
            assert self.child.poll() is None or self.lines(event, **fields), self.log.read_text()[-3000:]
            return self.lines(event, **fields)

        return wait_until(seen, f"no line {event} {fields}: {self.log.read_text()[-3000:]}")[-1]

    @property
    def url(self) -> str:
        return str(self.wait_for("serving")["url"])

    def get(self, path: str) -> httpx.Response:
        # plain HTTP: certificates take longer to read than the answer
        return httpx.get(self.url + path, timeout=10 * crowd(), trust_env=False, verify=False)

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.get("/readyz").status_code == 200, "it is not ready")

    def terminate(self) -> float:
        """SIGTERM; the seconds until it was gone."""
        began = time.monotonic()
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(30 * crowd())
        return time.monotonic() - began

    def kill(self) -> None:
        self.child.kill()
        self.child.wait(60)


@dataclass
class Fleet:
    """A database with stores in it, and the processes a test has started."""

    url: str
    settings: Settings
    database: Database
    folder: Path
    processes: list[Process] = field(default_factory=list)
    more: dict[str, str] = field(default_factory=dict)
    """Environment of every process, beside the usual."""

    def add_woo(self, shop: Running, name: str = "shop", interval: int = 3600) -> uuid.UUID:
        keys = {"consumer_key": shop.key, "consumer_secret": shop.secret}
        return self._add("woocommerce", name, shop.url, keys, interval)

    def add_shopify(
        self, shop: RunningShopify, name: str = "boutique", interval: int = 3600, *, hooks: bool = False
    ) -> uuid.UUID:
        """With `hooks` also what deliveries are signed with."""
        keys = {"access_token": shop.token}
        if hooks:
            keys["client_secret"] = shop.client_secret
        return self._add("shopify", name, shop.url, keys, interval, auth_mode="token")

    def _add(self, platform: str, name: str, url: str, keys: Any, interval: int, **more: Any) -> uuid.UUID:
        with self.database.session() as session:
            row = account.register(
                session, self.keyring, registry.get(platform), name=name, store_url=url,
                credentials=keys, interval=interval, allow_http=True, **more,
            )  # fmt: skip
            session.commit()
            return row.id

    @property
    def keyring(self) -> Keyring:
        return Keyring(provider_of(self.settings))

    def start(self, *words: str, **environment: str) -> Process:
        log = self.folder / f"log-{len(self.processes)}"
        with log.open("wb") as sink:
            child = subprocess.Popen(
                [STORELINK, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=sink,
                env={**self.environment, **environment},
            )  # fmt: skip
        self.processes.append(Process(child, log))
        return self.processes[-1]

    def serve(self, *words: str, **environment: str) -> Process:
        process = self.start("serve", "--port", "0", *words, **environment)
        process.wait_until_ready()
        return process

    def run(self, *words: str, stdin: str = "") -> tuple[int, str]:
        """A command: its exit code and what it said. In this process, which takes a tenth of the time."""
        if words[0] in ("serve", "worker"):
            return self._run_apart(*words, stdin=stdin)
        out, err = io.StringIO(), io.StringIO()
        given = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        with (
            patch.dict(os.environ, self.environment, clear=True), patch("sys.stdin", given),
            redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended,
        ):  # fmt: skip
            typer.main.get_command(app)(list(words), prog_name="storelink")
        return int(ended.value.code or 0), out.getvalue() + err.getvalue()

    def _run_apart(self, *words: str, stdin: str) -> tuple[int, str]:
        done = subprocess.run(
            [STORELINK, *words], env=self.environment, capture_output=True, text=True,
            timeout=120 * crowd(), check=False, input=stdin,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def status(self, name: str) -> dict[str, Any]:
        """What `storelink status --json` says of a store; its resources by name."""
        code, said = self.run("status", name, "--json")
        assert code == 0, said
        (store,) = json.loads(said)["stores"]
        return {**store, "resources": {one["resource"]: one for one in store["resources"]}}

    @property
    def environment(self) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if not name.startswith("STORELINK_")}
        return mine | {
            "STORELINK_DATABASE_URL": self.url,
            "STORELINK_HOME": str(self.folder),
            "STORELINK_LOG_FORMAT": "json",
            "STORELINK_WORKER_PULSE": "1",
            **self.more,
        }

    def select(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self._connected() as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        plain = self.url.replace("+psycopg", "")
        with psycopg.connect(plain, row_factory=dict_row, autocommit=True) as connection:
            yield connection

    def one(self, query: str, *values: Any) -> Any:
        (row,) = self.select(query, *values)
        return next(iter(row.values()))

    def wait(self, query: str, *values: Any, complaint: str = "", least: int | None = None) -> Any:
        """Until the one value that is asked for is true; with `least`, until it is that much."""

        def holds() -> Any:
            (row,) = connection.execute(query, values).fetchall()
            (found,) = row.values()
            return found if least is None else found is not None and found >= least

        with self._connected() as connection:  # one for all the looks
            return wait_until(holds, complaint or query)

    def wait_until(self, true: Callable[[], Any], complaint: str) -> None:
        wait_until(true, complaint)

    def states(self, name: str) -> dict[str, dict[str, Any]]:
        """The store's rows of `sync_state` by resource; `due_in` and `full_due_in` are seconds."""
        rows = self.select(
            "SELECT s.*, extract(epoch FROM next_due_at - now())::float AS due_in,"
            " extract(epoch FROM full_due_at - now())::float AS full_due_in"
            " FROM sync_state s JOIN connector_config c ON c.id = s.connector_id WHERE c.name = %s",
            name,
        )
        return {row["resource"]: row for row in rows}

    def make_due(self, name: str, column: str = "next_due_at") -> None:
        self.select(
            f"UPDATE sync_state s SET {column} = now() FROM connector_config c"
            " WHERE c.id = s.connector_id AND c.name = %s",
            name,
        )

    def read_once_more(self, name: str) -> None:
        """Make it due, and wait for all its passes."""
        before = int(self.one(_PASSES, name))
        self.make_due(name)
        self.wait(_PASSES, name, least=before + 3, complaint=f"{name} is not read")

    def wait_until_read(self, *names: str) -> None:
        self.wait(
            "SELECT bool_and(phase = 'live') FROM sync_state s JOIN connector_config c"
            " ON c.id = s.connector_id WHERE c.name = ANY(%s)",
            list(names),
            complaint="a first read does not come to its end",
        )
