"""A WooCommerce order as people see it; see `connectors.presenting`. Pure.

Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from storelink.connectors.facts import words
from storelink.connectors.presenting import OrderFace, Presenter
from storelink.connectors.text import plain
from storelink.connectors.woocommerce.address_change import address_of
from storelink.connectors.woocommerce.moment import gmt


class WooCommercePresenter:
    """See `presenting.Presenter`."""

    def face(
        self, shipping: Mapping[str, Any] | None, billing: Mapping[str, Any] | None, raw: Mapping[str, Any]
    ) -> OrderFace:
        """See `presenting.Presenter`."""
        return OrderFace(
            shipping=address_of(shipping),
            billing=address_of(billing),
            payment=plain(words(raw.get("payment_method_title")) or words(raw.get("payment_method")) or ""),
            paid_at=gmt(raw.get("date_paid_gmt")),
            shipped_by=", ".join(_of(raw, "shipping_lines", "method_title")),
            codes=_of(raw, "coupon_lines", "code"),
            note=words(raw.get("customer_note")) or "",
            taxes_included=raw.get("prices_include_tax") is True,
        )

    def admin_url(self, store_url: str, order_id: str, settings: Mapping[str, Any]) -> str:
        """The page of the order; where orders live in tables of their own (HPOS) it is another one."""
        key = quote(order_id, safe="")
        page = (
            f"admin.php?page=wc-orders&action=edit&id={key}"
            if settings.get("hpos")
            else f"post.php?post={key}&action=edit"
        )
        return f"{store_url}/wp-admin/{page}"


PRESENTER: Presenter = WooCommercePresenter()


def _of(raw: Mapping[str, Any], group: str, name: str) -> tuple[str, ...]:
    lines = raw.get(group)
    found = (
        (words(line.get(name)) for line in lines if isinstance(line, dict)) if isinstance(lines, list) else ()
    )
    return tuple(one for one in found if one)
