"""Every object of every overlay has the shape its kind demands, in every version we support."""

import copy
from functools import partial

import pytest

from . import schemas, shapes
from .manifests import OVERLAYS, PRODUCTION, called, of_kind, render

core = partial(schemas.faults_of_definition, schemas.VERSIONS[-1])


@pytest.mark.parametrize("version", schemas.VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_objects_are_valid_in_this_version_of_kubernetes(overlay, version):
    found = [
        f"{called(item)}{fault}"
        for item in render(overlay)
        if schemas.is_known(version, item)
        for fault in schemas.faults(version, item)
    ]

    assert found == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_custom_resources_have_only_fields_that_exist(overlay):
    found = [
        f"{called(item)} {fault}"
        for item in render(overlay)
        if (shape := shapes.SHAPES.get((item["apiVersion"], item["kind"])))
        for fault in shapes.faults(item["spec"], shape, core)
    ]

    assert found == []


@pytest.mark.parametrize("version", schemas.VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_kind_goes_unchecked(overlay, version):
    unknown = {
        (item["apiVersion"], item["kind"])
        for item in render(overlay)
        if not schemas.is_known(version, item)
        and (item["apiVersion"], item["kind"]) not in shapes.SHAPES
    }

    assert unknown == set()


def test_the_development_overlay_needs_no_operator():
    custom = {
        item["kind"]
        for item in render("dev")
        if (item["apiVersion"], item["kind"]) in shapes.SHAPES
    }

    assert custom == set()


def test_a_misspelt_field_of_a_deployment_is_found():
    deployment = of_kind(render(PRODUCTION), "Deployment")[0]
    deployment["spec"]["minReadySecond"] = 5

    assert any("minReadySecond" in fault for fault in schemas.faults("1.37", deployment))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda spec: spec.update(minReplicas=1), "no field minReplicas"),
        (lambda spec: spec.pop("triggers"), "triggers is missing"),
        (lambda spec: spec.update(minReplicaCount="1"), "'1' is not int"),
        (lambda spec: spec["triggers"][0].update(type="rabbit"), "'rabbit' is none of"),
        (lambda spec: spec["triggers"][0]["metadata"].update(value=5), "5 is not str"),
    ],
)
def test_a_wrong_shape_of_a_custom_resource_is_found(change, complaint):
    scaled = of_kind(render(PRODUCTION), "ScaledObject")[0]
    spec = copy.deepcopy(scaled["spec"])
    change(spec)

    found = list(shapes.faults(spec, shapes.SHAPES["keda.sh/v1alpha1", "ScaledObject"], core))

    assert any(complaint in fault for fault in found)


def test_a_part_that_kubernetes_defines_is_held_against_its_definition():
    broker = of_kind(render(PRODUCTION), "RabbitmqCluster")[0]
    broker["spec"]["affinity"]["podAntiAffinities"] = {}

    found = list(
        shapes.faults(
            broker["spec"], shapes.SHAPES["rabbitmq.com/v1beta1", "RabbitmqCluster"], core
        )
    )

    assert any("podAntiAffinities" in fault for fault in found)
