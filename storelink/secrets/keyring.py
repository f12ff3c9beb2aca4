"""The master keys that this process holds."""

from storelink.errors import Misconfigured
from storelink.secrets.envelope import WrappingKey
from storelink.secrets.provider import Provider


class Keyring:
    """Master keys by id, asked of a provider when first needed and again where one is missing.

    Which of them is current is the database's business, not the keyring's.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._keys: dict[str, WrappingKey] | None = None

    def __repr__(self) -> str:
        return f"Keyring({self.provider!r})"

    @property
    def source(self) -> str:
        """What people call the place that the keys come from."""
        return self.provider.source

    @property
    def keys(self) -> tuple[WrappingKey, ...]:
        """Every key held, in the provider's order. Raises `Misconfigured` from the provider."""
        if self._keys is None:
            self.reload()
        return tuple((self._keys or {}).values())

    def reload(self) -> None:
        """Ask the provider again: keys may have been added since."""
        self._keys = {key.id: key for key in self.provider.load()}

    def find(self, key_id: str) -> WrappingKey | None:
        """The key of this id, or None; a key added since the last look is found."""
        held = {key.id: key for key in self.keys}
        if key_id not in held:
            self.reload()
            held = {key.id: key for key in self.keys}
        return held.get(key_id)

    def get(self, key_id: str) -> WrappingKey:
        """The key of this id. Raises `Misconfigured` naming it where it is not there."""
        key = self.find(key_id)
        if key is None:
            held = ", ".join(key.id for key in self.keys) or "none"
            raise Misconfigured(
                f"Master key {key_id!r} is not in {self.source}, which holds {held}. "
                "Credentials sealed with it cannot be opened until it is back."
            )
        return key

    def make(self, *, first: bool) -> WrappingKey | None:
        """A new key from the provider, held from now on; None where the provider makes none."""
        key = self.provider.make(first=first)
        if key is not None:
            self.reload()
        return key
