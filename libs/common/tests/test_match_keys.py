"""What people write differently for the same thing has one key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.match_keys import (
    SHORTEST_NEAR_NAME,
    compare,
    email_key,
    match_keys,
    name_key,
    name_similarity,
    phone_key,
    tax_key,
)

pytestmark = [pytest.mark.capability("CUS-27"), pytest.mark.capability("C-01")]

HAN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)


@pytest.mark.parametrize(
    "written",
    [
        "杭州远航机电有限公司",
        "杭州遠航機電股份有限公司",
        " 杭州 远航·机电　有限责任公司",
        "杭州远航机电集团有限公司",
        "杭州远航机电（集团）公司",
    ],
)
def test_legal_form_characters_and_spaces_of_a_chinese_name_are_folded(written):
    assert name_key(written) == "杭州远航机电"


@pytest.mark.parametrize(
    "written",
    [
        "Acme Trading Co., Ltd.",
        "ＡＣＭＥ　ＴＲＡＤＩＮＧ",
        "Acmé-Trading GmbH & Co. KG",
        "acme trading Inc",
    ],
)
def test_legal_form_case_width_and_accents_of_a_latin_name_are_folded(written):
    assert name_key(written) == "acmetrading"


def test_a_name_that_is_all_legal_form_stays_one():
    assert name_key("有限公司") == "有限公司"
    assert name_key("Co., Ltd.") == "co"
    assert name_key("……") is None


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("138 0013 8000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("＋８６ 138-0013-8000", "+8613800138000"),
        ("(0571) 8888 8888 x12", "+8657188888888"),
        ("+1 650-253-0000", "+16502530000"),
        ("8888 8888", None),
        ("12345", None),
        ("no number", None),
    ],
)
def test_phone_numbers_are_e164_and_of_china_where_they_do_not_say(written, key):
    assert phone_key(written) == key


def test_an_address_is_folded_in_case_only_and_a_tax_number_to_letters_and_digits():
    assert email_key(" Info+Sales@Yuanhang.Example") == "info+sales@yuanhang.example"
    assert tax_key("91 3301-00ma27x0ab1c") == "91330100MA27X0AB1C"
    assert tax_key("12-3") is None


@given(st.text(HAN, min_size=SHORTEST_NEAR_NAME, max_size=30), st.data())
def test_a_name_with_one_error_is_still_found(name, data):
    """Left out, added or replaced: both have a token in common, which is what is looked for."""
    at = data.draw(st.integers(0, len(name) - 1))
    other = data.draw(HAN)
    wrong = data.draw(
        st.sampled_from(
            [
                name[:at] + name[at + 1 :],
                name[:at] + other + name[at:],
                name[:at] + other + name[at + 1 :],
            ]
        )
    )
    one, two = match_keys(name=name), match_keys(name=wrong)
    if (
        one.name is None
        or two.name is None
        or min(len(one.name), len(two.name)) < SHORTEST_NEAR_NAME
    ):
        return
    if abs(len(one.name) - len(two.name)) > 1 or max(len(one.name), len(two.name)) > 24:
        return
    assert set(one.tokens) & set(two.tokens)


@given(st.text(max_size=20), st.text(max_size=20))
def test_being_alike_is_mutual_and_equal_is_all(one, two):
    first, second = name_key(one), name_key(two)
    assert name_similarity(first, second) == name_similarity(second, first)
    assert (name_similarity(first, second) == 100) == (first is not None and first == second)


def test_reasons_add_up_and_other_tax_numbers_end_it():
    one = match_keys(name="远航机电", phones=["13800138000"], tax_number="91330100MA27X0AB1C")
    same = match_keys(name="遠航機電有限公司", phones=["+86 13800138000"])
    other = match_keys(name="远航机电", phones=["13800138000"], tax_number="91330100MA27X0AB2D")

    both, phone = compare(one, same), compare(one, match_keys(phones=["13800138000"]))

    assert both is not None
    assert phone is not None
    assert (both.score, phone.score) == (98, 85)
    assert compare(one, other) is None
    assert compare(one, match_keys(name="上海大众")) is None


def test_a_wrong_character_of_the_same_sound_and_another_order_are_nearly_the_same():
    assert name_similarity("远航机电", "远行机电") >= 75
    assert name_similarity("远航机电", "远杭机电") == 95
    assert name_similarity("杭州远航机电", "远航机电杭州") == 95
    assert name_similarity("杭州远航机电", "远航机电") == 90
