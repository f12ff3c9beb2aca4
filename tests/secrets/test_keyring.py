"""The keys a process holds."""

import pytest

from storelink.errors import Misconfigured
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import FileProvider


@pytest.fixture
def provider(home):
    return FileProvider(home / "master.keys")


def test_a_missing_key_is_named_with_its_source(provider):
    with pytest.raises(Misconfigured, match=rf"'k1' is not in {provider.path}, which holds none"):
        Keyring(provider).get("k1")


def test_nothing_is_asked_of_the_provider_before_a_key_is_needed(home):
    loose = FileProvider(home / "master.keys")
    loose.path.touch(0o644)
    keyring = Keyring(loose)
    assert "master.keys" in repr(keyring)
    with pytest.raises(Misconfigured, match="may be used by others"):
        keyring.get("k1")


def test_a_key_added_by_another_process_is_found(provider):
    keyring = Keyring(provider)
    assert keyring.keys == ()
    made = provider.make(first=True)
    assert keyring.get(made.id).material == made.material


def test_a_made_key_is_held(provider):
    keyring = Keyring(provider)
    made = keyring.make(first=True)
    assert keyring.keys[0].id == made.id
    assert made.material.hex() not in repr(keyring)
