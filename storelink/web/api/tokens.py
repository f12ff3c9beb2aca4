"""`/v1/tokens` and `/v1/audit`: who may call, and who did what."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import select

from storelink.access import token
from storelink.models import ApiToken, ConnectorConfig
from storelink.sync import audit_log
from storelink.web.api.caller import Admin, Operator, stores_for
from storelink.web.api.problem import Problem, documented
from storelink.web.services import Use

router = APIRouter()


class Token(BaseModel):
    """A token, without what it is: that was shown once."""

    name: str = Field(examples=["recommendations"])
    role: str = Field(examples=["reader"])
    hint: str = Field(description="Its last four characters.", examples=["x7Qk"])
    stores: list[str] | None = Field(description="Null: every store.")
    created_at: datetime
    created_by: str = Field(examples=["cli:anna"])
    ends_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


class TokenList(BaseModel):
    """All there ever were."""

    data: list[Token]


class NewToken(BaseModel):
    """A token to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "recommendations", "role": "reader", "days": 90}]},
    )

    name: str = Field(max_length=100)
    role: str = Field(description="reader, support, ops or admin.")
    stores: list[str] | None = Field(None, description="Every store, if left out.")
    days: int | None = Field(90, ge=1, le=3650, description="How long it works; null: for ever.")


class MadeToken(BaseModel):
    """The only time that the token is seen."""

    data: Token
    token: str = Field(examples=["slk_…"])


@router.get("/tokens", tags=["tokens"], response_model=TokenList, responses=documented(401, 403, 429))
def list_tokens(caller: Admin, services: Use) -> dict[str, Any]:  # noqa: ARG001 - the right is the point
    """Every token, without what it is."""
    with services.database.session() as session:
        names = {str(row.id): row.name for row in session.exec(select(ConnectorConfig))}
        return {"data": [_document(row, names) for row in token.tokens(session)]}


@router.post("/tokens", tags=["tokens"], response_model=MadeToken, status_code=201,
             responses=documented(401, 403, 404, 422, 429))  # fmt: skip
def make_token(caller: Admin, services: Use, body: NewToken) -> dict[str, Any]:
    """Make a token. It is shown in this answer and never again."""
    stores = stores_for(services, caller, body.stores) if body.stores is not None else None
    if stores is None and caller.connectors is not None:
        raise Problem(403, "scope", "A token for certain stores cannot make one for all.")
    with services.database.session() as session:
        row, secret = token.create(
            session, body.name, body.role, days=body.days, actor=caller.actor,
            connectors=None if stores is None else [one.id for one in stores],
        )  # fmt: skip
        session.commit()
        return {
            "data": _document(row, {str(one.id): one.name for one in stores or ()}),
            "token": secret,
        }


@router.delete("/tokens/{name}", tags=["tokens"], status_code=204, response_class=Response,
               responses=documented(401, 403, 404, 422, 429))  # fmt: skip
def revoke_token(caller: Admin, services: Use, name: str) -> None:
    """It works no more."""
    with services.database.session() as session:
        if "\0" in name or not session.exec(select(ApiToken.id).where(ApiToken.name == name)).first():
            raise Problem(404, "not_found", f"There is no token {name!r}.")
        token.revoke(session, name, actor=caller.actor)
        session.commit()


class Deed(BaseModel):
    """One line of the audit log."""

    id: int = Field(examples=[8120])
    at: datetime
    actor: str = Field(examples=["user:anna@shop.example"])
    action: str = Field(examples=["connector.pause"])
    store: str | None = Field(examples=["shop"])
    subject: str | None
    detail: dict[str, Any] = Field(examples=[{}])


class DeedList(BaseModel):
    """The latest first."""

    data: list[Deed]
    next: int | None = Field(description="To be sent as `before`; null on the last page.")


@router.get("/audit", tags=["audit"], response_model=DeedList, responses=documented(401, 403, 404, 422, 429))
def list_deeds(
    caller: Operator, services: Use,
    store: Annotated[list[str] | None, Query(max_length=50)] = None,
    actor: str | None = None, action: str | None = None,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=250)] = 50,
) -> dict[str, Any]:  # fmt: skip
    """Who did what, the latest first."""
    if "\0" in (actor or "") + (action or ""):
        raise Problem(422, "invalid", "A NUL character is in no record.")
    every = store is None and caller.connectors is None
    ids = None if every else [row.id for row in stores_for(services, caller, store)]
    asked = audit_log.Asked(ids, actor, () if action is None else (action,))
    with services.database.session() as session:
        found = audit_log.read(session, asked, before=before, limit=limit + 1)
    data = [asdict(one) for one in found[:limit]]
    return {"data": data, "next": data[-1]["id"] if len(found) > limit else None}


def _document(row: ApiToken, names: dict[str, str]) -> dict[str, Any]:
    stores = None if row.connectors is None else [names.get(one, one) for one in row.connectors]
    return {
        "name": row.name, "role": row.role, "hint": row.hint, "stores": stores,
        "created_at": row.created_at, "created_by": row.created_by, "ends_at": row.ends_at,
        "revoked_at": row.revoked_at, "used_at": row.used_at,
    }  # fmt: skip
