"""The roles that every installation starts with; afterwards they are changed like any other."""

from channel.roles.schemas import RoleCreate
from common.access.rights import Scope

ADMINISTRATOR = "administrator"

_READING = [
    f"{service}.*.read"
    for service in ("channel", "contract", "customer", "reporting", "sales", "service-desk")
]
_APPROVING = [
    f"{service}.*.approve" for service in ("channel", "contract", "sales", "service-desk")
]

_PERSONAL_DATA = [
    f"{service}.*.see-personal-data" for service in ("channel", "customer", "sales", "service-desk")
]

_SELLING = [
    # Not what watches over sales: setting credit limits, approving over them, refunding.
    f"{service}.*.{action}"
    for service in ("customer", "sales")
    for action in (
        "read",
        "write",
        "delete",
        "activate",
        "assign",
        "claim",
        "export",
        "merge",
        "publish",
        "reverse",
        "see-personal-data",
        "share",
        "transfer",
        "withdraw",
    )
]

BUILT_IN = [
    RoleCreate(
        code=ADMINISTRATOR,
        name="管理员",
        english_name="Administrator",
        rights=["*"],
        scope=Scope.ALL,
    ),
    RoleCreate(
        code="channel_manager",
        name="渠道经理",
        english_name="Channel manager",
        rights=[*_READING, *_PERSONAL_DATA, "channel.partners.*", "channel.territories.*"],
        scope=Scope.ALL,
    ),
    RoleCreate(
        code="regional_manager",
        name="区域经理",
        english_name="Regional manager",
        rights=[
            *_READING,
            *_PERSONAL_DATA,
            *_APPROVING,
            "customer.standings.*",
            "sales.orders.approve-over-limit",
            "sales.targets.set",
            "sales.quotes.give-larger-discounts",
            # Who answers for a region hands its leads and customers out.
            "sales.leads.assign",
            "customer.customers.hand-out",
        ],
        scope=Scope.TERRITORY,
    ),
    RoleCreate(
        code="sales",
        name="销售",
        english_name="Sales",
        # Their own rows everybody reaches; the department's as well, so that colleagues stand in.
        rights=[*_SELLING, "contract.*.read", "contract.*.write", "reporting.*.read"],
        scope=Scope.DEPARTMENT,
    ),
    RoleCreate(
        code="service_agent",
        name="客服",
        english_name="Service agent",
        rights=["service-desk.*", "customer.*.read", "customer.*.see-personal-data"],
        scope=Scope.ALL,
    ),
    RoleCreate(
        code="finance",
        name="财务",
        english_name="Finance",
        rights=[
            "sales.receipts.*",
            "sales.receivables.*",
            "sales.orders.*",
            "sales.credit.*",
            "sales.commission-rules.*",
            "sales.commissions.*",
            "sales.targets.*",
            "sales.forecasts.read",
            "sales.exchange-rates.*",
            "customer.credit.*",
            "customer.customers.read",
            "contract.*.read",
            "reporting.*",
        ],
        scope=Scope.ALL,
    ),
    RoleCreate(
        code="dealer",
        name="经销商",
        english_name="Dealer",
        rights=[
            *(
                f"{feature}.{action}"
                for feature in (
                    "customer.customers",
                    "customer.contacts",
                    "customer.interactions",
                    "customer.follow-ups",
                    "sales.leads",
                    "sales.opportunities",
                    "sales.quotes",
                    "sales.orders",
                    "service-desk.tickets",
                )
                for action in ("read", "write")
            ),
            *_PERSONAL_DATA,
            # Nobody writes a quote without seeing what there is to sell.
            "sales.products.read",
            # The stages that their deals go through, and the reasons for which they are lost.
            "sales.pipelines.read",
            "sales.lost-reasons.read",
            # What they earned themselves.
            "sales.commissions.read",
            "sales.targets.read",
            "reporting.reports.read",
        ],
        scope=Scope.PARTNER,
    ),
    RoleCreate(
        code="reader",
        name="只读",
        english_name="Reader",
        # Figures and records, and nobody's telephone number.
        rights=_READING,
        scope=Scope.ALL,
    ),
]
