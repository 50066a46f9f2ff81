"""Accounts: the persons and programs that sign in, and what they may do here."""
