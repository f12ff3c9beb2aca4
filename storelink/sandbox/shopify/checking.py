"""What is refused before anything is executed: syntax, fields that are not there, bad variables."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    parse,
    validate,
)
from graphql.execution import get_variable_values

Doc = dict[str, Any]
Rewrite = Callable[[re.Match[str]], tuple[str, Doc]]


def _field(found: re.Match[str]) -> tuple[str, Doc]:
    name, kind = found[1], found[2]
    message = f"Field '{name}' doesn't exist on type '{kind}'"
    return message, {"code": "undefinedField", "typeName": kind, "fieldName": name}


def _argument(found: re.Match[str]) -> tuple[str, Doc]:
    name, field = found[1], found[2].rpartition(".")[2]
    message = f"Field '{field}' doesn't accept argument '{name}'"
    return message, {
        "code": "argumentNotAccepted",
        "name": field,
        "typeName": "Field",
        "argumentName": name,
    }


def _missing(found: re.Match[str]) -> tuple[str, Doc]:
    field, name = found[1].rpartition(".")[2], found[2]
    message = f"Field '{field}' is missing required arguments: {name}"
    return message, {
        "code": "missingRequiredArguments",
        "className": "Field",
        "name": field,
        "arguments": name,
    }


#: graphql-core's words → Shopify's
_WORDS: tuple[tuple[re.Pattern[str], Rewrite], ...] = (
    (re.compile(r"Cannot query field '(\w+)' on type '(\w+)'"), _field),
    (re.compile(r"Unknown argument '(\w+)' on field '([\w.]+)'"), _argument),
    (re.compile(r"Argument '([\w.]+)\((\w+):\)' of type .* is required"), _missing),
    (re.compile(r"Field '([\w.]+)' argument '(\w+)' of type .* is required"), _missing),
)


@lru_cache(maxsize=300)
def read_document(schema: GraphQLSchema, text: str) -> list[Doc] | DocumentNode:
    """A document that is valid by the schema, or the errors in Shopify's shape; stores share them."""
    try:
        document = parse(text, no_location=False)
    except GraphQLSyntaxError as error:
        return [_shown(error, {"code": "PARSE_ERROR"})]
    errors = validate(schema, document)
    return [_rewritten(error) for error in errors] if errors else document


@lru_cache(maxsize=300)
def is_dated(schema: GraphQLSchema, document: DocumentNode) -> bool:
    """Whether a valid document asks for something deprecated."""
    return bool(validate(schema, document, [NoDeprecatedCustomRule]))


def _rewritten(error: GraphQLError) -> Doc:
    for pattern, rewrite in _WORDS:
        found = pattern.match(error.message)
        if found:
            message, extensions = rewrite(found)
            return {**_shown(error, extensions), "message": message}
    return _shown(error, {"code": "GRAPHQL_VALIDATION_FAILED"})


def _shown(error: GraphQLError, extensions: Doc) -> Doc:
    shown = dict(error.formatted)
    shown["extensions"] = extensions
    return shown


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | list[Doc]:
    """The operation to execute, or why there is none."""
    operations = [part for part in document.definitions if isinstance(part, OperationDefinitionNode)]
    if name:
        named = [part for part in operations if part.name and part.name.value == name]
        return named[0] if named else [{"message": f'No operation named "{name}"'}]
    if len(operations) == 1:
        return operations[0]
    if not operations:
        return [{"message": "No operation found"}]
    return [{"message": "An operation name is required"}]


def variable_errors(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> list[Doc]:
    """What is wrong with the variables, in Shopify's shape."""
    found = get_variable_values(schema, operation.variable_definitions or (), dict(variables))
    if not isinstance(found, list):
        return []
    errors = []
    for error in found:
        name = re.search(r"\$(\w+)", error.message)
        value = variables.get(name[1]) if name else None
        problems = [{"path": [], "explanation": error.message}]
        shown = _shown(error, {"code": "INVALID_VARIABLE", "value": value, "problems": problems})
        if name:
            shown["message"] = f"Variable ${name[1]} was provided invalid value ({error.message})"
        errors.append(shown)
    return errors
