"""The seam for stores that make keys for us when a person agrees: out by the browser, back from the store.

Unlike `protocol.Authorization` the answer does not come with the browser but from the store itself, and
need not be signed: only the reference, which nobody can guess, says what it answers.
"""

from typing import Protocol, runtime_checkable

from storelink.connectors.protocol import Connector


@runtime_checkable
class KeyGrant(Protocol):
    """How a store of one platform is asked for keys. Stateless."""

    mode: str
    """The one of `Connector.auth_modes` that the keys are for."""

    def address(self, store_url: str, reference: str, return_url: str, callback_url: str) -> str:
        """Where the person goes; they come back to `return_url`, the keys to `callback_url`.

        Raises `Misconfigured` for addresses that stores do not take. Makes no request.
        """

    def accept(self, body: bytes, reference: str) -> dict[str, str]:
        """The credentials in what came to `callback_url`, by `CredentialField.name`.

        Raises `Misconfigured` where it is not what a store sends, or answers another reference.
        """


def key_grant_of(connector: Connector) -> KeyGrant | None:
    """How its stores make keys; None for a platform whose stores do not."""
    found = getattr(connector, "key_grant", None)
    return found if isinstance(found, KeyGrant) else None
