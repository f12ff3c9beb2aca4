"""Which addresses the API and the console may make storelink ask: stores, not the network around it.

Whoever may enter a store's URL makes this machine send requests. On the command line that is whoever runs
storelink; over HTTP it may be anybody with a token, so that loopback, private and link-local addresses
(a cloud's metadata service is one) are refused unless a setting allows private ones.
"""

import ipaddress
import socket

from storelink.config import Settings
from storelink.connectors.protocol import Connector
from storelink.errors import Misconfigured
from storelink.sync import entry

_ALWAYS = tuple(
    ipaddress.ip_network(net)
    for net in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "0.0.0.0/8", "::/128")
)


def usable_store(settings: Settings, connector: Connector, url: str, *, allow_http: bool) -> str:
    """The store's URL as it is kept. Raises `Misconfigured`, also for where it may not lead."""
    normal = entry.usable_url(connector, url, allow_http=allow_http)
    host, _, _ = entry.url_parts(normal)
    for address in _addresses(host):
        if any(address in net for net in _ALWAYS if net.version == address.version):
            raise Misconfigured(f"{host} is an address of the machine's own network, not of a store.")
        if not address.is_global and not settings.allow_private_stores:
            raise Misconfigured(
                f"{host} is not on the public internet. If the store is in your own network, set"
                " STORELINK_ALLOW_PRIVATE_STORES, or register it with `storelink connectors add`."
            )
    return normal


def _addresses(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Misconfigured(f"There is no host {host!r}: its name leads to no address.") from None
    addresses = []
    for *_, place in found:
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        inside = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        addresses.append(inside or address)
    return addresses
