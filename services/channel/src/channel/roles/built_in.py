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
        rights=[*_READING, "channel.partners.*", "channel.territories.*"],
        scope=Scope.ALL,
    ),
    RoleCreate(
        code="regional_manager",
        name="区域经理",
        english_name="Regional manager",
        rights=[*_READING, *_APPROVING],
        scope=Scope.TERRITORY,
    ),
    RoleCreate(
        code="sales",
        name="销售",
        english_name="Sales",
        # Their own rows everybody reaches; the department's as well, so that colleagues stand in.
        rights=["customer.*", "sales.*", "contract.*.read", "contract.*.write", "reporting.*.read"],
        scope=Scope.DEPARTMENT,
    ),
    RoleCreate(
        code="service_agent",
        name="客服",
        english_name="Service agent",
        rights=["service-desk.*", "customer.*.read"],
        scope=Scope.ALL,
    ),
    RoleCreate(
        code="finance",
        name="财务",
        english_name="Finance",
        rights=["sales.receipts.*", "sales.orders.*", "contract.*.read", "reporting.*"],
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
                    "sales.leads",
                    "sales.opportunities",
                    "sales.quotes",
                    "sales.orders",
                    "service-desk.tickets",
                )
                for action in ("read", "write")
            ),
            # Nobody writes a quote without seeing what there is to sell.
            "sales.products.read",
            "reporting.reports.read",
        ],
        scope=Scope.PARTNER,
    ),
]
