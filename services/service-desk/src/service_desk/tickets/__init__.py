"""Tickets: requests for service, from the first word to the solution."""
