"""Territories: the tree of regions in which partners and departments work."""
