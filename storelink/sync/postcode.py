"""Postcodes: their forms by country, and what is typed brought into them. Pure.

The forms are those that the national posts publish, as collected by the Universal Postal Union
(https://www.upu.int/en/postal-solutions/programmes-services/addressing-solutions), for the countries
that most parcels go to; a country that is not here takes any postcode. They were held against the
forms in Shopify's own open list of regions (https://github.com/Shopify/worldwide).
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from storelink.sync.place import country_name

_CLASSES = {"9": "[0-9]", "@": "[A-Z]", "*": "[A-Z0-9]"}
_BETWEEN = " -"
_NUMBERS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Postcode:
    """How postcodes look: `9` is a digit, `@` a letter, `*` either; everything else is itself.

    Who types one may leave out blanks and hyphens, or put others; `forms` puts them back.
    """

    whose: str
    forms: tuple[str, ...]
    example: str
    needed: bool = True
    """Whether no address does without."""


def _of(whose: str, forms: str, example: str, *, needed: bool = True) -> Postcode:
    return Postcode(whose, tuple(forms.split("|")), example, needed)


_BRITISH = "@9 9@@|@99 9@@|@@9 9@@|@@99 9@@|@9@ 9@@|@@9@ 9@@|BFPO 9|BFPO 99|BFPO 999|BFPO 9999"
FORMS = {
    "AR": _of("an Argentine", "9999|@9999@@@", "1425", needed=False),
    "AT": _of("an Austrian", "9999", "1060"),
    "AU": _of("an Australian", "9999", "2060"),
    "BE": _of("a Belgian", "9999", "1000"),
    "BG": _of("a Bulgarian", "9999", "1000"),
    "BR": _of("a Brazilian", "99999-999", "01310-100"),
    "CA": _of("a Canadian", "@9@ 9@9", "K1P 1J1"),
    "CH": _of("a Swiss", "9999", "8001"),
    "CL": _of("a Chilean", "9999999|999-9999", "8340457", needed=False),
    "CN": _of("a Chinese", "999999", "266033"),
    "CY": _of("a Cypriot", "9999", "2008"),
    "CZ": _of("a Czech", "999 99", "110 00"),
    "DE": _of("a German", "99999", "10115"),
    "DK": _of("a Danish", "9999", "1050"),
    "EE": _of("an Estonian", "99999", "10111"),
    "ES": _of("a Spanish", "99999", "28039"),
    "FI": _of("a Finnish", "99999", "00100"),
    "FR": _of("a French", "99999", "75002"),
    "GB": _of("a British", _BRITISH, "SE22 8DL"),
    "GG": _of("a Guernsey", "GY9 9@@|GY99 9@@", "GY1 1AA"),
    "GR": _of("a Greek", "999 99", "105 57"),
    "HR": _of("a Croatian", "99999", "10000"),
    "HU": _of("a Hungarian", "9999", "1037"),
    "ID": _of("an Indonesian", "99999", "40115"),
    "IE": _of("an Irish", "*** ****", "D02 AF30", needed=False),
    "IL": _of("an Israeli", "9999999|99999", "9614303", needed=False),
    "IM": _of("a Manx", "IM9 9@@|IM99 9@@", "IM2 1AA"),
    "IN": _of("an Indian", "999999", "110034"),
    "IS": _of("an Icelandic", "999", "101"),
    "IT": _of("an Italian", "99999", "00144"),
    "JE": _of("a Jersey", "JE9 9@@|JE99 9@@", "JE1 1AA"),
    "JP": _of("a Japanese", "999-9999", "154-0023"),
    "KR": _of("a South Korean", "99999", "03051"),
    "LI": _of("a Liechtenstein", "9999", "9490"),
    "LT": _of("a Lithuanian", "99999|LT-99999", "LT-01100"),
    "LU": _of("a Luxembourg", "9999|L-9999", "4750"),
    "LV": _of("a Latvian", "LV-9999|9999", "LV-1010"),
    "MC": _of("a Monaco", "99999", "98000"),
    "MT": _of("a Maltese", "@@@ 9999", "VLT 1117"),
    "MX": _of("a Mexican", "99999", "06600"),
    "MY": _of("a Malaysian", "99999", "50450"),
    "NL": _of("a Dutch", "9999 @@", "1065 AM"),
    "NO": _of("a Norwegian", "9999", "0150"),
    "NZ": _of("a New Zealand", "9999", "6011"),
    "PH": _of("a Philippine", "9999", "1008", needed=False),
    "PL": _of("a Polish", "99-999", "00-950"),
    "PR": _of("a Puerto Rican", "99999|99999-9999", "00901"),
    "PT": _of("a Portuguese", "9999-999", "1250-096"),
    "RO": _of("a Romanian", "999999", "060274"),
    "RS": _of("a Serbian", "99999|999999", "11000"),
    "RU": _of("a Russian", "999999", "125076"),
    "SE": _of("a Swedish", "999 99", "114 55"),
    "SG": _of("a Singapore", "999999", "546080"),
    "SI": _of("a Slovenian", "9999", "1000"),
    "SK": _of("a Slovak", "999 99", "010 01"),
    "TH": _of("a Thai", "99999", "10150"),
    "TR": _of("a Turkish", "99999", "34710"),
    "TW": _of("a Taiwanese", "999|99999|999999", "106", needed=False),
    "UA": _of("a Ukrainian", "99999", "01001"),
    "US": _of("a US", "99999|99999-9999", "90210"),
    "VN": _of("a Vietnamese", "99999|999999", "70000", needed=False),
    "ZA": _of("a South African", "9999", "2001"),
}
"""By ISO 3166-1 code."""


def tidy_postcode(text: str, country: str) -> str | None:
    """The postcode in its country's form: `sw1a1aa` → `SW1A 1AA`; None for what does not fit.

    Where no form is known it stays as it is. A country's code in front (`AT-1060`) is left away,
    unless it belongs to the form.
    """
    known = FORMS.get(country)
    if known is None:
        return text
    typed = re.sub(r"[\s\-–.]", "", unicodedata.normalize("NFKC", text)).upper()
    for bare in (typed, typed.removeprefix(country)):
        for form in known.forms:
            if _pattern(form).fullmatch(bare):
                return _shaped(bare, form)
    return None


def needs_postcode(country: str) -> bool:
    """Whether no address in the country does without one."""
    return country in FORMS and FORMS[country].needed


def postcode_words(country: str) -> str:
    """What to type: `Enter an Austrian postcode: four digits, like 1060`."""
    known = FORMS.get(country)
    if known is None:
        return f"Enter a postcode of {country_name(country)}" if country else "Enter a postcode"
    name = "ZIP code" if country in ("US", "PR") else "postcode"
    form = _form_words(known.forms[0])
    return f"Enter {known.whose} {name}{f': {form}' if form else ''}, like {known.example}"


@lru_cache(maxsize=200)
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile("".join(_CLASSES.get(one, one) for one in form if one not in _BETWEEN))


def _shaped(bare: str, form: str) -> str:
    letters = iter(bare)
    return "".join(one if one in _BETWEEN else next(letters) for one in form)


def _form_words(form: str) -> str:
    """`four digits`, `four digits and two letters`; "" for what an example says better."""
    signs = [one for one in form if one not in _BETWEEN]
    if not set(signs) <= {"9", "@"}:
        return ""
    runs = [len(list(run)) for run in re.findall(r"9+|@+", "".join(signs))]
    kinds = ["digits" if run[0] == "9" else "letters" for run in re.findall(r"9+|@+", "".join(signs))]
    if len(runs) > 2:
        return ""
    return " and ".join(f"{_NUMBERS[long]} {kind}" for long, kind in zip(runs, kinds, strict=True))
