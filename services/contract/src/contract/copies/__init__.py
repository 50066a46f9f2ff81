"""Copies of what other services own: customers' names, orders and receipts, as their events told."""

# without schemas.py: nothing comes in or goes out here
# without routes.py: the owners show what is theirs
