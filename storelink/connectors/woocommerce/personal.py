"""What may stay of WooCommerce's records when a person is erased. Pure.

Gone are addresses, names, notes, IP address and browser, every plugin's `meta_data`, coupon codes, what
was engraved, `order_key` (it opens the order without a login) and the gateway's transaction id, as
WooCommerce's own eraser does.
Docs: https://github.com/woocommerce/woocommerce/wiki/Personal-Data-Erasure
"""

from storelink.connectors.personal import Personal, Shape, scalars

_TAXES = scalars("id total subtotal")
OURS = frozenset(("_refunded_item_id", "_wp_trash_meta_status"))
"""The only entries of `meta_data` that say nothing of a person, and that rows are made of."""
_LINE = scalars(
    "id name product_id variation_id quantity tax_class subtotal subtotal_tax total total_tax sku price",
    taxes=_TAXES,
)
_SHIPPING = scalars("id method_id instance_id total total_tax", taxes=_TAXES)
_FEE = scalars("id tax_class tax_status amount total total_tax", taxes=_TAXES)
_TAX = scalars("id rate_code rate_id label compound tax_total shipping_tax_total rate_percent")
_DATES = (
    "date_created date_created_gmt date_modified date_modified_gmt date_completed date_completed_gmt"
    " date_paid date_paid_gmt dates_are_gmt"
)

ORDER: Shape = scalars(
    "id parent_id number status currency version prices_include_tax discount_total discount_tax"
    " shipping_total shipping_tax cart_tax total total_tax customer_id payment_method created_via"
    f" {_DATES}",
    tax_lines=_TAX,
    shipping_lines=_SHIPPING,
    fee_lines=_FEE,
    coupon_lines=scalars("id discount discount_tax"),
    refunds=scalars("id total"),
    refund_details=scalars(
        f"id amount refunded_payment {_DATES}",
        line_items={**_LINE, "meta_data": OURS},
        shipping_lines=_SHIPPING,
        fee_lines=_FEE,
        tax_lines=_TAX,
    ),
    meta_data=OURS,
)
CUSTOMER: Shape = scalars(f"id role is_paying_customer {_DATES}")

PERSONAL = Personal(
    order=ORDER,
    line=_LINE,
    customer=CUSTOMER,
    phones=("billing.phone", "shipping.phone"),
)
