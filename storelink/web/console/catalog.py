"""What the stores sell: every unit of every store, and one unit."""

from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from storelink.access.role import Caller
from storelink.web.api import records
from storelink.web.api.caller import stores_for
from storelink.web.console.page import show
from storelink.web.console.signed import Reader
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Query(max_length=200)]
LIMIT = 50


@router.get("/catalog")
def browse(
    request: Request, caller: Reader, services: Use, q: Text = "", store: Text = "", sale: Text = "",
    after: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:  # fmt: skip
    """Units by store and id; `q` is a SKU or the id of a product."""
    wanted, names = q.strip().replace("\0", ""), _stores(services, caller)
    chosen = [store] if store in names else None
    found: dict[str, Any] = {"data": [], "next": None}
    # a SKU first; what is none may be a product's id
    for key in ("sku", "product_id") if wanted else ("sku",):
        by: dict[str, Any] = {key: wanted} if wanted else {}
        found = records.list_products(
            caller, services, store=chosen, limit=LIMIT, after=after,
            available={"yes": True, "no": False}.get(sale), **by,
        )  # fmt: skip
        if found["data"]:
            break
    filters: dict[str, Any] = {"q": wanted, "store": store, "sale": sale}
    return show(
        request, "catalog.html", caller, rows=[_unit(one) for one in found["data"]], names=names,
        older=_link(filters, found["next"]), first=_link(filters, "") if after else None, **filters,
    )  # fmt: skip


@router.get("/catalog/{store}/{variant_id}")
def unit(request: Request, caller: Reader, services: Use, store: str, variant_id: str) -> Response:
    """One unit, whole."""
    found = records.show_product(caller, services, store, variant_id)["data"]
    siblings = records.list_products(
        caller, services, store=[store], product_id=found["product_id"], limit=100
    )["data"]
    return show(request, "unit.html", caller, unit=_unit(found), raw=found["metadata"],
                siblings=[_unit(one) for one in siblings])  # fmt: skip


def _stores(services: Services, caller: Caller) -> list[str]:
    return [row.name for row in stores_for(services, caller)]


def _link(filters: dict[str, Any], after: str | None) -> str | None:
    if after is None:
        return None
    kept = {name: value for name, value in (filters | {"after": after}).items() if value}
    return "/console/catalog" + (f"?{urlencode(kept)}" if kept else "")


def _unit(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its amounts as numbers and its picture only from a place that pages may show."""
    money = {name: Decimal(row[name]) if row.get(name) is not None else None
             for name in ("price", "compare_at_price", "inventory_quantity")}  # fmt: skip
    links = {name: row.get(name) if str(row.get(name) or "").startswith("https://") else None
             for name in ("image_url", "url")}  # fmt: skip
    return row | money | links
