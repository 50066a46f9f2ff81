"""Merges: several customers that are one, and taking them apart again."""
