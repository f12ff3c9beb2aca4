"""A database that goes away in the middle of a page, and one whose disk is full."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from woo_laboratory import WooLaboratory

from storelink.config import Settings
from storelink.conformance.registered import Registered, registered
from storelink.db import open_database
from storelink.errors import DatabaseAway


def test_a_database_killed_in_mid_backfill_is_started_again_and_nothing_is_lost(home):
    with (
        open_database(Settings(home=home)) as database,
        WooLaboratory(0, orders=330, products=30, customers=40) as lab,
        registered(database, lab) as store,
    ):
        lab.pass_time(3600)
        trouble = _Once(lambda: _kill_the_server(home))
        with pytest.raises(DatabaseAway):
            store.synchronize("orders", report=trouble)
        held = len(store.rows("orders"))
        assert 0 < held < 330
        store.synchronize()
        _in_step(store)


def test_a_full_disk_stops_a_pass_and_the_next_carries_on(small_disk):
    ballast = small_disk / "ballast"
    with (
        open_database(Settings(home=small_disk)) as database,
        WooLaboratory(0, orders=700, products=30, customers=40) as lab,
        registered(database, lab) as store,
    ):
        lab.pass_time(3600)
        trouble = _Once(lambda: _fill_up(ballast))
        with pytest.raises(DatabaseAway) as stopped:
            store.synchronize("orders", report=trouble)
        assert str(stopped.value), "no words"
        ballast.unlink()
        store.synchronize()
        _in_step(store)


@pytest.fixture(autouse=True)
def every_page_is_written_by_itself(monkeypatch):
    """So that there is a third page to make trouble after."""
    monkeypatch.setattr("storelink.sync.backfill.WAITING", 1)


class _Once:
    """Called after each page; makes trouble after the third."""

    def __init__(self, trouble) -> None:
        self.trouble, self.pages = trouble, 0

    def __call__(self, progress) -> None:
        self.pages += 1
        if self.pages == 3:
            self.trouble()


def _in_step(store: Registered) -> None:
    for resource in store.resources:
        assert store.differences(resource) == []
    assert [ledger.found for ledger in store.verify()] == [0, 0, 0]
    twice = store.select("SELECT entity, key FROM change_event GROUP BY 1, 2 HAVING count(*) > 1")
    assert [
        row for row in twice if row["entity"] != "customer"
    ] == []  # a stub's first read is its second event


def _kill_the_server(home: Path) -> None:
    pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    assert "postgres" in psutil.Process(pid).name()
    os.kill(pid, signal.SIGKILL)


def _fill_up(ballast: Path) -> None:
    """Take all the space that is left."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A home on a disk of its own, large enough for an empty database and little more."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk to fill up")
    command = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=711", "tmpfs", str(home)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield home
    finally:
        subprocess.run(["umount", str(home)], check=True)
