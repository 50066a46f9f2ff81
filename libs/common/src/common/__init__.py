"""Plumbing that the services of Fairway share; never a business noun."""
