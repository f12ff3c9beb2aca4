"""What the tests of webhooks do again and again."""

from typing import Any

from storelink.connectors import registry
from storelink.connectors.hook import webhooks_of
from storelink.sync import account, guardian, signing


def install(shop: Any, **more: Any) -> str:
    """Subscribe to what is wanted; returns the secret that deliveries are signed with."""
    house = shop.house
    with shop.subject() as subject:
        report = guardian.install(house.database, house.keyring, subject, house.url, **more)
    assert not report.refused, report.refused
    return secrets_of(shop)[0]


def secrets_of(shop: Any) -> tuple[str, ...]:
    """All that deliveries may be signed with now."""
    webhooks = webhooks_of(registry.get(shop.platform))
    assert webhooks is not None
    with shop.house.database.session() as session:
        return signing.accepted(session, shop.house.keyring, account.find(session, shop.id), webhooks)
