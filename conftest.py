"""Fixtures for every test: the servers of the run."""

pytest_plugins = ["common.testing.pytest_plugin"]
