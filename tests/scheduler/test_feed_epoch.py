"""A database that was put back, from a copy of its folder or from a dump, tells its readers so."""

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from storelink import embedded
from storelink.config import Settings
from storelink.db import open_database
from storelink.embedded.install import binaries
from storelink.errors import NeedsDecision
from storelink.sync import feed

EVENT = (
    "INSERT INTO change_event (connector_id, entity, key, op)"
    " VALUES (gen_random_uuid(), 'order', 'a', 'insert')"
)


def published(settings):
    """The feed's epoch after one more event."""
    with open_database(settings) as database:
        pooled = database.borrow()
        connection = pooled.driver_connection
        connection.execute(EVENT)
        connection.commit()
        assert feed.publish(connection) == 1
        epoch = feed.standing(connection).epoch
        pooled.close()
        return epoch


def address(server, name=None):
    url = server.url(name) if name else server.url()
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def told(settings, epoch):
    """Whether a reader who knows this epoch is told to begin again."""
    with open_database(settings) as database:
        pooled = database.borrow()
        try:
            list(feed.read(pooled.driver_connection, 1, epoch=epoch))
        except NeedsDecision as decision:
            return "new epoch" in str(decision)
        finally:
            pooled.close()
    return False


@pytest.fixture
def dump(home):
    """(The file, the epoch that its readers know): as docs/operations.md says to make one."""
    with embedded.running(home) as server:
        epoch = published(Settings(home=home))
        file = home / "storelink.dump"
        command = [binaries(server.place) / "pg_dump", "-Fc", "-f", file, address(server)]
        subprocess.run(command, check=True, capture_output=True)
    return file, epoch


def test_a_folder_or_a_dump_that_was_put_back_begins_a_new_epoch(home, dump, cluster, tmp_path):
    file, first = dump
    here = Settings(home=home)
    assert published(here) == first, "a restart is no restore"
    shutil.copytree(home / "postgres", home / "copy")  # with all its times, as tar and rsync keep them
    (home / "postgres").rename(home / "lost")
    (home / "copy").rename(home / "postgres")
    for path in [home / "postgres", *(home / "postgres").rglob("*")]:
        owner = (home / "lost").stat()
        os.chown(path, owner.st_uid, owner.st_gid)
    restored = published(here)
    assert restored != first
    assert published(here) == restored
    assert told(here, first) and not told(here, restored)
    _restore(cluster, file, first, tmp_path)


def _restore(cluster: embedded.Server, file: Path, first, folder):
    """Into an empty database of another server; its owner has a name of their own."""
    name = "test_put_back"
    with closing(embedded.connect(cluster)) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            command = [
                binaries(cluster.place) / "pg_restore",
                "--no-owner",
                "-d",
                address(cluster, name),
                file,
            ]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, "")
            there = Settings(home=folder, database_url=address(cluster, name))
            assert not told(there, first), "until something is written, the numbers mean the same"
            moved = published(there)
            assert moved != first
            assert told(there, first) and not told(there, moved)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
