"""The settings in force: what they are, what they mean, and where each is set. No secret is shown."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import SecretStr

from storelink.config import Settings
from storelink.web.console.page import show
from storelink.web.console.signed import Operator
from storelink.web.services import Use

router = APIRouter(include_in_schema=False)

_GROUPS = {
    "Limits of refunds": (
        "refund_approval_above", "refund_ceilings", "refund_day_ceilings", "refund_grace", "refund_look",
    ),
    "What is kept, and for how long": ("keep_deliveries", "keep_runs", "keep_changes", "keep_quarantined"),
    "Alerts and logs": ("alert_url", "log_level", "log_format"),
    "Stores": ("http_timeout", "http_retries", "width", "allow_private_stores"),
    "Signing in": (
        "passwords", "oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_title", "oidc_scopes",
        "oidc_groups", "oidc_roles", "oidc_trust_email",
    ),
    "This server": (
        "public_url", "api_rate", "database_url", "database_pool", "worker_pulse", "master_keys",
        "key_command", "key_command_timeout",
    ),
}  # fmt: skip
_HIDDEN = frozenset({"key_command"})
"""Not secrets by type, but what is in them may be."""
_NOT_HERE = frozenset({"home", "embedded_user", "role"})
"""Of the machine and of its command line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One setting: its name in the environment, its value as it may be shown, and whether it was set."""

    name: str
    value: str
    meaning: str
    given: bool


@router.get("/settings")
def settings(request: Request, caller: Operator, services: Use) -> Response:
    """All settings that concern whoever uses the console."""
    named = {name for group in _GROUPS.values() for name in group}
    rest = [name for name in Settings.model_fields if name not in named | _NOT_HERE]
    groups = {**_GROUPS, "More": tuple(rest)} if rest else dict(_GROUPS)
    lines = {title: [line(services.settings, name) for name in names] for title, names in groups.items()}
    return show(request, "settings.html", caller, groups=lines)


def line(held: Settings, name: str) -> Line:
    """One setting as it is in force."""
    return Line(
        f"STORELINK_{name.upper()}", _shown(name, getattr(held, name)),
        (Settings.model_fields[name].description or "").replace("`", ""), name in held.model_fields_set,
    )  # fmt: skip


def _shown(name: str, value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, SecretStr) or name in _HIDDEN:
        return "set, not shown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
