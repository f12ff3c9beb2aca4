"""Settings: read once at the edge (command line, worker), then passed down.

Every setting is an environment variable with the prefix `STORELINK_`. The README's
table of settings is checked against this class by a test.
"""

from decimal import Decimal
from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_home() -> Path:
    """The data folder: `/var/lib/storelink` for root, the user's data folder otherwise."""
    import os

    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/storelink")
    return Path(platformdirs.user_data_dir("storelink", appauthor=False))


class Settings(BaseSettings):
    """What a storelink process needs to know before it opens the database."""

    model_config = SettingsConfigDict(
        env_prefix="STORELINK_",
        frozen=True,
        extra="ignore",
        env_file=None,
        hide_input_in_errors=True,  # a mistyped URL or key must not be printed back
    )

    home: Path = Field(
        default_factory=default_home,
        description="Folder of the embedded database and of the key file.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="Postgres to use (15 or newer), `postgresql://user:password@host/name`. "
        "Unset: a private PostgreSQL under STORELINK_HOME.",
    )
    allow_private_stores: bool = Field(
        default=False,
        description="Let the API and the console register stores in private networks and on this machine.",
    )
    public_url: str | None = Field(
        default=None,
        description="Where people and stores reach `storelink serve`, as https://sync.example. With https the"
        " console's cookies are sent over https alone.",
    )
    api_rate: int = Field(
        default=600, ge=1, description="Requests a minute that each token of the API may make of one process."
    )
    oidc_issuer: str | None = Field(
        default=None,
        description="Single sign-on to the console by OpenID Connect: the provider's issuer, written as in"
        " its discovery document. Unset: there is none.",
    )
    oidc_client_id: str | None = Field(
        default=None, description="The client ID that the provider gave storelink."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="The client secret. Unset: a public client, held by PKCE alone."
    )
    oidc_title: str | None = Field(
        default=None,
        max_length=60,
        description="What the button calls the provider, as in Sign in with Northpeak. Unset: the issuer's"
        " host.",
    )
    oidc_scopes: str = Field(
        default="openid email profile",
        description="What the provider is asked for, separated by spaces; some tell groups only for a scope"
        " of their own.",
    )
    oidc_groups: str = Field(
        default="groups",
        description="The claim that holds a person's groups; dots lead into it, as in `realm_access.roles`.",
    )
    oidc_roles: str | None = Field(
        default=None,
        description="Whom the provider lets in without an account made by an admin, and as what: `group=role`"
        " and `@mail.domain=role`, separated by commas (or by semicolons, where a group has a comma in it);"
        " the first that fits counts. Unset: nobody.",
    )
    oidc_trust_email: bool = Field(
        default=False,
        description="Take e-mail addresses for verified where the provider does not say whether they are.",
    )
    passwords: bool = Field(
        default=True,
        description="Let people sign in with passwords. Off: by single sign-on, and by the one-time links of"
        " `storelink users invite`.",
    )
    database_pool: int = Field(
        default=8, ge=2, le=100, description="Most database connections one process opens (`serve` is two)."
    )
    embedded_user: str = Field(
        default="nobody",
        description="System user that the embedded PostgreSQL runs as when storelink is started by root.",
    )
    master_keys: SecretStr | None = Field(
        default=None,
        description="Master keys, `id:base64,id2:base64`, 32 bytes each. Unset: asked of "
        "STORELINK_KEY_COMMAND, else kept in the file `master.keys` under STORELINK_HOME.",
    )
    key_command: str | None = Field(
        default=None,
        description="Command that prints the master keys, a line `id base64` each, such as a "
        "wrapper of a vault. Run without a shell.",
    )
    key_command_timeout: float = Field(
        default=10.0, gt=0, le=300, description="Longest wait for that command, in seconds."
    )
    http_timeout: float = Field(
        default=60.0, gt=0, description="Longest wait for a store's answer, in seconds."
    )
    http_retries: int = Field(
        default=5,
        ge=0,
        le=20,
        description="How often a read is tried again before a pass gives up.",
    )
    width: int = Field(default=6, ge=1, le=16, description="Most requests at once to one store.")
    worker_pulse: float = Field(
        default=10.0,
        gt=0,
        le=60,
        description="Seconds between a worker's signs of life; the jobs of one that missed three"
        " are run again.",
    )
    keep_deliveries: int = Field(
        default=30, ge=1, description="Days for which webhook deliveries that were seen to are kept."
    )
    keep_runs: int = Field(
        default=90, ge=1, description="Days for which finished passes and alerts are kept."
    )
    keep_changes: int = Field(
        default=30,
        ge=1,
        description="Days for which the change feed can be read back; readers further "
        "behind are told that something was cut.",
    )
    keep_quarantined: int = Field(
        default=180,
        ge=1,
        description="Days after which the payload of a record that still makes no sense is "
        "deleted; that it is set aside, and why, stays.",
    )
    alert_url: SecretStr | None = Field(
        default=None,
        description="Where alerts are posted to as JSON (its `text` suits Slack and the like): once when "
        "something begins, once when it is over. Unset: they are in the log and in the table `alert` only.",
    )
    refund_grace: float = Field(
        default=900.0,
        gt=0,
        description="Seconds for which a refund or change of address that was sent and not answered "
        "is looked for in the store before a person has to.",
    )
    refund_look: float = Field(
        default=2.0,
        gt=0,
        le=60,
        description="Seconds to the first of these looks; each later one waits longer.",
    )
    refund_approval_above: Decimal | None = Field(
        default=None,
        ge=0,
        description="A refund of more than this, in the order's own currency, waits for a second person. "
        "Unset: none does.",
    )
    refund_ceilings: str | None = Field(
        default=None,
        description="Most that one refund may be, by role: `support=200,lead=2000`, in the order's own "
        "currency; `support:JPY=30000` for one currency. A role that is not named has no ceiling.",
    )
    refund_day_ceilings: str | None = Field(
        default=None, description="Most that one person may refund within 24 hours, written likewise."
    )
    role: str = Field(
        default="ops", description="The role of whoever uses the command line here, for these ceilings."
    )
    log_format: str = Field(default="console", pattern="^(console|json)$", description="`console` or `json`.")
    log_level: str = Field(
        default="warning",
        pattern="^(debug|info|warning|error)$",
        description="Least level that is logged; `serve` and `worker` log `info` too unless it is set.",
    )
