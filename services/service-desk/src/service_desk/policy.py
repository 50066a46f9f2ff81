"""Which right each operation needs; what is not listed here is refused."""

from common.access.rights import PUBLIC, Policy
from common.custom_fields.routes import CUSTOM_FIELDS_POLICY

POLICY: Policy = {
    "open_ticket": "tickets.write",
    "open_tickets": "tickets.write",
    "list_tickets": "tickets.read",
    "get_ticket": "tickets.read",
    "list_steps": "tickets.read",
    "assign_ticket": "tickets.assign",
    "annotate_ticket": "tickets.write",
    "reclassify_ticket": "tickets.write",
    "work_on_ticket": "tickets.write",
    "respond_to_ticket": "tickets.write",
    "close_ticket": "tickets.write",
    "reopen_ticket": "tickets.write",
    "list_surveys": "surveys.read",
    "get_survey": "surveys.read",
    "answer_survey": PUBLIC,
    "publish_policy": "sla-policies.publish",
    "list_policies": "sla-policies.read",
    "get_policy": "sla-policies.read",
    "publish_calendar": "sla-calendars.publish",
    "list_calendars": "sla-calendars.read",
    "get_calendar": "sla-calendars.read",
    "list_entitlements": "entitlements.read",
    "get_coverage": "coverage.read",
    "list_installed_products": "installed-base.read",
    **CUSTOM_FIELDS_POLICY,
}
