"""Which addresses may be connected to for a store, and names resolved once, where the connection is made.

Whoever may enter a store's URL makes this machine send requests. Entered on the command line it is that of
whoever runs storelink, and leads anywhere. Entered over HTTP it may be anybody's with a token: it must not
lead into the network around us, nor come to do so later because its name resolves otherwise then.
"""

import ipaddress
import socket

import httpcore

from storelink.connectors.protocol import Reach
from storelink.errors import Misconfigured

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NEVER = tuple(
    ipaddress.ip_network(net)
    for net in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32", "0.0.0.0/8", "::/128")
)
"""Link-local addresses, with most clouds' metadata services; AWS over IPv6, Alibaba; nowhere."""
_WRAPPED = tuple(ipaddress.ip_network(net) for net in ("64:ff9b::/96", "::/96"))
"""IPv6 addresses that end in an IPv4 address, to which a gateway leads."""


def check(host: str, address: Address, reach: Reach) -> None:
    """Raises `Misconfigured` where no store may be."""
    if reach == "anywhere":
        return
    if any(address in net for net in _NEVER if net.version == address.version):
        raise Misconfigured(
            f"{host} is an address of the machine's own network, not of a store.", code="private"
        )
    if reach == "public" and (not address.is_global or address.is_multicast):
        raise Misconfigured(
            f"{host} is not on the public internet. If the store is in your own network, set"
            " STORELINK_ALLOW_PRIVATE_STORES, or register it with `storelink connectors add`.",
            code="private",
        )


def resolve(host: str, port: int | None = None) -> dict[str, Address]:
    """Where a name leads: what to connect to, and the address that it stands for. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return {str(place[0]): _meant(str(place[0])) for *_, place in found}


def usable(host: str, port: int, reach: Reach) -> list[str]:
    """The addresses to connect to, in turn. Raises `Misconfigured`, and httpcore's where there is none."""
    try:
        found = resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error
    for address in found.values():
        check(host, address, reach)
    return list(found)


def _meant(text: str) -> Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and any(address in net for net in _WRAPPED) and int(address) > 1:
        inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inside or address
