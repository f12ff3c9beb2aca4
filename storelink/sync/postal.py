"""A change of an address, before anybody is asked: merged over the present one, and checked. Pure.

Neither platform checks much (WooCommerce stores `ZZ` as a country, and `<script>` as a street), so this
is where a slip of the hand is caught. What is typed is held against what it becomes: only a field that
changes, or that no longer fits what changed beside it, can be wrong; what was odd before is a remark.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace

from storelink.connectors.action import BILLING, Address, Remark
from storelink.sync.place import (
    country_code,
    country_name,
    folded,
    in_country,
    nearest_country,
    nearest_province,
    province_code,
    province_word,
    provinces,
)
from storelink.sync.postcode import needs_postcode, postcode_words, tidy_postcode

FIELDS = tuple(each.name for each in fields(Address))
LABELS = {
    "first_name": "first name", "last_name": "last name", "company": "company", "address1": "street",
    "address2": "second line", "city": "city", "province": "province", "postcode": "postcode",
    "country": "country", "phone": "phone", "email": "e-mail address",
}  # fmt: skip
"""What people call the fields."""
_SAID = {
    "street": "address1", "address": "address1", "address_1": "address1", "line1": "address1",
    "address_2": "address2", "line2": "address2", "town": "city", "state": "province",
    "county": "province", "region": "province", "province_code": "province", "zip": "postcode",
    "zipcode": "postcode", "zip_code": "postcode", "postal_code": "postcode", "country_code": "country",
    "firstname": "first_name", "lastname": "last_name", "surname": "last_name", "e_mail": "email",
    "telephone": "phone",
}  # fmt: skip
LONGEST = {"email": 254, "phone": 40, "postcode": 20}
_LONG = 255
_NEEDED = ("last_name", "address1", "city", "country")
"""Without these no parcel arrives; Shopify refuses an address without them."""
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"]+@(?:[^\s@.<>()\[\],;:\\\"]+\.)+[^\s@.<>()\[\],;:\\\"]{2,}")
_PHONE = re.compile(r"\+?[0-9 ()./\-–]+(?:(?:x|ext\.?|#) ?[0-9]{1,6})?", re.IGNORECASE)
_UNPRINTED = frozenset(("Cc", "Cs", "Co", "Cn", "Zl", "Zp"))
_STEERING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
FREE_PROVINCE = frozenset(("GB", "GG", "JE", "IM"))
"""Countries in which a county is written freely; ISO has only today's authorities."""

Offer = Callable[[str], Mapping[str, str] | None]
"""A store's own provinces of a country, code → name: empty where it has none, None where it has no list."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field, in words that say how to be right. `field` "" is the whole."""

    field: str
    words: str


@dataclass(frozen=True, slots=True)
class Amended:
    """The address as it would be. `changes` are the fields that become another; any problem forbids it."""

    address: Address
    changes: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()


def amend(present: Address, wish: Mapping[str, object], kind: str, offer: Offer = lambda _: None) -> Amended:
    """`wish` (field → text; "" clears) over the present address of that kind, checked.

    Fields may be called what people call them (`street`, `zip`, `state`). Countries and provinces may
    be named or coded. Makes no call but `offer`'s, at most once.
    """
    named, problems = _named(wish, kind)
    given = {name: _cleaned(name, value, problems) for name, value in named.items()}
    merged = replace(present, **{name: value for name, value in given.items() if value is not None})
    work = _Check(present, frozenset(named), merged, problems)
    work.country()
    work.province(offer)
    work.postcode()
    work.email_and_phone(kind)
    work.needed()
    address = work.address
    before, after = asdict(present), asdict(address)
    changes = {name: after[name] for name in FIELDS if after[name] != before[name]}
    return Amended(address, changes, tuple(work.problems), tuple(work.remarks))


def put_back(present: Address, old: Address) -> Amended:
    """The address that was there before, as the store had it: nothing of it is checked.

    An e-mail address cannot be taken away again, so one that was not there stays.
    """
    if not old.email and present.email:
        old = replace(old, email=present.email)
    before, after = asdict(present), asdict(old)
    return Amended(old, {name: after[name] for name in FIELDS if after[name] != before[name]})


def field_named(text: str) -> str | None:
    """`Zip` → `postcode`; None for what is no field."""
    plain = re.sub(r"[\s-]+", "_", text.strip().casefold())
    return plain if plain in FIELDS else _SAID.get(plain)


def _named(wish: Mapping[str, object], kind: str) -> tuple[dict[str, object], list[Problem]]:
    """By the names of `Address`, and what cannot be placed."""
    named: dict[str, object] = {}
    problems: list[Problem] = []
    for text, value in wish.items():
        name = field_named(text)
        if name is None:
            near = difflib.get_close_matches(text.casefold(), [*FIELDS, *_SAID], n=1, cutoff=0.6)
            hint = f" Did you mean {near[0]!r}?" if near else f" There are {', '.join(FIELDS)}."
            problems.append(Problem("", f"There is no field {_short(text)}.{hint}"))
        elif name in named:
            problems.append(Problem(name, f"Give the {LABELS[name]} once; {_short(text)} is the second"))
        elif name == "email" and kind != BILLING:
            words = "A shipping address has no e-mail address; leave it away, or change the billing address"
            problems.append(Problem(name, words))
        else:
            named[name] = value
    return named, problems


def _cleaned(name: str, value: object, problems: list[Problem]) -> str | None:
    """One line without spaces around it; None, and a problem, for what no field can hold."""
    label = LABELS[name]
    if value is None:
        value = ""
    if not isinstance(value, str):
        problems.append(Problem(name, f"Enter the {label} as text, in quotes"))
        return None
    if any(unicodedata.category(one) in _UNPRINTED for one in value.strip()):
        rest = " What comes on a line of its own goes into address2" if name == "address1" else ""
        words = f"Enter the {label} on one line, without tabs and other characters that are not seen"
        problems.append(Problem(name, f"{words}.{rest}" if rest else words))
        return None
    text = "".join(one for one in value if one not in _STEERING)
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if "<" in text or ">" in text:
        problems.append(Problem(name, f"Enter the {label} as plain text, without < and >"))
        return None
    longest = LONGEST.get(name, _LONG)
    if len(text) > longest:
        words = f"Enter a shorter {label}: at most {longest} characters; this has {len(text)}"
        problems.append(Problem(name, words))
        return None
    return text


class _Check:
    """The address on its way: what is wrong with it, and what is put right."""

    def __init__(
        self, present: Address, named: frozenset[str], merged: Address, problems: list[Problem]
    ) -> None:
        self.present, self.named, self.address = present, named, merged
        self.problems, self.remarks = problems, list[Remark]()

    def _wrong(self, field: str, words: str) -> None:
        if not any(one.field == field for one in self.problems):  # the first says enough
            self.problems.append(Problem(field, words))

    def _judge(self, field: str, words: str, *, anyhow: bool = False) -> None:
        """A problem of a field that was given or that its country leaves wrong, else a remark."""
        if anyhow or field in self.named or self.moved:
            self._wrong(field, words)
        else:
            self.remarks.append(Remark(f"odd_{field}", f"{words}. It was so before"))

    @property
    def moved(self) -> bool:
        """Whether the country becomes another."""
        return self.address.country != self.present.country

    def country(self) -> None:
        """A code, from a code or a name."""
        typed = self.address.country
        code = country_code(typed) if typed else None
        if code is not None and (code == typed or "country" in self.named):
            self.address = replace(self.address, country=code)
        elif typed and code is None:
            near = nearest_country(typed)
            hint = f"Did you mean {near}?" if near else "A country has a name, or two letters, like AT"
            self._judge("country", f"There is no country {_short(typed)}. {hint}")

    def province(self, offer: Offer) -> None:
        """The store's code, or ISO's; cleared where the country moved and the old one is left over."""
        country, typed = self.address.country, self.address.province
        if not country or any(one.field == "country" for one in self.problems):
            return
        touched = self.moved or "province" in self.named
        listed = offer(country) if touched else None
        code = province_code(typed, country, listed) if typed else ""
        if typed and code is not None:
            self.address = replace(self.address, province=code) if touched else self.address
        elif typed and "province" not in self.named and touched:
            self.address = replace(self.address, province="")  # it was one of the old country
        elif typed and touched and country not in FREE_PROVINCE:
            self._wrong("province", _no_province(typed, country, listed))
        if touched and not self.address.province and needs_province(country, listed):
            word = province_word(country)
            self._wrong("province", f"Enter the {word}, like {_sample(country, listed)}")

    def postcode(self) -> None:
        """In the form of its country, where that is known."""
        country, typed = self.address.country, self.address.postcode
        if typed:
            tidy = tidy_postcode(typed, country)
            if tidy is None:
                self._judge("postcode", postcode_words(country))
            elif self.moved or "postcode" in self.named:
                self.address = replace(self.address, postcode=tidy)
        elif needs_postcode(country) and (self.moved or "postcode" in self.named):
            self._wrong("postcode", postcode_words(country))

    def email_and_phone(self, kind: str) -> None:
        """Their form alone: whether they are anybody's only a message shows."""
        email, phone = self.address.email, self.address.phone
        if "email" in self.named and email and not _EMAIL.fullmatch(email):
            self._wrong("email", "Enter an e-mail address, like hanna@example.com")
        if "email" in self.named and not email and kind == BILLING and self.present.email:
            words = "An e-mail address can be changed, not taken away: the store refuses an empty one"
            self._wrong("email", words)
        if "phone" in self.named and phone:
            digits = sum(one.isdigit() for one in phone)
            if not _PHONE.fullmatch(phone) or not 5 <= digits <= 20:
                self._wrong(
                    "phone", "Enter a phone number: digits, with + for its country, like +43 1 5550142"
                )

    def needed(self) -> None:
        """What no address does without: it may not be taken away, nor be missing from a new one."""
        new = self.present == Address()
        for field in _NEEDED:
            if getattr(self.address, field):
                continue
            if field == "last_name" and self.address.company:
                continue
            words = f"Enter the {LABELS[field]}"
            if new or field in self.named:
                self._wrong(field, words)
            else:
                self.remarks.append(
                    Remark(f"odd_{field}", f"The address has no {LABELS[field]}. It was so before")
                )


# -- provinces in words ------------------------------------------------------------------------------

# the post of these wants it on every parcel, and both platforms ask for it at checkout
_POST_WANTS = frozenset(("US", "CA", "AU", "BR", "CN", "IN", "IT", "JP", "MX", "MY", "ES"))


def needs_province(country: str, listed: Mapping[str, str] | None) -> bool:
    """Whether an address there has one."""
    return country in _POST_WANTS and listed != {}


def _no_province(typed: str, country: str, listed: Mapping[str, str] | None) -> str:
    word = province_word(country)
    if listed == {} or not (listed or provinces(country)):
        return f"Leave the {word} empty: addresses {in_country(country)} have none in this store"
    near = nearest_province(typed, country, listed)
    hint = (
        f"Did you mean {near}?" if near else f"Enter one by its name or code, like {_sample(country, listed)}"
    )
    return f"There is no {word} {_short(typed)} {in_country(country)}. {hint}"


def _sample(country: str, listed: Mapping[str, str] | None) -> str:
    """One province for an example: `California (CA)` where there is one, else the first by name."""
    known = listed or provinces(country)
    code = "CA" if country == "US" and "CA" in known else min(known, key=lambda one: known[one])
    return f"{known[code]} ({code})"


def _short(text: str) -> str:
    """What was typed, quoted, not longer than a line has room for."""
    shown = "".join(one if one.isprintable() else "…" for one in text)
    return f"“{shown if len(shown) <= 40 else shown[:39] + '…'}”"


# -- the same, or not --------------------------------------------------------------------------------


def same(field: str, one: str, other: str, country: str, offered: Mapping[str, str] | None = None) -> bool:
    """Whether two values of a field mean the same, however a store writes them.

    Stores change capitals, blanks and accents, name provinces or code them, and put blanks and hyphens
    into postcodes and phone numbers.
    """
    if folded(one) == folded(other):
        return True
    if field == "country":
        code = country_code(one)
        return code is not None and code == country_code(other)
    if field == "province" and one and other:
        code = province_code(one, country, offered)
        return code is not None and code == province_code(other, country, offered)
    if field in ("postcode", "phone"):
        keep = (
            (lambda text: re.sub(r"[^0-9A-Za-z+]", "", text).casefold()) if field == "postcode" else _digits
        )
        return keep(one) == keep(other) != ""
    return False


def _digits(text: str) -> str:
    return re.sub(r"[^0-9+]", "", text)


def differences(
    wanted: Address, found: Address, offered: Mapping[str, str] | None = None
) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]]:
    """Two addresses field by field: what is not the same, and what is but is written otherwise.

    Both as field → (wanted, found).
    """
    here, there = asdict(wanted), asdict(found)
    other = {name: (here[name], there[name]) for name in FIELDS if here[name] != there[name]}
    alike = {name for name, pair in other.items() if same(name, *pair, wanted.country, offered)}
    return (
        {name: pair for name, pair in other.items() if name not in alike},
        {name: pair for name, pair in other.items() if name in alike},
    )


def one_line(address: Address) -> str:
    """`Hanna Weiss, Lindenweg 44, 10119 Berlin, Germany`."""
    name = f"{address.first_name} {address.last_name}".strip()
    town = f"{address.postcode} {address.city}".strip()
    country = country_name(address.country) if address.country else ""
    parts = (name, address.company, address.address1, address.address2, town, address.province, country)
    return ", ".join(part for part in parts if part)
