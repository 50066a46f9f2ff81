"""What an actor may do: grants of rights, each with the rows it reaches.

A right is `<service>.<feature>.<action>`, as `sales.quotes.write`. A role holds patterns of
rights: a segment may be `*`, and a `*` at the end stands for all the rest.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

PATTERN = r"^(\*|[a-z-]+(\.(\*|[a-z-]+)){1,2})$"
_PATTERN = re.compile(PATTERN)

PUBLIC = "public"
"""In a policy table: for everybody, also without a token."""
SIGNED_IN = "signed-in"
"""In a policy table: for everybody with a token, whatever their roles."""
INTERNAL = "internal"
"""In a policy table: for the other services only, by the token they share."""

Policy = Mapping[str, str]
"""The right that each operation of a service needs, by the operation's name; what is not listed is
refused. Rights are written without the service: `quotes.write`."""


class Scope(StrEnum):
    """Which rows a grant reaches."""

    OWN = "own"
    DEPARTMENT = "department"
    SUBTREE = "subtree"
    TERRITORY = "territory"
    PARTNER = "partner"
    ALL = "all"

    def holds(self, other: "Scope") -> bool:
        """Whether for everybody the rows of the other are among those of this one."""
        return self == other or self == Scope.ALL or other in _WITHIN.get(self, ())


# Everybody reaches what is their own, and an account of no partner has no rows of one.
_WITHIN = {
    Scope.PARTNER: (Scope.OWN,),
    Scope.OWN: (Scope.PARTNER,),
    Scope.DEPARTMENT: (Scope.OWN, Scope.PARTNER),
    Scope.SUBTREE: (Scope.OWN, Scope.PARTNER, Scope.DEPARTMENT),
    Scope.TERRITORY: (Scope.OWN, Scope.PARTNER),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What one role gives: rights over the rows of a scope."""

    role: str
    rights: tuple[str, ...]
    scope: Scope

    def gives(self, right: str) -> bool:
        """Whether the right is among those of the role."""
        return any(covers(pattern, right) for pattern in self.rights)


@lru_cache(maxsize=4096)
def covers(pattern: str, right: str) -> bool:
    """Whether the pattern stands for the right."""
    wanted = right.split(".")
    parts = pattern.split(".")
    for place, part in enumerate(parts):
        if part == "*" and place == len(parts) - 1:
            return len(wanted) > place
        if place >= len(wanted) or part not in ("*", wanted[place]):
            return False
    return len(parts) == len(wanted)


def are_patterns(rights: Iterable[str]) -> bool:
    """Whether each text is a pattern of rights."""
    return all(_PATTERN.fullmatch(right) for right in rights)
