"""The reports, as data: their words, columns, groupings and where their figures come from."""

from dataclasses import dataclass, field
from enum import StrEnum

from reporting.reports.deals import CLOSED_DEALS, OPENED_DEALS, RECEIVED
from reporting.reports.questions import Source
from reporting.reports.service import ACTIVE_PARTNERS, SCORES, SURVEYS, TICKETS


class Kind(StrEnum):
    """How a figure is written: money as a decimal string of two places, a percentage as a fraction
    of one, hours and other numbers with two decimals."""

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    PERCENT = "percent"
    HOURS = "hours"
    NUMBER = "number"


class Chart(StrEnum):
    """How a report is drawn by default."""

    BAR = "bar"
    LINE = "line"
    FUNNEL = "funnel"


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages."""

    en: str
    zh: str

    def in_language(self, language: str) -> str:
        """The text for a reader of `language`, `en` or `zh`."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the sum of a figure, or its share in the sum of the figures `over`.

    `within`: the groupings in whose rows it stands, None for all. `unit`: what the share is divided
    by, as 60 for hours from minutes.
    """

    name: str
    kind: Kind
    title: Words
    definition: Words
    figure: str = ""
    over: tuple[str, ...] = ()
    unit: int = 1
    within: frozenset[str] | None = None

    @property
    def is_additive(self) -> bool:
        """Whether the total is the sum of the rows."""
        return self.kind is not Kind.TEXT and not self.over


@dataclass(frozen=True, slots=True)
class Report:
    """A report: what it is called, what it can be grouped by, and what its columns mean.

    `overlapping`: groupings in which one deal may count in several rows, so that counts of deals
    add up to more than their total. `total_only`: columns that a grouping has in its totals only.
    """

    name: str
    title: Words
    description: Words
    group_by: tuple[str, ...]
    default_group_by: str
    chart: Chart
    columns: tuple[Column, ...]
    sources: tuple[Source, ...]
    overlapping: frozenset[str] = frozenset()
    row_only: frozenset[str] = frozenset()
    total_only: dict[str, frozenset[str]] = field(default_factory=dict)
    partners_only: bool = False
    has_currency: bool = True

    @property
    def groupings(self) -> tuple[str, ...]:
        """What can be asked for as group_by; the default one may be a grouping of its own."""
        return tuple(dict.fromkeys((*self.group_by, self.default_group_by)))

    @property
    def filters(self) -> tuple[str, ...]:
        """What the report can be narrowed to."""
        return tuple(name for name in self.group_by if name in DIMENSIONS)

    @property
    def labels(self) -> tuple[Column, ...]:
        """The columns that name the rows of each grouping."""
        return tuple(LABELS[name] for name in self.groupings)

    def row_columns(self, grouping: str, *, by_product: bool) -> list[Column]:
        """The columns of the rows, the label first."""
        return [
            LABELS[grouping],
            *(
                column
                for column in self.columns
                if (column.within is None or grouping in column.within)
                and not (by_product and column.name in NOT_BY_PRODUCT)
            ),
        ]

    def total_columns(self, grouping: str, *, by_product: bool) -> list[Column]:
        """The columns of the totals."""
        only = self.total_only.get(grouping, frozenset())
        return [
            *(
                column
                for column in self.row_columns(grouping, by_product=by_product)
                if column.kind is not Kind.TEXT and column.name not in self.row_only
            ),
            *(column for column in self.columns if column.name in only),
        ]


DIMENSIONS = ("region", "product", "person", "partner")
"""Groupings whose rows have an id, which is also a filter."""
NOT_BY_PRODUCT = frozenset({"received"})


def _label(name: str, en: str, zh: str, definition_en: str, definition_zh: str) -> Column:
    return Column(name, Kind.TEXT, Words(en, zh), Words(definition_en, definition_zh))


LABELS = {
    column.name: column
    for column in (
        _label(
            "region",
            "Region",
            "区域",
            "The sales territory of the deal, ticket or survey.",
            "商机、工单或调查所属的销售区域。",
        ),
        _label("month", "Month", "月份", "The calendar month.", "自然月。"),
        _label(
            "product",
            "Product",
            "产品",
            "The product sold; a deal counts once for each product it has lines of.",
            "所售产品；一个商机对其包含的每个产品各计一次。",
        ),
        _label(
            "person",
            "Person",
            "人员",
            "The employee who owns the deal, ticket or survey.",
            "负责该商机、工单或调查的员工。",
        ),
        _label(
            "partner",
            "Partner",
            "渠道伙伴",
            "The dealer or agent through whom it came.",
            "带来该业务的经销商或代理商。",
        ),
        _label(
            "stage",
            "Stage",
            "阶段",
            "The stage of the sales pipeline.",
            "销售管道中的阶段。",
        ),
    )
}

_CLOSED_IN_PERIOD = {
    "won_revenue": Column(
        "won_revenue",
        Kind.MONEY,
        Words("Won revenue", "赢单金额"),
        Words(
            "Amounts of the deals won in the period; by product, the amounts of their lines.",
            "期间内赢单商机的金额；按产品时为商机明细行的金额。",
        ),
        figure="won_revenue",
    ),
    "won_deals": Column(
        "won_deals",
        Kind.INTEGER,
        Words("Won deals", "赢单数"),
        Words("Deals won in the period.", "期间内赢单的商机数。"),
        figure="won_deals",
    ),
    "lost_deals": Column(
        "lost_deals",
        Kind.INTEGER,
        Words("Lost deals", "输单数"),
        Words("Deals lost in the period.", "期间内输单的商机数。"),
        figure="lost_deals",
    ),
    "win_rate": Column(
        "win_rate",
        Kind.PERCENT,
        Words("Win rate", "赢单率"),
        Words(
            "Won deals divided by won and lost deals of the period.",
            "期间内赢单数除以赢单数与输单数之和。",
        ),
        figure="won_deals",
        over=("won_deals", "lost_deals"),
    ),
}

_SATISFACTION = Column(
    "satisfaction",
    Kind.NUMBER,
    Words("Satisfaction", "满意度"),
    Words(
        "Mean score, 1 to 5, of the surveys answered in the period.",
        "期间内收到的满意度调查的平均分（1 至 5 分）。",
    ),
    figure="points",
    over=("surveys",),
)

WON_REVENUE = Report(
    name="won-revenue",
    title=Words("Won revenue", "赢单收入"),
    description=Words(
        "Deals by the day on which they were won or lost.",
        "按赢单或输单日期统计的商机。",
    ),
    group_by=("region", "month", "product", "person", "partner"),
    default_group_by="month",
    chart=Chart.BAR,
    overlapping=frozenset({"product"}),
    sources=(CLOSED_DEALS, RECEIVED),
    columns=(
        _CLOSED_IN_PERIOD["won_revenue"],
        _CLOSED_IN_PERIOD["won_deals"],
        Column(
            "average_deal",
            Kind.MONEY,
            Words("Average deal", "平均单价"),
            Words("Won revenue divided by won deals.", "赢单金额除以赢单数。"),
            figure="won_revenue",
            over=("won_deals",),
        ),
        _CLOSED_IN_PERIOD["lost_deals"],
        _CLOSED_IN_PERIOD["win_rate"],
        Column(
            "received",
            Kind.MONEY,
            Words("Received", "已回款"),
            Words(
                "Money received until now for the deals won in the period, without reversed"
                " receipts. Not known by product.",
                "期间内赢单商机至今的回款，不含已冲销的回款。不按产品统计。",
            ),
            figure="received",
        ),
    ),
)

_STAGE = frozenset({"stage"})
_NOT_STAGE = frozenset({"region", "month", "product", "person", "partner"})

SALES_FUNNEL = Report(
    name="sales-funnel",
    title=Words("Sales funnel", "销售漏斗"),
    description=Words(
        "Deals opened in the period, where they stand now and how far they came.",
        "期间内新建的商机：目前所处阶段以及到达过的最远阶段。",
    ),
    group_by=("region", "month", "product", "person", "partner"),
    default_group_by="stage",
    chart=Chart.FUNNEL,
    sources=(OPENED_DEALS,),
    row_only=frozenset({"reached_deals", "conversion"}),
    total_only={
        "stage": frozenset({"open_deals", "open_pipeline", "won_deals", "lost_deals", "win_rate"})
    },
    columns=(
        Column(
            "deals",
            Kind.INTEGER,
            Words("Deals now", "当前商机数"),
            Words(
                "Deals that stand at this stage now. Lost deals stand at none.",
                "目前处于该阶段的商机数；输单商机不属于任何阶段。",
            ),
            figure="deals",
            within=_STAGE,
        ),
        Column(
            "reached_deals",
            Kind.INTEGER,
            Words("Reached", "到达数"),
            Words(
                "Deals that came to this stage or a later one, whatever became of them.",
                "到达过该阶段或其后阶段的商机数，无论结果如何。",
            ),
            figure="reached_deals",
            within=_STAGE,
        ),
        Column(
            "amount",
            Kind.MONEY,
            Words("Amount", "金额"),
            Words(
                "Expected amounts of the deals at this stage; of won deals what they were won for.",
                "处于该阶段商机的预计金额；已赢单商机为赢单金额。",
            ),
            figure="amount",
            within=_STAGE,
        ),
        Column(
            "conversion",
            Kind.PERCENT,
            Words("Conversion", "转化率"),
            Words(
                "Of the deals that reached this stage, the share that reached the next one.",
                "到达该阶段的商机中，继续到达下一阶段的比例。",
            ),
            figure="went_on_deals",
            over=("passing_deals",),
            within=_STAGE,
        ),
        Column(
            "open_deals",
            Kind.INTEGER,
            Words("Open deals", "进行中商机"),
            Words("Deals that are neither won nor lost.", "既未赢单也未输单的商机数。"),
            figure="open_deals",
            within=_NOT_STAGE,
        ),
        Column(
            "open_pipeline",
            Kind.MONEY,
            Words("Open pipeline", "在途金额"),
            Words("Expected amounts of the open deals.", "进行中商机的预计金额。"),
            figure="open_pipeline",
            within=_NOT_STAGE,
        ),
        Column(
            "won_deals",
            Kind.INTEGER,
            Words("Won deals", "赢单数"),
            Words("Deals opened in the period and won since.", "期间内新建且已赢单的商机数。"),
            figure="won_deals",
            within=_NOT_STAGE,
        ),
        Column(
            "lost_deals",
            Kind.INTEGER,
            Words("Lost deals", "输单数"),
            Words("Deals opened in the period and lost since.", "期间内新建且已输单的商机数。"),
            figure="lost_deals",
            within=_NOT_STAGE,
        ),
        Column(
            "win_rate",
            Kind.PERCENT,
            Words("Win rate", "赢单率"),
            Words(
                "Won deals divided by won and lost deals, of those opened in the period.",
                "期间内新建的商机中，赢单数除以赢单数与输单数之和。",
            ),
            figure="won_deals",
            over=("won_deals", "lost_deals"),
            within=_NOT_STAGE,
        ),
    ),
)

CHANNEL_PERFORMANCE = Report(
    name="channel-performance",
    title=Words("Channel performance", "渠道绩效"),
    description=Words(
        "What came through dealers and agents; direct business is not counted.",
        "经由经销商和代理商的业务，不含直销。",
    ),
    group_by=("partner", "region", "month"),
    default_group_by="partner",
    chart=Chart.BAR,
    partners_only=True,
    sources=(CLOSED_DEALS, TICKETS, SURVEYS, SCORES, ACTIVE_PARTNERS),
    columns=(
        Column(
            "partner_region",
            Kind.TEXT,
            Words("Partner's region", "伙伴所在区域"),
            Words("The territory the partner belongs to.", "渠道伙伴所属的销售区域。"),
            within=frozenset({"partner"}),
        ),
        *_CLOSED_IN_PERIOD.values(),
        Column(
            "tickets",
            Kind.INTEGER,
            Words("Tickets", "工单数"),
            Words("Service tickets opened in the period.", "期间内新建的服务工单数。"),
            figure="tickets",
        ),
        _SATISFACTION,
        Column(
            "score",
            Kind.NUMBER,
            Words("Score", "评分"),
            Words(
                "The partner's last published score, 0 to 100, whose period ended in the period"
                " shown; of several partners the mean.",
                "考核期截止日在所示期间内的最近一次渠道评分（0 至 100）；多个伙伴时为平均值。",
            ),
            figure="score_points",
            over=("scores",),
        ),
    ),
)

SERVICE_LEVELS = Report(
    name="service-levels",
    title=Words("Service levels", "服务水平"),
    description=Words(
        "Tickets opened in the period, as they stand now, and the surveys answered in it.",
        "期间内新建工单的当前情况，以及期间内收到的满意度调查。",
    ),
    group_by=("month", "partner", "region", "person"),
    default_group_by="month",
    chart=Chart.LINE,
    has_currency=False,
    sources=(TICKETS, SURVEYS),
    columns=(
        Column(
            "tickets",
            Kind.INTEGER,
            Words("Tickets", "工单数"),
            Words("Tickets opened in the period.", "期间内新建的工单数。"),
            figure="tickets",
        ),
        Column(
            "responded_within",
            Kind.PERCENT,
            Words("Responded in time", "响应及时率"),
            Words(
                "Of the tickets that were answered or whose response clock ran out, the share"
                " answered in time.",
                "在已响应或响应时限已过的工单中，按时响应的比例。",
            ),
            figure="answers_in_time",
            over=("due_answers",),
        ),
        Column(
            "sla_met",
            Kind.PERCENT,
            Words("Solved in time", "SLA 达成率"),
            Words(
                "Of the closed tickets, the share solved within the service level.",
                "已关闭工单中，在服务时限内解决的比例。",
            ),
            figure="solutions_in_time",
            over=("solutions",),
        ),
        Column(
            "first_response_hours",
            Kind.HOURS,
            Words("First response", "首次响应时长"),
            Words(
                "Mean service hours until the first response.",
                "首次响应的平均服务时长（小时）。",
            ),
            figure="answer_minutes",
            over=("answers",),
            unit=60,
        ),
        Column(
            "resolution_hours",
            Kind.HOURS,
            Words("Resolution", "解决时长"),
            Words(
                "Mean service hours of the solution clock of closed tickets.",
                "已关闭工单的平均解决时长（服务小时）。",
            ),
            figure="solution_minutes",
            over=("solutions",),
            unit=60,
        ),
        Column(
            "reopened",
            Kind.INTEGER,
            Words("Reopened", "重开工单数"),
            Words("Tickets that were reopened at least once.", "至少被重新打开一次的工单数。"),
            figure="reopened",
        ),
        _SATISFACTION,
    ),
)

REPORTS = (WON_REVENUE, SALES_FUNNEL, CHANNEL_PERFORMANCE, SERVICE_LEVELS)
