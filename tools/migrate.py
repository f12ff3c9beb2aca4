"""Write a new migration from the models: `make migration m="what and why"`."""

import sys
import tempfile
from pathlib import Path

from alembic import command

from storelink.config import Settings
from storelink.db import alembic_config, open_database


def main(message: str) -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        open_database(Settings(home=Path(home))) as database,
        database.engine.begin() as connection,
    ):
        config = alembic_config(connection)
        versions = Path(config.get_main_option("script_location")) / "versions"
        number = f"{len(list(versions.glob('0*.py'))) + 1:04d}"
        command.revision(config, message, autogenerate=True, rev_id=number)


main(" ".join(sys.argv[1:]) or "unnamed")
