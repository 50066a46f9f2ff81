from contract.approvals.model import Decision

from ..builders import MANAGER, NOW, a_submitted_contract


def test_a_decision_is_void_once_its_text_was_edited():
    contract = a_submitted_contract()
    decided, _ = contract.approve(decided_by=MANAGER, opinion=None, deciders=[], now=NOW)
    decided.contract = contract

    before = decided.void
    contract.edit({"title": "新标题"})

    assert (before, decided.void) == (False, True)
    assert decided.decision == Decision.APPROVE
