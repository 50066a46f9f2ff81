"""How promising a lead is: points by stated rules, each contribution listed.

A set of rules never changes once it was used: a change is a new version, and a lead keeps the
version it was scored by, so that its score can be explained and worked out again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What the rules look at."""

    source: str
    has_email: bool = False
    has_phone: bool = False
    has_company: bool = False
    has_need: bool = False
    has_product: bool = False
    is_customer: bool = False
    budget: Decimal | None = None
    employee_count: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """So many points when it holds; `because` says when that is."""

    name: str
    points: int
    because: str
    holds: Callable[[LeadFacts], bool]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one rule gave."""

    rule: str
    points: int
    because: str


@dataclass(frozen=True, slots=True)
class Score:
    """The sum of the contributions, from 0 to 100, by the rules of a version."""

    rules_version: int
    points: int
    contributions: tuple[Contribution, ...]


RULES: dict[int, tuple[Rule, ...]] = {
    1: (
        Rule(
            "warm_source",
            20,
            "the lead came by recommendation, partner or fair",
            lambda lead: lead.source in {"referral", "partner", "fair"},
        ),
        Rule(
            "own_inquiry",
            15,
            "the lead asked us, by web form, phone or e-mail",
            lambda lead: lead.source in {"web", "phone", "email"},
        ),
        Rule("existing_customer", 20, "we know the customer", lambda lead: lead.is_customer),
        Rule(
            "reachable",
            10,
            "there is a phone number or an e-mail address",
            lambda lead: lead.has_email or lead.has_phone,
        ),
        Rule("company", 5, "the lead is a company", lambda lead: lead.has_company),
        Rule("need", 10, "the need is stated", lambda lead: lead.has_need),
        Rule("product", 10, "a product is named", lambda lead: lead.has_product),
        Rule(
            "budget",
            15,
            "there is a budget",
            lambda lead: lead.budget is not None and lead.budget > 0,
        ),
        Rule(
            "large_company",
            10,
            "200 employees or more",
            lambda lead: (lead.employee_count or 0) >= 200,
        ),
    ),
}
CURRENT_RULES = 1

RATINGS = ((60, "hot"), (35, "warm"), (0, "cold"))
"""From how many points on a lead is rated so."""


def score(lead: LeadFacts, rules_version: int = CURRENT_RULES) -> Score:
    """The score of a lead by the rules of a version."""
    contributions = tuple(
        Contribution(rule.name, rule.points, rule.because)
        for rule in RULES[rules_version]
        if rule.holds(lead)
    )
    points = min(100, sum(contribution.points for contribution in contributions))
    return Score(rules_version, points, contributions)


def rating_of(points: int) -> str:
    """hot, warm or cold."""
    return next(rating for least, rating in RATINGS if points >= least)
