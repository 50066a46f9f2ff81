"""Names as people type them: one mnemonic, and every reading found."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.pinyin import mnemonic_of, pieces_of, readings, search_tokens, ways_to_read

pytestmark = pytest.mark.capability("N19")

CHARACTERS = st.text(
    st.sampled_from("重庆长安行单仇曾解乐区绿大夫厦门杭州远航机电"), min_size=1, max_size=8
)


def is_found(name, typed):
    tokens = set(search_tokens(name))
    return any(
        tokens.issuperset(way.every) and not tokens.isdisjoint(way.last)
        for way in ways_to_read(typed)
    )


@pytest.mark.capability("CUS-04")
@pytest.mark.parametrize(
    ("name", "is_person", "mnemonic"),
    [
        ("重庆长安汽车股份有限公司", False, "CQCAQC"),
        ("长沙银行", False, "CSYH"),
        ("单田芳", True, "STF"),
        ("仇和", True, "QH"),
        ("曾国藩", True, "ZGF"),
        ("尉迟恭", True, "YCG"),
        ("解缙", True, "XJ"),
        ("ACME Trading Co., Ltd.", False, "ATCL"),
        ("Microsoft", False, "MICROSOFT"),
        ("3M中国有限公司", False, "3MZG"),
        ("ＡＢＣ集团", False, "ABC"),
        ("***", False, ""),
    ],
)
def test_a_mnemonic_is_read_as_people_read_the_name(name, is_person, mnemonic):
    assert mnemonic_of(name, is_person=is_person) == mnemonic


@settings(deadline=None)
@given(name=CHARACTERS, choose=st.data())
def test_a_name_is_found_by_the_first_letters_of_any_of_its_readings(name, choose):
    typed = "".join(
        choose.draw(st.sampled_from(sorted(readings(character))))[0] for character in name
    )

    assert is_found(name, typed)
    assert is_found(name, typed[: choose.draw(st.integers(1, len(typed)))].upper())


@settings(deadline=None)
@given(name=CHARACTERS, choose=st.data())
def test_a_name_is_found_by_its_syllables_where_they_are_cut_as_they_are_longest(name, choose):
    first = choose.draw(st.sampled_from(sorted(readings(name[0]))))

    assert is_found(name, first)


@settings(deadline=None)
@given(name=CHARACTERS, choose=st.data())
def test_a_name_has_the_pieces_of_each_of_its_parts(name, choose):
    begin = choose.draw(st.integers(0, len(name) - 1))
    end = choose.draw(st.integers(begin + 1, len(name)))

    assert set(search_tokens(name)) >= set(pieces_of(name[begin:end]))


def test_another_name_is_not_found():
    assert not is_found("宁波海达", "cqca")
    assert not is_found("重庆长安", "qcca")
