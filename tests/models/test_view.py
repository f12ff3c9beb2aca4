"""product_by_sku: where other applications find a sellable unit."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from storelink.db import Database
from storelink.models import ConnectorConfig, PlatformProduct

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def store(name: str) -> ConnectorConfig:
    return ConnectorConfig(
        id=uuid.uuid4(),
        name=name,
        platform="woocommerce",
        store_url=f"https://{name}.example",
        auth_mode="keys",
    )


def unit(store: ConnectorConfig, variant: str, sku: str | None, **more: Any) -> PlatformProduct:
    row = {
        "connector_id": store.id,
        "variant_id": variant,
        "platform": "woocommerce",
        "sku": sku,
        "product_id": variant,
        "title": variant,
        "available": True,
        "attributes": {},
        "source_updated_at": NOON,
        "synced_at": NOON,
        **more,
    }
    return PlatformProduct(**row)


def shown(database: Database) -> dict[str, str]:
    with database.connect() as connection:
        rows = connection.execute(
            text("SELECT sku, variant_id FROM product_by_sku WHERE platform = 'woocommerce'")
        )
        return {row.sku: row.variant_id for row in rows}


def test_the_newest_live_unit_stands_for_its_sku(database: Database) -> None:
    one, two = store("one"), store("two")
    later = NOON + timedelta(minutes=1)
    with database.session() as session:
        session.add_all([one, two])
        session.flush()
        session.add_all(
            [
                unit(one, "1", "ALONE"),
                unit(one, "2", "TWICE"),
                unit(one, "3", "TWICE", source_updated_at=later),
                unit(one, "4", "BOTH", synced_at=later),
                unit(two, "5", "BOTH"),
                unit(one, "6", "LIVE"),
                unit(one, "7", "LIVE", source_updated_at=later, deleted_at=later),
                unit(one, "8", "DATED"),
                unit(one, "9", "DATED", source_updated_at=None, synced_at=later),
                unit(one, "10", "GONE", deleted_at=NOON),
                unit(one, "11", None),
                unit(one, "12", ""),
            ]
        )
        session.commit()
    assert shown(database) == {"ALONE": "1", "TWICE": "3", "BOTH": "4", "LIVE": "6", "DATED": "8"}


def test_it_shows_every_column_of_the_row(database: Database) -> None:
    query = """
        SELECT (SELECT array_agg(attname ORDER BY attname) FROM pg_attribute
                WHERE attrelid = 'product_by_sku'::regclass AND attnum > 0)
             = (SELECT array_agg(attname ORDER BY attname) FROM pg_attribute
                WHERE attrelid = 'platform_product'::regclass AND attnum > 0)
    """
    with database.connect() as connection:
        assert connection.scalar(text(query)) is True
