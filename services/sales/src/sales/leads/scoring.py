"""How promising a lead is: points by rules that are data, each contribution listed.

A version of the rules never changes once it was in force: a change is a new version, and a lead
keeps the version it was scored by, so that its score can be explained and worked out again.
Version 1 is built in and counts until another one is activated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from sales.leads.conditions import (
    RESULTS_OF_SCORING,
    Condition,
    Facts,
    LeadField,
    Operator,
    all_hold,
)

MOST_POINTS = 100

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ScoringRule(BaseModel):
    """So many points when all conditions hold; `because` says to people when that is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    points: int = Field(ge=-MOST_POINTS, le=MOST_POINTS)
    because: Text
    because_zh: Text | None = None
    when: tuple[Condition, ...] = Field(min_length=1, max_length=10)

    @model_validator(mode="after")
    def _asks_no_result(self) -> "ScoringRule":
        asked = sorted({condition.field for condition in self.when} & RESULTS_OF_SCORING)
        if asked:
            raise ValueError(f"a scoring rule cannot ask what scoring says: {', '.join(asked)}")
        return self


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one rule gave."""

    rule: str
    points: int
    because: str


@dataclass(frozen=True, slots=True)
class Score:
    """The sum of the contributions, held between 0 and 100, and how a lead with it is rated."""

    rules_version: int
    points: int
    rating: str
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class Scoring:
    """One version of the rules; from `hot_from` points on a lead is hot, from `warm_from` warm."""

    version: int
    rules: Sequence[ScoringRule]
    hot_from: int = 60
    warm_from: int = 35

    def score(self, facts: Facts) -> Score:
        """The score of a lead of whom this is known."""
        contributions = tuple(
            Contribution(rule.name, rule.points, rule.because)
            for rule in self.rules
            if all_hold(rule.when, facts)
        )
        total = sum(contribution.points for contribution in contributions)
        points = min(MOST_POINTS, max(0, total))
        return Score(self.version, points, self.rating_of(points), contributions)

    def rating_of(self, points: int) -> str:
        """hot, warm or cold."""
        if points >= self.hot_from:
            return "hot"
        return "warm" if points >= self.warm_from else "cold"


def _rule(
    name: str, points: int, because: str, because_zh: str, field: LeadField, *values: str
) -> ScoringRule:
    condition = Condition(
        field=field, operator=Operator.ONE_OF if values else Operator.IS_SET, values=values
    )
    return ScoringRule(
        name=name, points=points, because=because, because_zh=because_zh, when=(condition,)
    )


def _number_rule(
    name: str, points: int, because: str, because_zh: str, field: LeadField, least: str
) -> ScoringRule:
    condition = Condition.model_validate(
        {"field": field, "operator": Operator.AT_LEAST, "number": least}
    )
    return ScoringRule(
        name=name, points=points, because=because, because_zh=because_zh, when=(condition,)
    )


BUILT_IN = Scoring(
    version=1,
    rules=(
        _rule(
            "warm_source",
            20,
            "the lead came by recommendation, partner or fair",
            "线索来自推荐、合作伙伴或展会",
            LeadField.SOURCE,
            "referral",
            "partner",
            "fair",
        ),
        _rule(
            "own_inquiry",
            15,
            "the lead asked us, by web form, phone or e-mail",
            "线索通过网站、电话或邮件主动咨询",
            LeadField.SOURCE,
            "web",
            "phone",
            "email",
        ),
        _rule("existing_customer", 20, "we know the customer", "已有客户", LeadField.CUSTOMER_ID),
        _rule(
            "reachable",
            10,
            "there is a phone number or an e-mail address",
            "有电话或邮箱",
            LeadField.REACHABLE,
        ),
        _rule("company", 5, "the lead is a company", "线索是企业", LeadField.KIND, "company"),
        _rule("need", 10, "the need is stated", "需求明确", LeadField.NEED),
        _rule("product", 10, "a product is named", "指明了产品", LeadField.PRODUCT_ID),
        _number_rule("budget", 15, "there is a budget", "有预算", LeadField.BUDGET, "0.01"),
        _number_rule(
            "large_company",
            10,
            "200 employees or more",
            "员工不少于 200 人",
            LeadField.EMPLOYEE_COUNT,
            "200",
        ),
    ),
)
