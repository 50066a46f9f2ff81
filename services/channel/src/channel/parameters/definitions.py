"""Which parameters there are: what each may be, what it is until somebody sets it, who reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from common.errors import Invalid, NotFound

Value = int | str

LONGEST_VALUE = 200
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CURRENCY = re.compile(r"[A-Z]{3}")


class ParameterKind(StrEnum):
    """What the values of a parameter are; more may follow."""

    INTEGER = "integer"
    EMAIL = "email"
    CURRENCY = "currency"
    CHOICE = "choice"


class ParameterNotFound(NotFound):
    """There is no parameter of this name."""

    code = "parameter_not_found"


class ParameterValueRefused(Invalid):
    """The value is of another type than the parameter's, or out of its range."""

    code = "parameter_value_refused"


@dataclass(frozen=True, slots=True)
class Definition:
    """A parameter; `minimum` and `maximum` are those of integers, `choices` what a choice may be.

    None as default is "nobody yet"; `used_by` names the services that read it today.
    """

    name: str
    kind: ParameterKind
    default: Value | None
    meaning: str
    meaning_zh: str
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()

    def check(self, value: Value) -> None:
        """Refuse a value that the parameter cannot have."""
        why = self._objection(value)
        if why is not None:
            raise ParameterValueRefused(
                f"{self.name} {why}", pointer="/value", minimum=self.minimum, maximum=self.maximum
            )

    def _objection(self, value: Value) -> str | None:
        if self.kind == ParameterKind.INTEGER:
            assert self.minimum is not None
            assert self.maximum is not None
            if not isinstance(value, int) or not self.minimum <= value <= self.maximum:
                return f"is a whole number from {self.minimum} to {self.maximum}"
            return None
        if not isinstance(value, str) or len(value) > LONGEST_VALUE:
            return f"is a text of at most {LONGEST_VALUE} characters"
        match self.kind:
            case ParameterKind.EMAIL if not _EMAIL.fullmatch(value):
                return "is an e-mail address"
            case ParameterKind.CURRENCY if not _CURRENCY.fullmatch(value):
                return "is an ISO 4217 code, as CNY"
            case ParameterKind.CHOICE if value not in self.choices:
                return f"is one of {', '.join(self.choices)}"
        return None


def _days(
    name: str,
    default: int,
    meaning: str,
    meaning_zh: str,
    *,
    most: int,
    used_by: tuple[str, ...] = (),
) -> Definition:
    return Definition(
        name,
        ParameterKind.INTEGER,
        default,
        meaning,
        meaning_zh,
        minimum=0,
        maximum=most,
        used_by=used_by,
    )


def _places(
    document: str, plural: str, chinese: str, *, used_by: tuple[str, ...] = ()
) -> Definition:
    return Definition(
        f"{document}_decimal_places",
        ParameterKind.INTEGER,
        2,
        f"decimal places of the amounts on {plural}",
        f"{chinese}金额的小数位数",
        minimum=0,
        maximum=6,
        used_by=used_by,
    )


DEFAULT_CURRENCY = "default_currency"

_ALL = (
    Definition(
        "administrator_email",
        ParameterKind.EMAIL,
        None,
        "whom the system writes to when an administrator is needed",
        "系统管理员邮箱",
    ),
    _days(
        "receivable_reminder_lead_days",
        7,
        "how many days before a receivable is due its owner is reminded",
        "应收款到期前提前提醒的天数",
        most=365,
        used_by=("sales",),
    ),
    _days(
        "birthday_reminder_lead_days",
        3,
        "how many days before a contact's birthday the customer's owner is reminded",
        "联系人生日前提前提醒的天数",
        most=60,
        used_by=("customer",),
    ),
    _places("quote", "quotes", "报价单", used_by=("sales",)),
    _places("order", "orders", "订单", used_by=("sales",)),
    _places("contract", "contracts", "合同"),
    _places("receipt", "receipts", "收款", used_by=("sales",)),
    _places("commission", "commissions", "佣金"),
    Definition(
        "fiscal_year_first_month",
        ParameterKind.INTEGER,
        1,
        "the month in which the fiscal year begins, 1 is January",
        "财年起始月份",
        minimum=1,
        maximum=12,
    ),
    Definition(
        DEFAULT_CURRENCY,
        ParameterKind.CURRENCY,
        "CNY",
        "the currency of amounts where nothing says another",
        "默认币种",
        used_by=("channel", "sales"),
    ),
    Definition(
        "exchange_rate_max_age_days",
        ParameterKind.INTEGER,
        31,
        "for how many days after its own an exchange rate still counts",
        "汇率自生效日起的最长有效天数",
        minimum=0,
        maximum=366,
        used_by=("sales",),
    ),
    Definition(
        "quote_discount_limit_percent",
        ParameterKind.INTEGER,
        100,
        "how far below the price lists a line of a quote may be without approval, in percent",
        "报价单无需审批的最大折扣（相对价目表，%）",
        minimum=0,
        maximum=100,
        used_by=("sales",),
    ),
    Definition(
        "quote_larger_discount_limit_percent",
        ParameterKind.INTEGER,
        100,
        "the same for who has the right to give larger discounts",
        "有较大折扣权限者的报价单最大折扣（%）",
        minimum=0,
        maximum=100,
        used_by=("sales",),
    ),
    _days(
        "contract_expiry_notice_days",
        30,
        "how many days before its last day the end of a contract is announced",
        "合同到期前提前通知的天数",
        most=365,
        used_by=("contract",),
    ),
    _days(
        "milestone_notice_days",
        7,
        "how many days before its due date a milestone is announced",
        "里程碑到期前提前通知的天数",
        most=365,
        used_by=("contract",),
    ),
    Definition(
        "quoted_contract_term_days",
        ParameterKind.INTEGER,
        365,
        "how many days a contract drafted from a quote runs, until somebody edits it",
        "由报价生成的合同的默认期限（天）",
        minimum=1,
        maximum=3650,
        used_by=("contract",),
    ),
    _days(
        "quoted_payment_days",
        30,
        "how many days after its acceptance a quote is paid, until somebody edits the contract",
        "由报价生成的合同的默认付款天数",
        most=365,
        used_by=("contract",),
    ),
    _days(
        "order_payment_days",
        30,
        "how many days after it was ordered an order without a payment plan is to be paid",
        "未约定付款计划的订单的默认付款天数",
        most=365,
        used_by=("sales",),
    ),
    Definition(
        "credit_over_limit",
        ParameterKind.CHOICE,
        "approval",
        "what becomes of an order that exceeds its customer's credit limit",
        "订单超出客户信用额度时的处理方式",
        choices=("refuse", "approval"),
        used_by=("sales",),
    ),
    Definition(
        "credit_without_limit",
        ParameterKind.CHOICE,
        "allow",
        "what becomes of an order of a customer for whom no credit limit was ever stated",
        "客户未设定信用额度时订单的处理方式",
        choices=("refuse", "approval", "allow"),
        used_by=("sales",),
    ),
    Definition(
        "duplicate_customers_created",
        ParameterKind.CHOICE,
        "warn",
        "what becomes of a new customer that is there already: taken on with a warning, refused, or"
        " answered with the one that is there",
        "新建客户与已有客户重复时的处理方式：提示、拒绝或关联已有客户",
        choices=("warn", "block", "link"),
        used_by=("customer",),
    ),
    Definition(
        "duplicate_customers_imported",
        ParameterKind.CHOICE,
        "warn",
        "the same for a row of an import",
        "导入客户与已有客户重复时的处理方式",
        choices=("warn", "block", "link"),
        used_by=("customer",),
    ),
    Definition(
        "unknown_codes_imported",
        ParameterKind.CHOICE,
        "add",
        "what becomes of a row of an import with a code of an industry, size or the like that no"
        " dictionary has: the code is added, or the row rejected",
        "导入客户时遇到字典中没有的编码：自动添加或拒绝该行",
        choices=("add", "reject"),
        used_by=("customer",),
    ),
    Definition(
        "unclaimed_lead_days",
        ParameterKind.INTEGER,
        30,
        "how many days a lead may lie idle before it goes back to where anyone may take it",
        "线索无人跟进后退回公海的天数",
        minimum=1,
        maximum=365,
        used_by=("sales",),
    ),
    Definition(
        "claimed_leads_limit",
        ParameterKind.INTEGER,
        50,
        "how many open leads somebody may hold at once that they took from the pool",
        "每人可同时持有的从公海领取的线索数",
        minimum=0,
        maximum=100_000,
        used_by=("sales",),
    ),
    _days(
        "lead_claim_cool_down_days",
        7,
        "for how many days who gave a lead back, or lost it for idling, does not take it again",
        "线索退回公海后原负责人不得再次领取的天数",
        most=365,
        used_by=("sales",),
    ),
)

DEFINITIONS: Mapping[str, Definition] = {definition.name: definition for definition in _ALL}
"""Every parameter by its name."""


def definition_of(name: str) -> Definition:
    """The parameter of this name; raises ParameterNotFound."""
    definition = DEFINITIONS.get(name)
    if definition is None:
        raise ParameterNotFound(f"no parameter {name!r}")
    return definition
