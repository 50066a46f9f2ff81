"""Roles: what somebody may do, and over which rows."""
