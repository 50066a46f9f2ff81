"""Verification: whether what we know of a customer still holds, group by group of its fields."""
