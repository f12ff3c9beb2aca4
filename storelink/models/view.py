"""The views. Alembic does not compare views: a test compares these with what migrations made."""

import textwrap
from typing import Any

from sqlalchemy import Connection, MetaData, event, text

from storelink.models.columns import metadata
from storelink.models.product import PlatformProduct

_FIRST = ("platform", "sku")
_NAMES = [column.name for column in metadata.tables[PlatformProduct.__tablename__].columns]
_COLUMNS = textwrap.fill(
    ", ".join([*_FIRST, *(name for name in _NAMES if name not in _FIRST)]),
    width=88,
    initial_indent="    ",
    subsequent_indent="    ",
)

PRODUCT_BY_SKU = f"""\
CREATE VIEW product_by_sku AS
SELECT DISTINCT ON (platform, sku)
{_COLUMNS}
FROM platform_product
WHERE deleted_at IS NULL AND sku IS NOT NULL AND sku <> ''
ORDER BY platform, sku, source_updated_at DESC NULLS LAST, synced_at DESC, connector_id, variant_id
"""  # noqa: S608
"""Live sellable units by (platform, sku), the newest where a SKU repeats.

Downstream tables (recommendations, try-on) join here, since platform_product itself may hold a
SKU more than once: in two stores, or twice in one.
"""

COMMENT = (
    "COMMENT ON VIEW product_by_sku IS 'Live products by (platform, sku); the newest where a SKU repeats.'"
)


@event.listens_for(metadata, "after_create")
def _create(_metadata: MetaData, connection: Connection, **_options: Any) -> None:
    connection.execute(text(PRODUCT_BY_SKU))
    connection.execute(text(COMMENT))


@event.listens_for(metadata, "before_drop")
def _drop(_metadata: MetaData, connection: Connection, **_options: Any) -> None:
    connection.execute(text("DROP VIEW IF EXISTS product_by_sku"))
