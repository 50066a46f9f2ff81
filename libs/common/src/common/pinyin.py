"""Names as people type them by sound: mnemonic codes (助记码), and search with every reading (多音字).

A mnemonic is made of one reading, the likeliest: that of the words a character stands in (重庆 is cq),
and of a person's name that of the surname (单 is shan, not dan). Search takes every reading that a
character has, since who types does not know which one was taken.

For search a name is a set of tokens, one for each character's place and each of its readings: its first
letter and the whole syllable (`0c`, `0chong`, `0z`, `0zhong`, …). So however many characters have several
readings, a name has a few tokens for each character, and not one for each way to read it all. What
somebody types is cut into letters or syllables, place by place, and a name is found that has them all.
Pairs of neighbouring characters are tokens as well, so that a part of a name is found by the same index.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from pypinyin import Style, lazy_pinyin, pinyin
from pypinyin.constants import PINYIN_DICT

LONGEST_MNEMONIC = 24
"""Letters of a mnemonic that is made of a name; of a longer name its beginning."""
LONGEST_TYPED = 60
"""Letters that are looked for by sound; nobody types more of a name by its pinyin."""
MOST_WAYS = 32
"""Ways to cut what was typed that are looked for; 60 letters that could be cut everywhere have more."""

SURNAMES = {
    "万俟": "mo qi", "尉迟": "yu chi", "澹台": "tan tai", "长孙": "zhang sun", "宰父": "zai fu",
    "单于": "chan yu", "令狐": "ling hu", "皇甫": "huang fu", "鲜于": "xian yu", "呼延": "hu yan",
    "单": "shan", "仇": "qiu", "曾": "zeng", "解": "xie", "查": "zha", "朴": "piao", "任": "ren",
    "区": "ou", "华": "hua", "盖": "ge", "种": "chong", "乐": "yue", "缪": "miao", "翟": "zhai",
    "召": "shao", "员": "yun", "折": "she", "黑": "he", "秘": "bi", "冼": "xian", "洗": "xian",
    "覃": "qin", "宓": "mi", "逄": "pang", "隗": "wei", "宿": "su", "祭": "zhai", "燕": "yan",
    "应": "ying", "哈": "ha", "纪": "ji", "钭": "tou", "乜": "nie", "牟": "mou", "贾": "jia",
    "卜": "bu", "尹": "yin", "晁": "chao", "谌": "chen", "么": "yao", "重": "chong", "曲": "qu",
    "句": "gou", "过": "guo", "車": "che", "车": "che", "那": "na", "尉": "wei", "粘": "nian",
    "尧": "yao", "藏": "zang", "臧": "zang", "相": "xiang", "郇": "xun", "郗": "xi", "葛": "ge",
    "柏": "bai", "费": "fei", "都": "du", "石": "shi", "薄": "bo", "角": "jue", "强": "qiang",
    "長孫": "zhang sun", "尉遲": "yu chi", "單": "shan", "區": "ou", "蓋": "ge", "華": "hua",
    "樂": "yue", "應": "ying", "紀": "ji", "賈": "jia", "員": "yun", "種": "chong", "費": "fei",
}  # fmt: skip
"""Characters that are read otherwise as a surname, or that readers of lists get wrong."""

_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_LEGAL_FORM = re.compile(
    r"(?:股份有限公司|有限责任公司|有限责任|有限公司|股份公司|总公司|集团公司|控股集团|集团|公司"
    r"|股份有限公司|有限責任公司|集團公司|集團)$"
)
_WORD = re.compile(r"[a-z]+|[0-9]+")
_TYPED = re.compile(r"[a-z0-9]+")


def mnemonic_of(name: str, *, is_person: bool = False) -> str:
    """The first letters of the name's characters in capitals, as YHJD of 远航机电; "" where it has none.

    The legal form at the end of a Chinese company's name is left out. Words in Latin letters count
    with their first letter, unless there is but one: then with all of its letters. Digits stay.
    """
    plain = _folded(name)
    if not is_person:
        shorter = _LEGAL_FORM.sub("", plain)
        plain = shorter if len(shorter) > 1 else plain
    if not _HAN.search(plain):
        words = _WORD.findall(plain)
        letters = "".join(words) if len(words) == 1 else "".join(_short(word) for word in words)
        return letters.upper()[:LONGEST_MNEMONIC]
    letters = ""
    surname, rest = _surname(plain) if is_person else ([], plain)
    for part in (*surname, *_spoken(rest)):
        letters += _short(part) if part.isascii() else ""
    return letters.upper()[:LONGEST_MNEMONIC]


def search_tokens(name: str) -> list[str]:
    """What the name is found by, in every reading of its characters; sorted."""
    tokens: set[str] = set()
    for place, character in enumerate(_characters(name)):
        for reading in readings(character):
            tokens |= {f"{place}{reading[0]}", f"{place}{reading}"}
    return sorted(tokens | set(pieces_of(name)) | {f"={one}" for one in _folded(name)})


def pieces_of(text: str) -> list[str]:
    """What every name has among its tokens that has this text somewhere in it."""
    plain = _folded(text)
    if len(plain) < 2:
        return [f"={plain}"] if plain else []
    return sorted({f"={one}{other}" for one, other in pairwise(plain)})


@dataclass(frozen=True, slots=True)
class Typed:
    """One way to read what was typed: a name has all tokens of `every`, and one of `last`."""

    every: tuple[str, ...]
    last: tuple[str, ...]


def ways_to_read(typed: str) -> list[Typed]:
    """How names can begin that somebody means by these letters; nothing where it is no pinyin.

    By first letters (`cqca`), by syllables (`chongqing`, the last one perhaps not complete), or with
    both (`chongqca`).
    """
    letters = _folded(typed).replace(" ", "").replace("'", "")
    if not _TYPED.fullmatch(letters) or len(letters) > LONGEST_TYPED:
        return []
    found: dict[Typed, None] = {}
    for parts in _cuts(letters):
        every = tuple(f"{place}{part}" for place, part in enumerate(parts[:-1]))
        place, last = len(parts) - 1, parts[-1]
        ends = [last] if len(last) == 1 else _syllables_from(last)
        found[Typed(every, tuple(f"{place}{end}" for end in ends))] = None
        if len(found) == MOST_WAYS:
            break
    return list(found)


@lru_cache(maxsize=32768)
def readings(character: str) -> frozenset[str]:
    """All ways to read a character, without tones; a letter or digit is read as itself."""
    if not _HAN.match(character):
        return frozenset({character})
    said = {
        reading for way in pinyin(character, style=Style.NORMAL, heteronym=True) for reading in way
    }
    if character in SURNAMES:
        said.add(SURNAMES[character])
    return frozenset(
        plain for reading in said for plain in _typed_forms(reading) if plain.isascii()
    ) - {""}


def _cuts(letters: str) -> Iterator[list[str]]:
    """Into single letters first, then in the ways that have the longest syllables at the front."""
    yield list(letters)
    yield from _cuts_from(letters)


def _cuts_from(letters: str) -> Iterator[list[str]]:
    if not letters:
        return
    if len(letters) == 1 or (len(letters) <= _longest() and _syllables_from(letters)):
        yield [letters]
    for length in range(min(_longest(), len(letters) - 1), 0, -1):
        if length == 1 or letters[:length] in _syllables():
            for rest in _cuts_from(letters[length:]):
                yield [letters[:length], *rest]


def _characters(name: str) -> list[str]:
    return [one for one in _folded(name) if _HAN.match(one) or (one.isascii() and one.isalnum())]


def _surname(name: str) -> tuple[list[str], str]:
    for length in (2, 1):
        if name[:length] in SURNAMES and (length == 1 or len(name) > length):
            return SURNAMES[name[:length]].split(), name[length:]
    return [], name


def _spoken(text: str) -> list[str]:
    """The syllables of the Chinese characters, and the words between them."""
    said: list[str] = []
    for part in lazy_pinyin(text):
        said += _WORD.findall(part) if part.isascii() else _WORD.findall(_folded(part))
    return said


def _short(word: str) -> str:
    return word if word.isdigit() else word[0]


def _typed_forms(reading: str) -> tuple[str, ...]:
    """ü is typed as v or as u."""
    plain = reading.replace("ü", "v")
    return (plain, plain.replace("v", "u")) if "v" in plain else (plain,)


def _folded(text: str) -> str:
    """Widths and accents folded, lower case."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", "".join(c for c in plain if not unicodedata.combining(c)))


@cache
def _syllables() -> frozenset[str]:
    """Every syllable there is."""
    said: set[str] = set()
    for code_point in PINYIN_DICT:
        if 0x4E00 <= code_point <= 0x9FFF:
            said |= {one for one in readings(chr(code_point)) if len(one) > 1}
    return frozenset(said)


@cache
def _longest() -> int:
    return max(map(len, _syllables()))


@lru_cache(maxsize=4096)
def _syllables_from(start: str) -> tuple[str, ...]:
    return tuple(sorted(one for one in _syllables() if one.startswith(start)))
