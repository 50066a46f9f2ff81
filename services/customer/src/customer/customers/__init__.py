"""Customers: companies and persons who buy, with their place in a group of companies."""
