"""Which addresses the API and the console may make storelink ask: stores, not the network around it.

Whoever may enter a store's URL makes this machine send requests. On the command line that is whoever runs
storelink; over HTTP it may be anybody with a token, so that loopback, private and link-local addresses
(a cloud's metadata service is one) are refused unless a setting allows private ones.
"""

from storelink.config import Settings
from storelink.connectors.protocol import Connector
from storelink.connectors.reach import check, resolve
from storelink.errors import Misconfigured
from storelink.sync import entry


def usable_store(settings: Settings, connector: Connector, url: str, *, allow_http: bool) -> str:
    """The store's URL as it is kept. Raises `Misconfigured`, also for where it may not lead.

    It is looked at again at every connection (`connectors/reach.py`): a name may come to lead elsewhere.
    """
    normal = entry.usable_url(connector, url, allow_http=allow_http)
    host, _, _ = entry.url_parts(normal)
    try:
        found = resolve(host)
    except (OSError, UnicodeError):
        raise Misconfigured(f"There is no host {host!r}: its name leads to no address.") from None
    for address in found.values():
        check(host, address, "private" if settings.allow_private_stores else "public")
    return normal
