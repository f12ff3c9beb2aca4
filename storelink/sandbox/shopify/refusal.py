"""Errors in the shape of Shopify's own."""

from typing import Any

from graphql import GraphQLError


class Refusal(GraphQLError):  # type: ignore[misc, unused-ignore]
    """A field that cannot be answered; `code` goes into the error's extensions."""

    def __init__(self, message: str, code: str, **extensions: Any) -> None:
        super().__init__(message, extensions={"code": code, **extensions})


def bad_request(message: str) -> Refusal:
    return Refusal(message, "BAD_REQUEST")


def not_implemented(what: str) -> Refusal:
    """What a real shop would answer and the sandbox does not know how to."""
    return Refusal(f"The sandbox does not know {what}.", "NOT_IMPLEMENTED")
