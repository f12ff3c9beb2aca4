"""What is sealed opens again in its own place, and nowhere else."""

import base64
import hmac
import traceback
import uuid

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given
from hypothesis import strategies as st

from storelink.errors import AuthFailed, Misconfigured
from storelink.secrets.envelope import DataKey, WrappingKey, new_data_key, new_wrapping_key

ROW = uuid.UUID("11111111-2222-3333-4444-555555555555")
SECRET = "cs_do-not-print-me-0123456789"
TEXTS = st.text(st.characters(), max_size=200)  # surrogates too: whatever somebody may paste
COLUMNS = st.sampled_from(["api_key", "secret", "credentials", "webhook_secrets"])


def refusal(opening) -> str:
    """The words with which opening is refused; the secret is nowhere around them."""
    with pytest.raises(Misconfigured) as caught:
        opening()
    assert not isinstance(caught.value, AuthFailed)
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


@given(st.uuids(), COLUMNS, TEXTS)
def test_what_is_sealed_opens_in_its_place(row, column, text):
    master = new_wrapping_key()
    key = new_data_key(row)
    sealed, wrapped = key.seal(column, text), master.wrap(key)
    assert master.unwrap(row, wrapped).open(column, sealed) == text


def test_two_seals_of_one_text_differ():
    key = new_data_key(ROW)
    assert len({key.seal("secret", SECRET) for _ in range(50)}) == 50


def test_the_written_form_stays_what_it_is():
    """Rows sealed by this version must open for ever: the form, worked out without our code."""
    material = bytes(range(32))
    place = b"storelink/1" + ROW.bytes + b"\x06secret"
    body = bytes(12) + AESGCM(material).encrypt(bytes(12), b"hello", place)
    sealed = "s1." + base64.urlsafe_b64encode(body).rstrip(b"=").decode()
    assert DataKey(ROW, material).open("secret", sealed) == "hello"

    wrapping = hmac.digest(material, b"storelink/1/wrap\x01", "sha256")  # HKDF-Expand, one block
    place = b"storelink/1" + ROW.bytes + b"\x08data_key\x02k1"
    wrapped = b"\x01" + bytes(12) + AESGCM(wrapping).encrypt(bytes(12), bytes(32), place)
    master = WrappingKey("k1", material)
    assert master.unwrap(ROW, wrapped).material == bytes(32)

    checking = hmac.digest(material, b"storelink/1/check\x01", "sha256")
    assert master.check_value() == hmac.digest(checking, b"storelink master key", "sha256")


def test_a_text_moved_to_another_row_does_not_open():
    material = new_data_key(ROW).material
    sealed = DataKey(ROW, material).seal("secret", SECRET)
    other = DataKey(uuid.uuid4(), material)
    assert "secret" in refusal(lambda: other.open("secret", sealed))


def test_a_text_moved_to_another_column_does_not_open():
    key = new_data_key(ROW)
    sealed = key.seal("secret", SECRET)
    assert "api_key" in refusal(lambda: key.open("api_key", sealed))


@given(st.integers(0, 1000), st.sampled_from("AZaz09-_=+/. \n\0é"))
def test_a_changed_text_does_not_open(place, letter):
    key = new_data_key(ROW)
    sealed = key.seal("secret", SECRET)
    at = place % len(sealed)
    assume(letter != sealed[at])
    refusal(lambda: key.open("secret", sealed[:at] + letter + sealed[at + 1 :]))


def test_another_spelling_of_the_same_bytes_does_not_open():
    """Base64 has spare bits at its end; taking any would let a changed text pass for the sealed one."""
    key = new_data_key(ROW)
    sealed = key.seal("secret", "x")  # 29 bytes: two bits to spare
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = sealed[:-1] + digits[digits.index(sealed[-1]) + 1]
    pad = "=" * (-len(sealed[3:]) % 4)
    assert base64.urlsafe_b64decode(twin[3:] + pad) == base64.urlsafe_b64decode(sealed[3:] + pad)
    refusal(lambda: key.open("secret", twin))


def test_a_cut_text_does_not_open():
    key = new_data_key(ROW)
    sealed = key.seal("secret", SECRET)
    for length in range(len(sealed)):
        refusal(lambda length=length: key.open("secret", sealed[:length]))


def test_all_that_does_not_open_is_refused_in_the_same_words():
    """Words that differ would tell whoever tampers how far they got."""
    key, other = new_data_key(ROW), new_data_key(ROW)
    sealed = key.seal("secret", SECRET)
    bad = [
        "",
        "plain",
        "s1.",
        "s1.AAAA",
        "s2" + sealed[2:],
        sealed + "A",
        sealed[:-1],
        other.seal("secret", SECRET),
    ]
    assert len({refusal(lambda text=text: key.open("secret", text)) for text in bad}) == 1


@given(st.binary(max_size=80))
def test_no_bytes_unwrap_by_chance(junk):
    refusal(lambda: WrappingKey("k1", bytes(32)).unwrap(ROW, junk))


def test_a_data_key_opens_only_in_its_row_and_under_its_master_key():
    master = new_wrapping_key()
    wrapped = master.wrap(new_data_key(ROW))
    renamed = WrappingKey("other", master.material)
    impostor = WrappingKey(master.id, new_wrapping_key().material)
    assert master.id in refusal(lambda: master.unwrap(uuid.uuid4(), wrapped))
    assert "'other'" in refusal(lambda: renamed.unwrap(ROW, wrapped))
    assert master.id in refusal(lambda: impostor.unwrap(ROW, wrapped))
    for at in range(len(wrapped)):
        changed = wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :]
        refusal(lambda changed=changed: master.unwrap(ROW, changed))
    assert master.unwrap(ROW, wrapped)


def test_a_check_value_tells_keys_apart_and_is_not_the_key():
    one, two = new_wrapping_key(), new_wrapping_key()
    assert one.matches(one.check_value())
    assert not two.matches(one.check_value())
    assert not one.matches(b"")
    assert one.material not in one.check_value()


def test_ids_of_made_keys_come_from_the_keys():
    assert len({new_wrapping_key().id for _ in range(100)}) == 100


def test_a_master_key_of_another_length_is_refused_by_name():
    with pytest.raises(Misconfigured, match=r"'short'.*16 bytes"):
        WrappingKey("short", bytes(16))


def test_keys_do_not_show_themselves():
    data, master = new_data_key(ROW), new_wrapping_key()
    shown = f"{data!r} {data} {master!r} {master}"
    for material in (data.material, master.material):
        assert repr(material) not in shown
        assert material.hex() not in shown
