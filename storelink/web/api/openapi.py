"""The API's description of itself: what every operation has in common, and an example for each.

Examples are put together from those of the fields, so that one is written once, where the field is.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from storelink.web.api.problem import documented

Document = dict[str, Any]

_DEEPEST = 8
_BY_FORMAT = {
    "date-time": "2026-11-21T14:03:02+00:00",
    "uuid": "6a1f0c52-5d0b-4a31-9e0c-3f4f0a6f2b11",
}
_BY_TYPE: Mapping[str, Any] = {"string": "…", "integer": 0, "number": 0, "boolean": False, "null": None}
_RATE = {
    "RateLimit-Limit": "Requests that a token may make within a minute.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "Seconds until there are more again.",
}


def described(app: FastAPI) -> Callable[[], Document]:
    """What answers `/v1/openapi.json`; made once."""

    def openapi() -> Document:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes,
                separate_input_output_schemas=app.separate_input_output_schemas,
            )  # fmt: skip
            app.openapi_schema = complete(document)
        return app.openapi_schema

    return openapi


def complete(document: Document) -> Document:
    """The document with what all operations share, and with examples."""
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            if body := operation.get("requestBody"):
                for media in body["content"].values():
                    media.setdefault("example", example_of(media["schema"], schemas))
                _refuse(responses, 413, 415)
            _refuse(responses, 503)
            for status, response in responses.items():
                if not status.startswith("2"):
                    continue
                response["headers"] = {
                    name: {"description": words, "schema": {"type": "integer"}}
                    for name, words in _RATE.items()
                }
                for media in response.get("content", {}).values():
                    media.setdefault("example", example_of(media["schema"], schemas))
    return document


def _refuse(responses: Document, *statuses: int) -> None:
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    for status, said in documented(*statuses).items():
        content = {media: {"schema": schema} for media in said["content"]}
        responses.setdefault(str(status), {"description": said["description"], "content": content})


def example_of(schema: Document, schemas: Document, depth: int = 0) -> Any:
    """A value of this schema, by its own example or those of its parts."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, depth)
    given = [*schema.get("examples", ()), *schema.get("enum", ())]
    given += [schema[known] for known in ("example", "const", "default") if schema.get(known) is not None]
    choices: list[Document] = schema.get("anyOf") or schema.get("oneOf") or []
    if given or choices or depth > _DEEPEST:
        whole = [one for one in choices if "$ref" in one] or choices[-1:]  # the last of them is null, if any
        found: Any = given[0] if given else example_of(whole[0], schemas, depth + 1) if whole else None
        if isinstance(found, dict) and given:  # what is null in an example was left out on the way here
            needed = {name: schema["properties"][name] for name in schema.get("required", ())}
            return {name: example_of(one, schemas, depth + 1) for name, one in needed.items()} | found
        return found
    return _made(schema, schemas, depth)


def _made(schema: Document, schemas: Document, depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "")
    if kind == "object":
        parts = schema.get("properties", {})
        return {name: example_of(one, schemas, depth + 1) for name, one in parts.items()}
    if kind == "array":
        return [example_of(schema.get("items", {}), schemas, depth + 1)]
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(kind))
