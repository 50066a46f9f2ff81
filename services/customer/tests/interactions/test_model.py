from datetime import timedelta
from uuid import uuid4

import pytest

from customer.interactions.model import Interaction, InteractionInTheFuture

from ..builders import NOW


def an_interaction(**values):
    what = {
        "customer_id": uuid4(),
        "contact_id": None,
        "channel": "phone",
        "direction": "outbound",
        "occurred_at": NOW,
        "subject": "报价跟进",
    }
    return Interaction.log(by="somebody", now=NOW, **{**what, **values})[0]


def test_what_has_not_happened_cannot_be_logged():
    with pytest.raises(InteractionInTheFuture):
        an_interaction(occurred_at=NOW + timedelta(hours=1))


@pytest.mark.capability("CUS-18")
def test_a_correction_keeps_the_old_text():
    interaction = an_interaction(subject="报价跟近")

    corrected = interaction.correct({"subject": "报价跟进"}, by="li", now=NOW)

    assert corrected is not None
    assert interaction.subject == "报价跟进"
    assert interaction.earlier_texts[0]["texts"] == {"subject": "报价跟近"}


def test_a_correction_without_a_difference_says_nothing():
    interaction = an_interaction(subject="报价跟进")

    assert interaction.correct({"subject": "报价跟进"}, by="li", now=NOW) is None
