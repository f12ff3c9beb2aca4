"""Raw records of Shopify made by hand, field by field as the fragments in `queries/` ask for them."""

import copy
from typing import Any

Raw = dict[str, Any]


def both(shop: str, customer: str | None = None, *, currency: str = "USD", foreign: str | None = None) -> Raw:
    """A MoneyBag with both sides."""
    return {
        "shopMoney": {"amount": shop, "currencyCode": currency},
        "presentmentMoney": {"amount": customer or shop, "currencyCode": foreign or currency},
    }


def shop(amount: Any, currency: str = "USD") -> Raw:
    """A MoneyBag of which only the shop's side was asked for."""
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


def address(**fields: Any) -> Raw:
    return {
        "firstName": "Ann", "lastName": "Lee", "company": None, "address1": "1 Elm St", "address2": None,
        "city": "Ottawa", "province": "Ontario", "provinceCode": "ON", "country": "Canada",
        "countryCodeV2": "CA", "zip": "K1A 0B1", "phone": "+16135550100",
    } | fields  # fmt: skip


def item(number: int = 11, price: str = "20.0", quantity: int = 2, **fields: Any) -> Raw:
    """A line of two shirts, with a discount of 4 and a tax of 3.6."""
    return {
        "id": f"gid://shopify/LineItem/{number}",
        "name": "Shirt - Red / L",
        "title": "Shirt",
        "variantTitle": "Red / L",
        "sku": "SHIRT-RED-L",
        "vendor": "Loom",
        "quantity": quantity,
        "currentQuantity": quantity,
        "unfulfilledQuantity": quantity,
        "requiresShipping": True,
        "taxable": True,
        "isGiftCard": False,
        "originalUnitPriceSet": both(price),
        "discountAllocations": [{"allocatedAmountSet": both("4.0")}],
        "taxLines": [{"title": "GST", "rate": 0.1, "priceSet": shop("3.6")}],
        "customAttributes": [],
        "product": {"id": "gid://shopify/Product/71"},
        "variant": {"id": "gid://shopify/ProductVariant/81"},
    } | fields


def shipping(**fields: Any) -> Raw:
    return {
        "id": "gid://shopify/ShippingLine/31",
        "title": "Standard",
        "code": "standard",
        "source": "shopify",
        "isRemoved": False,
        "originalPriceSet": both("8.0"),
        "discountedPriceSet": both("5.0"),
        "taxLines": [{"title": "GST", "rate": 0.1, "priceSet": shop("0.5")}],
    } | fields


def transaction(number: int, kind: str, amount: str, status: str = "SUCCESS", **fields: Any) -> Raw:
    return {
        "id": f"gid://shopify/OrderTransaction/{number}",
        "kind": kind,
        "status": status,
        "gateway": "bogus",
        "formattedGateway": "Bogus",
        "manualPaymentGateway": False,
        "errorCode": None,
        "test": False,
        "createdAt": "2026-06-30T13:24:59Z",
        "processedAt": "2026-06-30T13:24:59Z",
        "amountSet": both(amount),
        "parentTransaction": None if kind == "SALE" else {"id": "gid://shopify/OrderTransaction/41"},
    } | fields


def refund_line(
    line: int = 11, quantity: int = 1, value: str = "18.0", tax: str = "1.8", **fields: Any
) -> Raw:
    return {
        "id": f"gid://shopify/RefundLineItem/{line}9",
        "quantity": quantity,
        "restockType": "RETURN",
        "restocked": True,
        "subtotalSet": both(value),
        "totalTaxSet": both(tax),
        "lineItem": {"id": f"gid://shopify/LineItem/{line}"},
    } | fields


def refund(number: int = 51, **fields: Any) -> Raw:
    """One of the two shirts given back, its money too."""
    return {
        "id": f"gid://shopify/Refund/{number}",
        "note": "Too small",
        "createdAt": "2026-07-02T08:00:00Z",
        "processedAt": "2026-07-02T08:00:01Z",
        "updatedAt": "2026-07-02T08:00:02Z",
        "totalRefundedSet": both("19.8"),
        "refundLineItems": [refund_line()],
        "refundShippingLines": [],
        "orderAdjustments": [],
        "transactions": [transaction(42, "REFUND", "19.8")],
    } | fields


def order(**fields: Any) -> Raw:
    """Two shirts at 20 less 4, 3.6 tax; 5 shipping, 0.5 tax: 45.1 in all, paid and not yet sent."""
    return copy.deepcopy(
        {
            "id": "gid://shopify/Order/450789469",
            "name": "#1001",
            "number": 1001,
            "confirmationNumber": "XPAV284CT",
            "test": False,
            "email": "ann@example.com",
            "phone": "+16135550100",
            "note": None,
            "tags": [],
            "poNumber": None,
            "sourceName": "web",
            "customerLocale": "en",
            "createdAt": "2026-06-30T13:24:58Z",
            "updatedAt": "2026-07-02T08:00:02Z",
            "processedAt": "2026-06-30T13:24:57Z",
            "closedAt": None,
            "cancelledAt": None,
            "cancelReason": None,
            "edited": False,
            "displayFinancialStatus": "PAID",
            "displayFulfillmentStatus": "UNFULFILLED",
            "returnStatus": "NO_RETURN",
            "currencyCode": "USD",
            "presentmentCurrencyCode": "USD",
            "taxesIncluded": False,
            "dutiesIncluded": False,
            "discountCodes": [],
            "paymentGatewayNames": ["bogus"],
            "totalPriceSet": both("45.1"),
            "originalTotalPriceSet": shop("45.1"),
            "currentTotalPriceSet": both("45.1"),
            "subtotalPriceSet": both("36.0"),
            "totalTaxSet": both("4.1"),
            "totalDiscountsSet": both("7.0"),
            "totalShippingPriceSet": shop("8.0"),
            "totalTipReceivedSet": shop("0.0"),
            "originalTotalDutiesSet": None,
            "originalTotalAdditionalFeesSet": None,
            "totalRefundedSet": both("0.0"),
            "totalReceivedSet": both("45.1"),
            "totalOutstandingSet": both("0.0"),
            "customAttributes": [],
            "customer": {"id": "gid://shopify/Customer/61"},
            "shippingAddress": address(),
            "billingAddress": address(),
            "transactions": [transaction(41, "SALE", "45.1")],
            "lineItems": [item()],
            "shippingLines": [shipping()],
            "refunds": [],
        }
        | fields
    )


def refunded_order(**fields: Any) -> Raw:
    """The same after one shirt came back."""
    return order(
        displayFinancialStatus="PARTIALLY_REFUNDED",
        lineItems=[item(currentQuantity=1)],
        currentTotalPriceSet=both("25.3"),
        totalRefundedSet=both("19.8"),
        transactions=[transaction(41, "SALE", "45.1"), transaction(42, "REFUND", "19.8")],
        refunds=[refund()],
    ) | copy.deepcopy(fields)


def variant(number: int = 81, **fields: Any) -> Raw:
    return {
        "id": f"gid://shopify/ProductVariant/{number}",
        "title": "Red / L",
        "position": 1,
        "sku": "SHIRT-RED-L",
        "barcode": None,
        "price": "20.00",
        "compareAtPrice": "25.00",
        "taxable": True,
        "availableForSale": True,
        "inventoryPolicy": "DENY",
        "inventoryQuantity": 7,
        "createdAt": "2026-01-02T03:04:05Z",
        "updatedAt": "2026-02-02T03:04:05Z",
        "selectedOptions": [{"name": "Color", "value": "Red"}, {"name": "Size", "value": "L"}],
        "inventoryItem": {"id": "gid://shopify/InventoryItem/91", "tracked": True, "requiresShipping": True},
    } | fields


def product(**fields: Any) -> Raw:
    """A shirt in two sizes."""
    return copy.deepcopy(
        {
            "id": "gid://shopify/Product/71",
            "title": "Shirt",
            "handle": "shirt",
            "status": "ACTIVE",
            "vendor": "Loom",
            "productType": "Tops",
            "tags": ["linen"],
            "descriptionHtml": "<p>Soft &amp; light.</p><p>Linen.</p>",
            "createdAt": "2026-01-02T03:04:05Z",
            "updatedAt": "2026-03-02T03:04:05Z",
            "publishedAt": "2026-01-03T00:00:00Z",
            "hasOnlyDefaultVariant": False,
            "isGiftCard": False,
            "onlineStoreUrl": "https://shop.example/products/shirt",
            "options": [
                {"name": "Color", "position": 1, "values": ["Red"]},
                {"name": "Size", "position": 2, "values": ["L", "M"]},
            ],
            "featuredMedia": {"alt": "", "preview": {"image": {"url": "https://cdn.example/shirt.jpg?v=1"}}},
            "variants": [
                variant(),
                variant(
                    82,
                    title="Red / M",
                    position=2,
                    sku="SHIRT-RED-M",
                    selectedOptions=[{"name": "Color", "value": "Red"}, {"name": "Size", "value": "M"}],
                ),
            ],
        }
        | fields
    )


def simple_product(**fields: Any) -> Raw:
    """A mug with no choice to make: Shopify gives it one variant called Default Title."""
    return product(
        id="gid://shopify/Product/72",
        title="Mug",
        hasOnlyDefaultVariant=True,
        options=[{"name": "Title", "position": 1, "values": ["Default Title"]}],
        variants=[
            variant(
                83,
                title="Default Title",
                sku="MUG",
                selectedOptions=[{"name": "Title", "value": "Default Title"}],
            )
        ],
    ) | copy.deepcopy(fields)


def customer(**fields: Any) -> Raw:
    home = address() | {"id": "gid://shopify/MailingAddress/95?model_name=CustomerAddress"}
    return copy.deepcopy(
        {
            "id": "gid://shopify/Customer/61",
            "firstName": "Ann",
            "lastName": "Lee",
            "state": "ENABLED",
            "note": None,
            "tags": ["vip"],
            "locale": "en",
            "taxExempt": False,
            "verifiedEmail": True,
            "createdAt": "2025-12-24T18:00:00Z",
            "updatedAt": "2026-06-30T13:24:59Z",
            "defaultEmailAddress": {"emailAddress": "ann@example.com", "marketingState": "SUBSCRIBED"},
            "defaultPhoneNumber": {"phoneNumber": "+16135550100"},
            "defaultAddress": home,
            "addresses": [home],
        }
        | fields
    )


SEEN = {"currency": "USD", "protected": {"personal": "granted", "Customer": "granted", "Order": "granted"}}
"""What the doctor leaves of a store that shows us everything."""
