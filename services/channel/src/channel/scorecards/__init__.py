"""Scorecards: what partners achieved in a period, scored by a policy, down to every input."""
