"""Empty records, as the store makes them before anything is filled in."""

from secrets import token_hex
from typing import Any

from storelink.sandbox.money import amount, ratio
from storelink.sandbox.shop import Product, Variant
from storelink.sandbox.woocommerce import customers, products
from storelink.sandbox.woocommerce.numbers import Numbers
from storelink.sandbox.woocommerce.orders import order_links, payment_url
from storelink.sandbox.woocommerce.site import SYMBOLS, VERSION, Site

Doc = dict[str, Any]
_ADDRESS = (
    "first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode",
    "country",
)  # fmt: skip


def order(site: Site, numbers: Numbers, at: int) -> Doc:
    """An order with nothing in it, pending."""
    number = numbers.next_post()
    made, made_gmt = site.both(at)
    key = f"wc_order_{token_hex(7)[:13]}"
    return {
        "id": number,
        "parent_id": 0,
        "status": "pending",
        "currency": site.currency,
        "version": VERSION,
        "prices_include_tax": site.prices_include_tax,
        "date_created": made,
        "date_modified": made,
        **dict.fromkeys(
            (
                "discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax",
                "total", "total_tax",
            ),
            amount(0),
        ),
        "customer_id": 0,
        "order_key": key,
        "billing": {**dict.fromkeys(_ADDRESS, ""), "email": "", "phone": ""},
        "shipping": {**dict.fromkeys(_ADDRESS, ""), "phone": ""},
        "payment_method": "",
        "payment_method_title": "",
        "transaction_id": "",
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": "rest-api",
        "customer_note": "",
        "date_completed": None,
        "date_paid": None,
        "cart_hash": "",
        "number": str(number),
        "meta_data": [],
        "line_items": [],
        "tax_lines": [],
        "shipping_lines": [],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [],
        "payment_url": payment_url(site, number, key),
        "is_editable": True,
        "needs_payment": False,
        "needs_processing": False,
        "date_created_gmt": made_gmt,
        "date_modified_gmt": made_gmt,
        "date_completed_gmt": None,
        "date_paid_gmt": None,
        "currency_symbol": SYMBOLS[site.currency],
        "_links": order_links(site, number, 0),
    }  # fmt: skip


def small_sale(numbers: Numbers) -> Doc:
    """Fields of a paid order of one custom line of 4,000 cents."""
    return {
        "status": "processing",
        "total": amount(4_000),
        "payment_method": "fakepay",
        "payment_method_title": "Credit card",
        "line_items": [
            {
                "id": numbers.next_item(),
                "name": "Custom work",
                "product_id": 0,
                "variation_id": 0,
                "quantity": 1,
                "tax_class": "",
                "subtotal": amount(4_000),
                "subtotal_tax": amount(0),
                "total": amount(4_000),
                "total_tax": amount(0),
                "taxes": [],
                "meta_data": [],
                "sku": None,
                "global_unique_id": None,
                "price": ratio(4_000, 1),
                "image": {"id": 0, "src": ""},
                "parent_name": None,
            }
        ],
    }


def product(site: Site, numbers: Numbers, at: int, name: str, kind: str = "simple") -> Doc:
    """A published product without a price."""
    neutral = Product(
        title=name,
        kind=kind,
        state="published",
        sku="",
        price=None,
        sale=None,
        stock=None,
        created=at,
        modified=at,
        description="",
        summary="",
        category=0,
        weight="",
        sold=0,
        image=0,
    )
    doc = products.product_doc(site, numbers, neutral, numbers.next_post())
    doc["featured"] = False
    doc["categories"] = [{"id": 15, "name": "Uncategorized", "slug": "uncategorized"}]
    return doc


def variation(site: Site, numbers: Numbers, at: int, parent: Doc, label: str) -> Doc:
    """A variation without a price."""
    neutral = Variant(label, parent["sku"], None, None, None, at, "")
    option = next((a["name"] for a in parent["attributes"] if a["variation"]), "Size")
    return products.variation_doc(site, option, at, parent, neutral, numbers.next_post())


def customer(site: Site, numbers: Numbers, at: int) -> Doc:
    """A customer with an address on the test domain and nothing else."""
    number = numbers.next_user()
    made, made_gmt = site.both(at)
    email = f"new{number}@example.test"
    return {
        "id": number,
        "date_created": made,
        "date_created_gmt": made_gmt,
        "date_modified": made,
        "date_modified_gmt": made_gmt,
        "email": email,
        "first_name": "",
        "last_name": "",
        "role": "customer",
        "username": f"new{number}",
        "billing": customers.address_doc(None, ""),
        "shipping": customers.address_doc(None, None),
        "is_paying_customer": False,
        "avatar_url": customers.avatar(email),
        "meta_data": [],
        "_links": site.links(f"customers/{number}", "customers"),
    }
