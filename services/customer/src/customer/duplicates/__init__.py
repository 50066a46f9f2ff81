"""Duplicates: customers that may be the same one, found when one is taken on and by a scan."""
