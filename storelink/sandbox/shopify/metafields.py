"""Metafields: values that apps and people hang on a record."""

import json
from collections.abc import Mapping
from typing import Any

from graphql.pyutils import Path

from storelink.sandbox.shopify.context import Run
from storelink.sandbox.shopify.ids import gid
from storelink.sandbox.shopify.parts import Page, list_page

Args = Mapping[str, Any]


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


def metafields(run: Run, source: Any, path: Path, args: Args) -> Page:
    """Those of a namespace, or with the keys `namespace.key`."""
    found = _all(source)
    if args.get("namespace") is not None:
        found = [part for part in found if part["namespace"] == args["namespace"]]
    if args.get("keys") is not None:
        wanted = {key if "." in key else f"{args.get('namespace')}.{key}" for key in args["keys"]}
        found = [part for part in found if f"{part['namespace']}.{part['key']}" in wanted]
    return list_page(run, args, found)


def metafield(run: Run, source: Any, path: Path, args: Args) -> Any:
    """One by namespace and key."""
    wanted = (args.get("namespace"), args["key"])
    found = next((part for part in _all(source) if (part["namespace"], part["key"]) == wanted), None)
    return None if found is None else {**found, "id": gid("Metafield", found["id"])}
