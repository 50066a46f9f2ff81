"""Receipts: money that came in, and the orders it is for."""
