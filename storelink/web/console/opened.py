"""The order that a page's address names, and what its platform is called."""

from storelink.connectors import registry
from storelink.errors import Misconfigured, StorelinkError
from storelink.models import ConnectorConfig
from storelink.sync import order_story
from storelink.web.api.problem import Problem
from storelink.web.services import Services


def read_order(services: Services, row: ConnectorConfig, order_id: str) -> order_story.Told:
    """The order and its story. Raises `Problem` 404."""
    if "\0" in order_id:
        raise Problem(404, "not_found", "There is no such order.")
    with services.database.session() as session:
        try:
            return order_story.tell(session, row, order_id)
        except Misconfigured:
            raise Problem(
                404, "not_found",
                f"{row.name} has no order {order_id} that storelink has read. It may be in another store, or"
                " not be read yet.",
            ) from None  # fmt: skip


def title_of(row: ConnectorConfig) -> str:
    """What the platform is called."""
    try:
        return registry.get(row.platform).title
    except StorelinkError:
        return row.platform
