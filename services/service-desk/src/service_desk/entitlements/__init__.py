"""Entitlements: what a customer's contracts cover, and the question whether they do."""
