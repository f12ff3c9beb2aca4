"""What the routes of `connectors.py` take and give."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from storelink.connectors import registry
from storelink.models import ConnectorConfig
from storelink.web.api.problem import Problem

_RUN = {
    "id": "0d0f9d3e-1f5c-4f0e-9a52-0f6f7d6f8e2a", "resource": "orders", "kind": "incremental",
    "status": "done", "started_at": "2026-11-21T14:03:00Z", "finished_at": "2026-11-21T14:03:02Z",
    "fetched": 3, "inserted": 1, "updated": 2, "unchanged": 0, "deleted": 0, "quarantined": 0,
    "requests": 2, "bytes": 9412, "throttled_seconds": "0.000", "error": None,
}  # fmt: skip
_STANDING = {
    "resource": "orders", "state": "in_step", "phase": "live", "running": False, "interval": 300,
    "last_success_at": "2026-11-21T14:03:02Z", "next_due_at": "2026-11-21T14:08:02Z", "held": 1204,
    "waiting": 0, "gone": 3, "out_of_sight": 0, "quarantined": 1, "last_drift": 0, "failures": 0,
    "last_error": None, "share": None,
}  # fmt: skip


_SINCE = "A day, as it begins at the store: older orders are read only when they change. `all` reads all."


class Store(BaseModel):
    """A registered store. It never shows a credential."""

    name: str = Field(examples=["shop"])
    platform: str = Field(examples=["woocommerce"])
    store_url: str = Field(examples=["https://shop.example"])
    auth_mode: str = Field(examples=["keys"])
    status: str = Field(description="active, paused, auth_failed or uninstalled.", examples=["active"])
    interval: int = Field(description="Seconds between passes.", examples=[300])
    intervals: dict[str, int | None] = Field(
        description="By resource; null where it is the store's.", examples=[{"orders": 60, "products": None}]
    )
    orders_since: datetime | None = Field(
        description="Orders made earlier are here only if they changed since; null: all are here.",
        examples=[None],
    )
    settings: dict[str, Any] = Field(
        description="What the check learnt: currency, time zone, version.",
        examples=[{"currency": "EUR", "time_zone": "Europe/Vienna", "version": "11.0.1"}],
    )
    created_at: str = Field(examples=["2026-11-01T09:00:00+00:00"])
    updated_at: str = Field(examples=["2026-11-21T14:03:02+00:00"])


class StoreList(BaseModel):
    """Every store that the token may see."""

    data: list[Store]


class NewStore(BaseModel):
    """A store to register."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "platform": "woocommerce",
                    "name": "shop",
                    "store_url": "https://shop.example",
                    "credentials": {"consumer_key": "ck_…", "consumer_secret": "cs_…"},
                }
            ]
        },
    )

    platform: str
    name: str = Field(max_length=63)
    store_url: str = Field(max_length=2000)
    credentials: dict[str, str] = Field(description="By the names of the platform's fields. Never shown.")
    auth_mode: str | None = Field(None, description="Where the platform has several ways to sign in.")
    interval: int = Field(300, ge=10, le=86_400, description="Seconds between passes.")
    orders_since: str | None = Field(None, description=_SINCE, examples=["2025-01-01"], max_length=20)
    allow_http: bool = Field(False, description="Accept a store without https.")
    check: bool = Field(True, description="Look at it first, and register nothing if it cannot be read.")


class Finding(BaseModel):
    """One thing the check found."""

    level: str = Field(description="ok, note, warning or problem.", examples=["ok"])
    code: str = Field(examples=["orders"])
    what: str = Field(examples=["Orders can be read."])
    mend: str | None


class Check(BaseModel):
    """What a store is and what is missing, worst first."""

    healthy: bool = Field(examples=[True])
    auth_failed: bool
    findings: list[Finding]
    settings: dict[str, Any] = Field(examples=[{"currency": "EUR", "time_zone": "Europe/Vienna"}])


class Registered(BaseModel):
    """A store that was registered, and what the check found."""

    data: Store
    check: Check | None
    notes: list[str] = Field(description="Doubts about what was entered.", examples=[[]])


class Change(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"interval": 60}]})

    interval: int | None = Field(None, ge=10, le=86_400, description="Seconds between passes.")
    intervals: dict[str, int | None] | None = Field(
        None, description="By resource; null goes back to the store's.", examples=[{"orders": 60}]
    )
    orders_since: str | None = Field(
        None,
        description=_SINCE + " Nothing that is held goes; with an earlier day all are read once more.",
        examples=["2025-01-01"],
        max_length=20,
    )


class Credentials(BaseModel):
    """New credentials. They are never shown again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"credentials": {"consumer_key": "ck_…", "consumer_secret": "cs_…"}}]
        },
    )

    credentials: dict[str, str]
    auth_mode: str | None = None


class Wanted(BaseModel):
    """What is to be read."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"resources": ["orders"]}]})

    resources: list[str] | None = Field(None, description="All of the store's, if left out.")
    full: bool = Field(False, description="Everything again, from the start.")


class Compared(BaseModel):
    """What is to be compared with the store."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"resources": ["orders"]}]})

    resources: list[str] | None = None


class Queued(BaseModel):
    """It will be done by a worker."""

    name: str = Field(examples=["shop"])
    resources: list[str] = Field(examples=[["orders"]])
    workers: int = Field(
        description="Workers that are alive; with none it waits until one runs.", examples=[1]
    )


class Standing(BaseModel):
    """How a store stands, resource by resource."""

    name: str = Field(examples=["shop"])
    status: str = Field(examples=["active"])
    resources: list[dict[str, Any]] = Field(examples=[[_STANDING]])


class Removal(BaseModel):
    """What was forgotten."""

    name: str = Field(examples=["shop"])
    purged: bool
    counts: dict[str, int] = Field(
        description="Rows deleted, by table; empty without `purge`.", examples=[{}]
    )


class Address(BaseModel):
    """Where stores reach this storelink."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"public_url": "https://sync.example"}]}
    )

    public_url: str = Field(max_length=2000)


class Runs(BaseModel):
    """Passes that changed something or failed, latest first."""

    data: list[dict[str, Any]] = Field(examples=[[_RUN]])
    next: str | None = Field(description="To be sent as `after`; null on the last page.")


class Difference(BaseModel):
    """A record that differed."""

    id: str = Field(examples=["1041"])
    why: str = Field(description="missing, stale, gone, withheld or unanswered.", examples=["stale"])


class Comparison(BaseModel):
    """What the last comparison found, in records."""

    in_store: int = Field(description="Those that the store has, as far as they are read.", examples=[1204])
    older: int = Field(description="Of those, made before `orders_since`; asked for by id.", examples=[0])
    held: int = Field(description="Those that are held.", examples=[1204])
    missing: int = Field(description="Not held.", examples=[0])
    stale: int = Field(description="Held as they no longer are.", examples=[1])
    gone: int = Field(description="Held, and no more in the store.", examples=[0])
    out_of_sight: int = Field(description="Held, and hidden from our credentials.")
    quarantined: int
    fixed: int = Field(description="Of those that differed, put right.", examples=[1])
    deep: int = Field(description="Read whole and compared by content.", examples=[41])
    fix: bool = Field(description="Whether what differed was to be put right.", examples=[True])
    requests: int = Field(examples=[31])
    seconds: float = Field(examples=[12.4])
    differing: list[Difference] = Field(description="The first of them.")


class Compare(BaseModel):
    """One resource, and its last comparison. `drift` is what still differed at its end."""

    resource: str = Field(examples=["orders"])
    verified_at: datetime | None
    drift: int | None = Field(description="Null before the first comparison.", examples=[0])
    next_at: datetime | None
    withheld: int = Field(description="Deletions that wait for a person.")
    found: Comparison | None = Field(description="Null where nothing is kept of it.")


class Ledger(BaseModel):
    """How a store compared with what is held."""

    name: str = Field(examples=["shop"])
    in_step: bool = Field(description="All was compared, and nothing differs.")
    resources: list[Compare]


class WebhookStanding(BaseModel):
    """Our subscriptions in a store."""

    delivery_url: str | None = Field(examples=["https://sync.example/webhooks/56eee0c5-…"])
    active: list[str] = Field(examples=[["order.created", "order.updated"]])
    inactive: list[str] = Field(examples=[[]])
    missing: list[str] = Field(examples=[["product.deleted"]])
    others: int = Field(description="Subscriptions that are not ours.")


class Installed(BaseModel):
    """What was done about the subscriptions."""

    url: str = Field(examples=["https://sync.example/webhooks/56eee0c5-…"])
    present: list[str] = Field(examples=[["order.created"]])
    created: list[str] = Field(examples=[["order.updated"]])
    replaced: list[str] = Field(examples=[[]])
    removed: int | list[str] = Field(examples=[0])
    refused: dict[str, str] = Field(description="By topic, in the store's words.", examples=[{}])


def resources_of(row: ConnectorConfig, wanted: list[str] | None) -> list[str]:
    """The resources that are named, or all of the store's. Raises `Problem` 422."""
    known = registry.get(row.platform).resources
    for one in wanted or ():
        if one not in known:
            raise Problem(422, "resource", f"There is no resource {one!r}; there are {', '.join(known)}.")
    return [one for one in known if wanted is None or one in wanted]
