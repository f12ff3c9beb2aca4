"""The one request that refunds, as text: the same text at each send, but for the request's id in it. Pure.

The id is only known when it is sent. It takes the place of `NO_KEY`, in the key and in the note, where it
stands before our mark, so that a refund is found again by either.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/mutations/refundCreate
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from storelink.connectors.action import Plan, Words, marked
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.kind import KINDS

NO_KEY = "00000000-0000-0000-0000-000000000000"
_KEY = re.compile(r"[0-9A-Za-z-]{8,64}")


def body_of(plan: Plan, words: Words) -> str:
    """The body. Raises `ValueError` for a plan that was refused."""
    if plan.refusals:
        raise ValueError(f"a plan with refusals: {', '.join(one.code for one in plan.refusals)}")
    order, detail = KINDS["orders"].gid(plan.standing.order_id), plan.detail
    given: Mapping[str, Any] = {
        "orderId": order,
        "refundLineItems": detail["lines"],
        "shipping": detail["shipping"],
        "refundDuties": detail["duties"],
        "transactions": [
            {
                "orderId": order,
                "gateway": one["gateway"],
                "kind": "REFUND",
                "amount": one["amount"],
                "parentId": one["parentId"],
            }
            for one in _records(detail["transactions"])
        ],
        "currency": detail["currency"],
        "note": marked(replace(words, reason=f"{words.reason} · {NO_KEY}" if words.reason else NO_KEY)),
        "notify": words.notify,
    }
    kept = {name: value for name, value in given.items() if value not in (None, [], {})}
    return orjson.dumps(
        {
            "query": queries.load("refund_create"),
            "variables": {"input": kept, "key": NO_KEY},
            "operationName": "RefundCreate",
        }
    ).decode()


def keyed(body: str, key: str) -> str:
    """The body with the request's id in its places. Raises `ValueError` if it has none, or that is none."""
    if not _KEY.fullmatch(key) or body.count(NO_KEY) < 2:
        raise ValueError("neither a body of ours nor an id of ours")
    return body.replace(NO_KEY, key)


def _records(value: object) -> list[Mapping[str, Any]]:
    return list(value) if isinstance(value, list) else []
