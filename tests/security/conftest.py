"""The tests of the security matrix: services that ask for tokens, as in tests/access."""

from ..access.conftest import guard

__all__ = ["guard"]
