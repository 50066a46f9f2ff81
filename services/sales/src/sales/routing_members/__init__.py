"""Routing members: who takes routed leads, how many, of which kind, and when not."""
