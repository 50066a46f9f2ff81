"""Milestones: the deliveries, payments and acceptances a contract promises, and how they went."""
