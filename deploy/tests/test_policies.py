"""Every overlay keeps every rule of policies.py."""

import json
import subprocess
import sys

import pytest

from .manifests import OVERLAYS, ROOT, render
from .policies import POLICIES, references_lead_somewhere


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_overlay_keeps_the_rule(overlay, policy):
    assert list(policy(render(overlay))) == []


@pytest.fixture(scope="module")
def made_secrets():
    result = subprocess.run(
        [sys.executable, ROOT / "deploy/k8s/make_secrets.py", "--namespace", "somewhere"],
        capture_output=True,
        check=True,
    )
    return json.loads(result.stdout)["items"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_whatever_is_named_is_made_by_somebody(overlay, made_secrets):
    names = {secret["metadata"]["name"] for secret in made_secrets}

    assert list(references_lead_somewhere(render(overlay), names)) == []


def test_made_secrets_are_long_different_and_need_no_quoting_in_a_url(made_secrets):
    values = [
        value
        for secret in made_secrets
        for name, value in secret["stringData"].items()
        if name != "username"
    ]

    assert all(value.isalnum() and value.isascii() and len(value) >= 32 for value in values)
    assert len(set(values)) == len(values)
