"""The mapping files: each reads, and names only what the services take."""

import csv
from pathlib import Path

import pytest
import typer
import yaml

from common.imports.jobs import Target
from common.imports.mapping import ImportMapping, RowMapper
from fairway.importing import MappingFile, load_mapping, shipped
from fairway.services import PACKAGES, load_one, path_of

DATA_SETS = Path(__file__).parents[3] / "shared" / "data"
SERVICES = {path_of(package): package for package in PACKAGES}


def targets_of(service: str) -> dict[str, Target]:
    """What rows of a file can become in a service."""
    targets = __import__(f"{SERVICES[service]}.imports.targets", fromlist=["TARGETS"])
    found: dict[str, Target] = targets.TARGETS
    return found


@pytest.fixture(params=shipped())
def mapping(request: pytest.FixtureRequest) -> MappingFile:
    return load_mapping(request.param)


def test_there_is_a_mapping_for_the_sample_data_set():
    assert "crm-sales-opportunities" in shipped()


def test_every_step_names_a_service_and_a_target_it_has(mapping):
    for step in mapping.steps:
        assert step.service in SERVICES, step.title
        assert step.target in targets_of(step.service), step.title
        assert load_one(step.service).package == SERVICES[step.service]


def test_every_step_names_only_fields_that_its_target_has(mapping):
    for step in mapping.steps:
        row = targets_of(step.service)[step.target].row
        assert set(step.fields) <= set(row.model_fields), step.title


def test_every_field_that_a_target_needs_is_mapped(mapping):
    for step in mapping.steps:
        row = targets_of(step.service)[step.target].row
        needed = {name for name, field in row.model_fields.items() if field.is_required()}
        # Which system it comes from is said once, for the whole mapping.
        assert needed - {"external_source"} <= set(step.fields), step.title


def test_a_field_is_a_column_or_a_constant(mapping):
    for step in mapping.steps:
        for name, field in step.fields.items():
            assert (field.column is None) != (field.value is None), f"{step.title}: {name}"


def test_a_step_comes_after_those_that_bring_what_it_names(mapping):
    brought: set[str] = set()
    for step in mapping.steps:
        row_target = step.target.removesuffix("s")
        for name in step.fields:
            if name.endswith("_external_id") and name != "parent_external_id":
                what = {"owner": "employee", "manager": "employee"}.get(
                    name.removesuffix("_external_id"), name.removesuffix("_external_id")
                )
                assert what in brought | {row_target}, f"{step.title}: {name}"
        brought.add({"opportunitie": "opportunity"}.get(row_target, row_target))


def test_the_columns_are_those_of_the_data_set(mapping):
    folder = DATA_SETS / mapping.external_source.replace("_", "-")
    if not folder.is_dir():
        pytest.skip(f"no sample data set at {folder}")
    for step in mapping.steps:
        with (folder / step.file).open(encoding="utf-8-sig", newline="") as file:
            header, first, *_ = csv.reader(file)
        fields = ImportMapping(external_source=mapping.external_source, fields=step.fields)
        mapped = RowMapper(fields, header).map(2, first)
        assert set(mapped.values) == set(step.fields), step.title


def test_a_mapping_may_come_from_a_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "description": "A list of firms",
                "external_source": "old_crm",
                "steps": [
                    {
                        "title": "firms",
                        "file": "firms.csv",
                        "service": "customer",
                        "target": "customers",
                        "fields": {"name": {"column": "Firm", "required": True}},
                    }
                ],
            }
        )
    )

    assert load_mapping(str(file)).steps[0].fields["name"].column == "Firm"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("steps: [", "does not fit"),
        ("description: A\nexternal_source: a", "steps"),
        ("description: A\nexternal_source: a\nsteps: []\nmore: 1", "more"),
    ],
)
def test_a_mapping_that_does_not_fit_says_where(tmp_path, content, complaint):
    file = tmp_path / "mine.yaml"
    file.write_text(content)

    with pytest.raises(typer.BadParameter, match=complaint):
        load_mapping(str(file))


def test_a_mapping_that_is_not_there_names_those_that_are():
    with pytest.raises(typer.BadParameter, match="crm-sales-opportunities"):
        load_mapping("nothing-of-the-kind")
