"""The migrations make exactly what the models say."""

import pytest
from alembic import command
from alembic.util import CommandError

from storelink.db import Database, alembic_config, pending


def test_no_difference_between_models_and_migrations(database: Database) -> None:
    with database.engine.begin() as connection:
        try:
            command.check(alembic_config(connection))
        except CommandError as error:
            pytest.fail(f"{error}\nwrite the missing migration: make migration m='...'")


def test_nothing_is_pending_after_an_upgrade(database: Database) -> None:
    assert pending(database.engine) == []
