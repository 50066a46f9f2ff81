from uuid import uuid4

import pytest

from channel.territories.model import TerritoryClosed, TerritoryCycle, TerritoryInUse

from ..builders import a_territory


@pytest.mark.capability("CHN-02")
def test_a_territory_does_not_lie_in_itself():
    territory = a_territory()

    with pytest.raises(TerritoryCycle):
        territory.check_parent([uuid4(), territory.id])


@pytest.mark.parametrize(("territories", "partners"), [(1, 0), (0, 1)])
def test_a_territory_in_use_is_not_closed(territories, partners):
    with pytest.raises(TerritoryInUse):
        a_territory().close(open_territories=territories, partners=partners)


def test_a_closed_territory_is_not_changed():
    territory = a_territory()
    territory.close(open_territories=0, partners=0)

    assert territory.close(open_territories=0, partners=0) is None
    with pytest.raises(TerritoryClosed):
        territory.update({"name": "新名"})


def test_an_update_that_changes_nothing_says_nothing():
    assert a_territory(name="浙江").update({"name": "浙江"}) is None
