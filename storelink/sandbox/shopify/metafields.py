"""Metafields: values that apps and people hang on a record."""

import json
from typing import Any

from storelink.sandbox.shopify.context import Ask
from storelink.sandbox.shopify.ids import gid
from storelink.sandbox.shopify.parts import Page, list_page


def _all(source: Any) -> list[dict[str, Any]]:
    return [
        {
            "__typename": "Metafield",
            "createdAt": source["createdAt"],
            "updatedAt": source["updatedAt"],
            **part,
            "id": source["id"] * 64 + place,
            "value": part["jsonValue"] if part["type"] != "json" else _json(part["jsonValue"]),
        }
        for place, part in enumerate(source["_metafields"])
    ]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def metafields(ask: Ask) -> Page:
    """Those of a namespace, or with the keys `namespace.key`."""
    found = _all(ask.source)
    if ask.args.get("namespace") is not None:
        found = [part for part in found if part["namespace"] == ask.args["namespace"]]
    if ask.args.get("keys") is not None:
        wanted = {key if "." in key else f"{ask.args.get('namespace')}.{key}" for key in ask.args["keys"]}
        found = [part for part in found if f"{part['namespace']}.{part['key']}" in wanted]
    return list_page(ask.run, ask.args, found)


def metafield(ask: Ask) -> Any:
    """One by namespace and key."""
    wanted = (ask.args.get("namespace"), ask.args["key"])
    found = next((part for part in _all(ask.source) if (part["namespace"], part["key"]) == wanted), None)
    return None if found is None else {**found, "id": gid("Metafield", found["id"])}
