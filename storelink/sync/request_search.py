"""Requests as people look them up: by what they type of one, and in lists. The same for every kind."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Text, cast, or_, tuple_
from sqlmodel import Session, col, select

from storelink.errors import Misconfigured
from storelink.models.request import AddressUpdateRequest, RefundRequest

R = TypeVar("R", RefundRequest, AddressUpdateRequest)
LEAST = 6
"""Characters of an id that name a request."""
CALLED = {RefundRequest: "refund", AddressUpdateRequest: "change of address"}


def find(session: Session, model: type[R], wanted: str) -> R:
    """The request of this id, its first digits, or a refund's mark. Raises `Misconfigured`."""
    text = wanted.strip()
    named = [cast(col(model.id), Text).startswith(text.lower(), autoescape=True)]
    if model is RefundRequest:
        named.append(col(RefundRequest.reference) == text.upper())
    rows = session.exec(select(model).where(or_(*named)).limit(2)).all() if len(text) >= LEAST else []
    if rows[1:]:
        raise Misconfigured(f"Several requests for a {CALLED[model]} begin with {wanted!r}; give more of it.")
    if not rows:
        raise Misconfigured(f"There is no request for a {CALLED[model]} {wanted!r}.")
    return rows[0]


def listed(
    session: Session,
    model: type[R],
    *,
    connector_id: uuid.UUID | None = None,
    order_id: str | None = None,
    stages: Sequence[str] = (),
    before: tuple[datetime, uuid.UUID] | None = None,
    limit: int = 50,
) -> Sequence[R]:
    """Requests, the newest first; of a store, an order and stages where those are named.

    `before` is the moment and id of the last one that was shown.
    """
    query = select(model).order_by(col(model.requested_at).desc(), col(model.id).desc()).limit(limit)
    if before is not None:
        query = query.where(tuple_(col(model.requested_at), col(model.id)) < before)
    if connector_id is not None:
        query = query.where(col(model.connector_id) == connector_id)
    if order_id is not None:
        query = query.where(col(model.order_id) == order_id)
    if stages:
        query = query.where(col(model.stage).in_(stages))
    return session.exec(query.execution_options(populate_existing=True)).all()
