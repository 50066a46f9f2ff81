"""What is in the dictionaries of every installation, until somebody changes it."""

from enum import StrEnum
from typing import NamedTuple


class Dictionary(StrEnum):
    """The dictionaries; each belongs to one field of a customer."""

    INDUSTRIES = "industries"
    SIZES = "sizes"
    BUSINESS_SCOPES = "business_scopes"
    CUSTOMER_TYPES = "customer_types"
    CUSTOMER_STATUSES = "customer_statuses"
    CUSTOMER_SOURCES = "customer_sources"


class Meaning(NamedTuple):
    """What a dictionary is about, in both languages, and the field that takes its codes."""

    field: str
    label_zh: str
    label_en: str


DICTIONARIES = {
    Dictionary.INDUSTRIES: Meaning("industry", "行业", "Industry"),
    Dictionary.SIZES: Meaning("size", "规模", "Size"),
    Dictionary.BUSINESS_SCOPES: Meaning("business_scope_code", "业务范围", "Business scope"),
    Dictionary.CUSTOMER_TYPES: Meaning("customer_type", "客户类型", "Customer type"),
    Dictionary.CUSTOMER_STATUSES: Meaning("status", "客户状态", "Customer status"),
    Dictionary.CUSTOMER_SOURCES: Meaning("source", "客户来源", "Customer source"),
}
OF_FIELD = {meaning.field: dictionary for dictionary, meaning in DICTIONARIES.items()}

STANDARD: dict[Dictionary, dict[str, tuple[str, str]]] = {
    Dictionary.INDUSTRIES: {
        "manufacturing": ("制造业", "Manufacturing"),
        "machinery": ("机械", "Machinery"),
        "automotive": ("汽车", "Automotive"),
        "electronics": ("电子", "Electronics"),
        "semiconductors": ("微电子", "Semiconductors"),
        "chemicals": ("化工", "Chemicals"),
        "pharmaceuticals": ("制药", "Pharmaceuticals"),
        "medical": ("医疗", "Medical"),
        "food": ("食品", "Food"),
        "textiles": ("纺织", "Textiles"),
        "paper": ("纸业", "Paper"),
        "metals": ("冶金", "Metals"),
        "power": ("电力", "Power"),
        "water": ("水务", "Water"),
        "environment": ("环保", "Environment"),
        "construction": ("建筑", "Construction"),
        "real_estate": ("房地产", "Real estate"),
        "retail": ("零售", "Retail"),
        "wholesale": ("批发贸易", "Wholesale"),
        "logistics": ("物流", "Logistics"),
        "telecommunications": ("电信", "Telecommunications"),
        "telecommunication": ("通信", "Telecommunication"),
        "technology": ("科技", "Technology"),
        "software": ("软件", "Software"),
        "finance": ("金融", "Finance"),
        "services": ("服务", "Services"),
        "employment": ("人力资源", "Employment"),
        "entertainment": ("娱乐", "Entertainment"),
        "marketing": ("市场营销", "Marketing"),
        "education": ("教育", "Education"),
        "government": ("政府", "Government"),
        "agriculture": ("农业", "Agriculture"),
        "other": ("其他", "Other"),
    },
    Dictionary.SIZES: {
        "micro": ("微型", "Micro"),
        "small": ("小型", "Small"),
        "medium": ("中型", "Medium"),
        "large": ("大型", "Large"),
    },
    Dictionary.BUSINESS_SCOPES: {
        "production": ("生产", "Production"),
        "trade": ("贸易", "Trade"),
        "retail": ("零售", "Retail"),
        "services": ("服务", "Services"),
        "projects": ("工程", "Projects"),
        "other": ("其他", "Other"),
    },
    Dictionary.CUSTOMER_TYPES: {
        "end_customer": ("最终客户", "End customer"),
        "dealer": ("经销商", "Dealer"),
        "agent": ("代理商", "Agent"),
        "integrator": ("集成商", "Integrator"),
        "competitor": ("竞争对手", "Competitor"),
        "other": ("其他", "Other"),
    },
    Dictionary.CUSTOMER_STATUSES: {
        "prospect": ("潜在客户", "Prospect"),
        "active": ("成交客户", "Active"),
        "inactive": ("停用客户", "Inactive"),
    },
    Dictionary.CUSTOMER_SOURCES: {
        "manual": ("手工录入", "Entered by hand"),
        "import": ("导入", "Import"),
        "lead": ("线索转化", "Converted lead"),
        "copy": ("复制", "Copy"),
        "web": ("网站", "Web"),
        "fair": ("展会", "Trade fair"),
        "referral": ("转介绍", "Referral"),
        "campaign": ("市场活动", "Campaign"),
        "phone": ("电话", "Phone"),
        "partner": ("渠道伙伴", "Partner"),
        "other": ("其他", "Other"),
    },
}

NEEDED = frozenset({
    (Dictionary.CUSTOMER_STATUSES, "prospect"),
    (Dictionary.CUSTOMER_STATUSES, "active"),
    (Dictionary.CUSTOMER_SOURCES, "manual"),
    (Dictionary.CUSTOMER_SOURCES, "import"),
    (Dictionary.CUSTOMER_SOURCES, "copy"),
})  # fmt: skip
"""Codes that the service itself gives to customers, so that they cannot be retired."""
