"""Scorecard policies: the versions of the rule by which partners are scored."""
