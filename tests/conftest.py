"""Fixtures of the tests that look at the whole: the running suite, and one of a test's own."""

from fairway.testing import own_suite, pytest_collection_modifyitems, suite

__all__ = ["own_suite", "pytest_collection_modifyitems", "suite"]
