"""How Alembic runs here: on the connection that the caller opened, in the caller's transaction."""

from typing import Any

from alembic import context

from storelink.models import metadata


def _ours(_thing: Any, name: str | None, kind: str, reflected: bool, _compared: Any) -> bool:
    """Leave alone what others keep in the same schema."""
    return not (kind == "table" and reflected and name not in metadata.tables)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=_ours,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
