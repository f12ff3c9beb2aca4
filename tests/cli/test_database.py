"""`storelink db`, and the private database from one command to the next."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import make_url

from storelink import embedded
from storelink.sandbox.running import Running


def test_the_password_is_masked_unless_asked_for(process: Any, database_url: str) -> None:
    with_password = make_url(database_url).set(password="LEAK").render_as_string(hide_password=False)
    env = {"STORELINK_DATABASE_URL": with_password}
    masked = process("db", "url", env=env)
    assert masked.code == 0
    assert masked.out.startswith("postgresql://storelink:***@")
    assert "LEAK" not in masked.out + masked.err
    assert "LEAK" in process("db", "url", "--reveal", env=env).out


def test_an_outer_database_that_is_behind_names_the_command(process: Any, cluster: embedded.Server) -> None:
    with embedded.connect(cluster) as connection:
        connection.execute("CREATE DATABASE behind")
    try:
        env = {"STORELINK_DATABASE_URL": cluster.url("behind").render_as_string(hide_password=False)}
        done = process("status", env=env)
        assert done.code == 2
        assert "storelink db upgrade" in done.err
        applied = process("db", "upgrade", "--json", env=env)
        assert applied.code == 0
        assert applied.json["applied"]
        assert process("status", env=env).code == 0
        assert "Nothing to do" in process("db", "upgrade", env=env).out
    finally:
        with embedded.connect(cluster) as connection:
            connection.execute("DROP DATABASE behind WITH (FORCE)")


@pytest.fixture
def private(environment: dict[str, str], home: Path) -> dict[str, str]:
    """The environment of a process with a private database of its own."""
    return {
        name: value for name, value in {**os.environ, **environment}.items() if "DATABASE_URL" not in name
    }


def servers(home: Path) -> list[psutil.Process]:
    found = []
    for one in psutil.process_iter(["cmdline"]):
        if any(str(home) in word for word in one.info["cmdline"] or ()):
            found.append(one)
    return found


def test_the_private_database_keeps_from_one_command_to_the_next(
    private: dict[str, str], storelink: Path, store: Running, home: Path
) -> None:
    env = private | {"STORELINK_API_KEY": store.key, "STORELINK_SECRET": store.secret}
    for line in (
        f"connectors add woocommerce shop --store-url {store.url}",
        "sync shop",
        "verify shop",
        "status",
    ):
        done = subprocess.run(
            [storelink, *line.split()], check=False, capture_output=True, text=True, env=env, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert servers(home) == [], "a server was left behind"
    assert done.stdout.startswith("shop is in step.")


def test_hold_keeps_it_running_for_other_programs(
    private: dict[str, str], storelink: Path, home: Path
) -> None:
    holding = subprocess.Popen(
        [storelink, "db", "url", "--hold", "--reveal"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=private,
    )  # fmt: skip
    assert holding.stdout is not None
    try:
        url = holding.stdout.readline().strip()
        import psycopg

        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        holding.send_signal(signal.SIGINT)
        _, err = holding.communicate(timeout=60)
    assert holding.returncode == 130
    assert "Traceback" not in err
    deadline = time.monotonic() + 90
    while servers(home):
        assert time.monotonic() < deadline
        time.sleep(0.05)
