"""Employees: who works for us, where, and to whom they report."""
