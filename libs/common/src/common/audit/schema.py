"""The table of the audit trail, for a migration of every service."""

V1: list[str] = []
