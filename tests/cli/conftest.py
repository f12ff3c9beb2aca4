"""The command line, run for real: in this process where that is quicker, as a process where it matters."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

from storelink.sandbox.running import Running, start

STORELINK = Path(sys.executable).parent / "storelink"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON document; nothing else may be on standard output."""
        return json.loads(self.out)

    @property
    def flat(self) -> str:
        """All that was said, on one line."""
        return " ".join((self.out + self.err).split())


Cli = Callable[..., Done]


@pytest.fixture(scope="session")
def storelink() -> Path:
    """The command itself."""
    return STORELINK


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, database_url: str, home: Path) -> dict[str, str]:
    """A fresh database and home, and a little patience with stores that do not answer."""
    values = {
        "STORELINK_DATABASE_URL": database_url,
        "STORELINK_HOME": str(home),
        "STORELINK_HTTP_RETRIES": "0",
        "STORELINK_HTTP_TIMEOUT": "20",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def cli(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    """`cli("sync", "shop")` runs a command in this process."""
    from storelink.cli.main import app

    def run(*words: str, stdin: str | None = None) -> Done:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((stdin or "").encode())))
        with pytest.raises(SystemExit) as ended:
            typer.main.get_command(app)(list(words), prog_name="storelink")
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def process(environment: dict[str, str]) -> Cli:
    """The same as a process of its own, found beside the interpreter."""

    def run(*words: str, stdin: str | None = None, env: dict[str, str] | None = None) -> Done:
        ended = subprocess.run(
            [STORELINK, *words], check=False, input=stdin or "", capture_output=True, text=True, timeout=120,
            env={**os.environ, **environment, **(env or {})},
        )  # fmt: skip
        return Done(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def store() -> Iterator[Running]:
    """A store of the test's own, to work in."""
    with start(40, 8, 10) as store:
        yield store


@pytest.fixture
def keys(store: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    """The store, its keys in the environment."""
    monkeypatch.setenv("STORELINK_API_KEY", store.key)
    monkeypatch.setenv("STORELINK_SECRET", store.secret)
    return store


@pytest.fixture
def registered(cli: Cli, keys: Running) -> Running:
    """The store, registered as `shop` and not read yet."""
    assert cli("connectors", "add", "woocommerce", "shop", "--store-url", keys.url).code == 0
    return keys


@pytest.fixture
def synced(cli: Cli, registered: Running) -> Running:
    """The store, registered as `shop` and read."""
    assert cli("sync", "shop").code == 0
    return registered
