"""A private database that was put back from a copy tells its readers so."""

import os
import shutil

from storelink import embedded
from storelink.config import Settings
from storelink.db import open_database
from storelink.sync import feed

EVENT = (
    "INSERT INTO change_event (connector_id, entity, key, op)"
    " VALUES (gen_random_uuid(), 'order', 'a', 'insert')"
)


def published(home):
    """The feed's epoch after one more event."""
    with open_database(Settings(home=home)) as database:
        pooled = database.borrow()
        connection = pooled.driver_connection
        connection.execute(EVENT)
        connection.commit()
        assert feed.publish(connection) == 1
        epoch = feed.standing(connection).epoch
        pooled.close()
        return epoch


def test_a_folder_that_was_put_back_begins_a_new_epoch(home):
    with embedded.running(home):
        first = published(home)
    assert published(home) == first, "a restart is no restore"
    shutil.copytree(home / "postgres", home / "copy")  # with all its times, as tar and rsync keep them
    (home / "postgres").rename(home / "lost")
    (home / "copy").rename(home / "postgres")
    for path in [home / "postgres", *(home / "postgres").rglob("*")]:
        owner = (home / "lost").stat()
        os.chown(path, owner.st_uid, owner.st_gid)
    restored = published(home)
    assert restored != first
    assert published(home) == restored
