"""Which right each operation needs; what is not listed here is refused."""

from common.access.rights import Policy
from common.custom_fields.routes import CUSTOM_FIELDS_POLICY

POLICY: Policy = {
    "draft_contract": "contracts.write",
    "list_contracts": "contracts.read",
    "get_contract": "contracts.read",
    "get_content": "contracts.read",
    "get_chain": "contracts.read",
    "edit_contract": "contracts.write",
    "submit_contract": "contracts.write",
    "approve_contract": "contracts.approve",
    "reject_contract": "contracts.approve",
    "sign_contract": "contracts.sign",
    "terminate_contract": "contracts.terminate",
    "list_approvals": "approvals.read",
    "publish_approval_policy": "approval-policies.publish",
    "list_approval_policies": "approval-policies.read",
    "find_route": "approval-policies.read",
    "get_approval_policy": "approval-policies.read",
    "list_milestones": "milestones.read",
    "get_milestone": "milestones.read",
    "meet_milestone": "milestones.write",
    **CUSTOM_FIELDS_POLICY,
}
