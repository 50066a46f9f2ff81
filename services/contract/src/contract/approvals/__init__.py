"""Approvals: who agreed to which text of a contract or refused it, and in which words."""
