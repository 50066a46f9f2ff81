"""Which parameters there are: what each may be, what it is until somebody sets it, who reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import available_timezones

from common.errors import Invalid, NotFound

Value = int | str

LONGEST_VALUE = 200
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CURRENCY = re.compile(r"[A-Z]{3}")


class ParameterKind(StrEnum):
    """What the values of a parameter are; more may follow."""

    INTEGER = "integer"
    EMAIL = "email"
    TIME_ZONE = "time_zone"
    CURRENCY = "currency"


class ParameterNotFound(NotFound):
    """There is no parameter of this name."""

    code = "parameter_not_found"


class ParameterValueRefused(Invalid):
    """The value is of another type than the parameter's, or out of its range."""

    code = "parameter_value_refused"


@dataclass(frozen=True, slots=True)
class Definition:
    """A parameter; `minimum` and `maximum` are those of integers, None as default is "nobody yet".

    `used_by` names the services that read it today.
    """

    name: str
    kind: ParameterKind
    default: Value | None
    meaning: str
    meaning_zh: str
    minimum: int | None = None
    maximum: int | None = None
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
            case ParameterKind.TIME_ZONE if value not in available_timezones():
                return "is the name of a time zone, as Asia/Shanghai"
            case ParameterKind.CURRENCY if not _CURRENCY.fullmatch(value):
                return "is an ISO 4217 code, as CNY"
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


def _places(document: str, plural: str, chinese: str) -> Definition:
    return Definition(
        f"{document}_decimal_places",
        ParameterKind.INTEGER,
        2,
        f"decimal places of the amounts on {plural}",
        f"{chinese}金额的小数位数",
        minimum=0,
        maximum=6,
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
    ),
    _days(
        "birthday_reminder_lead_days",
        3,
        "how many days before a contact's birthday the customer's owner is reminded",
        "联系人生日前提前提醒的天数",
        most=60,
    ),
    _places("quote", "quotes", "报价单"),
    _places("order", "orders", "订单"),
    _places("contract", "contracts", "合同"),
    _places("receipt", "receipts", "收款"),
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
        "organisation_time_zone",
        ParameterKind.TIME_ZONE,
        "Asia/Shanghai",
        "the zone that decides on which day something happened",
        "组织所在时区，决定事件发生的日期",
    ),
    Definition(
        DEFAULT_CURRENCY,
        ParameterKind.CURRENCY,
        "CNY",
        "the currency of amounts where nothing says another",
        "默认币种",
        used_by=("channel",),
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
    Definition(
        "unclaimed_lead_days",
        ParameterKind.INTEGER,
        30,
        "how many days a lead may lie idle before it goes back to where anyone may take it",
        "线索无人跟进后退回公海的天数",
        minimum=1,
        maximum=365,
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
