"""How raw JSON is stored: outside the row and uncompressed.

Postgres would compress every value over 2 kB, which cost a third of the work of writing an order and
again at each read; what reads the tables without the raw columns is spared them either way. Alembic
does not compare this: a test does.
"""

from typing import Any

from sqlalchemy import Connection, MetaData, event, text

from storelink.models.columns import metadata

EXTERNAL = {"platform_order": ("line_items", "metadata"), "platform_product": ("metadata",)}
"""Table → columns."""


@event.listens_for(metadata, "after_create")
def _set(_metadata: MetaData, connection: Connection, **_options: Any) -> None:
    for table, columns in EXTERNAL.items():
        for column in columns:
            connection.execute(text(f"ALTER TABLE {table} ALTER {column} SET STORAGE EXTERNAL"))
