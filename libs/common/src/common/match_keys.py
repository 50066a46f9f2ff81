"""Match keys: what two records are compared by when they may be the same company or person.

A key is what is left of a value when everything is taken away that people write differently for the
same thing. Equal keys are a reason to believe in a duplicate; `compare` weighs all reasons. Every
place that looks for duplicates (creating, importing, capturing a lead, scanning) uses these keys, so
that what one finds the others find.

The rules, which are stored contracts (a change needs the stored keys to be made anew, `VERSION`):

- every value first has its widths folded (NFKC: Ａ is A, １ is 1);
- a phone number is E.164, read as a number of China where it has no country code; its extension is
  dropped, and what is no number or lacks its area code has no key;
- an e-mail address is lower case. Nothing else: dots and plus signs are part of it, because only its
  own provider knows what they mean;
- a tax number is its letters and digits, in capitals;
- a name is in simplified characters, lower case, without accents, punctuation, spaces and the legal
  form of the company (有限公司, 集团, Co., Ltd., GmbH).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

import opencc
import phonenumbers
from pypinyin import lazy_pinyin
from rapidfuzz import fuzz

from common.ids import stable_hash

VERSION = 1
"""Of the rules; kept with stored keys, so that those of an older version can be found."""

HOME_REGION, HOME_CODE = "CN", 86
SHORTEST_AT_HOME = 9
"""Digits of a number with its area code, as 10 6552 9988; without one there are 7 or 8."""
SHORTEST_TAX_NUMBER = 6
SHORTEST_NEAR_NAME = 4
"""Shorter names are compared as they are: one character less would be another name."""
LONGEST_NEAR_NAME = 24
"""Of longer names the beginning and the end are looked for, not every version with an error."""

NEAR_NAME = 80
"""From this similarity of the names, in percent, they are a reason; below it they say nothing."""

_LEGAL_FORM = re.compile(
    r"(?:股份有限公司|有限责任公司|股份合作公司|有限公司|股份公司|总公司|控股集团|集团公司|企业集团"
    r"|有限合伙|普通合伙|责任公司|集团|股份|公司)$"
)
_LATIN_FORMS = frozenset({
    "ab", "ag", "aps", "as", "asa", "bhd", "bv", "co", "company", "corp", "corporation", "doo",
    "eirl", "gmbh", "group", "holding", "holdings", "inc", "incorporated", "jsc", "kft", "kg",
    "kk", "limited", "llc", "llp", "lp", "ltd", "ltda", "mbh", "nv", "ohg", "oy", "oyj", "plc",
    "pllc", "private", "proprietary", "pt", "pte", "pty", "pvt", "sa", "sarl", "sas", "sdn",
    "se", "spa", "spzoo", "srl", "srls", "ug",
})  # fmt: skip
"""What stands at the end of companies' names written in Latin letters, without dots."""
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_LATIN = re.compile(r"[a-z]")
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class MatchKeys:
    """The keys of one record; what it does not have is empty."""

    name: str | None = None
    tax_number: str | None = None
    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()

    @property
    def tokens(self) -> list[int]:
        """Signed 64-bit numbers, sorted; two records that may be the same have one in common.

        Made for a `bigint[]` column with a GIN index and the operator `&&`: a few look-ups of exact
        values find every candidate, however many records there are. Sharing one is no reason yet:
        `compare` says whether there is any.
        """
        said = {f"t:{self.tax_number}"} if self.tax_number else set()
        said |= {f"p:{phone}" for phone in self.phones}
        said |= {f"e:{email}" for email in self.emails}
        if self.name:
            said |= _near(self.name)
        return sorted(_signed(token) for token in said)

    @property
    def exact_tokens(self) -> list[int]:
        """Those of the tokens that a record with an equal key has, for looking that one up."""
        said = {f"t:{self.tax_number}"} if self.tax_number else set()
        said |= {f"p:{phone}" for phone in self.phones} | {f"e:{email}" for email in self.emails}
        said |= {f"n:{self.name}"} if self.name else set()
        return sorted(_signed(token) for token in said)

    @property
    def shared(self) -> frozenset[str]:
        """The keys themselves, for looking among few: equal ones are a reason by themselves."""
        return self.phones | self.emails | {key for key in (self.tax_number, self.name) if key}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to compare."""
        return not (self.name or self.tax_number or self.phones or self.emails)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why two records may be the same: `similarity` in percent, 100 where the keys are equal."""

    field: str
    similarity: int


@dataclass(frozen=True, slots=True)
class Match:
    """All reasons, and the score from 1 to 100 that they add up to."""

    score: int
    reasons: tuple[Reason, ...]


WEIGHTS = {"tax_number": 0.99, "email": 0.9, "phone": 0.85, "name": 0.9}
"""How sure each makes us on its own; several together are `1 - (1 - a) * (1 - b)`."""


def match_keys(
    *,
    name: str | None = None,
    tax_number: str | None = None,
    phones: Iterable[str | None] = (),
    emails: Iterable[str | None] = (),
) -> MatchKeys:
    """The keys of a record with these values; what has no key is left out."""
    return MatchKeys(
        name=name_key(name),
        tax_number=tax_key(tax_number),
        phones=frozenset(key for phone in phones if (key := phone_key(phone))),
        emails=frozenset(key for email in emails if (key := email_key(email))),
    )


def compare(one: MatchKeys, other: MatchKeys) -> Match | None:
    """What speaks for the two being the same; None where nothing does.

    Different tax numbers are never the same company, whatever else is alike: subsidiaries share
    switchboards and half of their names.
    """
    if one.tax_number and other.tax_number and one.tax_number != other.tax_number:
        return None
    reasons = []
    if one.tax_number and one.tax_number == other.tax_number:
        reasons.append(Reason("tax_number", 100))
    if one.emails & other.emails:
        reasons.append(Reason("email", 100))
    if one.phones & other.phones:
        reasons.append(Reason("phone", 100))
    similarity = name_similarity(one.name, other.name)
    if similarity >= NEAR_NAME:
        reasons.append(Reason("name", similarity))
    if not reasons:
        return None
    doubt = 1.0
    for reason in reasons:
        # A name that is only alike is worth less than in proportion.
        doubt *= 1 - WEIGHTS[reason.field] * (reason.similarity / 100) ** 2
    return Match(max(1, round(100 * (1 - doubt))), tuple(reasons))


def phone_key(phone: str | None, *, region: str = HOME_REGION) -> str | None:
    """The number in E.164, as +8613800138000; None where this cannot be a phone number."""
    return _phone_key(phone, region) if phone else None


# Of one record in a file the keys are made for finding it, for comparing it, and for keeping them.
@lru_cache(maxsize=4096)
def _phone_key(phone: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(_width_folded(phone), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    # Without its area code a number is that of many people.
    if number.country_code == HOME_CODE and len(str(number.national_number)) < SHORTEST_AT_HOME:
        return None
    number.extension = None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email_key(email: str | None) -> str | None:
    """The address in lower case; None where it is none."""
    if not email:
        return None
    key = _width_folded(email).strip().lower()
    return key if "@" in key else None


def tax_key(tax_number: str | None) -> str | None:
    """Letters and digits in capitals; None where too little is left to tell one from another."""
    if not tax_number:
        return None
    key = _NO_WORD.sub("", _width_folded(tax_number)).upper()
    return key if len(key) >= SHORTEST_TAX_NUMBER else None


@lru_cache(maxsize=4096)
def _name_key(name: str) -> str | None:
    folded = _simplified(_width_folded(name)).casefold()
    folded = "".join(
        character
        for character in unicodedata.normalize("NFD", folded)
        if unicodedata.category(character) != "Mn"
    )
    folded = unicodedata.normalize("NFC", folded)
    if _LATIN.search(folded):
        folded = _without_latin_form(folded)
    plain = _NO_WORD.sub("", folded)
    while (shorter := _LEGAL_FORM.sub("", plain)) != plain and len(shorter) > 1:
        plain = shorter
    return plain or None


def name_key(name: str | None) -> str | None:
    """The name without what people write differently; None where nothing is left."""
    return _name_key(name) if name else None


def name_similarity(one: str | None, other: str | None) -> int:
    """How alike two name keys are, in percent; 100 only where they are equal.

    Names that sound alike (a wrong character of the same sound, the commonest error of typing by
    pinyin) and names with the same parts in another order (杭州远航, 远航（杭州）) are 95 at least, and
    a name that is another one without its place at the front 90.
    """
    if not one or not other:
        return 0
    if one == other:
        return 100
    similarity = min(99, round(fuzz.ratio(one, other)))
    if min(len(one), len(other)) < SHORTEST_NEAR_NAME:
        return 95 if len(one) == len(other) > 2 and _sound(one) == _sound(other) else 0
    if sorted(one) == sorted(other) or _sound(one) == _sound(other):
        return max(95, similarity)
    if _without_place(one) == other or _without_place(other) == one:
        return max(90, similarity)
    return similarity


@lru_cache(maxsize=4096)
def _near(key: str) -> frozenset[str]:
    """What a name and every name with one error in it have in common.

    Two strings that differ by one character added, left out or replaced are equal once one character
    of each is left out; so each string with one left out is looked for.
    """
    said = {f"n:{key}"}
    if len(key) > 2 and _HAN.search(key):
        said.add(f"s:{_sound(key)}")
    if len(key) < SHORTEST_NEAR_NAME:
        return frozenset(said)
    said.add(f"o:{''.join(sorted(key))}")
    if (placeless := _without_place(key)) is not None:
        said.add(f"n:{placeless}")
    if len(key) > LONGEST_NEAR_NAME:
        said |= {f"b:{key[:LONGEST_NEAR_NAME]}", f"z:{key[-LONGEST_NEAR_NAME:]}"}
    else:
        said |= {f"n:{key[:at]}{key[at + 1 :]}" for at in range(len(key))}
    return frozenset(said)


def _without_place(key: str) -> str | None:
    """The key without two characters of Chinese at its front, which is where a place stands."""
    rest = key[2:]
    if len(rest) < SHORTEST_NEAR_NAME or not all(_HAN.match(character) for character in key[:2]):
        return None
    return rest


@lru_cache(maxsize=16384)
def _sound(key: str) -> str:
    return " ".join(lazy_pinyin(key))


def _width_folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


@cache
def _to_simplified() -> "opencc.OpenCC":
    return opencc.OpenCC("t2s")


def _simplified(text: str) -> str:
    return str(_to_simplified().convert(text)) if _HAN.search(text) else text


def _without_latin_form(name: str) -> str:
    """The name without legal forms at its end, as in `acme co., ltd.`; never without its last word."""
    words = _NO_WORD.sub(" ", re.sub(r"[.'/]", "", name.replace("&", " and "))).split()
    while len(words) > 1 and (words[-1] in _LATIN_FORMS or words[-1] == "and"):
        words.pop()
    return " ".join(words)


def _signed(token: str) -> int:
    return stable_hash(token.encode()) - 2**63
