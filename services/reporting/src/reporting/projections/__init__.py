"""Projections: the events folded into dimensions, facts and rollups that reports are made of."""
