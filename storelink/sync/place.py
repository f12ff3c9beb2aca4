"""Countries and their provinces, by code or by name. Pure.

Countries are those of ISO 3166-1 and Kosovo, which has a code by custom (XK); provinces, states and
counties those of ISO 3166-2, as the library pycountry has them, or a store's own list. Nobody types
capitals or accents reliably, so names are compared without either. pycountry is imported when it is
needed first: every worker imports this page, and few ever ask.
"""

import difflib
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

_CUSTOM = {"XK": "Kosovo"}
"""Codes in use everywhere that ISO leaves to its users."""
_SAID = {
    "uk": "GB", "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "america": "US", "u.s.": "US", "u.s.a.": "US",
    "the united states": "US", "the united states of america": "US", "holland": "NL",
    "the netherlands": "NL", "turkey": "TR", "russia": "RU", "ivory coast": "CI", "macedonia": "MK",
    "swaziland": "SZ", "burma": "MM", "cape verde": "CV", "east timor": "TL", "vatican": "VA",
    "deutschland": "DE", "osterreich": "AT", "schweiz": "CH", "suisse": "CH", "svizzera": "CH",
    "espana": "ES", "italia": "IT", "nederland": "NL", "danmark": "DK", "sverige": "SE", "norge": "NO",
    "suomi": "FI", "polska": "PL", "brasil": "BR", "belgique": "BE", "belgie": "BE",
}  # fmt: skip
"""What people say, where ISO says otherwise."""
_NAMES = {"RU": "Russia", "TR": "Turkey", "GB": "United Kingdom", "NL": "Netherlands", "VN": "Vietnam"}
_WITH_THE = frozenset(("US", "GB", "NL", "PH", "AE", "BS", "GM", "CD", "CG", "DO", "MV", "MH", "SC", "SB"))
_WORDS = {
    **dict.fromkeys(("US", "AU", "IN", "BR", "MX", "MY", "NG", "VE"), "state"),
    **dict.fromkeys(("GB", "IE", "RO", "HU", "HR", "EE", "NO"), "county"),
    **dict.fromkeys(("JP",), "prefecture"),
    **dict.fromkeys(("CH",), "canton"),
    **dict.fromkeys(("AE",), "emirate"),
}
# United States addresses of the armed forces, and of states in free association, have codes of their own
_BESIDES = {
    "US": {
        "AA": "Armed Forces Americas", "AE": "Armed Forces Europe", "AP": "Armed Forces Pacific",
        "FM": "Micronesia", "MH": "Marshall Islands", "PW": "Palau",
    },
}  # fmt: skip


def folded(text: str) -> str:
    """For comparing: without capitals, accents and double spaces. `São Paulo` → `sao paulo`."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(one for one in apart if not unicodedata.combining(one)).split())


# -- countries ---------------------------------------------------------------------------------------


def country_code(text: str) -> str | None:
    """`Austria`, `AUT` or `at` → `AT`; None for what is no country."""
    return _countries().get(folded(text))


def country_name(code: str) -> str:
    """`AT` → `Austria`; the code itself for what is no country."""
    if code in _NAMES or code in _CUSTOM:
        return _NAMES.get(code) or _CUSTOM[code]
    import pycountry

    found = pycountry.countries.get(alpha_2=code)
    return code if found is None else str(getattr(found, "common_name", found.name))


@lru_cache(maxsize=1)
def country_names() -> Mapping[str, str]:
    """Every country, code → name, by name: to choose from."""
    named = {code: country_name(code) for code in set(_countries().values())}
    return dict(sorted(named.items(), key=lambda pair: folded(pair[1])))


def in_country(code: str) -> str:
    """`in Austria`, `in the United States`."""
    return f"in {'the ' if code in _WITH_THE else ''}{country_name(code)}"


def nearest_country(text: str) -> str | None:
    """The name of the country that was perhaps meant."""
    names = {folded(country_name(code)): code for code in set(_countries().values())}
    found = difflib.get_close_matches(folded(text), names, n=1, cutoff=0.8)
    return country_name(names[found[0]]) if found else None


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, str]:
    """What a country may be called → its code."""
    import pycountry

    found: dict[str, str] = {}
    for country in pycountry.countries:
        for kind in ("name", "official_name", "common_name", "alpha_2", "alpha_3"):
            if called := getattr(country, kind, None):
                found[folded(called)] = country.alpha_2
    found |= {folded(name): code for code, name in _CUSTOM.items()}
    found |= {code.lower(): code for code in _CUSTOM}
    return found | _SAID


# -- provinces ---------------------------------------------------------------------------------------


def province_word(country: str) -> str:
    """What a province is called there: `state`, `county`, `prefecture` …"""
    return _WORDS.get(country, "province")


@lru_cache(maxsize=300)
def provinces(country: str) -> Mapping[str, str]:
    """ISO 3166-2 of a country, the part after the hyphen → name; empty where it has none."""
    import pycountry

    found = pycountry.subdivisions.get(country_code=country) or ()  # type: ignore[no-untyped-call] # theirs
    listed = {one.code.partition("-")[2]: one.name for one in found}
    return listed | _BESIDES.get(country, {})


def province_code(text: str, country: str, offered: Mapping[str, str] | None = None) -> str | None:
    """`California`, `us-ca` or `ca` → `CA`; None for what is no province of the country.

    `offered` is the store's own list, code → name: then the code is the store's, which need not be
    ISO's (`JP13` for `JP-13`), and ISO's codes and names lead to it.
    """
    iso = provinces(country)
    if offered is None:
        return _match(text, country, iso)
    if found := _match(text, country, offered):
        return found
    meant = _match(text, country, iso)
    if meant is None:
        return None
    by_code = next((code for code in (f"{country}{meant}", f"{country}-{meant}") if code in offered), None)
    return by_code or _match(iso[meant], country, offered)


def nearest_province(text: str, country: str, offered: Mapping[str, str] | None = None) -> str | None:
    """`California (CA)`: the province that was perhaps meant."""
    listed = provinces(country) if offered is None else offered
    names = {folded(name): code for code, name in listed.items()}
    found = difflib.get_close_matches(folded(text), names, n=1, cutoff=0.6)
    return f"{listed[names[found[0]]]} ({names[found[0]]})" if found else None


def _match(text: str, country: str, listed: Mapping[str, str]) -> str | None:
    """The code in a list that a code or a name stands for. A code counts before a name."""
    wanted = folded(text)
    bare = wanted.removeprefix(f"{country.lower()}-")
    for code in listed:
        if folded(code) in (wanted, bare):
            return code
    for code, name in listed.items():
        if wanted in _called(name):
            return code
    return None


def _called(name: str) -> set[str]:
    """The names in a name: ISO writes `Bozen [Bolzano]`, `Araba/Álava` and `Tokyo (metropolis)`."""
    parts = {folded(name)}
    for opening in ("[", "(", "/"):
        if opening in name:
            first, _, second = name.partition(opening)
            parts |= {folded(first), folded(second.rstrip(")] "))}
    return parts - {""}
