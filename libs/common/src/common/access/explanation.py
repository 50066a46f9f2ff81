"""Why somebody may do something, or what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from common.access.rights import Grant, Scope
from common.auth import Actor

_WIDEST_FIRST = (
    Scope.ALL,
    Scope.TERRITORY,
    Scope.SUBTREE,
    Scope.DEPARTMENT,
    Scope.PARTNER,
    Scope.OWN,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision and its reason.

    `role` and `scope` are those of the deciding grant; without one `missing` is the right that no
    role gives, or "scope" when a role gives it over other rows only.
    """

    is_allowed: bool
    role: str | None = None
    scope: Scope | None = None
    missing: str | None = None
    considered: tuple[Grant, ...] = ()


def explain(actor: Actor, right: str, record: Mapping[str, Any] | None) -> Explanation:
    """Decide as the gate and the rows do, grant by grant.

    `record` holds the four values that say whose a record is; without one it is enough that the
    right is there over any rows.
    """
    considered = tuple(
        sorted(
            (grant for grant in actor.grants if grant.gives(right)),
            key=lambda grant: (_WIDEST_FIRST.index(grant.scope), grant.role),
        )
    )
    if not considered:
        return Explanation(False, missing=right)
    for grant in considered:
        rows = replace(actor, grants=(grant,)).rows(right)
        if record is None or rows is None or rows.hold(record):
            # A partner's account reaches its partner's rows, whatever the role says.
            scope = grant.scope if actor.partner_id is None else Scope.PARTNER
            return Explanation(True, grant.role, scope, considered=considered)
    return Explanation(False, missing="scope", considered=considered)
