"""What may stay of Shopify's records when a person is erased. Pure.

Gone are addresses, names, e-mails, phones, notes, tags, attributes (also those of lines: what was
engraved), discount codes, purchase order numbers, the language, and how a card is called.
Docs: https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance
"""

from collections.abc import Mapping
from typing import Any

from storelink.connectors.personal import Personal, Shape, scalars

_AMOUNT = scalars("amount currencyCode")
_MONEY: Mapping[str, Any] = {"shopMoney": _AMOUNT, "presentmentMoney": _AMOUNT}
_ID = scalars("id")
_TAXES = scalars("title rate", priceSet=_MONEY)
_TRANSACTION = scalars(
    "id kind status gateway manualPaymentGateway errorCode test createdAt processedAt",
    amountSet=_MONEY,
    parentTransaction=_ID,
)
_LINE = scalars(
    "id name title variantTitle sku vendor quantity currentQuantity unfulfilledQuantity requiresShipping"
    " taxable isGiftCard",
    originalUnitPriceSet=_MONEY,
    discountAllocations=scalars("", allocatedAmountSet=_MONEY),
    taxLines=_TAXES,
    product=_ID,
    variant=_ID,
)
_REFUND = scalars(
    "id createdAt processedAt updatedAt",
    totalRefundedSet=_MONEY,
    refundLineItems=scalars(
        "id quantity restockType restocked", subtotalSet=_MONEY, totalTaxSet=_MONEY, lineItem=_ID
    ),
    refundShippingLines=scalars("id", subtotalAmountSet=_MONEY, taxAmountSet=_MONEY),
    orderAdjustments=scalars("id reason", amountSet=_MONEY, taxAmountSet=_MONEY),
    transactions=_TRANSACTION,
)
_TOTALS = (
    "totalPriceSet originalTotalPriceSet currentTotalPriceSet subtotalPriceSet totalTaxSet"
    " totalDiscountsSet totalShippingPriceSet totalTipReceivedSet originalTotalDutiesSet"
    " originalTotalAdditionalFeesSet totalRefundedSet totalReceivedSet totalOutstandingSet"
)

ORDER: Shape = scalars(
    "id name number test sourceName createdAt updatedAt processedAt closedAt cancelledAt cancelReason"
    " edited displayFinancialStatus displayFulfillmentStatus returnStatus currencyCode"
    " presentmentCurrencyCode taxesIncluded dutiesIncluded",
    **dict.fromkeys(_TOTALS.split(), _MONEY),
    customer=_ID,
    shippingLines=scalars(
        "id title code source isRemoved",
        originalPriceSet=_MONEY,
        discountedPriceSet=_MONEY,
        taxLines=_TAXES,
    ),
    transactions=_TRANSACTION,
    refunds=_REFUND,
)
CUSTOMER: Shape = scalars("id state taxExempt createdAt updatedAt", addresses=frozenset())

PERSONAL = Personal(
    order=ORDER,
    line=_LINE,
    customer=CUSTOMER,
    phones=("phone", "shippingAddress.phone", "billingAddress.phone"),
)
