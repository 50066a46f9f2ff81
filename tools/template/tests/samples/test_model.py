import pytest

from template_service.samples.model import SampleIsClosed, SampleState

from ..builders import NOW, a_sample


def test_a_sample_that_gets_the_name_it_has_says_nothing():
    assert a_sample(name="第一").rename("第一") is None


def test_closing_a_sample_tells_when():
    sample = a_sample()

    closed = sample.close(now=NOW)

    assert sample.state == SampleState.CLOSED
    assert closed.closed_at == NOW


def test_a_closed_sample_stays_as_it_is():
    sample = a_sample()
    sample.close(now=NOW)

    with pytest.raises(SampleIsClosed):
        sample.rename("第二")
    with pytest.raises(SampleIsClosed):
        sample.close(now=NOW)
