"""Who buys: every account of every store, and one with its orders."""

from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from storelink.web.api import records
from storelink.web.api.caller import stores_for
from storelink.web.console.page import show
from storelink.web.console.signed import Reader
from storelink.web.services import Use

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Query(max_length=200)]
LIMIT = 50


@router.get("/customers")
def browse(
    request: Request, caller: Reader, services: Use, q: Text = "", store: Text = "",
    after: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:  # fmt: skip
    """Accounts by store and id; `q` is an e-mail address."""
    wanted = q.strip().replace("\0", "")
    names = [row.name for row in stores_for(services, caller)]
    found = records.list_customers(
        caller, services, store=[store] if store in names else None, limit=LIMIT, after=after,
        email=wanted or None,
    )  # fmt: skip
    filters: dict[str, Any] = {"q": wanted, "store": store}
    return show(
        request, "customers.html", caller, rows=found["data"], names=names,
        older=_link(filters, found["next"]), first=_link(filters, "") if after else None, **filters,
    )  # fmt: skip


@router.get("/customers/{store}/{customer_id}")
def account(request: Request, caller: Reader, services: Use, store: str, customer_id: str) -> Response:
    """One account, its orders here and those of the same e-mail in other stores."""
    found = records.show_customer(caller, services, store, customer_id)["data"]
    orders = records.list_orders(caller, services, store=[store], customer_id=customer_id, limit=50)["data"]
    others = []
    if found["email"]:
        known = {(one["store"], one["order_id"]) for one in orders}
        others = [
            one for one in records.list_orders(caller, services, email=found["email"], limit=50)["data"]
            if (one["store"], one["order_id"]) not in known
        ]  # fmt: skip
    return show(
        request, "customer.html", caller, account=found,
        orders=[_order(one) for one in orders], others=[_order(one) for one in others],
    )  # fmt: skip


def _order(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"total_amount": Decimal(row["total_amount"])}


def _link(filters: dict[str, Any], after: str | None) -> str | None:
    if after is None:
        return None
    kept = {name: value for name, value in (filters | {"after": after}).items() if value}
    return "/console/customers" + (f"?{urlencode(kept)}" if kept else "")
