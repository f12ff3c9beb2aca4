"""What an app may see: scopes, and protected customer data (facts §1)."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLField, get_named_type, is_list_type, is_non_null_type

from storelink.sandbox.shopify.context import Context
from storelink.sandbox.shopify.refusal import Refusal

#: type → any one of these scopes opens it
SCOPES: dict[str, tuple[str, ...]] = {
    "Product": ("read_products",),
    "ProductVariant": ("read_products",),
    "InventoryItem": ("read_products", "read_inventory"),
    "InventoryLevel": ("read_inventory",),
    "Location": ("read_locations", "read_inventory"),
    "Customer": ("read_customers",),
    "Order": ("read_orders",),
    "LineItem": ("read_orders",),
    "Refund": ("read_orders",),
    "OrderTransaction": ("read_orders",),
    "ShippingLine": ("read_orders",),
}
_COUNTS = {
    "productsCount": "Product",
    "productVariantsCount": "ProductVariant",
    "customersCount": "Customer",
    "ordersCount": "Order",
}
#: closed to an app that was not approved for any protected data
_PERSONAL = frozenset(("Customer", "Order"))
_DOCUMENTATION = "https://shopify.dev/api/usage/access-scopes"
_PROTECTED = "https://shopify.dev/docs/apps/launch/protected-customer-data"


def entered(parent: str, name: str, field: GraphQLField) -> str | None:
    """The type that a field opens the door to; None for what is inside already."""
    if parent.endswith(("Connection", "Edge")):
        return None
    if parent == "QueryRoot" and name in _COUNTS:
        return _COUNTS[name]
    kind: str = get_named_type(field.type).name.removesuffix("Connection")
    return kind if kind in SCOPES else None


def check(context: Context, kind: str, name: str) -> None:
    """Raise unless the app may enter this type by this field."""
    wanted = SCOPES[kind]
    held = context.scopes
    if not any(scope in held or scope.replace("read_", "write_") in held for scope in wanted):
        scopes = " or ".join(f"`{scope}`" for scope in wanted)
        raise Refusal(
            f"Access denied for {name} field. Required access: {scopes} access scope.",
            "ACCESS_DENIED",
            documentation=_DOCUMENTATION,
            requiredAccess=f"{scopes} access scope.",
        )
    if context.protected == "none" and kind in _PERSONAL:
        raise Refusal(
            f"This app is not approved to access the {kind} object. See {_PROTECTED} for more details.",
            "ACCESS_DENIED",
            documentation=_PROTECTED,
        )


def check_node(context: Context, node: Any) -> Any:
    """A node found by its id: itself, or the error that stands in its place."""
    kind = node.get("__typename") if isinstance(node, Mapping) else None
    if kind in SCOPES:
        try:
            check(context, str(kind), "node")
        except Refusal as refusal:
            return refusal
    return node


def redacted(field: GraphQLField) -> Any:
    """What stands for a protected value: null, or as little as the schema lets it be."""
    if not is_non_null_type(field.type):
        return None
    return [] if is_list_type(field.type.of_type) else ""
