"""Routing teams: who gets leads together, each a fair share."""
