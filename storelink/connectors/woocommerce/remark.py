"""What a person should know before money of an order is given back. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from storelink.connectors.action import Remark, Standing, Wish
from storelink.connectors.text import text
from storelink.connectors.woocommerce.moment import moment_or_none
from storelink.connectors.woocommerce.shape import Record

OLD = timedelta(days=180)
"""After which PayPal and many banks take nothing back."""
_CURRENCY_KEYS = (
    "woocs_",
    "wcml_",
    "aelia",
    "wcpbc",
    "multi_currency",
    "exchange_rate",
    "base_currency",
    "yay_currency",
)
"""In the metadata keys of plugins that sell in several currencies."""
_GIFT_KEYS = ("gift_card", "giftcard", "gift-card", "store_credit", "_ywgc_")


def remarks_on(
    order: Record,
    wish: Wish,
    standing: Standing,
    can_refund: Mapping[str, bool] | None,
    settings: Mapping[str, Any],
) -> tuple[Remark, ...]:
    """All that can be seen from the order and the store's gateways."""
    found = [
        *_gateway(order, wish, can_refund),
        *_age(order, standing, settings),
        *_currency(order, standing, settings),
        *_other_money(order),
        Remark(
            "store_mails", "the store writes to the customer about every refund, as its e-mails are set up"
        ),
    ]
    if wish.location is not None:
        found.append(Remark("no_locations", "WooCommerce has one stock; units go back to that"))
    return tuple(found)


def _gateway(order: Record, wish: Wish, can_refund: Mapping[str, bool] | None) -> list[Remark]:
    gateway = text(order.get("payment_method"), "payment_method") or ""
    name = text(order.get("payment_method_title"), "payment_method_title") or gateway or "no payment method"
    if wish.by_hand:
        return [Remark("by_hand", "the store only records it: a person has to move the money")]
    if can_refund is None:
        return [Remark("gateway_unknown", f"the store does not tell whether {name} can pay back")]
    if gateway not in can_refund:
        return [Remark("gateway_missing", f"the store no longer has {name}: a person has to move the money")]
    if not can_refund[gateway]:
        return [Remark("gateway_cannot", f"{name} cannot pay back by itself: a person has to move the money")]
    return []


def _age(order: Record, standing: Standing, settings: Mapping[str, Any]) -> list[Remark]:
    paid = moment_or_none(order, "date_paid", settings) or moment_or_none(order, "date_created", settings)
    now = standing.read.store_time or standing.read.started
    if paid is None:
        return []
    days = (now - paid).days
    if now - paid < OLD:
        return []
    return [Remark("old_order", f"paid {days} days ago: many gateways take nothing back after 180")]


def _currency(order: Record, standing: Standing, settings: Mapping[str, Any]) -> list[Remark]:
    keys = _meta_keys(order, _CURRENCY_KEYS)
    own = text(settings.get("currency"), "currency")
    if keys:
        about = f"a plugin that sells in several currencies noted {', '.join(keys)}"
    elif own and standing.total.currency != own:
        about = f"the order is in {standing.total.currency}, the store's own currency is {own}"
    else:
        return []
    return [Remark("presentment_currency", f"{about}: what the customer gets back may differ by the rate")]


def _other_money(order: Record) -> list[Remark]:
    """Gift cards are kept by plugins, each in its way; coupons by the store itself."""
    found = []
    coupons = [one for one in order.get("coupon_lines") or () if isinstance(one, dict)]
    cards = [one for one in coupons if _names_card(str(one.get("discount_type") or ""))]
    if cards or order.get("gift_cards") or _meta_keys(order, _GIFT_KEYS):
        words = "a gift card or store credit paid a part of the order; see that its part goes back onto it"
        found.append(Remark("gift_card", words))
    codes = [str(one.get("code")) for one in coupons if one not in cards]
    if codes:
        words = f"bought with {', '.join(codes)}: what was paid is given back, the coupon is not"
        found.append(Remark("coupon", words))
    return found


def _names_card(value: str) -> bool:
    return any(key in value.lower() for key in (*_GIFT_KEYS, "smart_coupon"))


def _meta_keys(order: Record, words: tuple[str, ...]) -> list[str]:
    entries = order.get("meta_data")
    keys = (
        [str(one.get("key")) for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    )
    return [key for key in keys if any(word in key.lower() for word in words)][:3]
