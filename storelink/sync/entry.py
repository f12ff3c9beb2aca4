"""What ops enter to register a store: its name, URL, interval and credentials, checked.

All of it raises `Misconfigured` in words; none of the words shows a value that may be secret.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from storelink.connectors.protocol import Connector
from storelink.errors import Misconfigured

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
LEAST_INTERVAL = 10
MOST_INTERVAL = 366 * 24 * 3600
"""Seconds between passes."""


def usable_url(connector: Connector, url: str, *, allow_http: bool) -> str:
    """`url` in the one form in which it is kept. Raises `Misconfigured` where it cannot be used."""
    host, scheme, login = url_parts(url)
    if login:
        raise Misconfigured("The store URL holds a user name or password; give it without.")
    normal = connector.normalize_url(url)
    host, scheme, _ = url_parts(normal)
    if scheme == "http" and not allow_http and not is_this_machine(host):
        raise Misconfigured(
            f"{normal} is plain http: what is read would cross the network for anybody to see. "
            "Use https, or --allow-http if that is meant."
        )
    return normal


def is_this_machine(host: str) -> bool:
    """Whether a URL's host is this machine: localhost, 127.0.0.0/8 or ::1."""
    if host.rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def usable_mode(connector: Connector, mode: str | None) -> str:
    """`mode`, or the connector's usual one. Raises `Misconfigured` naming those that there are."""
    if mode is None:
        return next(iter(connector.auth_modes))
    if mode not in connector.auth_modes:
        raise Misconfigured(
            f"{connector.title} has no way to sign in called {mode!r}; "
            f"it has {', '.join(connector.auth_modes)}."
        )
    return mode


def check_credentials(connector: Connector, mode: str, credentials: Mapping[str, Any]) -> dict[str, str]:
    """The credentials without the blanks around them, exactly those that the mode needs.

    Raises `Misconfigured` naming fields by the connector's names only: what was entered in the
    place of a name may be a secret too.
    """
    wanted = {field.name: field for field in connector.auth_modes[mode]}
    values = {}
    for name, about in wanted.items():
        value = credentials.get(name)
        if value is not None and not isinstance(value, str):
            raise Misconfigured(f"The credential {name} must be text.")
        if value is None or not value.strip():
            if about.optional:
                continue
            raise Misconfigured(f"The credential {name} ({about.label}) is missing.")
        values[name] = value.strip()
    surplus = len(set(credentials) - set(wanted))
    if surplus:
        raise Misconfigured(
            f"{connector.title} takes the credentials {', '.join(wanted)}; {surplus} more "
            "of other names were given."
        )
    return values


def doubts(connector: Connector, mode: str, credentials: Mapping[str, str]) -> tuple[str, ...]:
    """Sentences on credentials that do not look like the platform's; none of them shows a value."""
    return tuple(
        f"The {field.label} does not look like one of {connector.title}'s."
        for field in connector.auth_modes[mode]
        if field.pattern
        and field.name in credentials
        and not re.fullmatch(field.pattern, credentials[field.name])
    )


def check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise Misconfigured(
            f"{name!r} cannot be a store's name: 1 to 63 lower-case letters, digits and hyphens, "
            "the first no hyphen."
        )


def check_interval(seconds: int) -> None:
    if not LEAST_INTERVAL <= seconds <= MOST_INTERVAL:
        raise Misconfigured(f"An interval of {seconds} s is not possible: {LEAST_INTERVAL} s to a year.")


def url_parts(url: str) -> tuple[str, str, bool]:
    """Host, scheme, and whether there is a login in it."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.scheme, "@" in parts.netloc
    except ValueError:
        return "", "", False  # the connector says what is wrong with it
