"""Fixtures of the suite's tests: the running suite, and one of a test's own."""

from fairway.testing import own_suite, pytest_collection_modifyitems, suite

__all__ = ["own_suite", "pytest_collection_modifyitems", "suite"]
