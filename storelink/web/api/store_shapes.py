"""What the routes of `connectors.py` take and give."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Store(BaseModel):
    """A registered store. It never shows a credential."""

    name: str = Field(examples=["shop"])
    platform: str = Field(examples=["woocommerce"])
    store_url: str = Field(examples=["https://shop.example"])
    auth_mode: str = Field(examples=["keys"])
    status: str = Field(description="active, paused, auth_failed or uninstalled.", examples=["active"])
    interval: int = Field(description="Seconds between passes.", examples=[300])
    intervals: dict[str, int | None] = Field(description="By resource; null where it is the store's.")
    settings: dict[str, Any] = Field(description="What the check learnt: currency, time zone, version.")
    created_at: str
    updated_at: str


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
    allow_http: bool = Field(False, description="Accept a store without https.")
    check: bool = Field(True, description="Look at it first, and register nothing if it cannot be read.")


class Finding(BaseModel):
    """One thing the check found."""

    level: str = Field(description="ok, note, warning or problem.")
    code: str
    what: str
    mend: str | None


class Check(BaseModel):
    """What a store is and what is missing, worst first."""

    healthy: bool
    auth_failed: bool
    findings: list[Finding]
    settings: dict[str, Any]


class Registered(BaseModel):
    """A store that was registered, and what the check found."""

    data: Store
    check: Check | None
    notes: list[str] = Field(description="Doubts about what was entered.")


class Change(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"interval": 60}]})

    interval: int | None = Field(None, ge=10, le=86_400, description="Seconds between passes.")
    intervals: dict[str, int | None] | None = Field(
        None, description="By resource; null goes back to the store's.", examples=[{"orders": 60}]
    )


class Credentials(BaseModel):
    """New credentials. They are never shown again."""

    model_config = ConfigDict(extra="forbid")

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

    name: str
    resources: list[str]
    workers: int = Field(description="Workers that are alive; with none it waits until one runs.")


class Standing(BaseModel):
    """How a store stands, resource by resource."""

    name: str
    status: str
    resources: list[dict[str, Any]]


class Removal(BaseModel):
    """What was forgotten."""

    name: str
    purged: bool
    counts: dict[str, int] = Field(description="Rows deleted, by table; empty without `purge`.")


class Address(BaseModel):
    """Where stores reach this storelink."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"public_url": "https://sync.example"}]}
    )

    public_url: str = Field(max_length=2000)


class Runs(BaseModel):
    """Passes that changed something or failed, latest first."""

    data: list[dict[str, Any]]


class WebhookStanding(BaseModel):
    """Our subscriptions in a store."""

    delivery_url: str | None
    active: list[str]
    inactive: list[str]
    missing: list[str]
    others: int


class Installed(BaseModel):
    """What was done about the subscriptions."""

    url: str
    present: list[str]
    created: list[str]
    replaced: list[str]
    removed: int | list[str]
    refused: dict[str, str]
