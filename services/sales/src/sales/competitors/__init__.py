"""Competitors: who else sells to our customers, and how often they win."""
