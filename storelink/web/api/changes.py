"""`/v1/changes`: what changed in the unified tables, in order, for whoever follows."""

import time
import uuid
from typing import Annotated, Any, cast

import anyio
from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from storelink.access.role import Caller
from storelink.sync import feed
from storelink.web.api.caller import Reader
from storelink.web.api.problem import documented
from storelink.web.services import Services, Use

router = APIRouter(tags=["changes"])

LOOK_EVERY = 0.5
"""Seconds between looks while a request waits."""


class Change(BaseModel):
    """One row that changed. What it is now is asked of the table."""

    seq: int
    store: str
    entity: str = Field(description="product, customer, order, …: the table.")
    key: str = Field(description="Its key within the store.")
    op: str = Field(description="insert, update or delete.")
    at: str


class Changes(BaseModel):
    """Some of the feed. Ask again with `after` = `next` and the same `epoch`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {"seq": 812, "store": "shop", "entity": "platform_order", "key": "1041",
                         "op": "update", "at": "2026-11-21T14:03:02+00:00"}
                    ],
                    "epoch": "0d0f9d3e-1f5c-4f0e-9a52-0f6f7d6f8e2a",
                    "next": 812,
                    "last": 812,
                }
            ]
        }
    )  # fmt: skip

    data: list[Change]
    epoch: str | None = Field(description="Numbers mean something only together with it.")
    next: int = Field(description="The last number that was looked at.")
    last: int = Field(description="The last number of the feed.")


@router.get("/changes", response_model=Changes, responses=documented(401, 403, 409, 422, 429))
async def list_changes(
    caller: Reader, services: Use,
    after: Annotated[int, Query(ge=0, le=2**62, description="The last number that you saw.")] = 0,
    epoch: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 250,
    wait: Annotated[float, Query(ge=0, le=30, description="Seconds to wait for a change.")] = 0,
) -> dict[str, Any]:  # fmt: skip
    """Changes after a number. 409 where some are missing: read the tables whole, then follow from `last`.

    With `wait` the answer comes as soon as there is a change.
    """
    ends = time.monotonic() + wait
    while True:
        found = await run_in_threadpool(_look, services, caller, after, epoch, limit)
        if found["data"] or time.monotonic() >= ends:
            return found
        after = found["next"]
        await anyio.sleep(min(LOOK_EVERY, max(ends - time.monotonic(), 0)))


def _look(
    services: Services, caller: Caller, after: int, epoch: uuid.UUID | None, limit: int
) -> dict[str, Any]:
    """Those of the next events that the caller may see; `next` goes past the others."""
    pooled = services.database.borrow()
    try:
        with services.database.translated():
            connection = cast(feed.Psycopg, pooled.driver_connection)
            connection.rollback()
            seen: list[feed.Event] = []
            for event in feed.read(connection, after, epoch=epoch, limit=limit):
                after = event.seq
                if caller.sees(event.connector_id):
                    seen.append(event)
                if len(seen) >= limit:
                    break
            standing = feed.standing(connection)
    finally:
        pooled.close()
    return {
        "data": [
            {"seq": one.seq, "store": one.store, "entity": one.entity, "key": one.key, "op": one.op,
             "at": one.at.isoformat()}
            for one in seen
        ],
        "epoch": str(standing.epoch) if standing.epoch else None,
        "next": after,
        "last": standing.last,
    }  # fmt: skip
