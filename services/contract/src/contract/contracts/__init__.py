"""Contracts: what was agreed with whom, from the draft to its end."""
