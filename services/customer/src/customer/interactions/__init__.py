"""Interactions: what was said with a customer, by whom, through which channel."""
