"""A Shopify order as people see it; see `connectors.presenting`. Pure.

Docs: https://shopify.dev/docs/api/admin-graphql/latest/objects/Order
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from storelink.connectors.facts import words
from storelink.connectors.presenting import OrderFace, Presenter
from storelink.connectors.shopify.address_change import address_of
from storelink.connectors.shopify.moment import moment_or_none


class ShopifyPresenter:
    """See `presenting.Presenter`."""

    def face(
        self, shipping: Mapping[str, Any] | None, billing: Mapping[str, Any] | None, raw: Mapping[str, Any]
    ) -> OrderFace:
        """See `presenting.Presenter`."""
        paid = [
            one
            for one in _objects(raw, "transactions")
            if one.get("status") == "SUCCESS" and one.get("kind") in ("SALE", "CAPTURE")
        ]
        ways = dict.fromkeys(words(one.get("formattedGateway")) or words(one.get("gateway")) for one in paid)
        codes = raw.get("discountCodes")
        return OrderFace(
            shipping=address_of(shipping),
            billing=address_of(billing),
            payment=", ".join(way for way in ways if way),
            paid_at=_last(paid),
            shipped_by=", ".join(
                title for one in _objects(raw, "shippingLines") if (title := words(one.get("title")))
            ),
            codes=tuple(one for one in codes if isinstance(one, str)) if isinstance(codes, list) else (),
            note=words(raw.get("note")) or "",
            taxes_included=raw.get("taxesIncluded") is True,
        )

    def admin_url(self, store_url: str, order_id: str, settings: Mapping[str, Any]) -> str:  # noqa: ARG002
        """The page of the order; Shopify leads on from the shop's own address."""
        return f"{store_url}/admin/orders/{quote(order_id, safe='')}"


PRESENTER: Presenter = ShopifyPresenter()


def _objects(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = raw.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _last(paid: list[Mapping[str, Any]]) -> datetime | None:
    found = [moment_or_none(one.get("processedAt") or one.get("createdAt")) for one in paid]
    return max((one for one in found if one is not None), default=None)
