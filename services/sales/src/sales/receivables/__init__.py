"""Receivables: when an order is to be paid, what of it is paid, and what is overdue."""
